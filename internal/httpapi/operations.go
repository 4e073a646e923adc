package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
)

const apiPrefix = "/api/v1"

// operation is one row of the API's table.
type operation struct {
	huma.Operation
	rule     rule
	register func(huma.API, huma.Operation)
}

// operations is the API's table.
func (a *admin) operations() []operation {
	list, one := http.StatusBadRequest, http.StatusNotFound
	replay := get("replay-quarantined", "/quarantine/{id}/replay", "Put a quarantined request through the gate again", one, http.StatusConflict)
	replay.Method, replay.MaxBodyBytes = http.MethodPost, 16<<10
	all := []operation{
		{get("list-runs", "/runs", "Runs and builds, those first seen last at the top", list), ruleRead, answering(a, a.runs)},
		{
			get("get-run", "/runs/{run_id}", "One run or build with its events and receipts, oldest first", one, http.StatusConflict),
			ruleRead, answering(a, a.run),
		},
		{get("list-events", "/events", "Events, newest first", list), ruleRead, answering(a, a.events)},
		{get("get-event", "/events/{id}", "One event", one), ruleRead, answering(a, a.event)},
		{raw("get-event-body", "/events/{id}/body", "An event's body, byte for byte as received", one), ruleRead, answering(a, a.eventBody)},
		{
			get("list-other-bodies", "/events/{id}/other-bodies", "Bodies in which repeats of an event differed from it, oldest first", one),
			ruleRead, answering(a, a.otherBodies),
		},
		{
			raw("get-other-body", "/events/{id}/other-bodies/{receipt_id}", "The body of an event's repeat, byte for byte as received", one),
			ruleRead, answering(a, a.otherBody),
		},
		{get("list-receipts", "/receipts", "Authenticated requests, duplicates included, newest first", list), ruleRead, answering(a, a.receipts)},
		{
			get("list-quarantine", "/quarantine", "Requests that could not become events, those first seen last at the top", list),
			ruleRead, answering(a, a.quarantine),
		},
		{get("get-quarantined", "/quarantine/{id}", "One quarantined request", one), ruleRead, answering(a, a.quarantined)},
		{
			raw("get-quarantined-body", "/quarantine/{id}/body", "A quarantined request's body as received, or its start if it was too large", one),
			ruleRead, answering(a, a.quarantinedBody),
		},
		{replay, ruleOperate, answering(a, a.replay)},
		{
			get("get-stats", "/stats", "Receipts by source, outcome and reason; of the last 24 hours when no time is given"),
			ruleRead, answering(a, a.stats),
		},
	}
	return slices.Concat(all, a.sessionOperations(), a.stormOperations(), a.deliveryOperations(), a.insightOperations())
}

// get describes a GET and the statuses of its problems beside those that every operation has.
func get(id, path, summary string, problems ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary,
		Errors: append(problems, http.StatusUnauthorized, http.StatusServiceUnavailable),
	}
}

// raw describes a GET that answers bytes.
func raw(id, path, summary string, problems ...int) huma.Operation {
	op := get(id, path, summary, problems...)
	op.Responses = map[string]*huma.Response{"200": {
		Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	return op
}

// answering registers an operation whose errors are translated by [admin.problem] and whose work is bounded.
func answering[I, O any](a *admin, answer func(context.Context, *I) (*O, error)) func(huma.API, huma.Operation) {
	return func(api huma.API, op huma.Operation) {
		huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
			ctx, cancel := context.WithTimeout(ctx, adminTimeout)
			defer cancel()
			out, err := answer(ctx, in)
			if err != nil {
				return nil, a.problem(ctx, op.OperationID, err)
			}
			return out, nil
		})
	}
}

// mountAPI registers the operations with their rules and gives their description.
func (a *admin) mountAPI(e *gin.Engine) (description, error) {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "dedupgate admin API", Version: a.Version},
			Servers: []*huma.Server{{URL: apiPrefix}},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true, // a filter with a typo must not select everything
		Transformers:                 []huma.Transformer{withoutToken},
	}
	group := e.Group(apiPrefix)
	api := humagin.NewWithGroup(e, group, config)
	for _, op := range a.operations() {
		op.register(api, op.Operation)
		a.rules[ruleKey(op.Method, apiPrefix+ginPath(op.Path))] = op.rule
	}
	return describe(api)
}

// ginPath writes a path of the API as gin does: {id} is :id.
func ginPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// description is the API's OpenAPI document, made once.
type description struct {
	json, yaml gin.HandlerFunc
}

func describe(api huma.API) (description, error) {
	asJSON, err := api.OpenAPI().MarshalJSON()
	if err != nil {
		return description{}, fmt.Errorf("httpapi: describe the API: %w", err)
	}
	asYAML, err := api.OpenAPI().YAML()
	if err != nil {
		return description{}, fmt.Errorf("httpapi: describe the API: %w", err)
	}
	return description{
		json: func(c *gin.Context) { c.Data(http.StatusOK, "application/openapi+json", asJSON) },
		yaml: func(c *gin.Context) { c.Data(http.StatusOK, "application/openapi+yaml", asYAML) },
	}, nil
}
