package ledger

import (
	"bytes"
	"database/sql"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// reserveRuns locks the rows of the runs that the batch may move, learns their state, and numbers the claimants. A run
// that is new to the database is inserted as the claimants will leave it, all of them taken for new: there can be no
// earlier event of it.
func (r *recording) reserveRuns() error {
	if len(r.runs) == 0 {
		return nil
	}
	rows := make([]runRow, len(r.runs))
	byKey := make(map[runKey]*run, len(r.runs))
	for i, rn := range r.runs {
		rows[i] = rn.unseen()
		byKey[rn.key] = rn
		rn.learn(rows[i])
	}
	return r.statements.reserveRuns.query(r.tx, r.dialect, rows, func(back *sql.Rows) error {
		var row runRow
		err := back.Scan(&row.RunID, &row.Kind, &row.Source, &row.Status, &row.Version, &row.ActorID, &row.TaskID,
			&row.OccurredAt, &row.UpdatedAt, &row.Events, &row.LastSeq)
		if err != nil {
			return err
		}
		byKey[runKey{row.Source, dedup.Kind(row.Kind), row.RunID}].learn(row)
		return nil
	})
}

// unseen is the row of a run that the database has not seen, after the claimants.
func (rn *run) unseen() runRow {
	first := rn.claimants[0].first
	row := runRow{
		Source: rn.key.source, Kind: string(rn.key.kind), RunID: rn.key.id,
		FirstSeenAt: first.ReceivedAt, LastSeq: int64(len(rn.claimants)),
	}
	for _, c := range rn.claimants {
		row.apply(c.first.Inbound)
	}
	return row
}

// learn takes the row that the database gave back and numbers the claimants. Numbers of claimants that turn out to be
// duplicates are lost: gaps are allowed.
func (rn *run) learn(row runRow) {
	n := int64(len(rn.claimants))
	rn.row, rn.isNew = row, row.LastSeq == n // every run in the database has given a number away before
	before := row
	if rn.isNew {
		before = runRow{}
	}
	for i, c := range rn.claimants {
		c.found.Seq = row.LastSeq - n + int64(i) + 1
		c.found.Change = before.apply(c.first.Inbound)
	}
}

// moveRuns applies the inserted events to the runs that the database knew before. Duplicates never touch them.
func (r *recording) moveRuns() error {
	var moved []runRow
	var outcomes []eventRow
	for _, rn := range r.runs {
		if rn.isNew {
			continue
		}
		row := rn.row
		for _, c := range rn.claimants {
			if !c.found.Inserted {
				continue
			}
			if change := row.apply(c.first.Inbound); change != c.found.Change {
				c.found.Change = change
				c.row.Outcome = string(dedup.Decide(c.first, c.found).Outcome)
				outcomes = append(outcomes, c.row)
			}
		}
		if row.Events != rn.row.Events {
			row.FirstSeenAt = row.UpdatedAt // not null, and not written
			moved = append(moved, row)
		}
	}
	if err := execLater(r.writer, r.statements.moveRuns, moved); err != nil {
		return err
	}
	// Rare: a claimant that turned out to be a duplicate had been taken for a step before these.
	return execLater(r.writer, r.statements.fixOutcomes, outcomes)
}

// apply moves the run by one event and says how. The status is that of the highest version, whatever the order of events.
func (row *runRow) apply(in *dedup.Inbound) dedup.RunChange {
	version := in.Version.Encode()
	change := dedup.RunBehind
	switch {
	case row.Events == 0:
		change = dedup.RunOpened
	case bytes.Compare(version, row.Version) > 0:
		change = dedup.RunAdvanced
	}
	ahead := change != dedup.RunBehind
	if ahead {
		row.Status, row.Version, row.OccurredAt = string(in.Status), version, optionalTime(in.OccurredAt)
	}
	row.ActorID = choose(row.ActorID, in.ActorID, ahead)
	row.TaskID = choose(row.TaskID, in.TaskID, ahead)
	if in.ReceivedAt.After(row.UpdatedAt) {
		row.UpdatedAt = in.ReceivedAt
	}
	row.Events++
	return change
}

// choose fills what is empty, and lets a higher version correct it.
func choose(old, told string, ahead bool) string {
	if told != "" && (old == "" || ahead) {
		return told
	}
	return old
}

// optionalTime is nil for the zero time.
func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
