package dedup_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// When more runs are locked than may wait for their locks at once, as they all are while somebody locks a whole table, the
// others' turn may come long after their time is up. They are answered when it is.
func TestGateAnswersInTimeWhenEverythingIsLocked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{record: func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			time.Sleep(500 * time.Millisecond) // the ledger's own wait for a lock
			return nil, dedup.Incarnation{}, dedup.ErrContended
		}}
		g := newGate(t, f, func(o *dedup.Options) { o.QueueRequests = 1000 })
		ins := make([]*dedup.Inbound, 400)
		for i := range ins {
			ins[i] = inbound(fmt.Sprint("key", i))
		}
		start := time.Now()
		_, errs := admitAll(g, ins)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("answered after %v, want 8 s and a lock's wait", took)
		}
		for _, err := range errs {
			if !errors.Is(err, dedup.ErrUnavailable) {
				t.Fatalf("got %v", err)
			}
		}
	})
}
