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
		{"only the newest job begins an attempt", beginOutdated},
		{"no attempt begins while another one is under way", beginUnderWay},
		{"a job that is taken over begins nothing any more", takeOver},
		{"claims for one delivery at once begin one attempt", beginAtOnce},
		{"a late answer of a lost attempt is kept, and a 2xx is a fact", finishLate},
		{"a cancelled delivery stays cancelled", finishCancelled},
		{"a retried dead letter has its attempts forgiven", beginForgiven},
		{"nothing begins while its destination is paused", pause},
		{"when a pause has begun nothing begins any more", pauseAtOnce},
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
	return b.beginAs(b.claims(ids...)...)
}

// beginAs begins attempts with claims and wants a shipment for each.
func (b *bench) beginAs(claims ...delivery.Claim) []delivery.Shipment {
	b.Helper()
	begun := b.try(claims...)
	if len(begun.Shipments) != len(claims) {
		b.Fatalf("%d shipments for %d deliveries", len(begun.Shipments), len(claims))
	}
	return begun.Shipments
}

func (b *bench) try(claims ...delivery.Claim) delivery.Begun {
	b.Helper()
	begun, err := b.Store.Begin(b.Context(), claims)
	if err != nil {
		b.Fatal(err)
	}
	return begun
}

// refused wants that nothing is begun, and that the deliveries wait or have nothing to attempt.
func (b *bench) refused(wait bool, claims ...delivery.Claim) {
	b.Helper()
	waiting := 0
	if wait {
		waiting = len(claims)
	}
	if begun := b.try(claims...); len(begun.Shipments) != 0 || len(begun.Waiting) != waiting {
		b.Errorf("begun: %+v, want none and %d waiting", begun, waiting)
	}
}

// claims are those of the newest jobs of deliveries.
func (b *bench) claims(ids ...dedup.ID) []delivery.Claim {
	b.Helper()
	claims := make([]delivery.Claim, len(ids))
	for i, id := range ids {
		claims[i] = delivery.Claim{Delivery: id, Job: b.Clerk.Delivery(id).Job}
	}
	return claims
}

// again is the claim of a delivery's newest job that was worked before.
func (b *bench) again(id dedup.ID) delivery.Claim {
	b.Helper()
	c := b.claims(id)[0]
	c.Again = true
	return c
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
