-- +goose Up

-- Runs that had no end when they were last looked for, oldest first: of all runs the few that an operator may have to look
-- at. A summary behind the writers, because an index on what changes with every event would cost each of them a copy.
CREATE TABLE open_runs (
    first_seen_at timestamptz NOT NULL,
    run_id        text        NOT NULL COLLATE "C",
    kind          text        NOT NULL,
    source        text        NOT NULL COLLATE "C",
    PRIMARY KEY (first_seen_at, run_id, kind, source)
);

-- Of the repeats in a bucket, those that came while the first was still being decided: no window catches them.
ALTER TABLE repeat_lag ADD COLUMN in_flight bigint NOT NULL DEFAULT 0;

-- A list of tops reads one dimension over many slices.
CREATE INDEX repeat_tops_by_dimension ON repeat_tops (dimension, start);

-- +goose Down
DROP INDEX repeat_tops_by_dimension;
ALTER TABLE repeat_lag DROP COLUMN in_flight;
DROP TABLE open_runs;
DELETE FROM progress WHERE job = 'list open runs';
