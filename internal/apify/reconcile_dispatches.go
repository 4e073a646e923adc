package apify

import (
	"context"
	"errors"
	"slices"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// dispatches looks for what webhooks have told in vain.
func (s *search) dispatches(ctx context.Context) error {
	for d, err := range s.opts.API.Dispatches(ctx) {
		if err != nil {
			return err
		}
		if d.CreatedAt.Before(s.report.From) {
			break
		}
		if err = s.list(ctx, &d); err != nil {
			return err
		}
	}
	s.byID = make(map[string]*listed, len(s.listed))
	for i := range s.listed {
		s.byID[s.listed[i].ID] = &s.listed[i]
	}
	var open []listed // to be looked up, all of one source at a time
	for i := range s.listed {
		switch d := &s.listed[i]; {
		case d.Status == DispatchActive:
			s.report.Active++ // a retry will come
		case (d.Status == DispatchFailed || d.Status == DispatchSucceeded) && !s.settled[d.ID]:
			open = append(open, *d)
		}
	}
	s.report.Dispatches = len(s.listed)
	for _, of := range bySource(open) {
		for part := range slices.Chunk(of, chunk) {
			if err := s.lookUp(ctx, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// list takes a dispatch down when it leads here and is no test.
func (s *search) list(ctx context.Context, d *Dispatch) error {
	url := ""
	if d.Webhook != nil {
		url = d.Webhook.RequestURL
	} else if w, err := s.webhook(ctx, d.WebhookID); err != nil {
		return err
	} else if w != nil {
		url = w.RequestURL
	}
	target := s.gateway.Target(url)
	if target != nil && target.Look != LookNothing && d.EventType != "TEST" {
		s.listed = append(s.listed, listed{*d, target, d.Run()})
	}
	return nil
}

func bySource(all []listed) map[string][]listed {
	sources := map[string][]listed{}
	for _, d := range all {
		name := d.target.Source.Name
		sources[name] = append(sources[name], d)
	}
	return sources
}

// lookUp compares some dispatches of one source with the record. First by what the dispatch itself tells, which is enough for
// nearly all; the rest is made into the requests that they would have been.
func (s *search) lookUp(ctx context.Context, part []listed) error {
	src := part[0].target.Source
	runs := make([]dedup.RunRef, 0, len(part))
	for i := range part {
		if part[i].run.ID != "" {
			runs = append(runs, part[i].run)
		}
	}
	events, err := s.opts.Record.Recorded(ctx, src.Name, runs, nil)
	if err != nil {
		return err
	}
	for i := range part {
		d := &part[i]
		if slices.ContainsFunc(events, func(e view.Event) bool { return e.DispatchID == d.ID && e.Doubt == "" }) {
			s.settled[d.ID] = true
			continue
		}
		if err := s.examine(ctx, d, events); err != nil {
			return err
		}
	}
	return nil
}

// examine makes a dispatch into the request that it would have been, and looks for its key.
func (s *search) examine(ctx context.Context, d *listed, events []view.Event) error {
	in, err := s.inbound(ctx, d)
	if err != nil {
		return err
	}
	if in.Quarantine == nil {
		byKey, err := s.opts.Record.Recorded(ctx, in.Key.Source, nil, []string{in.Key.Event})
		if err != nil {
			return err
		}
		events = append(byKey, events...)
	}
	found := lead{Missing: Missing{
		Source: in.Key.Source, Kind: string(d.run.Kind), RunID: d.run.ID, Type: d.EventType, DispatchID: d.ID, At: d.CreatedAt.UTC(),
		Why: WhyGaveUp, Attempts: len(d.Calls),
	}}
	if d.Status == DispatchSucceeded {
		found.Why = WhyLost
	}
	if n := len(d.Calls); n > 0 {
		found.LastStatus = d.Calls[n-1].ResponseStatus
	}
	switch q := (question{in, d.EventType, d.WebhookID, s.byID, s.report.Until}); q.judge(events) {
	case onRecord:
		s.settled[d.ID] = true
		return nil
	case undecided:
		return nil // the next pass will know
	case displaced:
		found.Why, found.Result, found.in = WhyDisplaced, ResultFound, in
	case indistinct:
		found.Result = ResultUnclear
	case unidentified:
		found.Result = ResultNoIdentity
	case absent:
		found.Result, found.in = ResultFound, in
	}
	s.missing = append(s.missing, found)
	return nil
}

// inbound is the request that the dispatch would have been. Without a document that shows the event's own time, the body has
// no resource, and the dispatch id stands for what tells one life of a run from the next.
func (s *search) inbound(ctx context.Context, d *listed) (*dedup.Inbound, error) {
	job, err := s.job(ctx, d.run)
	if err != nil {
		return nil, err
	}
	w, err := s.webhook(ctx, d.WebhookID)
	if err != nil {
		return nil, err
	}
	vars := Variables{
		UserID: quote(d.UserID), CreatedAt: quote(d.CreatedAt.UTC().Format(timeLayout)), EventType: quote(d.EventType), EventData: d.EventData,
	}
	if job != nil && shows(job, d) {
		vars.Resource = job.Document
	}
	return s.build(d.target, w, vars, d.ID)
}

// build renders a body by the webhook's template, or the default one where that is gone, and identifies it.
func (s *search) build(target *Target, w *Webhook, vars Variables, dispatchID string) (*dedup.Inbound, error) {
	if w == nil {
		w = &Webhook{}
	}
	body, err := Render(w.PayloadTemplate, w.Interpolates, vars)
	if err != nil {
		body, err = Render(DefaultTemplate, false, vars)
	}
	if err != nil {
		return nil, err
	}
	in := identify(target.Source, body, dispatchID, s.opts.Now())
	return &in, nil
}

// shows reports whether a document read now shows the run as the dispatch's event has left it: nothing that tells lives apart
// has changed since.
func shows(job *Job, d *listed) bool {
	switch status := dedup.StatusOf(d.EventType); {
	case status.IsEnd():
		return job.End() == status && job.FinishedAt != nil && !job.FinishedAt.After(d.CreatedAt)
	case status == dedup.StatusResurrected:
		return job.Stats.Resurrections == 1
	case status == dedup.StatusCreated:
		return job.Stats.Resurrections == 0
	default:
		return true
	}
}

// job reads a run or build in full, once a pass; nil when it is gone or there is none.
func (s *search) job(ctx context.Context, ref dedup.RunRef) (*Job, error) {
	if job, known := s.jobs[ref]; known || ref.ID == "" {
		return job, nil
	}
	job, err := s.opts.API.Job(ctx, ref)
	switch {
	case errors.Is(err, ErrNotFound):
		s.jobs[ref] = nil
	case err != nil:
		return nil, err
	default:
		s.jobs[ref] = &job
	}
	return s.jobs[ref], nil
}

// webhook reads a webhook, once a pass; nil when it is gone.
func (s *search) webhook(ctx context.Context, id string) (*Webhook, error) {
	if w, known := s.webhooks[id]; known {
		return w, nil
	}
	w, err := s.opts.API.Webhook(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		s.webhooks[id] = nil
	case err != nil:
		return nil, err
	default:
		s.webhooks[id] = &w
	}
	return s.webhooks[id], nil
}
