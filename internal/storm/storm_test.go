package storm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// once gives a function that is true the first time that the condition holds.
func once[T any](is func(T) bool) func(T) bool {
	done := false
	return func(v T) bool {
		if done || !is(v) {
			return false
		}
		done = true
		return true
	}
}

// hangUp drops the connection without an answer.
func hangUp() { panic(http.ErrAbortHandler) }

// A gateway that is honest and ill now and then must pass.
func TestHonestGatewayPasses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lies  lies
		check func(*testing.T, *Report)
	}{
		"in good health": {check: func(t *testing.T, r *Report) {
			if r.Runs != 30 || r.Unanswered != 0 || r.Retries != 0 || r.Repeats == 0 || r.Delivered != r.Attempts || r.Outages != 0 {
				t.Errorf("%+v", r)
			}
			if r.Outcomes["test"] == 0 || r.Outcomes["new"] != 30 || r.Outcomes["late"] == 0 || r.Outcomes["duplicate, ledger_hit"] == 0 {
				t.Errorf("something was not played: %v", r.Outcomes)
			}
			if r.EventsFound != r.Events || r.Receipts != r.Attempts || r.Bodies == 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Rate <= 0 {
				t.Errorf("%+v", r)
			}
		}},
		"answering 503 to every third": {
			lies: lies{before: func(w http.ResponseWriter, n int) bool {
				if n%3 == 0 {
					writeJSON(w, 503, map[string]string{"status": "error"})
				}
				return n%3 == 0
			}},
			check: func(t *testing.T, r *Report) {
				if r.Answers[503] == 0 || r.Retries == 0 || r.Dispatches+r.Repeats > r.Delivered+r.Answers[503] {
					t.Errorf("%+v", r)
				}
			},
		},
		"answering 503 although it took the event": {
			lies: lies{after: func(w http.ResponseWriter, n int) bool {
				if n%3 == 0 {
					writeJSON(w, 503, map[string]string{"status": "error"})
				}
				return n%3 == 0
			}},
			check: func(t *testing.T, r *Report) {
				if r.Receipts <= r.Delivered {
					t.Errorf("receipts without an answer are not counted: %+v", r)
				}
			},
		},
		"dying before it takes every fourth": {
			lies: lies{before: func(_ http.ResponseWriter, n int) bool {
				if n%4 == 0 {
					hangUp()
				}
				return false
			}},
			check: func(t *testing.T, r *Report) {
				if r.Unanswered == 0 || r.Retries == 0 {
					t.Errorf("%+v", r)
				}
			},
		},
		"dying after it took every fourth": {
			lies: lies{after: func(_ http.ResponseWriter, n int) bool {
				if n%4 == 0 {
					hangUp()
				}
				return false
			}},
			check: func(t *testing.T, r *Report) {
				if r.Unanswered == 0 || r.Receipts != r.Attempts {
					t.Errorf("%+v", r)
				}
			},
		},
		"draining its hits late": {lies: lies{stats: func() func(*view.Stats) {
			waiting := int64(3)
			return func(s *view.Stats) { s.HitsWaiting = waiting; waiting = max(0, waiting-1) }
		}()}},
		"with an admin API that is gone for a while": {lies: lies{adminFirst: func() func(http.ResponseWriter, *http.Request) bool {
			n := 0
			return func(w http.ResponseWriter, _ *http.Request) bool {
				if n++; n == 1 || n > 4 {
					return false
				}
				if n%2 == 0 {
					writeJSON(w, 503, map[string]string{"detail": "starting"})
					return true
				}
				hangUp()
				return true
			}
		}()}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Run(t.Context(), newFake(t, tt.lies).options(t))
			if err != nil {
				t.Fatal(err)
			}
			if !r.OK() {
				t.Fatal(r.Text())
			}
			if tt.check != nil {
				tt.check(t, r)
			}
		})
	}
}

