package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dedupgate/dedupgate/internal/view"
)

// insightOperations is the part of the API's table that the dashboard alone asks for.
func (a *admin) insightOperations() []operation {
	if !a.Dashboard.complete() {
		return nil
	}
	list, one := http.StatusBadRequest, http.StatusNotFound
	connect := get("get-connect", "/connect", "The webhook URL with the token that an embedded gateway has made for itself", one)
	sample := post("send-sample", "/send-sample", "Send a sample webhook to this gateway, if it runs embedded", http.StatusConflict)
	return []operation{
		{
			get("get-overview", "/overview", "How a time range went, with a series for charts; the last 24 hours when no time is given"),
			ruleRead, answering(a, a.overview),
		},
		{get("list-top", "/top", "What was repeated most often: actors, runs or dispatches"), ruleRead, answering(a, a.top)},
		{
			get("list-windows", "/ttl", "How well the window of each source and event type does; over the last 30 days when no time is given"),
			ruleRead, answering(a, a.windows),
		},
		{
			get("get-window", "/ttl/{source}", "All that is known for choosing the window of a source or of one of its event types", one),
			ruleRead, answering(a, a.windowAdvice),
		},
		{get("list-sources", "/sources", "Configured sources, how to connect them and what came of them"), ruleRead, answering(a, a.sourceList)},
		{get("list-audit", "/audit", "Who changed what and why, newest first", list), ruleRead, answering(a, a.audit)},
		{get("get-config", "/config", "The configuration in force, secrets masked"), ruleRead, answering(a, a.configuration)},
		{get("get-status", "/status", "How this process is: version, stores, mode"), ruleRead, answering(a, a.status)},
		{connect, ruleOperate, answering(a, a.connect)},
		{sample, ruleOperate, answering(a, a.sendSample)},
		{streamOperation(), ruleRead, a.registerStream},
	}
}

type sourcesInput struct{ TimeParams }

type sourcesOutput struct{ Body view.SourceList }

func (a *admin) sourceList(ctx context.Context, in *sourcesInput) (*sourcesOutput, error) {
	span, err := in.spanOr(insightSpan)
	if err != nil {
		return nil, err
	}
	s, err := a.Dashboard.Process.SourceList(ctx, span)
	if s.Items == nil {
		s.Items = []view.SourceState{}
	}
	return &sourcesOutput{s}, err
}

type configOutput struct{ Body view.ConfigState }

func (a *admin) configuration(context.Context, *struct{}) (*configOutput, error) {
	c, err := a.Dashboard.Process.Configuration()
	if c.Warnings == nil {
		c.Warnings = []string{}
	}
	return &configOutput{c}, err
}

type statusOutput struct{ Body view.Status }

func (a *admin) status(ctx context.Context, _ *struct{}) (*statusOutput, error) {
	s, err := a.Dashboard.Process.Status(ctx)
	return &statusOutput{s}, err
}

type connectOutput struct{ Body view.Connect }

func (a *admin) connect(context.Context, *struct{}) (*connectOutput, error) {
	c, err := a.Dashboard.Process.Connect()
	return &connectOutput{c}, err
}

type sampleInput struct {
	Body struct {
		Again bool `json:"again,omitempty" doc:"Send the last sample once more, byte for byte: a duplicate. Else a sample of a new run is made."`
	}
}

type sampleOutput struct{ Body view.SentSample }

func (a *admin) sendSample(ctx context.Context, in *sampleInput) (*sampleOutput, error) {
	s, err := a.Dashboard.Samples.SendSample(ctx, in.Body.Again)
	if err != nil {
		return nil, err
	}
	a.Log.LogAttrs(ctx, slog.LevelInfo, "sample sent", slog.Any("actor", ctx.Value(actorKey{})),
		slog.Int("status", s.Status), slog.String("outcome", s.Outcome))
	return &sampleOutput{s}, nil
}

// streamOperation describes the stream of receipts.
func streamOperation() huma.Operation {
	op := get("stream-receipts", "/stream",
		"New receipts as they come, as server-sent events: latest, receipts, sampled, gap, dropped, trouble, recovered", http.StatusTooManyRequests)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Events with JSON data. 'latest' holds up to 50 receipts from before the stream, 'receipts' up to 500 new ones, " +
			"both oldest first; the first of the new ones may have been among the latest. The id of 'receipts' resumes the stream.",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	return op
}
