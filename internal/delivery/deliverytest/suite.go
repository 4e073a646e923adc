package deliverytest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Run checks that a store means what the forwarder's port says. open is called once a case, from parallel subtests; the
// stores may share one database, since every case uses a source of its own.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(b *bench)
	}{
		{"an attempt gets all that there is to send", beginWhole},
		{"what is over, held or not known is not begun", beginLeavesOut},
		{"an empty body is a body, a purged one is none", beginBodies},
		{"a result moves its delivery on", finishMoves},
		{"the same result again changes nothing", finishAgain},
		{"an attempt that was lost is kept", beginLost},
		{"a late answer of a lost attempt is kept, and a 2xx is a fact", finishLate},
		{"a cancelled delivery stays cancelled", finishCancelled},
		{"a retried dead letter has its attempts forgiven", beginForgiven},
		{"texts and answers of any kind are kept", finishTexts},
		{"a delivery waits for the earlier ones of its run", blockedByEarlier},
		{"nothing else makes a delivery wait", blockedByNothingElse},
		{"many at once", atOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := time.Now().UTC().Truncate(time.Millisecond)
			c.run(&bench{T: t, Fixture: open(t), source: "s" + dedup.NewID(now).String(), now: now})
		})
	}
}

// bench is a store with a source of its own and a clock of whole milliseconds.
type bench struct {
	*testing.T
	Fixture
	source string
	now    time.Time
}

// tick is the next millisecond.
func (b *bench) tick() time.Time {
	b.now = b.now.Add(time.Millisecond)
	return b.now
}

// event is one of a run ("" for none) that goes to destinations.
func (b *bench) event(run string, destinations ...string) Event {
	e := Event{
		Source: b.source, Type: "ACTOR.RUN.SUCCEEDED", Generation: "1789373061640", ContentType: "application/json; charset=utf-8",
		Body: []byte(`{"eventType":"ACTOR.RUN.SUCCEEDED"}`), ReceivedAt: b.tick(),
	}
	if run != "" {
		e.Run = dedup.RunRef{Kind: dedup.KindRun, ID: run}
	}
	for _, d := range destinations {
		e.Routes = append(e.Routes, delivery.Route{Destination: d})
	}
	return e
}

// put makes one delivery of an event without a run.
func (b *bench) put() dedup.ID {
	b.Helper()
	_, ids := b.Clerk.Put(b.event("", "app"))
	return ids[0]
}

// begin begins attempts and wants a shipment for each.
func (b *bench) begin(ids ...dedup.ID) []delivery.Shipment {
	b.Helper()
	shipments, err := b.Store.Begin(b.Context(), ids)
	if err != nil {
		b.Fatal(err)
	}
	if len(shipments) != len(ids) {
		b.Fatalf("%d shipments for %d deliveries", len(shipments), len(ids))
	}
	return shipments
}

func (b *bench) finish(results ...delivery.Result) {
	b.Helper()
	if err := b.Store.Finish(b.Context(), results); err != nil {
		b.Fatal(err)
	}
}

// result is that of an attempt which got a status.
func (b *bench) result(id dedup.ID, number, status int, state delivery.State) delivery.Result {
	r := delivery.Result{
		Attempt: delivery.Attempt{
			DeliveryID: id, Number: number, StartedAt: b.tick(), Took: 12 * time.Millisecond, Status: status, Answer: []byte("answer"),
		},
		State: state,
	}
	if state != delivery.Delivered {
		r.Error = "the receiver said no"
	}
	if state == delivery.Retrying {
		r.Next = b.now.Add(time.Minute)
	}
	return r
}

func (b *bench) expect(id dedup.ID, state delivery.State, attempts int) Delivery {
	b.Helper()
	d := b.Clerk.Delivery(id)
	if d.State != state || d.Attempts != attempts {
		b.Errorf("the delivery is %s after %d attempts, want %s after %d", d.State, d.Attempts, state, attempts)
	}
	return d
}

// statuses are those of the attempts that are kept, which must be numbered from 1.
func (b *bench) expectStatuses(id dedup.ID, want ...int) []delivery.Attempt {
	b.Helper()
	attempts := b.Clerk.Attempts(id)
	var got []int
	for i, a := range attempts {
		got = append(got, a.Status)
		if a.Number != i+1 || a.DeliveryID != id {
			b.Errorf("attempt %d of %s is number %d of %s", i+1, id, a.Number, a.DeliveryID)
		}
	}
	if !slices.Equal(got, want) {
		b.Fatalf("attempts with statuses %v are kept, want %v", got, want)
	}
	return attempts
}

// patiently calls work until nobody else has the rows.
func patiently(work func() error) error {
	for {
		if err := work(); !errors.Is(err, dedup.ErrContended) {
			return err
		}
	}
}