// Every way of lying must be caught, and called by its name.
func TestLiesAreCaught(t *testing.T) {
	t.Parallel()
	isDuplicate := func(a map[string]any) bool { return a["status"] == "duplicate" }
	tests := map[string]struct {
		lies lies
		want []Kind // at least these, and none graver
		edit func(*Options)
		says string
	}{
		"an event dropped after its 200": {
			lies: lies{store: func() func(*fakeEvent) bool {
				drop := once(func(e *fakeEvent) bool { return e.Type == "ACTOR.RUN.SUCCEEDED" })
				return func(e *fakeEvent) bool { return !drop(e) }
			}()},
			want: []Kind{KindLost}, says: "which is not there",
		},
		"a twin accepted twice": {
			lies: lies{answer: func() func(map[string]any) {
				lie := once(isDuplicate)
				return func(a map[string]any) {
					if lie(a) {
						a["status"], a["outcome"], a["reason"] = "accepted", "updated", "first_seen"
					}
				}
			}()},
			want: []Kind{KindDoubled, KindReceipts}, says: "accepted 2 times",
		},
		"twins kept as two events": {
			lies: lies{key: func(b fakeBody, dispatch string) string { return honestKey(b, dispatch) + dispatch }},
			want: []Kind{KindDoubled}, says: "answers name 2 events",
		},
		"a second row that no answer speaks of": {
			lies: lies{showEvent: func(e *view.Event) {
				if e.Type == "ACTOR.RUN.CREATED" {
					e.Type = "ACTOR.RUN.SUCCEEDED"
				}
			}},
			want: []Kind{KindLost, KindDoubled}, says: "events of type \"ACTOR.RUN.SUCCEEDED\" are there",
		},
		"a second end taken for the first": {
			lies: lies{key: func(b fakeBody, dispatch string) string {
				if b.EventType == "TEST" {
					return dispatch
				}
				return b.Resource.ID + b.EventType
			}},
			want: []Kind{KindLost}, says: "which is ACTOR.RUN.SUCCEEDED of run",
		},
		"nobody told that it was first": {
			lies: lies{answer: func(a map[string]any) {
				if a["outcome"] == "updated" {
					a["status"], a["outcome"] = "duplicate", "duplicate"
				}
			}},
			want: []Kind{KindNoFirst, KindReceipts}, says: "none as first",
		},
		"two first events of one run": {
			lies: lies{showEvent: func(e *view.Event) {
				if e.Outcome == "updated" {
					e.Outcome = "new"
				}
			}},
			want: []Kind{KindDoubled}, says: "the run's first",
		},
		"a status that follows arrival": {
			lies: lies{advance: func(*fakeRun, version) bool { return true }},
			want: []Kind{KindRegressed}, says: "its highest event is",
		},
		"a status that nobody told": {
			lies: lies{look: func(_ int, runs []view.Run) {
				for i := range runs {
					runs[i].Status, runs[i].Life = "RESURRECTED", 9
				}
			}},
			want: []Kind{KindRegressed}, says: `shows "RESURRECTED" (life 9)`,
		},
		"a run without a row": {
			lies: lies{look: func(_ int, runs []view.Run) {
				if len(runs) > 0 {
					runs[0].RunID = "another"
				}
			}},
			want: []Kind{KindLost}, says: "the run is not listed",
		},
		"a run with two rows": {
			lies: lies{look: func(_ int, runs []view.Run) {
				if len(runs) > 1 {
					runs[1] = runs[0]
				}
			}},
			want: []Kind{KindLost, KindDoubled}, says: "the run is listed twice",
		},
		"a run that counts wrong": {
			lies: lies{look: func(_ int, runs []view.Run) {
				for i := range runs {
					runs[i].Events++
				}
			}},
			edit: func(o *Options) { o.Runs = 15 },
			want: []Kind{KindReceipts}, says: "the run counts",
		},
		"a receipt lost": {
			lies: lies{receipt: func() func(*view.Receipt) int {
				lose := once(func(r *view.Receipt) bool { return r.Outcome == "new" })
				return func(r *view.Receipt) int {
					if lose(r) {
						return 0
					}
					return 1
				}
			}()},
			want: []Kind{KindReceipts}, says: "which is not there",
		},
		"a receipt kept twice": {
			lies: lies{receipt: func() func(*view.Receipt) int {
				double := once(func(*view.Receipt) bool { return true })
				return func(r *view.Receipt) int {
					if double(r) {
						return 2
					}
					return 1
				}
			}()},
			want: []Kind{KindDoubled, KindReceipts}, says: "is there twice",
		},
		"a receipt that says something else": {
			lies: lies{receipt: func(r *view.Receipt) int {
				if r.Reason == "ledger_hit" {
					r.Reason = "race_lost"
				}
				return 1
			}},
			want: []Kind{KindReceipts}, says: `"race_lost"`,
		},
		"one receipt for two answers": {
			lies: lies{answer: func() func(map[string]any) {
				first := ""
				return func(a map[string]any) {
					if first == "" {
						first = a["receipt_id"].(string)
					}
					a["receipt_id"] = first
				}
			}()},
			want: []Kind{KindReceipts}, says: "two answers name the receipt",
		},
		"a receipt of an attempt that nobody made": {
			lies: lies{receipt: func() func(*view.Receipt) int {
				forge := once(func(r *view.Receipt) bool { return r.Outcome == "new" })
				return func(r *view.Receipt) int {
					if forge(r) {
						return 9
					}
					return 1
				}
			}()},
			want: []Kind{KindDoubled, KindReceipts}, says: "receipts of",
		},
		"hits counted wrong": {
			lies: lies{showEvent: func(e *view.Event) { e.Hits++ }},
			want: []Kind{KindReceipts}, says: "duplicates, ",
		},
		"hits that never drain": {
			lies: lies{stats: func(s *view.Stats) { s.HitsWaiting = 5 }},
			edit: func(o *Options) { o.Patience = 300 * time.Millisecond },
			want: []Kind{KindReceipts}, says: "5 receipts of duplicates still wait",
		},
		"a body stored with another byte": {
			lies: lies{body: func(b []byte) []byte { b[len(b)/2] ^= 1; return b }},
			want: []Kind{KindAltered}, says: "differs from byte",
		},
		"a body cut short": {
			lies: lies{body: func(b []byte) []byte { return b[:len(b)-1] }},
			want: []Kind{KindAltered}, says: "bytes stored",
		},
		"an event put into quarantine": {
			lies: lies{answer: func() func(map[string]any) {
				lie := once(func(a map[string]any) bool { return a["status"] == "accepted" })
				return func(a map[string]any) {
					if lie(a) {
						a["status"], a["event_id"], a["message"] = "quarantined", nil, "\x1b[31mno"
					}
				}
			}()},
			want: []Kind{KindNoFirst, KindReceipts, KindQuarantined}, says: `\x1b[31mno`,
		},
		"an answer about another run": {
			lies: lies{answer: func(a map[string]any) { a["run_id"] = "someone-else" }},
			want: []Kind{KindAnswer}, says: `speaks of run "someone-else"`,
		},
		"an answer that contradicts itself": {
			lies: lies{answer: func(a map[string]any) {
				if isDuplicate(a) {
					a["status"] = "accepted"
				}
			}},
			want: []Kind{KindDoubled, KindAnswer}, says: `"accepted" with outcome "duplicate"`,
		},
		"an answer without a receipt": {
			lies: lies{answer: func(a map[string]any) {
				if isDuplicate(a) {
					delete(a, "receipt_id")
				}
			}},
			want: []Kind{KindAnswer}, says: "no receipt_id",
		},
		"an answer without an event": {
			lies: lies{answer: func(a map[string]any) {
				if isDuplicate(a) {
					a["event_id"] = nil
				}
			}},
			want: []Kind{KindReceipts, KindAnswer}, says: "names no event",
		},
		"an answer that is no JSON": {
			lies: lies{after: func(w http.ResponseWriter, n int) bool {
				if n == 10 {
					_, _ = w.Write([]byte("OK"))
				}
				return n == 10
			}},
			want: []Kind{KindAnswer}, says: "not JSON",
		},
		"a dispatch never taken": {
			lies: lies{before: func() func(http.ResponseWriter, int) bool {
				return func(w http.ResponseWriter, n int) bool {
					if n > 20 {
						writeJSON(w, 500, map[string]string{"message": "broken\x07"})
					}
					return n > 20
				}
			}()},
			edit: func(o *Options) { o.Speed, o.Runs = 1e9, 12 },
			want: []Kind{KindUndelivered}, says: `given up after 12 attempts: the last answer was 500 "broken\a"`,
		},
		"the time running out": {
			lies: lies{before: func(w http.ResponseWriter, n int) bool {
				if n > 20 {
					writeJSON(w, 500, map[string]string{})
				}
				return n > 20
			}},
			edit: func(o *Options) { o.Speed, o.MaxTime, o.Runs = 1, 300*time.Millisecond, 400 },
			want: []Kind{KindUndelivered}, says: "of 400 runs were begun|was up after 1 attempts",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newFake(t, tt.lies).options(t)
			if tt.edit != nil {
				tt.edit(&o)
			}
			r, err := Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range tt.want {
				if r.Count(k) == 0 {
					t.Errorf("not found: %s", k)
				}
			}
			for _, g := range r.Findings {
				if !slices.Contains(tt.want, g.Kind) && slices.Index(Kinds(), g.Kind) < slices.Index(Kinds(), tt.want[0]) {
					t.Errorf("found %s, which nobody lied about", g.Kind)
				}
			}
			for says := range strings.SplitSeq(tt.says, "|") {
				if !strings.Contains(r.Text(), says) {
					t.Errorf("the report doesn't say %q", says)
				}
			}
			if t.Failed() {
				t.Log(r.Text())
			}
		})
	}
}

