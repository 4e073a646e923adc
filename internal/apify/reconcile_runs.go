package apify

import (
	"context"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// scope is whose runs are looked at for a source, and which of their ends are wanted there.
type scope struct {
	target  *Target
	of      Condition
	types   []string
	webhook *Webhook // nil for what the configuration names
}

// runs looks for ends that no webhook had to tell.
func (s *search) runs(ctx context.Context) error {
	scopes, err := s.scopes(ctx)
	if err != nil {
		return err
	}
	for i := range scopes {
		if err := s.runsOf(ctx, &scopes[i]); err != nil {
			return err
		}
	}
	return nil
}

// scopes are what the webhooks that lead here name, switched-off ones included, and what the configuration does.
func (s *search) scopes(ctx context.Context) ([]scope, error) {
	var all []scope
	wanted := false
	for i := range s.gateway.targets {
		target := &s.gateway.targets[i]
		if target.Look != LookRuns {
			continue
		}
		wanted = true
		for _, id := range target.Actors {
			all = append(all, scope{target: target, of: Condition{ActorID: id}, types: runEnds()})
		}
		for _, id := range target.Tasks {
			all = append(all, scope{target: target, of: Condition{TaskID: id}, types: runEnds()})
		}
	}
	if !wanted {
		return nil, nil
	}
	for w, err := range s.opts.API.Webhooks(ctx) {
		if err != nil {
			return nil, err
		}
		target := s.gateway.Target(w.RequestURL)
		if target == nil || target.Look != LookRuns || w.IsAdHoc || (w.Condition.ActorID == "") == (w.Condition.TaskID == "") {
			continue
		}
		full, err := s.webhook(ctx, w.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, scope{target: target, of: w.Condition, types: w.EventTypes, webhook: full})
	}
	return all, nil
}

func runEnds() []string {
	return []string{"ACTOR.RUN.SUCCEEDED", "ACTOR.RUN.FAILED", "ACTOR.RUN.ABORTED", "ACTOR.RUN.TIMED_OUT"}
}

// runsOf compares the runs of an Actor or task with the record.
func (s *search) runsOf(ctx context.Context, sc *scope) error {
	told := s.told(sc.target)
	var part []Job
	for job, err := range s.opts.API.Runs(ctx, sc.of, s.report.From.Add(-s.opts.LongestRun)) {
		if err != nil {
			return err
		}
		if !s.wants(sc, &job, told) {
			continue
		}
		s.report.Runs++
		if part = append(part, job); len(part) == chunk {
			if err = s.compare(ctx, sc, part); err != nil {
				return err
			}
			part = part[:0]
		}
	}
	return s.compare(ctx, sc, part)
}

// told is when each run was last dispatched to a target: what ended before is that dispatch's to tell.
func (s *search) told(target *Target) map[dedup.RunRef]time.Time {
	told := map[dedup.RunRef]time.Time{}
	for i := range s.listed {
		if d := &s.listed[i]; d.target == target && dedup.StatusOf(d.EventType).IsEnd() && d.CreatedAt.After(told[d.run]) {
			told[d.run] = d.CreatedAt
		}
	}
	return told
}

// wants reports an end of the time looked at that no dispatch tells and that nothing was done about in this pass.
func (s *search) wants(sc *scope, job *Job, told map[dedup.RunRef]time.Time) bool {
	ref := dedup.RunRef{Kind: dedup.KindRun, ID: job.ID}
	if job.End() == "" || job.FinishedAt == nil || !slices.Contains(sc.types, eventType(dedup.KindRun, job.End())) ||
		job.FinishedAt.Before(s.report.From) || job.FinishedAt.After(s.report.Until.Add(-settling)) || !told[ref].Before(*job.FinishedAt) {
		return false
	}
	return !slices.ContainsFunc(s.missing, func(l lead) bool {
		return l.DispatchID == "" && l.RunID == job.ID && l.Source == sc.target.Source.Name
	})
}

// compare looks some runs up by the keys that their ends would have.
func (s *search) compare(ctx context.Context, sc *scope, part []Job) error {
	if len(part) == 0 {
		return nil
	}
	inbounds := make([]*dedup.Inbound, len(part))
	var refs []dedup.RunRef
	var keys []string
	for i := range part {
		in, err := s.ended(sc, &part[i])
		if err != nil {
			return err
		}
		inbounds[i], refs, keys = in, append(refs, dedup.RunRef{Kind: dedup.KindRun, ID: part[i].ID}), append(keys, in.Key.Event)
	}
	events, err := s.opts.Record.Recorded(ctx, sc.target.Source.Name, refs, keys)
	if err != nil {
		return err
	}
	for i := range part {
		q := question{inbounds[i], eventType(dedup.KindRun, part[i].End()), "", s.byID, s.report.Until}
		if j := q.judge(events); j != onRecord && j != undecided {
			if err := s.neverTold(ctx, sc, &part[i], j); err != nil {
				return err
			}
		}
	}
	return nil
}

// neverTold takes an end down that is not on record, with the run in full. A run that has gone on meanwhile, or is gone, is
// left alone.
func (s *search) neverTold(ctx context.Context, sc *scope, short *Job, j judgement) error {
	ref := dedup.RunRef{Kind: dedup.KindRun, ID: short.ID}
	found := lead{Missing: Missing{
		Source: sc.target.Source.Name, Kind: string(ref.Kind), RunID: ref.ID, Type: eventType(ref.Kind, short.End()),
		At: short.FinishedAt.UTC(), Why: WhyNeverTold, Result: ResultUnclear,
	}}
	if j == indistinct {
		s.missing = append(s.missing, found)
		return nil
	}
	if j == displaced {
		found.Why = WhyDisplaced
	}
	job, err := s.job(ctx, ref)
	if err != nil || job == nil || job.End() != short.End() || job.FinishedAt == nil || !job.FinishedAt.Equal(*short.FinishedAt) {
		return err
	}
	in, err := s.ended(sc, job)
	if err != nil {
		return err
	}
	found.Result, found.in = ResultFound, in
	if in.Quarantine != nil {
		found.Result, found.in = ResultNoIdentity, nil
	}
	s.missing = append(s.missing, found)
	return nil
}

// ended is the request that a webhook would have made of a run's end. No dispatch can help to identify it, so a template that
// keeps too little gives way to the default one.
func (s *search) ended(sc *scope, job *Job) (*dedup.Inbound, error) {
	data := map[string]string{"actorId": job.ActorID, "actorRunId": job.ID}
	if job.TaskID != "" {
		data["actorTaskId"] = job.TaskID
	}
	eventData, err := encode(data)
	if err != nil {
		return nil, err
	}
	vars := Variables{
		UserID: quote(job.UserID), CreatedAt: quote(s.opts.Now().UTC().Format(timeLayout)),
		EventType: quote(eventType(dedup.KindRun, job.End())), EventData: eventData, Resource: job.Document,
	}
	in, err := s.build(sc.target, sc.webhook, vars, "")
	if err == nil && (in.Quarantine != nil || in.Generation == "") {
		in, err = s.build(sc.target, nil, vars, "")
	}
	return in, err
}
