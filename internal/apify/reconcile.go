package apify

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// API is what a [Reconciler] asks of Apify; a [Client] has it.
type API interface {
	Dispatches(ctx context.Context) iter.Seq2[Dispatch, error]
	Webhooks(ctx context.Context) iter.Seq2[Webhook, error]
	Webhook(ctx context.Context, id string) (Webhook, error)
	Runs(ctx context.Context, of Condition, startedAfter time.Time) iter.Seq2[Job, error]
	Job(ctx context.Context, ref dedup.RunRef) (Job, error)
}

// Record is what the ledger knows.
type Record interface {
	// Recorded lists a source's events of some runs, and those with some keys, in any order and each once.
	// Of the runs it leaves out what is unverified.
	Recorded(ctx context.Context, source string, runs []dedup.RunRef, keys []string) ([]view.Event, error)
	// Exclusively calls work unless another process is at the same job; ran says whether it did. The context of work ends
	// when exclusion can't be relied on any more.
	Exclusively(ctx context.Context, job string, work func(ctx context.Context) error) (ran bool, err error)
	// Progress is how far a job has come; zero when it never ran.
	Progress(ctx context.Context, job string) (time.Time, error)
	SetProgress(ctx context.Context, job string, until time.Time) error
}

// Gate lets events through once.
type Gate interface {
	Admit(ctx context.Context, in *dedup.Inbound) (dedup.Verdict, error)
}

// ReconcileOptions are what a [Reconciler] works with. All are required but Now; Gate is not needed for dry runs.
type ReconcileOptions struct {
	API    API
	Record Record
	Gate   Gate
	// Gateway is asked at the start of each pass.
	Gateway func() (*Gateway, error)
	// KeysKept is how long the ledger keeps keys, 0: forever. Nothing older is looked for: it could not be recognised.
	KeysKept func() time.Duration
	// LongestRun is how long a run may take: Apify lists runs by their start.
	LongestRun time.Duration
	Log        *slog.Logger
	Now        func() time.Time
}

const (
	jobReconcile = "reconcile"
	// overlap is looked at again by every pass: Apify may have tried for 43 hours before it gave up.
	overlap = 48 * time.Hour
	// firstLook is how far the first pass of all looks back.
	firstLook = 48 * time.Hour
	// keysMargin is how much a pass may take before keys that it has to see are deleted.
	keysMargin = time.Hour
	// settling is how long after its end a run is left alone that nobody has told yet: its webhook takes some seconds.
	settling = 10 * time.Minute
	// chunk is how many runs are looked up at a time.
	chunk = 50
)

// Reconciler looks for events that never came, and puts them through the gate. One pass runs at a time.
type Reconciler struct {
	opts ReconcileOptions
	// settled are dispatches that earlier passes have done with; those that are no longer listed are forgotten.
	settled map[string]bool
}

// NewReconciler makes a reconciler; nothing is asked yet.
func NewReconciler(o ReconcileOptions) *Reconciler {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Reconciler{opts: o, settled: map[string]bool{}}
}

// PassOptions say what one pass does.
type PassOptions struct {
	Since  time.Time // zero: from the checkpoint on, with an overlap
	DryRun bool      // find, but inject nothing and keep the checkpoint
}

// Pass looks once. What a failed pass has injected stays, and is in the report; the next pass starts from the same
// checkpoint. A dry run does not keep others out.
//
// Errors: those of a [Client], of the ledger and of the gate.
func (r *Reconciler) Pass(ctx context.Context, o PassOptions) (Report, error) {
	var report Report
	if o.DryRun {
		return r.pass(ctx, o)
	}
	ran, err := r.opts.Record.Exclusively(ctx, jobReconcile, func(ctx context.Context) (err error) {
		report, err = r.pass(ctx, o)
		return err
	})
	report.Elsewhere = err == nil && !ran
	return report, err
}