// Only somebody who looks meanwhile can see this one.
func TestAStatusThatGoesBackForAWhileIsCaught(t *testing.T) {
	t.Parallel()
	f := newFake(t, lies{look: func(look int, runs []view.Run) {
		for i := range runs {
			if look == 2 && runs[i].Status != "CREATED" {
				runs[i].Status, runs[i].Life = "CREATED", 0
			}
		}
	}})
	o := f.options(t)
	o.Runs, o.Rate = 50, 50
	o.Mix = &Mix{}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Count(KindRegressed) == 0 || len(r.Findings) != 1 || !strings.Contains(r.Text(), `then "CREATED" (life 0)`) {
		t.Error(r.Text())
	}
}

func TestReceiptsThatRedisForgot(t *testing.T) {
	t.Parallel()
	forget := lies{
		receipt: func(r *view.Receipt) int {
			if r.Outcome == "duplicate" {
				r.Reason = "window_hit"
				return 0
			}
			return 1
		},
		answer: func(a map[string]any) {
			if a["outcome"] == "duplicate" {
				a["reason"] = "window_hit"
			}
		},
		showEvent: func(e *view.Event) { e.Hits = 0 }, // counted from the receipts that were stored
	}
	t.Run("are findings when Redis is well", func(t *testing.T) {
		t.Parallel()
		r, err := Run(t.Context(), newFake(t, forget).options(t))
		if err != nil || r.Count(KindReceipts) == 0 || r.LostHits != 0 {
			t.Errorf("%v\n%s", err, r.Text())
		}
	})
	t.Run("are counted when Redis may forget", func(t *testing.T) {
		t.Parallel()
		o := newFake(t, forget).options(t)
		o.RedisMayForget = true
		r, err := Run(t.Context(), o)
		if err != nil || !r.OK() || r.LostHits != r.Outcomes["duplicate, window_hit"] || r.LostHits == 0 {
			t.Errorf("%v\n%s", err, r.Text())
		}
	})
}

