-- What forwarding needs: who is to get which event, and what became of every try.

-- +goose Up

-- One row per event and destination, and one more per replay. What a delivery is about is read from its event. Ids are UUIDv7
-- of the time of receipt (of a replay: of its making), so listings and ages read the primary key.
--
-- phase says of the state what indexes need: 0 not over, 1 dead, 2 cancelled, 3 delivered.
CREATE TABLE deliveries (
    id              text        PRIMARY KEY,
    event_id        text        NOT NULL,
    destination     text        NOT NULL,
    replay          integer     NOT NULL DEFAULT 0,
    state           text        NOT NULL DEFAULT 'pending',
    attempts        integer     NOT NULL DEFAULT 0,
    forgiven        integer     NOT NULL DEFAULT 0,
    last_status     integer     NOT NULL DEFAULT 0,
    next_attempt_at datetime,
    updated_at      datetime    NOT NULL,
    last_error      text        NOT NULL DEFAULT '',
    phase           integer     NOT NULL GENERATED ALWAYS AS (
        CASE state WHEN 'dead' THEN 1 WHEN 'cancelled' THEN 2 WHEN 'delivered' THEN 3 ELSE 0 END) STORED,
    CONSTRAINT deliveries_identity UNIQUE (event_id, destination, replay)
);

-- Small, whatever the table holds: delivered ones are not in it.
CREATE INDEX deliveries_unfinished ON deliveries (phase, id) WHERE phase < 3;

-- One row per HTTP try.
CREATE TABLE attempts (
    delivery_id text        NOT NULL,
    number      integer     NOT NULL,
    status      integer     NOT NULL,
    took_ms     integer     NOT NULL,
    started_at  datetime    NOT NULL,
    error       text        NOT NULL,
    answer      blob        NOT NULL,
    PRIMARY KEY (delivery_id, number)
);

-- Finished attempts counted by minute and by the state they left their delivery in. Sharded like rollups.
CREATE TABLE attempt_rollups (
    minute      datetime    NOT NULL,
    destination text        NOT NULL,
    state       text        NOT NULL,
    shard       integer     NOT NULL,
    count       integer     NOT NULL,
    PRIMARY KEY (minute, destination, state, shard)
);

-- +goose Down
DROP TABLE attempt_rollups;
DROP TABLE attempts;
DROP TABLE deliveries;
