package httpapi

import (
	"context"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

type pageOf[T any] struct{ Body view.Page[T] }

// paged wraps a page for huma; an empty one is [] and not null.
func paged[T any](p view.Page[T], err error) (*pageOf[T], error) {
	if err != nil {
		return nil, err
	}
	if p.Items == nil {
		p.Items = []T{}
	}
	return &pageOf[T]{p}, nil
}

type runsInput struct {
	PageParams
	TimeParams
	Source  string `query:"source" maxLength:"32"`
	Kind    string `query:"kind" enum:"run,build"`
	RunID   string `query:"run_id" maxLength:"128"`
	Status  string `query:"status" enum:"CREATED,RESURRECTED,SUCCEEDED,FAILED,ABORTED,TIMED_OUT"`
	ActorID string `query:"actor_id" maxLength:"128"`
	TaskID  string `query:"task_id" maxLength:"128"`
}

func (a *admin) runs(ctx context.Context, in *runsInput) (*pageOf[view.Run], error) {
	span, err := in.window(time.Now())
	if err != nil {
		return nil, err
	}
	return paged(a.Reader.Runs(ctx, view.RunQuery{
		Range: span, Paging: in.paging(), Source: in.Source, Kind: in.Kind, RunID: in.RunID,
		Status: in.Status, ActorID: in.ActorID, TaskID: in.TaskID,
	}))
}

type runInput struct {
	RunID  string `path:"run_id" maxLength:"128"`
	Source string `query:"source" maxLength:"32" doc:"Needed when several sources know the id."`
	Kind   string `query:"kind" enum:"run,build" doc:"Needed when the id is both a run's and a build's."`
}

type runOutput struct{ Body view.Timeline }

func (a *admin) run(ctx context.Context, in *runInput) (*runOutput, error) {
	t, err := a.Reader.Timeline(ctx, in.Source, in.Kind, in.RunID)
	if err != nil {
		return nil, err
	}
	if t.Events == nil {
		t.Events = []view.Event{}
	}
	if t.Receipts == nil {
		t.Receipts = []view.Receipt{}
	}
	return &runOutput{t}, nil
}

type eventsInput struct {
	PageParams
	TimeParams
	Source     string `query:"source" maxLength:"32"`
	Type       string `query:"type" maxLength:"128" example:"ACTOR.RUN.SUCCEEDED"`
	Kind       string `query:"kind" enum:"run,build"`
	RunID      string `query:"run_id" maxLength:"128"`
	DispatchID string `query:"dispatch_id" maxLength:"256"`
}

func (a *admin) events(ctx context.Context, in *eventsInput) (*pageOf[view.Event], error) {
	span, err := in.window(time.Now())
	if err != nil {
		return nil, err
	}
	return paged(a.Reader.Events(ctx, view.EventQuery{
		Range: span, Paging: in.paging(), Source: in.Source, Type: in.Type, Kind: in.Kind,
		RunID: in.RunID, DispatchID: in.DispatchID,
	}))
}

type receiptsInput struct {
	PageParams
	TimeParams
	Source  string `query:"source" maxLength:"32"`
	Outcome string `query:"outcome" enum:"new,updated,late,duplicate,test,quarantined"`
	Reason  string `query:"reason" enum:"first_seen,window_hit,ledger_hit,race_lost,not_json,no_identity,too_large,rejected_by_database"`
	Repeat  string `query:"repeat" enum:"retry,twin,unknown"`
	EventID string `query:"event_id" maxLength:"36"`
}

func (a *admin) receipts(ctx context.Context, in *receiptsInput) (*pageOf[view.Receipt], error) {
	span, err := in.window(time.Now())
	if err != nil {
		return nil, err
	}
	eventID, err := parseID("query.event_id", in.EventID)
	if err != nil {
		return nil, err
	}
	return paged(a.Reader.Receipts(ctx, view.ReceiptQuery{
		Range: span, Paging: in.paging(), Source: in.Source, Outcome: in.Outcome, Reason: in.Reason,
		Repeat: in.Repeat, EventID: eventID,
	}))
}

// statsSpan is how far back statistics go when nothing is asked for.
const statsSpan = 24 * time.Hour

type statsOutput struct{ Body view.Stats }

type statsInput struct{ TimeParams }

func (a *admin) stats(ctx context.Context, in *statsInput) (*statsOutput, error) {
	now := time.Now()
	span, err := in.window(now)
	if err != nil {
		return nil, err
	}
	if span.Since.IsZero() && span.Until.IsZero() {
		span.Since = now.Add(-statsSpan).UTC()
	}
	s, err := a.Reader.Stats(ctx, span)
	if err != nil {
		return nil, err
	}
	if s.Counts == nil {
		s.Counts = []view.Count{}
	}
	return &statsOutput{s}, nil
}
