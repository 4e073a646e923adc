-- What the dashboard reads quickly. All of it follows from receipts and rollups and can be made anew.

-- +goose Up

-- Rollups over ten minutes and over hours (span, in minutes) that are over, all shards in one.
CREATE TABLE rollup_sums (
    span    integer NOT NULL,
    start   datetime NOT NULL,
    source  text NOT NULL,
    outcome text NOT NULL,
    reason  text NOT NULL,
    repeat  text NOT NULL,
    count   integer NOT NULL,
    PRIMARY KEY (span, start, source, outcome, reason, repeat)
);

-- The last minute that was summed up with a receipt of each source.
CREATE TABLE sources_seen (
    source  text PRIMARY KEY,
    seen_at datetime NOT NULL
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
DROP TABLE sources_seen;
DROP TABLE rollup_sums;
