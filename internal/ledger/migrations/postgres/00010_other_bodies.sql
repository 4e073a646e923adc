-- +goose Up

-- Bodies in which a repeat of an event differed from it, as another webhook's template makes them. They go with the event's own
-- body. The key keeps each once, and finds an event's few.
CREATE TABLE other_bodies (
    event_id     uuid        NOT NULL,
    body_hash    bytea       NOT NULL,
    receipt_id   uuid        NOT NULL,
    received_at  timestamptz NOT NULL,
    dispatch_id  text        NOT NULL,
    content_type text        NOT NULL,
    body_bytes   bigint      NOT NULL,
    body         bytea       NOT NULL,
    PRIMARY KEY (event_id, body_hash)
);

-- As events.body.
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE 'ALTER TABLE other_bodies ALTER COLUMN body SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR syntax_error THEN
    NULL;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE other_bodies;
