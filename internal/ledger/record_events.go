package ledger

import (
	"database/sql"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// upsertEvents lets the unique index decide. An event is ours if nothing comes back of it, since then it was not there, or if
// the receipt id that it gives back as its first is ours; rows are matched by key, since nothing promises their order.
func (r *recording) upsertEvents() error {
	if len(r.claimants) == 0 {
		return nil
	}
	rows := make([]eventRow, len(r.claimants))
	byKey := make(map[dedup.Key]*claimant, len(r.claimants))
	for i, c := range r.claimants {
		c.row = c.newEvent()
		rows[i] = c.row
		byKey[c.first.Key] = c
		c.found.EventID, c.found.FirstTag, c.found.Inserted = c.first.EventID, dedup.DispatchTag(c.first.DispatchID), true
	}
	return r.statements.events.query(r.tx, r.dialect, rows, func(back *sql.Rows) error {
		var key dedup.Key
		var id, first rowID
		var dispatchID string
		var hits int64
		if err := back.Scan(&key.Event, &key.Source, &id, &first, &dispatchID, &hits); err != nil {
			return err
		}
		c := byKey[key]
		c.found.EventID, c.found.FirstTag = dedup.ID(id), dedup.DispatchTag(dispatchID)
		c.found.Inserted = dedup.ID(first) == c.first.ReceiptID
		return nil
	})
}

// newEvent is the row of a claimant that is its event's first.
func (c *claimant) newEvent() eventRow {
	in := c.first.Inbound
	found := c.found
	found.Inserted = true
	return eventRow{
		ID: rowID(c.first.EventID), Source: in.Key.Source, EventKey: in.Key.Event,
		Type: in.Type, Kind: string(in.Run.Kind), RunID: in.Run.ID, ActorID: in.ActorID, TaskID: in.TaskID,
		Generation: in.Generation, DispatchID: in.DispatchID,
		Seq: found.Seq, Version: versionOf(in), Outcome: string(dedup.Decide(c.first, found).Outcome), Hits: c.twins,
		FirstReceiptID: rowID(in.ReceiptID), ReceivedAt: in.ReceivedAt, OccurredAt: optionalTime(in.OccurredAt),
		ContentType: in.ContentType, Headers: string(in.Headers), BodyBytes: int64(len(in.Body)), Body: in.Body,
	}
}
