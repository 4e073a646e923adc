package storm

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// ErrRefused means that the address refuses webhooks as such, so that a storm would prove nothing.
var ErrRefused = errors.New("storm: webhooks are refused")

// told is what the storm knows of one event.
type told struct {
	attempts int
	unproven int        // attempts that were not answered 2xx: any of them may have been taken all the same
	acked    int        // answered 2xx
	firsts   []dedup.ID // receipts whose answer said first: accepted, or test
	ids      []dedup.ID // event ids that answers named; more than one is wrong
	open     int        // dispatches that were neither answered 2xx nor given up
}

// found adds a finding from outside of the books.
func (b *books) found(f Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.findings.add(f)
}

// outOfTime lists what was begun and not delivered when the time was up.
func (b *books) outOfTime(runs int, limit time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.runs) < runs {
		b.findings.add(Finding{Kind: KindUndelivered, Detail: fmt.Sprintf("the time (%s) was up when %d of %d runs were begun", limit, len(b.runs), runs)})
	}
	for _, run := range b.runs {
		for e := range run.told {
			if t := &run.told[e]; t.open > 0 {
				b.findings.add(run.finding(KindUndelivered, e, fmt.Sprintf(
					"the time (%s) was up after %d attempts, %d of them answered 2xx", limit, t.attempts, t.acked)))
			}
		}
	}
}

// receiptNote is what an answer said of its receipt.
type receiptNote struct {
	id      dedup.ID
	event   dedup.ID
	outcome string
	reason  string
	run     *played
	at      int // index of the event
}

// books are the storm's own. Safe for concurrent use.
type books struct {
	mu       sync.Mutex
	began    time.Time
	runs     []*played
	byRun    map[string]*played
	done     int
	receipts []receiptNote
	findings findings

	attempts, repeats, retries int
	answers                    map[int]int    // by status; 0 is no answer
	outcomes                   map[string]int // 2xx by outcome, with its reason for duplicates
	latency                    []time.Duration
	lastAnswer                 time.Time
	down                       bool
	outages                    int
}

func newBooks(runs int) *books {
	return &books{
		began: time.Now(), runs: make([]*played, 0, runs), byRun: make(map[string]*played, runs),
		answers: map[int]int{}, outcomes: map[string]int{},
	}
}

func (b *books) open(number int, s *script) *played {
	run := &played{script: s, number: number, told: make([]told, len(s.events))}
	for i := range s.events {
		run.told[i].open = len(s.events[i].dispatches)
		run.open += len(s.events[i].dispatches)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.runs = append(b.runs, run)
	b.byRun[run.runID] = run
	return run
}

// sending counts an attempt before it is made: from here on the gateway may have the event.
func (b *books) sending(run *played, e int, v volley) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempts++
	switch {
	case v.repeat:
		b.repeats++
	case v.attempt > 1:
		b.retries++
	}
	run.told[e].attempts++
	run.told[e].unproven++
}

// answered writes a reply down. It returns [ErrRefused] when there is no point in going on.
func (b *books) answered(run *played, e int, v volley, r reply) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[r.status]++
	b.watchOutage(&r)
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return fmt.Errorf("%w: the answer is %d %.200q. Is the address right, with the source's token in it "+
			"(…/webhooks/apify?token=…)?", ErrRefused, r.status, r.message)
	}
	if !r.delivered() {
		return nil
	}
	b.latency = append(b.latency, r.took)
	t := &run.told[e]
	t.acked++
	if r.garbled == "" {
		t.unproven-- // an answer that can't be read may have said anything
	}
	if !v.repeat {
		t.open--
	}
	b.judge(run, e, &r)
	if r.garbled != "" {
		return nil
	}
	b.receipts = append(b.receipts, receiptNote{r.receipt, r.event, r.outcome, r.reason, run, e})
	if r.word == "accepted" || r.word == "test" {
		t.firsts = append(t.firsts, r.receipt)
	}
	if !r.event.IsZero() && !slices.Contains(t.ids, r.event) {
		t.ids = append(t.ids, r.event)
	}
	return nil
}

// watchOutage counts how often the gateway was gone and came back. An attempt that fails although it began before the last
// answer only shows that connections broke, as they do when a process dies; one that began after it finds nobody there.
func (b *books) watchOutage(r *reply) {
	switch {
	case r.status != 0:
		if b.down {
			b.outages++
		}
		b.down, b.lastAnswer = false, r.begun.Add(r.took)
	case r.begun.After(b.lastAnswer):
		b.down = true
	}
}

// judge checks what can be checked of an answer by itself.
func (b *books) judge(run *played, e int, r *reply) {
	h := &run.events[e]
	key := cmp.Or(r.outcome, "unreadable")
	if r.outcome == string(dedup.OutcomeDuplicate) {
		key += ", " + r.reason
	}
	b.outcomes[key]++
	wrong := func(format string, args ...any) {
		b.findings.add(run.finding(KindAnswer, e, fmt.Sprintf(format, args...)))
	}
	switch {
	case r.garbled != "":
		wrong("%s", r.garbled)
	case r.word == "quarantined":
		b.findings.add(run.finding(KindQuarantined, e, fmt.Sprintf("%.200q", r.message)))
	case r.event.IsZero():
		wrong("the answer %.20q names no event", r.word)
	case h.isTest() && r.word != "test" && r.word != "duplicate", !h.isTest() && r.word != "accepted" && r.word != "duplicate":
		wrong("the answer is %.40q", r.word)
	case (r.word == "duplicate") != (r.outcome == string(dedup.OutcomeDuplicate)):
		wrong("the answer is %.40q with outcome %.40q", r.word, r.outcome)
	case !h.isTest() && r.runID != run.runID:
		wrong("the answer speaks of run %.140q", r.runID)
	}
}

// gaveUp ends a dispatch that was never answered 2xx.
func (b *books) gaveUp(run *played, e, w int, r reply) {
	last := fmt.Sprintf("the last answer was %d %.200q", r.status, r.message)
	if r.status == 0 {
		last = fmt.Sprintf("the last attempt had no answer (%v)", r.err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	run.told[e].open--
	b.findings.add(run.finding(KindUndelivered, e, fmt.Sprintf("dispatch %s was given up after %d attempts: %s",
		run.events[e].dispatches[w], maxAttempts, last)))
}

// settle takes n off what is open of a run and reports whether that ended it.
func (b *books) settle(run *played, n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	run.open -= n
	if run.open == 0 {
		b.done++
	}
	return run.open == 0
}
