package ledger

import (
	"bytes"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// mostShown is how many events of a run are looked at for what it shows, highest versions first: more than one only for an
// Actor or task that the highest leaves out.
const mostShown = 20

// lockRun locks the row of the run that the event in doubt moves, so that nobody records an event of it; nil when it moves none.
// shows says that the run is as the event has left it. Whoever locks the event's row as well does so later, as a batch does.
func (s *settling) lockRun() (run *runRow, shows bool, err error) {
	var events []eventRow
	err = s.tx.Select("source", "kind", "run_id", "version").Where("id = ? AND seq > 0", rowID(s.doubt.EventID)).Find(&events).Error
	if err != nil || len(events) == 0 {
		return nil, false, err
	}
	var runs []runRow
	e := &events[0]
	err = s.tx.Where("run_id = ? AND kind = ? AND source = ?", e.RunID, e.Kind, e.Source).Clauses(lockRows).Find(&runs).Error
	if err != nil || len(runs) == 0 {
		return nil, false, err
	}
	return &runs[0], bytes.Equal(runs[0].Version, e.Version), nil
}

// showRun has a run show what the highest version of its events tells, those left out that were not confirmed. Where none is
// left any event moves it.
func (s *settling) showRun(run *runRow) error {
	if run == nil {
		return nil
	}
	from, to := keysOfRun(dedup.Kind(run.Kind), run.RunID)
	var told []eventRow
	err := s.tx.Select("type", "version", "actor_id", "task_id", "occurred_at").
		Where("event_key >= ? AND event_key < ? AND source = ? AND length(version) > 0", from, to, run.Source).
		Where(isConfirmable).
		Order("version DESC").Limit(mostShown).Find(&told).Error
	if err != nil {
		return err
	}
	shown := map[string]any{"version": []byte{}}
	if len(told) > 0 {
		actor, task := told[0].ActorID, told[0].TaskID
		for i := range told {
			actor, task = choose(actor, told[i].ActorID, false), choose(task, told[i].TaskID, false)
		}
		shown = map[string]any{
			"status": string(dedup.StatusOf(told[0].Type)), "version": told[0].Version, "occurred_at": told[0].OccurredAt,
			"actor_id": actor, "task_id": task,
		}
	}
	return s.tx.Model(&runRow{}).Where("run_id = ? AND kind = ? AND source = ?", run.RunID, run.Kind, run.Source).UpdateColumns(shown).Error
}
