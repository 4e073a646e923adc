-- What forwarding needs: who is to get which event, and what became of every try.

-- +goose Up

-- One row per event and destination, and one more per replay. What a delivery is about is read from its event. Ids are UUIDv7
-- of the time of receipt (of a replay: of its making), so listings and ages read the primary key.
--
-- phase says of the state what indexes need: 0 not over, 1 dead, 2 cancelled, 3 delivered. No index looks at the state
-- itself, so that steps between states of one phase stay on their page (HOT).
CREATE TABLE deliveries (
    id              uuid        PRIMARY KEY,
    event_id        uuid        NOT NULL,
    destination     text        NOT NULL COLLATE "C",
    replay          integer     NOT NULL DEFAULT 0,
    state           text        NOT NULL DEFAULT 'pending',
    attempts        integer     NOT NULL DEFAULT 0,
    forgiven        integer     NOT NULL DEFAULT 0,
    last_status     integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    updated_at      timestamptz NOT NULL,
    last_error      text        NOT NULL DEFAULT '',
    phase           smallint    NOT NULL GENERATED ALWAYS AS (
        CASE state WHEN 'dead' THEN 1 WHEN 'cancelled' THEN 2 WHEN 'delivered' THEN 3 ELSE 0 END) STORED,
    CONSTRAINT deliveries_identity UNIQUE (event_id, destination, replay)
) WITH (fillfactor = 70);

-- Small, whatever the table holds: delivered ones are not in it.
CREATE INDEX deliveries_unfinished ON deliveries (phase, id) WHERE phase < 3;

-- One row per HTTP try.
CREATE TABLE attempts (
    delivery_id uuid        NOT NULL,
    number      integer     NOT NULL,
    status      integer     NOT NULL,
    took_ms     bigint      NOT NULL,
    started_at  timestamptz NOT NULL,
    error       text        NOT NULL,
    answer      bytea       NOT NULL,
    PRIMARY KEY (delivery_id, number)
);

-- Finished attempts counted by minute and by the state they left their delivery in. Sharded like rollups.
CREATE TABLE attempt_rollups (
    minute      timestamptz NOT NULL,
    destination text        NOT NULL,
    state       text        NOT NULL,
    shard       integer     NOT NULL,
    count       bigint      NOT NULL,
    PRIMARY KEY (minute, destination, state, shard)
) WITH (fillfactor = 70);

-- +goose Down
DROP TABLE attempt_rollups;
DROP TABLE attempts;
DROP TABLE deliveries;