func TestAStormThatCantBePlayed(t *testing.T) {
	t.Parallel()
	t.Run("stops at once when the token is wrong", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, lies{})
		o := f.options(t)
		o.URL = f.public.URL + "/webhooks/apify?token=a-wrong-token"
		r, err := Run(t.Context(), o)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "a-wrong-token") {
			t.Fatal(err)
		}
		if r.Attempts > 3*o.Concurrency {
			t.Errorf("%d attempts", r.Attempts)
		}
	})
	t.Run("sends nothing when the books can't be read", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, lies{adminFirst: func(w http.ResponseWriter, _ *http.Request) bool {
			writeJSON(w, 401, map[string]string{"detail": "Send the admin token"})
			return true
		}})
		_, err := Run(t.Context(), f.options(t))
		if err == nil || !strings.Contains(err.Error(), "Send the admin token") || f.arrivals != 0 {
			t.Fatal(err, f.arrivals)
		}
	})
	t.Run("takes no seed twice", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, lies{})
		o := f.options(t)
		o.Mix = &Mix{}
		if r, err := Run(t.Context(), o); err != nil || !r.OK() {
			t.Fatal(err)
		}
		sent := f.arrivals
		_, err := Run(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "seed 7 was played against this gateway before") || f.arrivals != sent {
			t.Fatal(err)
		}
		o.Seed = 0
		r, err := Run(t.Context(), o)
		if err != nil || !r.OK() || r.Seed == 0 || r.Seed == 7 {
			t.Fatal(err, r)
		}
	})
	t.Run("ends with its context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		f := newFake(t, lies{before: func(_ http.ResponseWriter, n int) bool {
			if n == 10 {
				cancel()
			}
			return false
		}})
		if _, err := Run(ctx, f.options(t)); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
	t.Run("is told what is wrong with its options", func(t *testing.T) {
		t.Parallel()
		good := newFake(t, lies{}).options(t)
		for name, edit := range map[string]func(*Options){
			"is not a URL":        func(o *Options) { o.URL = "127.0.0.1:8080/webhooks/apify?token=" + fakeToken },
			"needs the admin API": func(o *Options) { o.API = nil },
			"must be 1, 2 or 3":   func(o *Options) { o.Webhooks = 4 },
			"can't be negative":   func(o *Options) { o.Runs = -1 },
			"durations can't":     func(o *Options) { o.Patience = -1 },
			"share of tests":      func(o *Options) { o.Mix = &Mix{Tests: 1.5} },
		} {
			o := good
			edit(&o)
			_, err := Run(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), fakeToken) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestStopEndsTheSendingAndChecksWhatWasSent(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	f := newFake(t, lies{before: func(_ http.ResponseWriter, n int) bool {
		if n == 100 {
			close(stop)
		}
		return false
	}})
	o := f.options(t)
	o.Runs, o.Stop = 100_000, stop
	var last Progress
	o.Progress = func(p Progress) { last = p }
	r, err := Run(t.Context(), o)
	if err != nil || !r.OK() || r.Runs == 0 || r.Runs > 1000 || r.Receipts < 50 {
		t.Fatalf("%v\n%s", err, r.Text())
	}
	if last.Phase != "checking" || last.Begun != r.Runs || last.Attempts != r.Attempts || last.Runs != 100_000 {
		t.Errorf("%+v", last)
	}
}

func TestOutagesAreCounted(t *testing.T) {
	t.Parallel()
	b := newBooks(1)
	p := planner{seed: 1, webhooks: 1, epoch: time.Now()}
	run := b.open(0, p.script(0))
	at := time.Now()
	say := func(begun, took int, status int) {
		r := reply{status: status, begun: at.Add(time.Duration(begun) * time.Second), took: time.Duration(took) * time.Second}
		if status == 0 {
			r.err = errors.New("connection refused")
		} else {
			r.event, r.receipt = dedup.NewID(at), dedup.NewID(at)
		}
		b.sending(run, 0, volley{attempt: 1})
		if err := b.answered(run, 0, volley{attempt: 1}, r); err != nil {
			t.Fatal(err)
		}
	}
	say(0, 2, 200)
	say(1, 0, 0) // broke off while the other was answered
	if b.down {
		t.Error("a broken connection alone is no outage")
	}
	say(3, 0, 0)
	say(4, 0, 0)
	say(5, 1, 503) // back, if not well
	say(7, 1, 200)
	say(9, 0, 0)
	say(10, 1, 200)
	if b.outages != 2 {
		t.Errorf("%d outages", b.outages)
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	p := planner{seed: 3, webhooks: 3, mix: DefaultMix(), epoch: time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC)}
	ids := map[string]int{}
	for n := range 200 {
		s, again := p.script(n), p.script(n)
		ids[s.runID]++
		for e := range s.events {
			h := &s.events[e]
			if e > 0 && !h.at.After(s.events[e-1].at) {
				t.Fatalf("run %d: %s does not follow what it follows", n, h.eventType)
			}
			for w, dispatch := range h.dispatches {
				ids[dispatch]++
				if string(s.body(e, w, 1600)) != string(again.body(e, w, 1600)) {
					t.Fatalf("run %d: the same attempt has other bytes", n)
				}
				if w > 0 && string(s.body(e, w, 1600)) == string(s.body(e, 0, 1600)) {
					t.Fatalf("run %d: twins have the same createdAt", n)
				}
			}
		}
	}
	for id, n := range ids {
		if n != 1 || !dedup.IsPlainID(id) || len(id) != 17 {
			t.Errorf("id %s came %d times", id, n)
		}
	}
	other := planner{seed: 4, webhooks: 3, mix: DefaultMix(), epoch: p.epoch}
	if other.script(0).runID == p.script(0).runID {
		t.Error("two seeds share a run")
	}
}

func TestBodySize(t *testing.T) {
	t.Parallel()
	p := planner{seed: 3, webhooks: 1, mix: Mix{}, epoch: time.Now().UTC()}
	for _, size := range []int{1600, 4000, 200_000} {
		for e := range 2 {
			if got := len(p.script(1).body(e, 0, size)); got != size {
				t.Errorf("body of %d bytes, asked for %d", got, size)
			}
		}
	}
	if got := len(p.script(1).body(0, 0, 1)); got < 800 || got > 1500 {
		t.Errorf("the smallest body has %d bytes", got)
	}
}

func TestRetryWaitDoublesWithinAQuarter(t *testing.T) {
	t.Parallel()
	for n := 1; n < maxAttempts; n++ {
		nominal := time.Minute << (n - 1) / 60
		for range 100 {
			if got := retryWait(n, 60); got < nominal*3/4 || got > nominal*5/4 {
				t.Fatalf("wait %d is %s, nominal %s", n, got, nominal)
			}
		}
	}
}

func TestReportText(t *testing.T) {
	t.Parallel()
	r := Report{Seed: 5, Runs: 2, Delivered: 7, Unanswered: 1, Answers: map[int]int{200: 7, 503: 2}, Outcomes: map[string]int{"new\x1b[2J": 2}}
	for _, want := range []string{"seed", "7 times 2xx, 2 times 503, 1 without an answer", `new\x1b[2J`, "Nothing lost"} {
		if !strings.Contains(r.Text(), want) {
			t.Errorf("%q is missing in\n%s", want, r.Text())
		}
	}
	var f findings
	for i := range MaxListed + 3 {
		f.add(Finding{Kind: KindReceipts, RunID: "r", EventType: "T", Life: i, Detail: fmt.Sprint("n", i)})
	}
	f.add(Finding{Kind: KindLost, Detail: "x"})
	r.Findings = f.list()
	text := r.Text()
	for _, want := range []string{"lost: 1\n  x\n", "receipts: 23\n  run r T n0\n  run r T (life 1) n1\n", "… and 3 more"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Index(text, "lost: 1") > strings.Index(text, "receipts: 23") || strings.Contains(text, "Nothing lost") || r.OK() {
		t.Error(text)
	}
}
