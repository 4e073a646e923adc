package dedup_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// exchanger does claims and hits at once.
type exchanger struct {
	*fakes
	err error // of storing hits
}

func (e *exchanger) Exchange(_ context.Context, reqs []dedup.ClaimRequest, hits []dedup.Hit) ([]dedup.ClaimReply, error) {
	e.add(fmt.Sprintf("exchange %d+%d", len(reqs), len(hits)))
	time.Sleep(time.Millisecond) // a round trip, in which the others come
	var err error
	if len(hits) > 0 {
		err = e.err
	}
	return e.claim(reqs), err
}

// Three known events come one after the other, each while the one before is on its way.
func TestHitsTravelWithTheNextClaims(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		steps string // sorted: the ledger and the next trip go on side by side
	}{
		"stored":                            {nil, "[append exchange 1+0 exchange 1+1 exchange 1+1]"},
		"refused, so the ledger keeps them": {dedup.ErrHitsToLedger, "[append exchange 1+0 exchange 1+1 exchange 1+1 record record]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mark := dedup.Mark{Incarnation: thisLife, EventID: dedup.NewID(time.Now())}
				e := &exchanger{fakes: &fakes{claim: settled(mark)}, err: c.err}
				g := newGate(t, e.fakes, func(o *dedup.Options) { o.Claimer, o.HitLog = e, e })
				verdicts := make(chan dedup.Verdict, 3)
				for i := range cap(verdicts) {
					go func() {
						time.Sleep(time.Duration(i) * 900 * time.Microsecond)
						v, err := g.Admit(context.Background(), inbound("a"))
						if err != nil {
							t.Errorf("admit: %v", err)
						}
						verdicts <- v
					}()
				}
				for range cap(verdicts) {
					v := <-verdicts
					check(t, v, nil, dedup.OutcomeDuplicate, dedup.ReasonWindowHit)
				}
				slices.Sort(e.list)
				if got := e.String(); got != c.steps {
					t.Errorf("steps %s, want %s", got, c.steps)
				}
			})
		})
	}
}
