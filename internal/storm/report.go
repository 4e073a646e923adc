package storm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a storm did and found.
type Report struct {
	Seed       uint64         `json:"seed"`
	Runs       int            `json:"runs"`       // begun
	Events     int            `json:"events"`     // sent at least once
	Dispatches int            `json:"dispatches"` // of these events
	Attempts   int            `json:"attempts"`   // requests, all told
	Retries    int            `json:"retries"`    // attempts after one that was not answered 2xx
	Repeats    int            `json:"repeats"`    // attempts after one that was
	Delivered  int            `json:"delivered"`  // attempts answered 2xx
	Unanswered int            `json:"unanswered"` // attempts without an answer
	Answers    map[int]int    `json:"answers"`    // by status
	Outcomes   map[string]int `json:"outcomes"`   // of the 2xx; duplicates with their reason
	Outages    int            `json:"outages"`    // times that the gateway was gone and came back
	LostHits   int            `json:"lost_hits"`  // receipts of window hits that Redis forgot, with RedisMayForget

	Took        time.Duration `json:"took_ns"` // of the sending
	Rate        float64       `json:"rate"`    // 2xx a second
	P50         time.Duration `json:"p50_ns"`  // of the 2xx
	P99         time.Duration `json:"p99_ns"`
	EventsFound int           `json:"events_found"` // of the storm's, in the gateway's books
	Receipts    int           `json:"receipts"`     // of the storm's, in the gateway's books
	Bodies      int           `json:"bodies"`       // compared byte for byte

	Handed *Handed `json:"handed,omitempty"` // with a sink only

	Findings []FindingGroup `json:"findings"` // the gravest kind first; none when all is well
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// Count is the number of findings of a kind.
func (r *Report) Count(k Kind) int {
	for _, g := range r.Findings {
		if g.Kind == k {
			return g.Count
		}
	}
	return 0
}

// Text is the report for people: a table, then what is wrong.
func (r *Report) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("seed", "%d", r.Seed)
	row("sent", "%d runs, %d events, %d dispatches, %d attempts", r.Runs, r.Events, r.Dispatches, r.Attempts)
	row("again", "%d retries, %d repeats of answered dispatches", r.Retries, r.Repeats)
	row("answers", "%s", r.answers())
	for _, name := range slices.Sorted(maps.Keys(r.Outcomes)) {
		row("  "+quoteOutcome(name), "%d", r.Outcomes[name])
	}
	row("time", "%s, %.0f a second, p50 %s, p99 %s", r.Took.Round(time.Millisecond), r.Rate, short(r.P50), short(r.P99))
	row("outages", "%d survived", r.Outages)
	row("books", "%d events, %d receipts, %d bodies compared", r.EventsFound, r.Receipts, r.Bodies)
	if r.LostHits > 0 {
		row("", "%d receipts of duplicates went with Redis, as may be", r.LostHits)
	}
	if h := r.Handed; h != nil {
		row("sink", "%d events arrived, %d arrivals more, %.0f a second", h.Events, h.Again, h.Rate)
	}
	_ = w.Flush() // a strings.Builder takes everything
	if r.OK() {
		b.WriteString("\nNothing lost, nothing doubled, nothing went back.\n")
		return b.String()
	}
	for _, g := range r.Findings {
		fmt.Fprintf(&b, "\n%s: %d\n", g.Kind, g.Count)
		for _, f := range g.First {
			fmt.Fprintf(&b, "  %s\n", strings.TrimPrefix(f.String(), string(g.Kind)+": "))
		}
		if more := g.Count - len(g.First); more > 0 {
			fmt.Fprintf(&b, "  … and %d more\n", more)
		}
	}
	return b.String()
}

func (r *Report) answers() string {
	parts := []string{fmt.Sprintf("%d times 2xx", r.Delivered)}
	for _, status := range slices.Sorted(maps.Keys(r.Answers)) {
		if status != 0 && (status < 200 || status > 299) {
			parts = append(parts, fmt.Sprintf("%d times %d", r.Answers[status], status))
		}
	}
	if r.Unanswered > 0 {
		parts = append(parts, fmt.Sprintf("%d without an answer", r.Unanswered))
	}
	return strings.Join(parts, ", ")
}

// quoteOutcome keeps a stranger's text from reaching the terminal raw.
func quoteOutcome(s string) string {
	q := fmt.Sprintf("%.80q", s)
	return q[1 : len(q)-1]
}

func short(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

// Progress is a glance at a storm under way.
type Progress struct {
	Phase     string // sending, draining, checking
	Runs      int    // to be played
	Begun     int
	Done      int // runs with nothing open
	Attempts  int
	Delivered int
	Down      bool // the gateway doesn't answer at the moment
	Findings  int
	Took      time.Duration
}

// report fills in what the sending has shown.
func (b *books) report(seed uint64, took time.Duration) *Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &Report{
		Seed: seed, Runs: len(b.runs), Attempts: b.attempts, Retries: b.retries, Repeats: b.repeats,
		Delivered: len(b.latency), Answers: maps.Clone(b.answers), Outcomes: maps.Clone(b.outcomes), Outages: b.outages, Took: took,
	}
	answered := 0
	for status, n := range r.Answers {
		if status != 0 {
			answered += n
		}
	}
	delete(r.Answers, 0)
	r.Unanswered = b.attempts - answered
	for _, run := range b.runs {
		for e := range run.told {
			if run.told[e].attempts > 0 {
				r.Events++
				r.Dispatches += len(run.events[e].dispatches)
			}
		}
	}
	if took > 0 {
		r.Rate = float64(r.Delivered) / took.Seconds()
	}
	sorted := slices.Sorted(slices.Values(b.latency))
	if n := len(sorted); n > 0 {
		r.P50, r.P99 = sorted[n/2], sorted[min(n-1, n*99/100)]
	}
	return r
}

func (b *books) progress(phase string, runs int) Progress {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := Progress{
		Phase: phase, Runs: runs, Begun: len(b.runs), Done: b.done, Attempts: b.attempts, Delivered: len(b.latency),
		Down: b.down, Took: time.Since(b.began),
	}
	for _, g := range b.findings.groups {
		p.Findings += g.Count
	}
	return p
}
