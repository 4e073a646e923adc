-- +goose Up

-- job is the number of the one job that may begin an attempt of the delivery; who makes a new job counts on, and outdates
-- the others by that. under_way is the number of the job whose attempt is under way, of which nothing is known yet: it may
-- be an outdated one's.
ALTER TABLE deliveries ADD COLUMN job integer NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN under_way integer;
UPDATE deliveries SET under_way = 0 WHERE phase = 0 AND state = 'delivering';

-- Destinations to which no attempt may begin. A row is there as long as the pause.
CREATE TABLE pauses (
    destination text     PRIMARY KEY,
    since       datetime NOT NULL
);

-- +goose Down
DROP TABLE pauses;
ALTER TABLE deliveries DROP COLUMN under_way;
ALTER TABLE deliveries DROP COLUMN job;
