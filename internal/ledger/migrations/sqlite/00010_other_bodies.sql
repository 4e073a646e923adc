-- +goose Up

-- Bodies in which a repeat of an event differed from it, as another webhook's template makes them. They go with the event's own
-- body. The key keeps each once, and finds an event's few.
CREATE TABLE other_bodies (
    event_id     text     NOT NULL,
    body_hash    blob     NOT NULL,
    receipt_id   text     NOT NULL,
    received_at  datetime NOT NULL,
    dispatch_id  text     NOT NULL,
    content_type text     NOT NULL,
    body_bytes   integer  NOT NULL,
    body         blob     NOT NULL,
    PRIMARY KEY (event_id, body_hash)
);

-- +goose Down
DROP TABLE other_bodies;
