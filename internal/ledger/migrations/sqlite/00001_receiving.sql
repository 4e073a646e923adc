-- What receiving needs. Names are the words of the documentation; times are integers of microseconds, read as DATETIME.

-- +goose Up

-- One row: a random id made with the database and made anew by `dedupgate epoch bump`. Part of the incarnation.
CREATE TABLE installation (
    singleton  integer     PRIMARY KEY DEFAULT 1 CHECK (singleton),
    id         text        NOT NULL,
    created_at datetime    NOT NULL DEFAULT (unixepoch() * 1000000)
);
INSERT INTO installation (id) VALUES (lower(hex(randomblob(16))));

-- A run or build and the status it shows: that of its highest version. The key starts with the run id so that an operator
-- can look a run up without knowing its source.
CREATE TABLE runs (
    run_id        text        NOT NULL,
    kind          text        NOT NULL,
    source        text        NOT NULL,
    status        text        NOT NULL DEFAULT '',
    version       blob        NOT NULL DEFAULT x'',
    actor_id      text        NOT NULL DEFAULT '',
    task_id       text        NOT NULL DEFAULT '',
    occurred_at   datetime,
    first_seen_at datetime    NOT NULL,
    updated_at    datetime    NOT NULL,
    events        integer      NOT NULL DEFAULT 0,
    last_seq      integer      NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, kind, source)
);

CREATE INDEX runs_by_time ON runs (first_seen_at DESC, run_id DESC);

-- The facts. The unique index is the source of truth: its order (key first) serves a run's timeline as well, since the keys
-- of a run's events start with its id. Newest-first listings read the primary key: ids are UUIDv7.
CREATE TABLE events (
    id               text        PRIMARY KEY,
    source           text        NOT NULL,
    event_key        text        NOT NULL,
    type             text        NOT NULL,
    kind             text        NOT NULL,
    run_id           text        NOT NULL,
    actor_id         text        NOT NULL,
    task_id          text        NOT NULL,
    generation       text        NOT NULL,
    dispatch_id      text        NOT NULL,
    seq              integer      NOT NULL,
    outcome          text        NOT NULL DEFAULT 'new',
    hits             integer      NOT NULL DEFAULT 0,
    first_receipt_id text        NOT NULL,
    received_at      datetime    NOT NULL,
    occurred_at      datetime,
    content_type     text        NOT NULL,
    headers          text        NOT NULL,
    body_bytes       integer      NOT NULL,
    body             blob,
    CONSTRAINT events_identity UNIQUE (event_key, source)
);

-- One row per authenticated request.
CREATE TABLE receipts (
    received_at   datetime    NOT NULL,
    id            text        NOT NULL,
    source        text        NOT NULL,
    outcome       text        NOT NULL,
    reason        text        NOT NULL,
    repeat        text        NOT NULL,
    event_id      text,
    quarantine_id text,
    type          text        NOT NULL,
    dispatch_id   text        NOT NULL,
    lag_ms        integer,
    degraded      integer     NOT NULL,
    remote_ip     text        NOT NULL,
    via           text        NOT NULL,
    PRIMARY KEY (received_at, id)
);

CREATE INDEX receipts_by_event ON receipts (event_id) WHERE event_id IS NOT NULL;

-- What could not become an event, folded by the hash of its body.
CREATE TABLE quarantine (
    id               text        PRIMARY KEY,
    source           text        NOT NULL,
    reason           text        NOT NULL,
    body_hash        blob        NOT NULL,
    message          text        NOT NULL,
    dispatch_id      text        NOT NULL,
    content_type     text        NOT NULL,
    headers          text        NOT NULL,
    body_bytes       integer      NOT NULL,
    truncated        integer     NOT NULL,
    body             blob        NOT NULL,
    hits             integer      NOT NULL DEFAULT 1,
    first_receipt_id text        NOT NULL,
    first_seen_at    datetime    NOT NULL,
    last_seen_at     datetime    NOT NULL,
    replayed_at      datetime,
    replay_event_id  text,
    UNIQUE (source, reason, body_hash)
);

-- Receipts counted by minute. A shard is one writer, so that two writers never wait for each other's counters; readers sum.
CREATE TABLE rollups (
    minute  datetime    NOT NULL,
    source  text        NOT NULL,
    outcome text        NOT NULL,
    reason  text        NOT NULL,
    repeat  text        NOT NULL,
    shard   integer     NOT NULL,
    count   integer      NOT NULL,
    PRIMARY KEY (minute, source, outcome, reason, repeat, shard)
);

-- Repeats by day and by the log-scale bucket of their lag (repeat − first): what advice on windows is computed from.
CREATE TABLE repeat_lag (
    day        date    NOT NULL,
    source     text    NOT NULL,
    event_type text    NOT NULL,
    bucket     integer NOT NULL,
    shard      integer NOT NULL,
    count      integer  NOT NULL,
    PRIMARY KEY (day, source, event_type, bucket, shard)
);

-- How far a job of retention has come, so that it never looks at the same rows again.
CREATE TABLE progress (
    job        text PRIMARY KEY,
    done_until datetime NOT NULL
);

-- Who changed what, and why.
CREATE TABLE audit (
    id     text        PRIMARY KEY,
    at     datetime    NOT NULL,
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
