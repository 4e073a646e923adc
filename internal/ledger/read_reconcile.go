package ledger

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// recordedChunk is how many runs or keys one query asks for: each is a range of the unique index.
const recordedChunk = 50

// Recorded lists a source's events of some runs, and those with some keys, in any order and each once. A TEST that names a run
// is not the run's. Of the runs it leaves out what is unverified: anybody could have invented any number of them. Errors:
// [dedup.ErrUnavailable].
func (l *Ledger) Recorded(ctx context.Context, source string, runs []dedup.RunRef, keys []string) ([]view.Event, error) {
	if !searchable(source) {
		return nil, nil
	}
	var ofRuns, byKey []keyRange
	for _, run := range slices.Compact(slices.SortedFunc(slices.Values(runs), compareRuns)) {
		from, to := keysOfRun(run.Kind, run.ID)
		ofRuns = append(ofRuns, keyRange{"event_key >= ? AND event_key < ?", from, to})
	}
	for _, key := range keys {
		byKey = append(byKey, keyRange{"event_key >= ? AND event_key <= ?", key, key})
	}
	events := func() *gorm.DB { return listedEvents(l.reads.WithContext(ctx)).Where("source = ?", source) }
	confirmable := func() *gorm.DB { return events().Where(isConfirmable) }
	rows, err := inRanges(confirmable, ofRuns)
	if err == nil {
		var more []eventListRow
		more, err = inRanges(events, byKey)
		rows = append(rows, more...)
	}
	if err != nil {
		return nil, translate("look events up", err)
	}
	var found []view.Event
	seen := map[rowID]bool{}
	for i := range rows {
		if id := rows[i].Event.ID; !seen[id] {
			seen[id] = true
			found = append(found, rows[i].view())
		}
	}
	return found, nil
}

// keyRange is a condition on the key of an event.
type keyRange struct{ condition, from, to string }

// inRanges reads the events whose key is in one of some ranges, a part of them with each query.
func inRanges(events func() *gorm.DB, ranges []keyRange) (all []eventListRow, err error) {
	for part := range slices.Chunk(ranges, recordedChunk) {
		conditions, values := make([]string, len(part)), make([]any, 0, 2*len(part))
		for i, r := range part {
			conditions[i], values = r.condition, append(values, r.from, r.to)
		}
		var rows []eventListRow
		if err := events().Where("("+strings.Join(conditions, " OR ")+")", values...).Find(&rows).Error; err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// ToldBy finds one of some events, by their ids, that a request under a dispatch has told, be it as a repeat; "" when none has.
// It knows of requests what their receipts tell: nothing before they are stored, which takes a moment for those that Redis
// has answered, and nothing when they are no longer kept. Errors: [dedup.ErrUnavailable], [view.ErrBadSelection] for what is no id.
func (l *Ledger) ToldBy(ctx context.Context, dispatchID string, events []string) (string, error) {
	if !searchable(dispatchID) {
		return "", nil
	}
	for part := range slices.Chunk(events, recordedChunk) {
		ids, err := parseRowIDs(part)
		if err != nil {
			return "", err
		}
		var told []rowID
		err = l.reads.WithContext(ctx).Model(&receiptRow{}).Where("event_id IN ? AND dispatch_id = ?", ids, dispatchID).
			Limit(1).Pluck("event_id", &told).Error
		if err != nil {
			return "", translate("look receipts up", err)
		}
		if len(told) > 0 {
			return told[0].String(), nil
		}
	}
	return "", nil
}

func compareRuns(a, b dedup.RunRef) int {
	if n := strings.Compare(a.ID, b.ID); n != 0 {
		return n
	}
	return strings.Compare(string(a.Kind), string(b.Kind))
}

// Progress is how far a job has come; zero when it never ran. Errors: [dedup.ErrUnavailable].
func (l *Ledger) Progress(ctx context.Context, job string) (time.Time, error) {
	until, err := readProgress(l.reads.WithContext(ctx), job)
	return until, translate("read how far "+job+" has come", err)
}

// SetProgress keeps how far a job has come. Errors: [dedup.ErrUnavailable].
func (l *Ledger) SetProgress(ctx context.Context, job string, until time.Time) error {
	return translate("keep how far "+job+" has come", writeProgress(l.db.WithContext(ctx), job, until.UTC().Truncate(time.Millisecond)))
}
