-- +goose Up

-- Which place an event has among those of its run, as the run's own version; empty for one that moves none, or is older than
-- this. So a run can be put right when an event turns out to be invented, and doubts need not keep it.
ALTER TABLE events ADD COLUMN version blob NOT NULL DEFAULT x'';
UPDATE events SET version = d.version FROM doubts d WHERE d.event_id = events.id;
ALTER TABLE doubts DROP COLUMN version;

-- +goose Down
ALTER TABLE doubts ADD COLUMN version blob NOT NULL DEFAULT x'';
ALTER TABLE events DROP COLUMN version;