func (r *Reconciler) pass(ctx context.Context, o PassOptions) (Report, error) {
	now := r.opts.Now().UTC()
	report := Report{Until: now, DryRun: o.DryRun, Missing: []Missing{}}
	checkpoint, err := r.opts.Record.Progress(ctx, jobReconcile)
	if err != nil {
		return report, err
	}
	gateway, err := r.opts.Gateway()
	if err != nil {
		return report, err
	}
	due := now.Add(-firstLook)
	if !checkpoint.IsZero() {
		due = checkpoint.Add(-overlap)
	}
	report.From = r.keysFrom(cmp.Or(o.Since.UTC(), due), now)
	s := &search{Reconciler: r, gateway: gateway, report: &report, webhooks: map[string]*Webhook{}, jobs: map[dedup.RunRef]*Job{}}
	if err = s.dispatches(ctx); err == nil {
		err = s.runs(ctx)
	}
	if err == nil {
		err = s.inject(ctx)
	}
	s.finish()
	if err == nil && !o.DryRun && !report.From.After(r.keysFrom(due, now)) {
		err = r.opts.Record.SetProgress(ctx, jobReconcile, now)
	}
	return report, err
}

// keysFrom is from, or the time from which on all keys are still there.
func (r *Reconciler) keysFrom(from, now time.Time) time.Time {
	if kept := r.opts.KeysKept(); kept > 0 && from.Before(now.Add(keysMargin-kept)) {
		return now.Add(keysMargin - kept)
	}
	return from
}

// search is one pass under way.
type search struct {
	*Reconciler
	gateway  *Gateway
	report   *Report
	listed   []listed // dispatches that lead here, newest first
	byID     map[string]*listed
	missing  []lead
	webhooks map[string]*Webhook   // by id; nil: gone
	jobs     map[dedup.RunRef]*Job // in full; nil: gone
}

// listed is a dispatch that leads to a source.
type listed struct {
	Dispatch
	target *Target
	run    dedup.RunRef
}

// lead is an event that may be missing.
type lead struct {
	Missing
	in *dedup.Inbound // nil unless it is to be injected
}

// inject puts what is missing through the gate, oldest first.
func (s *search) inject(ctx context.Context) error {
	slices.SortStableFunc(s.missing, func(a, b lead) int { return a.At.Compare(b.At) })
	for i := range s.missing {
		m := &s.missing[i]
		if m.in != nil && !s.report.DryRun {
			if err := s.admit(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *search) admit(ctx context.Context, m *lead) error {
	verdict, err := s.opts.Gate.Admit(ctx, m.in)
	if err != nil {
		return err
	}
	switch {
	case verdict.Outcome == dedup.OutcomeDuplicate && !verdict.InDoubt:
		m.Result = ResultKnown
	case verdict.Outcome == dedup.OutcomeQuarantined:
		m.Result = ResultNoIdentity
	default: // beside an event in doubt, too, in whose place it will be
		m.Result = ResultInjected
	}
	if !verdict.EventID.IsZero() {
		m.EventID = verdict.EventID.String()
	}
	return nil
}

// finish writes the report, tells the log, and remembers what is done with. What a failure has kept from the gate is left
// for the next pass.
func (s *search) finish() {
	if !s.report.DryRun {
		s.missing = slices.DeleteFunc(s.missing, func(l lead) bool { return l.Result == ResultFound })
	}
	for i := range s.missing {
		m := &s.missing[i]
		s.report.Missing = append(s.report.Missing, m.Missing)
		if !s.report.DryRun {
			s.tell(&m.Missing)
			s.settled[m.DispatchID] = true
		}
	}
	still := make(map[string]bool, len(s.listed))
	for i := range s.listed {
		if id := s.listed[i].ID; s.settled[id] {
			still[id] = true
		}
	}
	s.Reconciler.settled = still
}

func (s *search) tell(m *Missing) {
	log := s.opts.Log.With("source", m.Source, "kind", m.Kind, "run_id", m.RunID, "type", m.Type, "dispatch_id", m.DispatchID,
		"at", m.At, "why", string(m.Why), "result", string(m.Result), "event_id", m.EventID)
	if m.Why == WhyLost {
		log.Error("Apify was answered 2xx for an event that is not on record: was the database restored, or does another gateway use this URL?")
		return
	}
	if m.Why == WhyDisplaced {
		log.Warn("on record in an event's place is a request that Apify has not confirmed: the event was found at Apify")
		return
	}
	log.Warn("an event that never came was found at Apify")
}
