-- +goose Up

-- Events whose word is not taken before their sender has confirmed it: one row each, made with the event. A confirmed one is
-- deleted; one that was not confirmed stays, with nothing due any more, as long as its event.
CREATE TABLE doubts (
    event_id  text     PRIMARY KEY,
    lookup    text     NOT NULL,
    tries     integer  NOT NULL DEFAULT 0,
    due_at    datetime,
    objection text     NOT NULL DEFAULT ''
);

CREATE INDEX doubts_due ON doubts (due_at) WHERE due_at IS NOT NULL;

-- +goose Down
DROP TABLE doubts;
