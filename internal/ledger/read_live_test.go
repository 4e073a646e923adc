package ledger

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dedupgate/dedupgate/internal/view"
)

func TestLiveReceipts(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		e := newEntry(at(0), "one", "R1")
		e.ActorID, e.TaskID = "A1", "T1"
		again := repeat(e, time.Second)
		mustRecord(t, l, e, again)
		put(t, l, receiptRow{ID: idAt(5, 1), ReceivedAt: at(5), Source: "b", Outcome: "quarantined", Reason: "not_json", Via: "webhook"})
		marks, err := l.ReceiptMarks(t.Context(), at(0).Add(time.Second), 10)
		want := []view.ReceiptMark{{ReceivedAt: at(5), ID: idAt(5, 1)}, {ReceivedAt: again.ReceivedAt, ID: again.ReceiptID}}
		if diff := gocmp.Diff(want, marks); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		if marks, err = l.ReceiptMarks(t.Context(), at(0), 1); err != nil || len(marks) != 1 || marks[0] != want[0] {
			t.Errorf("the newest: %v, %v", marks, err)
		}
		got, err := l.LiveReceipts(t.Context(), want)
		if err != nil || len(got) != 2 {
			t.Fatal(got, err)
		}
		if r := got[0]; r.Outcome != "duplicate" || r.RunID != "R1" || r.ActorID != "A1" || r.TaskID != "T1" || r.Kind != "run" || *r.LagMillis != 1000 {
			t.Errorf("%+v", r)
		}
		if r := got[1]; r.Outcome != "quarantined" || r.RunID != "" || r.LagMillis != nil || !r.ReceivedAt.Equal(at(5)) {
			t.Errorf("%+v", r)
		}
		if got, err = l.LiveReceipts(t.Context(), nil); err != nil || len(got) != 0 {
			t.Errorf("of none: %v, %v", got, err)
		}
	})
}
