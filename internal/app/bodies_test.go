package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

func sampleNamed(t *testing.T, name string) samples.Sample {
	t.Helper()
	s, ok := samples.Get(name)
	if !ok {
		t.Fatalf("no sample %s", name)
	}
	return s
}

// repeated sends an event, a retry of it with other words, and the same run's end as another webhook tells it.
func (r *running) repeated() (event, twin answer, other []byte) {
	r.t.Helper()
	first := sampleNamed(r.t, "succeeded_first_attempt")
	event = r.send(first.Headers, first.Body)
	if a := r.send(first.Headers, append(bytes.Clone(first.Body), ' ')); a.Outcome != "duplicate" {
		r.t.Fatalf("the retry: %+v", a)
	}
	twin, other = r.repeatedTwin()
	if event.Outcome != "new" || twin.Outcome != "duplicate" || twin.EventID != event.EventID {
		r.t.Fatalf("%+v\n%+v", event, twin)
	}
	return event, twin, other
}

// repeatedTwin sends it as another webhook tells it.
func (r *running) repeatedTwin() (twin answer, body []byte) {
	r.t.Helper()
	s := sampleNamed(r.t, "succeeded_other_webhook")
	return r.send(s.Headers, s.Body), s.Body
}

func (r *running) metric(name string) string {
	r.t.Helper()
	res, err := sender.Get("http://" + r.app.AdminAddr() + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func TestWhatAnotherWebhookTellsIsKeptBesideTheEvent(t *testing.T) {
	t.Parallel()
	for name, config := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, config(t))
			event, twin, body := r.repeated()
			var others []view.OtherBody
			testkit.Eventually(t, 20*time.Second, func() error {
				if others = items[view.OtherBody](r, "/events/"+event.EventID+"/other-bodies"); len(others) == 0 {
					return fmt.Errorf("none is kept yet")
				}
				return nil
			})
			if len(others) != 1 || others[0].ReceiptID != twin.ReceiptID || others[0].BodyBytes != int64(len(body)) || others[0].DispatchID == "" {
				t.Errorf("%+v, want the twin's alone: the retry is the same request again", others)
			}
			var got []byte
			if r.api("/events/"+event.EventID+"/other-bodies/"+twin.ReceiptID, &got); !bytes.Equal(got, body) {
				t.Errorf("%d bytes that are not those sent", len(got))
			}
			var e view.Event
			if r.api("/events/"+event.EventID, &e); e.OtherBodies != 1 || e.Hits == 0 {
				t.Errorf("%+v", e)
			}
			if n := r.metric(`dedupgate_other_bodies_total{result="kept"}`); n != "1" {
				t.Errorf("%s counted as kept", n)
			}
			if err := r.tryAPI("/events/"+event.EventID+"/other-bodies/"+event.ReceiptID, &got); err == nil || !strings.Contains(err.Error(), "404") {
				t.Errorf("of the event's own receipt: %v", err)
			}
		})
	}
}

func TestWhatWaitsToBeKeptIsKeptWhenTheGatewayStops(t *testing.T) {
	t.Parallel()
	stores := stores(t)["production"](t)
	r := start(t, stores)
	event, _, _ := r.repeated()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, stores)
	if others := items[view.OtherBody](again, "/events/"+event.EventID+"/other-bodies"); len(others) != 1 {
		t.Errorf("%d are kept", len(others))
	}
}

func TestNoOtherBodiesAreKeptBeforeAReloadWantsThem(t *testing.T) {
	t.Parallel()
	r := start(t, "dedup: {other_bodies: 0}\n")
	event, _, _ := r.repeated()
	if n := r.metric(`dedupgate_other_bodies_total{result="passed"}`) + r.metric(`dedupgate_other_bodies_total{result="kept"}`); n != "00" {
		t.Errorf("looked at %s", n)
	}
	if others, status := ask[view.Page[view.OtherBody]](r, http.MethodGet, "/events/"+event.EventID+"/other-bodies", ""); status != http.StatusOK || len(others.Items) != 0 {
		t.Errorf("%d %+v", status, others)
	}
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.configure(strings.Replace(string(text), "other_bodies: 0", "other_bodies: 1", 1))
	testkit.Eventually(t, 20*time.Second, func() error {
		r.repeatedTwin()
		if others := items[view.OtherBody](r, "/events/"+event.EventID+"/other-bodies"); len(others) != 1 {
			return fmt.Errorf("%d are kept", len(others))
		}
		return nil
	})
}
