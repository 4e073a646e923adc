-- +goose Up

-- Repeats of an event that Redis knew; those that the database itself caught are counted in events.hits. Apart from the
-- events, because a storm counts here all the time: a row of these is a tenth of an event's, and no event row has to be
-- copied, locked or vacuumed for it.
CREATE TABLE window_hits (
    event_id uuid   PRIMARY KEY,
    hits     bigint NOT NULL
) WITH (fillfactor = 50);

-- +goose Down
UPDATE events SET hits = events.hits + w.hits FROM window_hits w WHERE events.id = w.event_id;
DROP TABLE window_hits;
