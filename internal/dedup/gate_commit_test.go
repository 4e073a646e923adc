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

func TestGateAsksAgainAfterAnUnclearCommit(t *testing.T) {
	t.Parallel()
	t.Run("with the same entries until the answer is clear", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var seen []dedup.ID
			f := &fakes{}
			f.record = func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
				seen = append(seen, batch[0].ReceiptID, batch[0].EventID)
				switch len(seen) {
				case 2:
					return nil, dedup.Incarnation{}, fmt.Errorf("commit: %w", dedup.ErrUnclear)
				case 4, 6, 8, 10: // more often than a mere outage is tried
					return nil, dedup.Incarnation{}, dedup.ErrUnavailable
				}
				return firstForAll(batch), thisLife, nil
			}
			v, err := newGate(t, f).Admit(t.Context(), inbound("a"))
			check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
			for i := 2; i < len(seen); i++ {
				if seen[i] != seen[i-2] {
					t.Fatal("the batch was recorded again with other ids")
				}
			}
		})
	})
	t.Run("and answers unavailable when the deadline ends the wait", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := &fakes{record: func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
				return nil, dedup.Incarnation{}, dedup.ErrUnclear
			}}
			start := time.Now()
			_, err := newGate(t, f).Admit(t.Context(), inbound("a"))
			if !errors.Is(err, dedup.ErrUnavailable) {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
			if took := time.Since(start); took != 8*time.Second {
				t.Errorf("took %s, want the deadline of 8s", took)
			}
		})
	})
}

func TestGateSettlesWithTheIncarnationThatCommitted(t *testing.T) {
	t.Parallel()
	committed := dedup.Incarnation{7}
	var got dedup.Settlement
	f := &fakes{
		record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			return firstForAll(batch), committed, nil
		},
		settleFunc: func(_ context.Context, marks []dedup.Settlement) error {
			got = marks[0]
			return nil
		},
	}
	v, err := newGate(t, f).Admit(t.Context(), inbound("a"))
	check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
	want := dedup.Mark{Incarnation: committed, EventID: v.EventID, Tag: "d-a"}
	if got.Mark != want || got.Window != 72*time.Hour {
		t.Errorf("settled %+v, want mark %+v for 72h", got, want)
	}
}

func TestGateBoundsSettling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{settleFunc: func(ctx context.Context, _ []dedup.Settlement) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		start := time.Now()
		v, err := newGate(t, f).Admit(t.Context(), inbound("a"))
		check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("a hanging claimer delayed the answer by %s, want 20ms", took)
		}
	})
}

func TestGateGroupsWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		f := &fakes{record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			sizes = append(sizes, len(batch))
			time.Sleep(time.Millisecond) // in the bubble: everything that is coming arrives meanwhile
			return firstForAll(batch), thisLife, nil
		}}
		ins := make([]*dedup.Inbound, 40)
		for i := range ins {
			ins[i] = inbound(fmt.Sprint(i))
		}
		_, errs := admitAll(newGate(t, f), ins)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, n := range sizes {
			total += n
			if n > 16 {
				t.Errorf("a batch of %d, bound is 16", n)
			}
		}
		if total != 40 || len(sizes) > 5 {
			t.Errorf("batches %v: want 40 requests in at most 5 transactions", sizes)
		}
	})
}

func TestGatePutsOnlyThePoisonedRowAside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			time.Sleep(time.Millisecond)
			for _, e := range batch {
				if e.Key.Event == "13" && e.Quarantine == nil {
					return nil, dedup.Incarnation{}, dedup.ErrRejected
				}
			}
			return firstForAll(batch), thisLife, nil
		}}
		ins := make([]*dedup.Inbound, 16)
		for i := range ins {
			ins[i] = inbound(fmt.Sprint(i))
		}
		verdicts, errs := admitAll(newGate(t, f), ins)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for i, v := range verdicts {
			want := dedup.OutcomeNew
			if i == 13 {
				want = dedup.OutcomeQuarantined
			}
			if v.Outcome != want {
				t.Errorf("request %d: %s, want %s", i, v.Outcome, want)
			}
		}
		if ins[13].Quarantine != nil {
			t.Error("the caller's inbound was changed")
		}
	})
}
