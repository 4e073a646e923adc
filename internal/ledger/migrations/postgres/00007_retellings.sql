-- +goose Up

-- Whether the event's deliveries wait for its look-up; what its first request was, to know another from it; and which version
-- that request gave the run.
ALTER TABLE doubts ADD COLUMN held boolean NOT NULL DEFAULT false;
ALTER TABLE doubts ADD COLUMN fingerprint bytea NOT NULL DEFAULT '';
ALTER TABLE doubts ADD COLUMN version bytea NOT NULL DEFAULT '';

UPDATE doubts SET held = true
WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = doubts.event_id AND d.state = 'held');

-- Further requests for an event in doubt, each whole, until one of all is confirmed: who told it first may have been a forger.
-- The id is the receipt's. One that was not confirmed goes to quarantine.
CREATE TABLE retellings (
    id           uuid        PRIMARY KEY,
    event_id     uuid        NOT NULL,
    fingerprint  bytea       NOT NULL,
    via          text        NOT NULL,
    received_at  timestamptz NOT NULL,
    type         text        NOT NULL,
    actor_id     text        NOT NULL,
    task_id      text        NOT NULL,
    dispatch_id  text        NOT NULL,
    occurred_at  timestamptz,
    version      bytea       NOT NULL,
    content_type text        NOT NULL,
    headers      text        NOT NULL,
    body_bytes   bigint      NOT NULL,
    body         bytea       NOT NULL,
    tries        integer     NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL,
    UNIQUE (event_id, fingerprint)
);

CREATE INDEX retellings_due ON retellings (due_at);

-- +goose Down
DROP TABLE retellings;
ALTER TABLE doubts DROP COLUMN version;
ALTER TABLE doubts DROP COLUMN fingerprint;
ALTER TABLE doubts DROP COLUMN held;
