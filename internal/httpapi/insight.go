package httpapi

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// How far back the dashboard looks when nothing is asked for.
const (
	insightSpan = 24 * time.Hour
	windowSpan  = 30 * 24 * time.Hour
)

// spanOr is the time range, which goes back so far when no start is given.
func (p TimeParams) spanOr(back time.Duration) (view.Range, error) {
	now := time.Now()
	span, err := p.window(now)
	if err == nil && span.Since.IsZero() {
		span.Since = now.UTC()
		if !span.Until.IsZero() {
			span.Since = span.Until
		}
		span.Since = span.Since.Add(-back)
	}
	return span, err
}

type overviewInput struct {
	TimeParams
	Source string `query:"source" maxLength:"32"`
}

type overviewOutput struct{ Body view.Overview }

func (a *admin) overview(ctx context.Context, in *overviewInput) (*overviewOutput, error) {
	span, err := in.spanOr(insightSpan)
	if err != nil {
		return nil, err
	}
	o, err := a.Dashboard.Insight.Overview(ctx, span, in.Source)
	return &overviewOutput{o}, err
}

type topInput struct {
	TimeParams
	By     string `query:"by" enum:"actor,run,dispatch" default:"actor"`
	Source string `query:"source" maxLength:"32"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"10"`
}

type topOutput struct{ Body view.Top }

func (a *admin) top(ctx context.Context, in *topInput) (*topOutput, error) {
	span, err := in.spanOr(insightSpan)
	if err != nil {
		return nil, err
	}
	t, err := a.Dashboard.Insight.Top(ctx, view.TopQuery{Range: span, By: in.By, Source: in.Source, Limit: in.Limit})
	return &topOutput{t}, err
}

type windowsInput struct{ TimeParams }

type windowsOutput struct {
	Body struct {
		Items []view.WindowSummary `json:"items" nullable:"false"`
	}
}

func (a *admin) windows(ctx context.Context, in *windowsInput) (*windowsOutput, error) {
	span, err := in.spanOr(windowSpan)
	if err != nil {
		return nil, err
	}
	out := &windowsOutput{}
	out.Body.Items, err = a.Dashboard.Insight.Windows(ctx, span)
	if out.Body.Items == nil {
		out.Body.Items = []view.WindowSummary{}
	}
	return out, err
}

type windowInput struct {
	TimeParams
	Source string `path:"source" maxLength:"32"`
	Type   string `query:"type" maxLength:"128" doc:"Event type; empty for all of the source together." example:"ACTOR.RUN.SUCCEEDED"`
	Window string `query:"window" maxLength:"32" doc:"Figures for this window too: 90s, 36h, 3d, 1d12h."`
}

type windowOutput struct{ Body view.WindowAdvice }

// longestWindow is the longest that the configuration takes.
const longestWindow = 366 * 24 * time.Hour

func (a *admin) windowAdvice(ctx context.Context, in *windowInput) (*windowOutput, error) {
	span, err := in.spanOr(windowSpan)
	if err != nil {
		return nil, err
	}
	q := view.WindowQuery{Range: span, Source: in.Source, Type: in.Type}
	if in.Window != "" {
		var ok bool
		if q.Window, ok = parseLength(in.Window); !ok || q.Window < time.Second || q.Window > longestWindow {
			return nil, badParameter("query.window", "want a time from 1s to 366d, like 90s, 36h, 3d or 1d12h", in.Window)
		}
	}
	w, err := a.Dashboard.Insight.WindowAdvice(ctx, q)
	return &windowOutput{w}, err
}

// parseLength reads a length of time as the configuration writes it.
func parseLength(s string) (time.Duration, bool) {
	var days time.Duration
	if n, rest, ok := strings.Cut(s, "d"); ok {
		count, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, false
		}
		if days, s = time.Duration(count)*24*time.Hour, rest; s == "" {
			return days, true
		}
	}
	rest, err := time.ParseDuration(s)
	return days + rest, err == nil && rest >= 0
}

type auditInput struct {
	PageParams
	TimeParams
	Actor  string `query:"actor" maxLength:"128"`
	Action string `query:"action" maxLength:"64" example:"quarantine.replay"`
	Target string `query:"target" maxLength:"128"`
}

func (a *admin) audit(ctx context.Context, in *auditInput) (*pageOf[view.AuditEntry], error) {
	span, err := in.window(time.Now())
	if err != nil {
		return nil, err
	}
	return paged(a.Dashboard.Audit.AuditEntries(ctx, view.AuditQuery{
		Range: span, Paging: in.paging(), Actor: in.Actor, Action: in.Action, Target: in.Target,
	}))
}
