-- +goose Up

-- Repeats of an event that Redis knew; those that the database itself caught are counted in events.hits.
CREATE TABLE window_hits (
    event_id text    PRIMARY KEY,
    hits     integer NOT NULL
);

-- +goose Down
UPDATE events SET hits = events.hits + w.hits FROM window_hits w WHERE events.id = w.event_id;
DROP TABLE window_hits;
