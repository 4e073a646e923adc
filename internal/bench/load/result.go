package load

import "time"

// Result is what came back in one run.
type Result struct {
	Elapsed     time.Duration     // from the first request to the last answer
	Statuses    map[int]uint64    // answers by HTTP status
	Outcomes    map[string]uint64 // answers by X-Dedup-Outcome, those without one left out
	Failed      uint64            // requests without an answer
	LastFailure error
	Latency     Histogram

	names map[string]string // outcomes seen, so that counting one more does not allocate
}

// Answered is the number of answers with status 200.
func (r *Result) Answered() uint64 { return r.Statuses[200] }

// Rate is the number of answers with status 200 a second.
func (r *Result) Rate() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Answered()) / r.Elapsed.Seconds()
}

func (r *Result) count(a answer, took time.Duration) {
	r.prepare()
	r.Statuses[a.status]++
	if len(a.outcome) > 0 {
		name, known := r.names[string(a.outcome)] // a look-up by converted bytes does not allocate
		if !known {
			name = string(a.outcome)
			r.names[name] = name
		}
		r.Outcomes[name]++
	}
	r.Latency.Record(took)
}

func (r *Result) add(o *Result) {
	r.prepare()
	for status, n := range o.Statuses {
		r.Statuses[status] += n
	}
	for outcome, n := range o.Outcomes {
		r.Outcomes[outcome] += n
	}
	r.Failed += o.Failed
	if o.LastFailure != nil {
		r.LastFailure = o.LastFailure
	}
	r.Elapsed = max(r.Elapsed, o.Elapsed)
	r.Latency.Add(&o.Latency)
}

func (r *Result) prepare() {
	if r.Statuses == nil {
		r.Statuses, r.Outcomes, r.names = map[int]uint64{}, map[string]uint64{}, map[string]string{}
	}
}
