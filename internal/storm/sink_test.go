package storm

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

const sinkSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func openSink(t *testing.T) *Sink {
	t.Helper()
	s, err := OpenSink(t.Context(), "127.0.0.1:0", sinkSecret)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// handOn makes one signed request and gives the status of the answer. at is when it was signed.
func (s *Sink) handOn(t *testing.T, id string, body []byte, secret, replay string, at time.Time) int {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Error(err)
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, s.URL(), bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", timestamp)
	req.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	req.Header.Set("X-Dedup-Replay", replay)
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func TestWhatComesOutOfTheGatewayIsChecked(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, test := range map[string]struct {
		// hand gives event number n to the sink.
		hand func(t *testing.T, s *Sink, n int, e *fakeEvent)
		want map[Kind]int
	}{
		"honest": {
			hand: func(t *testing.T, s *Sink, _ int, e *fakeEvent) { s.handOn(t, e.ID, e.body, sinkSecret, "0", now) },
		},
		"with replays": {
			hand: func(t *testing.T, s *Sink, _ int, e *fakeEvent) {
				s.handOn(t, e.ID, e.body, sinkSecret, "0", now)
				s.handOn(t, e.ID, e.body, sinkSecret, "1", now)
			},
		},
		"losing one": {
			hand: func(t *testing.T, s *Sink, n int, e *fakeEvent) {
				if n != 5 {
					s.handOn(t, e.ID, e.body, sinkSecret, "0", now)
				}
			},
			want: map[Kind]int{KindNotHanded: 1},
		},
		"doubling one": {
			hand: func(t *testing.T, s *Sink, n int, e *fakeEvent) {
				s.handOn(t, e.ID, e.body, sinkSecret, "0", now)
				if n == 5 {
					s.handOn(t, e.ID, e.body, sinkSecret, "0", now)
				}
			},
			want: map[Kind]int{KindHandedAgain: 1},
		},
		"writing bodies anew": {
			hand: func(t *testing.T, s *Sink, n int, e *fakeEvent) {
				body := e.body
				if n == 5 {
					body = append(bytes.Clone(body), '\n')
				}
				s.handOn(t, e.ID, body, sinkSecret, "0", now)
			},
			want: map[Kind]int{KindAltered: 1},
		},
		"not always sending the same bytes": {
			hand: func(t *testing.T, s *Sink, n int, e *fakeEvent) {
				s.handOn(t, e.ID, e.body, sinkSecret, "0", now)
				if n == 5 {
					s.handOn(t, e.ID, append(bytes.Clone(e.body), '\n'), sinkSecret, "1", now)
				}
			},
			want: map[Kind]int{KindAltered: 1},
		},
		"signing with another secret": {
			hand: func(t *testing.T, s *Sink, n int, e *fakeEvent) {
				if n == 5 {
					if status := s.handOn(t, e.ID, e.body, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "0", now); status != http.StatusUnauthorized {
						t.Errorf("answered %d", status)
					}
				}
				s.handOn(t, e.ID, e.body, sinkSecret, "0", now)
			},
			want: map[Kind]int{KindUnsigned: 1},
		},
		"signing for another time": {
			hand: func(t *testing.T, s *Sink, n int, e *fakeEvent) {
				if n == 5 {
					s.handOn(t, e.ID, e.body, sinkSecret, "0", now.Add(-time.Hour))
				}
				s.handOn(t, e.ID, e.body, sinkSecret, "0", now)
			},
			want: map[Kind]int{KindUnsigned: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openSink(t)
			var under sync.WaitGroup
			n := 0
			f := newFake(t, lies{store: func(e *fakeEvent) bool {
				n++
				number := n
				under.Go(func() { test.hand(t, s, number, e) })
				return true
			}})
			o := f.options(t)
			o.Sink, o.Patience = s, 500*time.Millisecond
			report, err := Run(t.Context(), o)
			under.Wait()
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range Kinds() {
				if report.Count(k) != test.want[k] {
					t.Errorf("%d findings of %s, want %d\n%s", report.Count(k), k, test.want[k], report.Text())
				}
			}
			lost := test.want[KindNotHanded]
			if h := report.Handed; h == nil || h.Events != report.EventsFound-lost || h.Again != test.want[KindHandedAgain] || !strings.Contains(report.Text(), "sink") {
				t.Errorf("handed %+v of %d events\n%s", h, report.EventsFound, report.Text())
			}
		})
	}
}

func TestAnEventMayArriveAgainWhenTheGatewayWasGone(t *testing.T) {
	t.Parallel()
	p := planner{seed: 1, webhooks: 1, epoch: time.Now()}
	b := newBooks(1)
	run := b.open(0, p.script(0))
	a := &audit{Options: &Options{BodySize: 100}, books: b, report: &Report{Outages: 1}, runOf: map[dedup.ID]*played{}}
	id := dedup.ID{1}
	a.runOf[id] = run
	row := view.Event{DispatchID: run.events[0].dispatches[0]}
	var h Handed
	a.checkArrival(&h, id, &row, &arrival{digest: sha256.Sum256(run.body(0, 0, 100)), times: 3})
	if found := b.findings.list(); len(found) > 0 || h.Again != 2 || h.Events != 1 {
		t.Errorf("%+v %v", h, found)
	}
}

func TestASinkIsAwaitedUntilTheGatewayKnowsIt(t *testing.T) {
	t.Parallel()
	s := openSink(t)
	asked := 0
	f := newFake(t, lies{adminFirst: func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/destinations") {
			return false
		}
		asked++
		d := view.DestinationStatus{URL: strings.Replace(s.URL(), "127.0.0.1", "host.docker.internal", 1), Configured: asked > 1}
		writeJSON(w, http.StatusOK, map[string]any{"items": []view.DestinationStatus{{URL: "https://elsewhere.example.com" + sinkPath, Configured: true}, d}})
		return true
	}})
	missing := 0
	if err := s.Await(t.Context(), f.options(t).API, func() { missing++ }); err != nil || missing != 1 || asked != 2 {
		t.Errorf("%v, missing told %d times, asked %d times", err, missing, asked)
	}
	for _, want := range []string{"url: \"" + s.URL() + "\"", "secret: \"" + sinkSecret + "\"", "127.0.0.1/32", "test: true"} {
		if !strings.Contains(s.YAML(), want) {
			t.Errorf("%s is missing in\n%s", want, s.YAML())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := openSink(t).Await(ctx, f.options(t).API, func() {}); err == nil {
		t.Error("waited after the end")
	}
}

func TestASinkNeedsAnAddressAndASecret(t *testing.T) {
	t.Parallel()
	if _, err := OpenSink(t.Context(), "127.0.0.1:0", "no secret"); err == nil || strings.Contains(err.Error(), "no secret") {
		t.Error(err)
	}
	if _, err := OpenSink(t.Context(), "256.0.0.1:0", sinkSecret); err == nil {
		t.Error("listens on an address that is none")
	}
}
