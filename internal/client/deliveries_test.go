package client_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/view"
)

func TestRequestsAboutDeliveries(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 9, 14, 10, 0, 0, 0, time.FixedZone("", 7200))
	filter := view.DeliveryFilter{Range: view.Range{Since: at}, Destination: "app", State: "dead", Source: "apify", RunID: "r", EventID: "e"}
	act := view.Act{Actor: "ignored", Reason: "why", DryRun: true, Max: 5}
	tests := map[string]struct {
		call func(context.Context, *client.Client) error
		want string
	}{
		"deliveries": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Deliveries(ctx, view.DeliveryQuery{DeliveryFilter: filter, Paging: view.Paging{Limit: 7, Cursor: "c"}})
			return err
		}, "GET /api/v1/deliveries?cursor=c&destination=app&event_id=e&limit=7&run_id=r&since=2026-09-14T08%3A00%3A00Z&source=apify&state=dead"},
		"a delivery": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Delivery(ctx, "d")
			return err
		}, "GET /api/v1/deliveries/d"},
		"retry of one": {func(ctx context.Context, c *client.Client) error {
			_, err := c.RetryDelivery(ctx, "d", act)
			return err
		}, `POST /api/v1/deliveries/d/retry {"reason":"why"}`},
		"cancel of one": {func(ctx context.Context, c *client.Client) error {
			_, err := c.CancelDelivery(ctx, "d", act)
			return err
		}, `POST /api/v1/deliveries/d/cancel {"reason":"why"}`},
		"release of one": {func(ctx context.Context, c *client.Client) error {
			_, err := c.ReleaseDelivery(ctx, "d", act)
			return err
		}, `POST /api/v1/deliveries/d/release {"reason":"why"}`},
		"retry of many": {func(ctx context.Context, c *client.Client) error {
			_, err := c.RetryDeliveries(ctx, view.DeliverySelection{DeliveryFilter: filter}, act)
			return err
		}, `POST /api/v1/deliveries/retry {"reason":"why","dry_run":true,"max":5,"since":"2026-09-14T08:00:00Z",` +
			`"destination":"app","state":"dead","source":"apify","run_id":"r","event_id":"e"}`},
		"cancel of many": {func(ctx context.Context, c *client.Client) error {
			_, err := c.CancelDeliveries(ctx, view.DeliverySelection{IDs: []string{"a", "b"}}, view.Act{Reason: "why"})
			return err
		}, `POST /api/v1/deliveries/cancel {"reason":"why","ids":["a","b"]}`},
		"release of many": {func(ctx context.Context, c *client.Client) error {
			_, err := c.ReleaseDeliveries(ctx, view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{Source: "s"}}, view.Act{Reason: "why"})
			return err
		}, `POST /api/v1/deliveries/release {"reason":"why","source":"s"}`},
		"replay": {func(ctx context.Context, c *client.Client) error {
			s := view.ReplaySelection{EventIDs: []string{"e"}, RunID: "r", Types: []string{"T"}, Source: "s", Destination: "app"}
			_, err := c.ReplayEvents(ctx, s, false, view.Act{Reason: "why"})
			return err
		}, `POST /api/v1/replay {"reason":"why","event_ids":["e"],"destination":"app","source":"s","run_id":"r","types":["T"]}`},
		"backfill": {func(ctx context.Context, c *client.Client) error {
			_, err := c.ReplayEvents(ctx, view.ReplaySelection{Range: view.Range{Until: at}, Destination: "app"}, true, view.Act{Reason: "why"})
			return err
		}, `POST /api/v1/replay {"reason":"why","until":"2026-09-14T08:00:00Z","destination":"app","missing":true}`},
		"destinations": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Destinations(ctx)
			return err
		}, "GET /api/v1/destinations"},
		"pause": {func(ctx context.Context, c *client.Client) error {
			return c.PauseDestination(ctx, "app", "why")
		}, `POST /api/v1/destinations/app/pause {"reason":"why"}`},
		"resume": {func(ctx context.Context, c *client.Client) error {
			return c.ResumeDestination(ctx, "app", "why")
		}, `POST /api/v1/destinations/app/resume {"reason":"why"}`},
		"stuck": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Stuck(ctx, view.StuckQuery{Runs: time.Hour, Delivering: time.Minute, Limit: 3})
			return err
		}, "GET /api/v1/stuck?delivering=1m0s&limit=3&runs=1h0m0s"},
		"clear stuck": {func(ctx context.Context, c *client.Client) error {
			_, err := c.ClearStuck(ctx, view.StuckQuery{Deliveries: time.Hour}, act)
			return err
		}, `POST /api/v1/stuck/clear {"reason":"why","dry_run":true,"max":5,"deliveries":"1h0m0s"}`},
	}
	for name, tt := range tests {
		t.Run(name+" ask for just that", func(t *testing.T) {
			t.Parallel()
			var got string
			c := gateway(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = strings.TrimSpace(r.Method + " " + r.URL.RequestURI() + " " + string(body))
				answer(http.StatusOK, "application/json", "{}")(w, r)
			})
			if err := tt.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("asked %s\nwant  %s", got, tt.want)
			}
		})
	}
}
