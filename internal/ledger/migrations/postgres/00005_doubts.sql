-- +goose Up

-- Events whose word is not taken before their sender has confirmed it: one row each, made with the event. A confirmed one is
-- deleted; one that was not confirmed stays, with nothing due any more, as long as its event.
CREATE TABLE doubts (
    event_id  uuid        PRIMARY KEY,
    lookup    text        NOT NULL,
    tries     integer     NOT NULL DEFAULT 0,
    due_at    timestamptz,
    objection text        NOT NULL DEFAULT ''
);

CREATE INDEX doubts_due ON doubts (due_at) WHERE due_at IS NOT NULL;

-- +goose Down
DROP TABLE doubts;
