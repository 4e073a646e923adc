package main

import (
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

func aDelivery() view.Delivery {
	next := seenAt.Add(time.Minute)
	return view.Delivery{
		ID: "d1", EventID: "e1", Destination: "app", Replay: 2, Source: "apify", Kind: "run", RunID: "r1", EventType: "ACTOR.RUN.FAILED", Seq: 3,
		State: "retrying", Attempts: 4, CreatedAt: seenAt, UpdatedAt: seenAt, NextAttemptAt: &next, LastStatus: 500, LastError: "answered 500" + hostile,
	}
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	d := aDelivery()
	d.WaitsFor = view.WaitsForBreaker
	api := adminAPI(t, map[string]any{
		"GET /deliveries?destination=app&event_id=e1&limit=51&run_id=r1&source=apify&state=dead": view.Page[view.Delivery]{Items: []view.Delivery{d}},
		"GET /deliveries?limit=51": view.Page[view.Delivery]{Items: []view.Delivery{}},
		"GET /deliveries/d1": view.DeliveryHistory{Delivery: d, Attempts: []view.Attempt{
			{Number: 4, StartedAt: seenAt, TookMillis: 1234, Status: 500, Error: "answered 500", Answer: hostile},
		}, AttemptsCut: true},
		`POST /deliveries/d1/retry {"reason":"why"}`:                                                        view.Changed{Deliveries: 1},
		`POST /deliveries/d1/cancel {"reason":"why"}`:                                                       view.Changed{Deliveries: 1},
		`POST /deliveries/d1/release {"reason":"why"}`:                                                      view.Changed{Deliveries: 1},
		`POST /deliveries/retry {"reason":"why","dry_run":true,"max":9,"destination":"app","state":"dead"}`: view.Changed{DryRun: true, Deliveries: 12},
		`POST /deliveries/d3/retry {"reason":"why"}`:                                                        view.Changed{Deliveries: 1, Held: 1},
		`POST /deliveries/retry {"reason":"why","state":"cancelled","source":"apify"}`:                      view.Changed{Deliveries: 5, Held: 2},
		`POST /deliveries/retry {"reason":"why","state":"cancelled"}`:                                       view.Changed{Deliveries: 1},
		`POST /deliveries/cancel {"reason":"why","source":"apify"}`:                                         view.Changed{Deliveries: 3},
		`POST /deliveries/release {"reason":"why"}`:                                                         view.Changed{},
	})
	ask := func(args ...string) result {
		return execute(t, "", append(append([]string{"deliveries"}, args...), api...)...)
	}

	ask("list", "--destination", "app", "--state", "dead", "--source", "apify", "--run", "r1", "--event", "e1").expect(t, 0,
		"DESTINATION", "app (replay 2)", "retrying", "the breaker", "ACTOR.RUN.FAILED", `answered 500\x1b`)
	ask("list").expect(t, 0, "No deliveries.")
	for waitsFor, text := range map[string]string{
		"breaker": "the breaker", "resume": "its destination: paused", "configuration": "its destination: not configured",
		"earlier": "an earlier event of its run", "": localOf(d.NextAttemptAt),
	} {
		d.WaitsFor = waitsFor
		if got := whatItWaitsFor(&d); got != text {
			t.Errorf("%q: %s", waitsFor, got)
		}
	}
	ask("show", "d1").expect(t, 0, "retrying since", "waits for    the breaker", "event number 3", "TRY", "1.2s", "500", `\x1b`, "There were more before.")
	ask("show", "d1", "--json").expect(t, 0, `"attempts_cut":true`)
	ask("show", "d2").expect(t, 1, "404")

	ask("retry", "d1", "--reason", "why").expect(t, 0, "d1: will be sent again")
	ask("retry", "d1", "d2", "--reason", "why").expect(t, 1, "d1: will be sent again", "d2: the gateway answers 404")
	ask("retry", "d1", "d2", "--reason", "why", "--json").expect(t, 1, `{"id":"d1"}`, `"error":"the gateway answers 404`)
	ask("retry", "--destination", "app", "--dry-run", "--max", "9", "--reason", "why").expect(t, 0, "12 deliveries chosen. Nothing was changed")
	ask("retry", "--all", "--state", "cancelled", "--reason", "why").expect(t, 0, "1 delivery will be sent again.")
	ask("retry", "d3", "--reason", "why").expect(t, 0, "d3: held again. Apify has not confirmed the event; 'dedupgate deliveries release'")
	ask("retry", "d3", "--reason", "why", "--json").expect(t, 0, `{"held":true,"id":"d3"}`)
	ask("retry", "--source", "apify", "--state", "cancelled", "--reason", "why").expect(t, 0, "5 deliveries will be sent again. Held of these: 2.", "deliveries release")
	ask("cancel", "d1", "--reason", "why").expect(t, 0, "d1: cancelled")
	ask("cancel", "--source", "apify", "--reason", "why").expect(t, 0, "3 deliveries cancelled.")
	ask("release", "d1", "--reason", "why").expect(t, 0, "d1: released")
	ask("release", "--all", "--reason", "why", "--json").expect(t, 0, `{"dry_run":false,"deliveries":0}`)

	ask("retry", "--reason", "why").expect(t, 1, "name ids of deliveries, or choose with --destination")
	ask("retry", "d1", "--destination", "app", "--reason", "why").expect(t, 1, "not both")
	ask("cancel", "--all", "--source", "apify", "--reason", "why").expect(t, 1, "leave it out")
	ask("cancel", "--all", "--reason", "why").expect(t, 1, "never cancelled: name ids, or choose with --destination")
	ask("cancel", "d1").expect(t, 2, "--reason")
	ask("retry", "--all", "--state", "pending", "--reason", "why").expect(t, 2, "--state")
}

func TestReplay(t *testing.T) {
	t.Parallel()
	api := adminAPI(t, map[string]any{
		`POST /replay {"reason":"why","event_ids":["e1","e2"],"destination":"app"}`:                       view.Changed{Deliveries: 2, Events: 2, Purged: 1},
		`POST /replay {"reason":"why","dry_run":true,"source":"apify","run_id":"r1","types":["A","B"]}`:   view.Changed{DryRun: true, Deliveries: 4, Events: 2},
		`POST /replay {"reason":"why","since":"2026-09-14T10:00:00Z","destination":"app","missing":true}`: view.Changed{Deliveries: 1, Events: 1},
	})
	ask := func(args ...string) result {
		return execute(t, "", append(append([]string{"replay", "--reason", "why"}, args...), api...)...)
	}
	ask("--event", "e1,e2", "--destination", "app").expect(t, 0, "2 deliveries of 2 events on their way. 1 event left out")
	ask("--run", "r1", "--type", "A,B", "--source", "apify", "--dry-run").expect(t, 0, "4 deliveries of 2 events chosen. Nothing was changed")
	ask("--since", "2026-09-14T10:00:00Z", "--missing", "--destination", "app").expect(t, 0, "1 delivery of 1 event on their way.")
	ask("--type", "A").expect(t, 1, "say which events")
	ask("--since", "1h", "--missing").expect(t, 1, "needs --destination")
	execute(t, "", append([]string{"replay", "--run", "r1"}, api...)...).expect(t, 2, "--reason")
}

func TestDestinations(t *testing.T) {
	t.Parallel()
	oldest := seenAt
	app := view.DestinationStatus{Configured: true, URL: "https://app.example.com/hook", Paused: true, Breaker: "open", BacklogAge: 90_000}
	app.Destination, app.Pending, app.Retrying, app.Dead, app.OldestAt = "app", 7, 8, 9, &oldest
	gone := view.DestinationStatus{}
	gone.Destination = "gone"
	idle := view.DestinationStatus{Configured: true, Breaker: "closed"}
	idle.Destination = "idle"
	api := adminAPI(t, map[string]any{
		"GET /destinations":                              map[string]any{"items": []view.DestinationStatus{app, gone, idle}},
		`POST /destinations/app/pause {"reason":"why"}`:  map[string]any{"paused": true},
		`POST /destinations/app/resume {"reason":"why"}`: map[string]any{"paused": false},
	})
	ask := func(args ...string) result {
		return execute(t, "", append(append([]string{"destinations"}, args...), api...)...)
	}
	ask("list").expect(t, 0, "paused, failing", "not configured", "good", "1m30s", "https://app.example.com/hook")
	ask("list", "--json").expect(t, 0, `"destination":"app","pending":7`, `"breaker":"open"`)
	ask("pause", "app", "--reason", "why").expect(t, 0, "app is paused in all replicas; 'dedupgate destinations resume app --reason …' goes on.")
	ask("resume", "app", "--reason", "why").expect(t, 0, "app goes on.")
	ask("pause", "ap", "--reason", "why").expect(t, 1, "404")
	none := adminAPI(t, map[string]any{"GET /destinations": map[string]any{"items": []view.DestinationStatus{}}})
	execute(t, "", append([]string{"destinations", "list"}, none...)...).expect(t, 0, "No destinations", "replay --missing")
}

func TestStuck(t *testing.T) {
	t.Parallel()
	d := aDelivery()
	orphan := d
	orphan.ID = "d9"
	report := view.StuckReport{
		Runs: []view.Run{{Source: "apify", RunID: "r7", Status: "CREATED"}}, Deliveries: []view.Delivery{d}, Orphaned: []view.Delivery{orphan}, RunsCut: true,
	}
	api := adminAPI(t, map[string]any{
		"GET /stuck?deliveries=48h0m0s&delivering=15m0s&limit=3&runs=24h0m0s":                            report,
		"GET /stuck?deliveries=24h0m0s&delivering=15m0s&limit=50&runs=24h0m0s":                           view.StuckReport{},
		`POST /stuck/clear {"reason":"why","dry_run":true,"deliveries":"24h0m0s","delivering":"1h0m0s"}`: view.Changed{DryRun: true, Deliveries: 2},
		`POST /stuck/clear {"reason":"why","deliveries":"24h0m0s","delivering":"15m0s"}`:                 view.Changed{Deliveries: 2},
	})
	ask := func(args ...string) result {
		return execute(t, "", append(append([]string{"stuck"}, args...), api...)...)
	}
	ask("--deliveries", "2d", "-n", "3").expect(t, 1, "Runs without an end", "r7", "CREATED", "There are more", "d1", "Attempts without an end", "d9")
	ask("list", "--deliveries", "2d", "-n", "3", "--json").expect(t, 1, `"runs_cut":true`)
	ask().expect(t, 0, "Nothing is stuck.")
	ask("clear", "--delivering", "1h", "--dry-run", "--reason", "why").expect(t, 0, "2 deliveries chosen")
	ask("clear", "--reason", "why").expect(t, 0, "2 deliveries cleared.")
	ask("--runs", "soon").expect(t, 2, "want how long")
}
