-- What receiving needs. Names are the words of the documentation; times are timestamptz in UTC.

-- +goose Up

-- One row: a random id made with the database and made anew by `dedupgate epoch bump`. Part of the incarnation.
CREATE TABLE installation (
    singleton  boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation DEFAULT VALUES;

-- A run or build and the status it shows: that of its highest version. The key starts with the run id so that an operator
-- can look a run up without knowing its source. No index on anything that changes: every update stays on its page (HOT).
CREATE TABLE runs (
    run_id        text        NOT NULL COLLATE "C",
    kind          text        NOT NULL,
    source        text        NOT NULL COLLATE "C",
    status        text        NOT NULL DEFAULT '',
    version       bytea       NOT NULL DEFAULT '',
    actor_id      text        NOT NULL DEFAULT '',
    task_id       text        NOT NULL DEFAULT '',
    occurred_at   timestamptz,
    first_seen_at timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    events        bigint      NOT NULL DEFAULT 0,
    last_seq      bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, kind, source)
) WITH (fillfactor = 70);

CREATE INDEX runs_by_time ON runs (first_seen_at DESC, run_id DESC);

-- The facts. The unique index is the source of truth: its order (key first) serves a run's timeline as well, since the keys
-- of a run's events start with its id. Newest-first listings read the primary key: ids are UUIDv7.
CREATE TABLE events (
    id               uuid        PRIMARY KEY,
    source           text        NOT NULL COLLATE "C",
    event_key        text        NOT NULL COLLATE "C",
    type             text        NOT NULL,
    kind             text        NOT NULL,
    run_id           text        NOT NULL,
    actor_id         text        NOT NULL,
    task_id          text        NOT NULL,
    generation       text        NOT NULL,
    dispatch_id      text        NOT NULL,
    seq              bigint      NOT NULL,
    outcome          text        NOT NULL DEFAULT 'new',
    hits             bigint      NOT NULL DEFAULT 0,
    first_receipt_id uuid        NOT NULL,
    received_at      timestamptz NOT NULL,
    occurred_at      timestamptz,
    content_type     text        NOT NULL,
    headers          text        NOT NULL,
    body_bytes       bigint      NOT NULL,
    body             bytea,
    CONSTRAINT events_identity UNIQUE (event_key, source)
) WITH (fillfactor = 90, toast_tuple_target = 1024);

-- Bodies live beside their rows, compressed: counting a hit then copies a small row, and a run's timeline reads small ones.
ALTER TABLE events ALTER COLUMN headers SET STORAGE MAIN;

-- One row per authenticated request. Partitioned by day (UTC), made ahead of time; the DEFAULT partition only catches what
-- comes when that has failed for a week.
CREATE TABLE receipts (
    received_at   timestamptz NOT NULL,
    id            uuid        NOT NULL,
    source        text        NOT NULL,
    outcome       text        NOT NULL,
    reason        text        NOT NULL,
    repeat        text        NOT NULL,
    event_id      uuid,
    quarantine_id uuid,
    type          text        NOT NULL,
    dispatch_id   text        NOT NULL,
    lag_ms        bigint,
    degraded      boolean     NOT NULL,
    remote_ip     text        NOT NULL,
    via           text        NOT NULL,
    PRIMARY KEY (received_at, id)
) PARTITION BY RANGE (received_at);

CREATE INDEX receipts_by_event ON receipts (event_id) WHERE event_id IS NOT NULL;

CREATE TABLE receipts_default PARTITION OF receipts DEFAULT;

-- What could not become an event, folded by the hash of its body.
CREATE TABLE quarantine (
    id               uuid        PRIMARY KEY,
    source           text        NOT NULL,
    reason           text        NOT NULL,
    body_hash        bytea       NOT NULL,
    message          text        NOT NULL,
    dispatch_id      text        NOT NULL,
    content_type     text        NOT NULL,
    headers          text        NOT NULL,
    body_bytes       bigint      NOT NULL,
    truncated        boolean     NOT NULL,
    body             bytea       NOT NULL,
    hits             bigint      NOT NULL DEFAULT 1,
    first_receipt_id uuid        NOT NULL,
    first_seen_at    timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    replayed_at      timestamptz,
    replay_event_id  uuid,
    UNIQUE (source, reason, body_hash)
);

-- lz4 costs a fifth of the time of the default. Servers before PostgreSQL 14, or built without it, keep the default.
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE 'ALTER TABLE events ALTER COLUMN body SET COMPRESSION lz4';
    EXECUTE 'ALTER TABLE quarantine ALTER COLUMN body SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR syntax_error THEN
    NULL;
END
$$;
-- +goose StatementEnd

-- Receipts counted by minute. A shard is one writer, so that two writers never wait for each other's counters; readers sum.
CREATE TABLE rollups (
    minute  timestamptz NOT NULL,
    source  text        NOT NULL,
    outcome text        NOT NULL,
    reason  text        NOT NULL,
    repeat  text        NOT NULL,
    shard   integer     NOT NULL,
    count   bigint      NOT NULL,
    PRIMARY KEY (minute, source, outcome, reason, repeat, shard)
) WITH (fillfactor = 70);

-- Repeats by day and by the log-scale bucket of their lag (repeat − first): what advice on windows is computed from.
CREATE TABLE repeat_lag (
    day        date    NOT NULL,
    source     text    NOT NULL,
    event_type text    NOT NULL,
    bucket     integer NOT NULL,
    shard      integer NOT NULL,
    count      bigint  NOT NULL,
    PRIMARY KEY (day, source, event_type, bucket, shard)
) WITH (fillfactor = 70);

-- How far a job of retention has come, so that it never looks at the same rows again.
CREATE TABLE progress (
    job        text PRIMARY KEY,
    done_until timestamptz NOT NULL
);

-- Who changed what, and why.
CREATE TABLE audit (
    id     uuid        PRIMARY KEY,
    at     timestamptz NOT NULL,
    actor  text        NOT NULL,
    action text        NOT NULL,
    target text        NOT NULL,
    reason text        NOT NULL,
    detail text        NOT NULL DEFAULT ''
);

-- +goose Down
DROP TABLE audit;
DROP TABLE progress;
DROP TABLE repeat_lag;
DROP TABLE rollups;
DROP TABLE quarantine;
DROP TABLE receipts;
DROP TABLE events;
DROP TABLE runs;
DROP TABLE installation;
