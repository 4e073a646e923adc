package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// The moments at which a gateway is killed, each with a destination whose attempts are just there.
const (
	unanswered = "unanswered" // the receiver has the request and has not answered
	unrecorded = "unrecorded" // the receiver has answered 2xx, the ledger does not know
	recorded   = "recorded"   // the ledger knows, the job is not done
)

// takenWithin bounds the time until the jobs of a dead process have been taken up and done.
const takenWithin = 2 * time.Minute

const lostTry = "the gateway stopped before the answer was recorded"

func TestAKillAtAnyMomentOfAnAttempt(t *testing.T) {
	t.Parallel()
	for name, heir := range map[string]struct{ replica bool }{
		"the gateway is started again":      {false},
		"another replica was there already": {true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := beginAttempts(t)
			successor := c.gateway
			if heir.replica {
				successor = c.start("b")
			}
			c.killInTheMiddle()
			if !heir.replica {
				successor.Start()
				successor.WaitReady()
			}
			c.books.waitUntilAllIsDone(takenWithin)

			times := c.receiver.check(t, c.sent)
			if n := len(c.receiver.all()); n != 5*len(c.sent) {
				t.Errorf("%d requests, want two for each attempt whose answer was not recorded and one for the others: %d", n, 5*len(c.sent))
			}
			c.books.wantNumber(3*len(c.sent), `SELECT count(*) FROM deliveries WHERE replay = 0`)
			for destination, want := range map[string]int{unanswered: 2, unrecorded: 2, recorded: 1} {
				for runID, event := range c.sent {
					if n := times[handed{destination, runID}]; n != want {
						t.Errorf("event %s has arrived %d times at %s, want %d", event.id, n, destination, want)
					}
					wantHistory(t, successor, event.id, destination, want)
				}
			}
		})
	}
}

// wantHistory wants the tries of a delivery to be told: all but the last one lost, the last one answered.
func wantHistory(t *testing.T, g *gateway, eventID, destination string, attempts int) {
	t.Helper()
	var page view.Page[view.Delivery]
	if err := g.api("/deliveries?event_id="+eventID+"&destination="+destination, &page); err != nil || len(page.Items) != 1 {
		t.Fatalf("deliveries of event %s to %s: %+v, %v", eventID, destination, page.Items, err)
	}
	var h view.DeliveryHistory
	if err := g.api("/deliveries/"+page.Items[0].ID, &h); err != nil {
		t.Fatal(err)
	}
	if h.Delivery.State != "delivered" || h.Delivery.Attempts != attempts || len(h.Attempts) != attempts {
		t.Fatalf("event %s to %s: %+v, want %d attempts", eventID, destination, h, attempts)
	}
	for i, a := range h.Attempts {
		lost := i < attempts-1
		if a.Number != i+1 || a.StartedAt.IsZero() || lost != (a.Status == 0) || lost != (a.Error == lostTry) || !lost && a.Status != 200 {
			t.Errorf("event %s to %s: attempt %+v of %d", eventID, destination, a, attempts)
		}
	}
}

// crash is a gateway with attempts under way.
type crash struct {
	t          *testing.T
	dsn, redis string
	receiver   *receiver
	gateway    *gateway
	books      *books
	sent       map[string]told
}

// beginAttempts sends as many events as may be under way at once, and waits until all are.
func beginAttempts(t *testing.T) *crash {
	t.Helper()
	const events = 4
	c := &crash{t: t, dsn: testkit.Postgres(t), redis: testkit.Redis(t)}
	c.receiver = newReceiver(t, nil, unanswered, unrecorded, recorded)
	c.gateway = c.start("a")
	c.books = openBooks(t, c.dsn)
	c.sent = feed(t, events, c.gateway.send)
	c.receiver.waitForArrivals(t, 3*events)
	return c
}

func (c *crash) start(name string) *gateway {
	c.t.Helper()
	extra := "destinations:\n"
	for _, destination := range []string{unanswered, unrecorded, recorded} {
		extra += c.receiver.destinedTo(destination, name, ", concurrency: 4")
	}
	return startGateway(c.t, name, c.dsn, c.redis, extra)
}

// killInTheMiddle brings every destination's attempts to their moment and kills the gateway then.
func (c *crash) killInTheMiddle() {
	t, n := c.t, len(c.sent)
	t.Helper()
	jobs := c.books.hold(c.books.number(jobsInState, recorded, "running"), `SELECT 1 FROM river_job WHERE queue = $1 AND state = 'running' FOR UPDATE`, recorded)
	c.receiver.answer(recorded)
	testkit.Eventually(t, 30*time.Second, func() error {
		if known := c.books.number(deliveriesInState, recorded, "delivered"); known != n {
			return fmt.Errorf("%d of %d deliveries are known to be delivered", known, n)
		}
		return nil
	})
	jobs.waitForVictim()
	rows := c.books.hold(n, `SELECT 1 FROM deliveries WHERE destination = $1 AND state = 'delivering' FOR UPDATE`, unrecorded)
	c.receiver.answer(unrecorded)
	c.receiver.waitForAnswers(t, unrecorded, n)
	rows.waitForVictim()
	c.gateway.Kill()
	rows.letGo()
	jobs.letGo()
	c.receiver.answer(unanswered)

	for destination, state := range map[string]string{unanswered: "delivering", unrecorded: "delivering", recorded: "delivered"} {
		c.books.wantNumber(n, deliveriesInState, destination, state)
		c.books.wantNumber(n, deliveriesInJobs, destination, "running")
	}
	if t.Failed() {
		t.Fatal("the gateway was not killed at the moments that are meant")
	}
}
