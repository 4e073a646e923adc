-- What the dashboard reads quickly. All of it follows from receipts and rollups and can be made anew.

-- +goose Up

-- Rollups by the hour, all shards in one, of the hours that are over.
CREATE TABLE rollup_hours (
    hour    datetime NOT NULL,
    source  text     NOT NULL,
    outcome text     NOT NULL,
    reason  text     NOT NULL,
    repeat  text     NOT NULL,
    count   integer  NOT NULL,
    PRIMARY KEY (hour, source, outcome, reason, repeat)
);

-- Slices of time whose repeats were counted by actor, run and dispatch: ten minutes, or days once they are two days old.
-- seen is what the rollups said when a slice was counted: when they say something else it is counted again.
CREATE TABLE repeat_slices (
    start   datetime PRIMARY KEY,
    seen    integer  NOT NULL,
    repeats integer  NOT NULL,
    is_full integer  NOT NULL
);

-- The greatest names of each slice.
CREATE TABLE repeat_tops (
    start     datetime NOT NULL,
    dimension text     NOT NULL,
    source    text     NOT NULL,
    kind      text     NOT NULL,
    name      text     NOT NULL,
    count     integer  NOT NULL,
    PRIMARY KEY (start, dimension, source, kind, name)
);

-- Receipts that are few and asked for: what only the database caught, what lost a race, what went to quarantine. The two
-- reasons that nearly all receipts have cost nothing.
CREATE INDEX receipts_by_rare_reason ON receipts (reason, received_at DESC, id DESC) WHERE reason NOT IN ('first_seen', 'window_hit');

-- +goose Down
DROP INDEX receipts_by_rare_reason;
DROP TABLE repeat_tops;
DROP TABLE repeat_slices;
DROP TABLE rollup_hours;
