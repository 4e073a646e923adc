package chaos

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// newEmbedded is a gateway with everything in one process, its database a file.
func newEmbedded(t *testing.T, extra string) *gateway {
	t.Helper()
	g := newGateway(t, "embedded", "", "")
	text := fmt.Sprintf(`data_dir: %q
http: {listen: %q}
admin: {listen: %q, token: %q}
log: {format: json}
sources: [{name: apify, kind: apify, tokens: [{value: %q}]}]
%s`, filepath.Join(filepath.Dir(g.config), "data"), g.public, g.admin, adminToken, sourceToken, extra)
	if err := os.WriteFile(g.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAnEmbeddedGatewayKilledAgainAndAgainHandsOnEverything(t *testing.T) {
	t.Parallel()
	const events, kills, concurrency = 400, 6, 4
	const deliveries, between = events + events/2, (events + events/2) / (kills + 1)
	due := make(chan chan struct{}, kills) // each is closed when the gateway is dead
	app := newReceiver(t, func(n int, _ arrival) {
		if n%between != 0 || n/between > kills {
			return
		}
		dead := make(chan struct{})
		due <- dead
		if n/between%2 == 1 {
			<-dead // it dies before this answer, and the next time just after it
		}
	})
	workers := fmt.Sprintf(", concurrency: %d", concurrency)
	g := newEmbedded(t, "destinations:\n"+app.destinedTo("all", "embedded", workers)+
		app.destinedTo("failures", "embedded", workers+", event_types: ['*.FAILED']"))
	g.Start()
	g.WaitReady()
	fed := make(chan map[string]told, 1)
	go func() { fed <- feed(t, events, g.send) }()
	for killed := range kills {
		select {
		case dead := <-due:
			g.Kill()
			close(dead)
		case <-time.After(time.Minute):
			t.Errorf("nothing arrives any more after %d kills", killed)
		}
		if t.Failed() {
			break
		}
		g.Start()
		g.WaitReady()
	}
	sent := <-fed
	if t.Failed() {
		t.FailNow()
	}
	all := g.waitUntilAllIsDelivered()
	if len(sent) != events || len(all) != deliveries {
		t.Errorf("%d events were answered and %d deliveries made of them, want %d and %d", len(sent), len(all), events, deliveries)
	}
	wantEveryEvent(t, app, sent, wantLostTriesTold(t, g, all, 2*kills*2*concurrency))
}

// wantLostTriesTold wants between one and most attempts to have been lost, each told, and gives their number.
func wantLostTriesTold(t *testing.T, g *gateway, all []view.Delivery, most int) (lost int) {
	t.Helper()
	for i := range all {
		if d := &all[i]; d.Attempts > 1 {
			lost += d.Attempts - 1
			wantHistory(t, g, d.EventID, d.Destination, d.Attempts)
		}
	}
	if lost == 0 || lost > most {
		t.Errorf("%d attempts were lost, want 1 to %d", lost, most)
	}
	return lost
}

// waitUntilAllIsDelivered waits until every delivery is delivered, and gives all.
func (g *gateway) waitUntilAllIsDelivered() (all []view.Delivery) {
	g.t.Helper()
	testkit.Eventually(g.t, takenWithin, func() (err error) {
		all, err = g.readDelivered()
		return err
	})
	return all
}

// readDelivered reads all deliveries and fails when one is not delivered.
func (g *gateway) readDelivered() (all []view.Delivery, err error) {
	cursor := ""
	for {
		var page view.Page[view.Delivery]
		if err := g.api(fmt.Sprintf("/deliveries?limit=%d&cursor=%s", view.MaxLimit, url.QueryEscape(cursor)), &page); err != nil {
			return nil, err
		}
		for i := range page.Items {
			if d := &page.Items[i]; d.State != "delivered" {
				return nil, fmt.Errorf("event %s is %s after %d attempts", d.EventID, d.State, d.Attempts)
			}
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}
