package app_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify"
	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
	"github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/metrics"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

const (
	apifyToken = "apify_api_0123456789abcdef"
	hookURL    = "https://hooks.example.com/webhooks/apify?token=" + testToken
)

// startAsking boots a gateway that asks an account of Apify's; extra are further keys of its source, in flow style, each
// behind a comma.
func startAsking(t *testing.T, api *apifytest.Server, stores, extra string) *running {
	t.Helper()
	server := api.Start()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	return startIn(t, dir, fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0", public_url: https://hooks.example.com}
admin: {listen: "127.0.0.1:0", token: %q}
apify: {token: %q, url: %q}
sources: [{name: apify, kind: apify, tokens: [{value: %q}]%s}]
%s`, filepath.Join(dir, "data"), adminToken, apifyToken, server.URL, testToken, extra, stores))
}

func (r *running) config() *config.Config {
	r.t.Helper()
	cfg, err := config.Load(r.path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return cfg
}

// runDocument is the run that runEvent n speaks of.
func runDocument(n int) (id string, document apifytest.Document) {
	id = fmt.Sprintf("%017d", n)
	return id, apifytest.Run(id, "SUCCEEDED", time.Date(2026, 9, 14, 8, 4, 21, 640_000_000, time.UTC))
}

func TestWhatApifyDoesNotConfirmIsNotHandedOn(t *testing.T) {
	t.Parallel()
	for name, stores := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, sink := apifytest.New(apifyToken), newSink(t)
			r := startAsking(t, api, stores(t)+"destinations:\n"+destinedTo("app", sink, ""), ", verify: dispatch, hold: true")
			forged := r.send(http.Header{"X-Apify-Webhook-Dispatch-Id": {"1nventedbyastrange"}}, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
			runID, _ := runDocument(2)
			api.PutDispatch(apifytest.Dispatch("SExv8QzmugdNukKjN", "ACTIVE", "w1", hookURL, "ACTOR.RUN.SUCCEEDED", runID, time.Now()))
			true2 := r.send(http.Header{"X-Apify-Webhook-Dispatch-Id": {"SExv8QzmugdNukKjN"}}, runEvent(2, "ACTOR.RUN.SUCCEEDED"))
			if forged.Outcome != "new" || true2.Outcome != "new" {
				t.Fatalf("outcomes %s, %s", forged.Outcome, true2.Outcome)
			}
			r.wantState("?event_id="+true2.EventID, "delivered")
			r.wantState("?event_id="+forged.EventID, "held")
			if got := sink.all(); len(got) != 1 || got[0].Header.Get("Webhook-Id") != true2.EventID {
				t.Errorf("the application has got %d requests", len(got))
			}
		})
	}
}

func TestReconcileBesideARunningGateway(t *testing.T) {
	t.Parallel()
	for name, stores := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, sink := apifytest.New(apifyToken), newSink(t)
			r := startAsking(t, api, stores(t)+"destinations:\n"+destinedTo("app", sink, ""), ", reconcile: runs, verify: dispatch, hold: true")
			finished := time.Now().Add(-time.Hour)
			api.PutWebhook(apifytest.Webhook("w1", hookURL))
			for _, id := range []string{"gaveUp", "untold"} {
				api.PutRun(apifytest.Run(id, "SUCCEEDED", finished))
			}
			api.PutDispatch(apifytest.Dispatch("SExv8QzmugdNukKjN", "FAILED", "w1", hookURL, "ACTOR.RUN.SUCCEEDED", "gaveUp", finished.Add(6*time.Second)))

			pass := func(o apify.PassOptions) apify.Report {
				t.Helper()
				report, err := app.Reconcile(t.Context(), r.config(), o, metrics.Build{Version: "test"}, testkit.Logger(t))
				if err != nil {
					t.Fatal(err)
				}
				return report
			}
			if dry := pass(apify.PassOptions{DryRun: true}); dry.Count(apify.ResultFound) != 2 {
				t.Errorf("a dry run has found %+v", dry.Missing)
			}
			report := pass(apify.PassOptions{})
			if report.Count(apify.ResultInjected) != 2 {
				t.Fatalf("injected: %+v", report.Missing)
			}
			sink.waitFor(t, 2) // by the running gateway, and not held: Apify has said it
			if again := pass(apify.PassOptions{}); len(again.Missing) > 0 {
				t.Errorf("a second pass has found %+v", again.Missing)
			}

			document := apifytest.Run("gaveUp", "SUCCEEDED", finished)
			late := r.send(http.Header{"X-Apify-Webhook-Dispatch-Id": {"SExv8QzmugdNukKjN"}}, fmt.Appendf(nil,
				`{"eventType":"ACTOR.RUN.SUCCEEDED","eventData":{"actorRunId":"gaveUp"},"resource":{"finishedAt":%q}}`, document["finishedAt"]))
			if late.Outcome != "duplicate" || late.EventID != report.Missing[0].EventID && late.EventID != report.Missing[1].EventID {
				t.Errorf("a late retry is %s", late.Outcome)
			}
			var receipts view.Page[view.Receipt]
			r.api("/receipts?event_id="+late.EventID, &receipts)
			if n := len(receipts.Items); n == 0 || receipts.Items[n-1].Via != "reconciled" {
				t.Errorf("receipts: %+v", receipts.Items)
			}
		})
	}
}

func TestTheDoctorAsksApify(t *testing.T) {
	t.Parallel()
	api := apifytest.New(apifyToken)
	api.PutWebhook(apifytest.Webhook("w1", hookURL))
	api.PutWebhook(apifytest.Webhook("w2", hookURL+"x"))
	r := startAsking(t, api, "", "")
	found, err := app.DoctorApify(t.Context(), r.config(), metrics.Build{})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, f := range found {
		told = append(told, string(f.Level)+" "+f.Check+" "+f.Webhook)
	}
	if got := strings.Join(told, ", "); got != "error wrong_secret w2, ok webhook w1, warning twins w2" && got != "ok webhook w1, error wrong_secret w2, warning twins w1" {
		t.Errorf("found %s", got)
	}
}

func TestAskingApifyNeedsAToken(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	if _, err := app.DoctorApify(t.Context(), cfg, metrics.Build{}); err == nil || !strings.Contains(err.Error(), "apify.token is not set") {
		t.Errorf("doctor: %v", err)
	}
	_, err := app.Reconcile(t.Context(), cfg, apify.PassOptions{}, metrics.Build{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "apify.token is not set") {
		t.Errorf("reconcile: %v", err)
	}
}

// An API token is replaced, and set at all, in a running gateway.
func TestTheAPITokenReloads(t *testing.T) {
	t.Parallel()
	api, sink := apifytest.New(apifyToken), newSink(t)
	server := api.Start()
	t.Cleanup(server.Close)
	runID, _ := runDocument(1)
	api.PutDispatch(apifytest.Dispatch(trueDispatch, "ACTIVE", "w1", hookURL, "ACTOR.RUN.SUCCEEDED", runID, time.Now()))
	dir := t.TempDir()
	yaml := func(token, extra string) string {
		return fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0", public_url: https://hooks.example.com}
admin: {listen: "127.0.0.1:0", token: %q}
apify: {token: %q, url: %q}
sources: [{name: apify, kind: apify, tokens: [{value: %q}]%s}]
destinations:
%s`, filepath.Join(dir, "data"), adminToken, token, server.URL, testToken, extra, destinedTo("app", sink, ""))
	}
	reloaded := 0
	r := startIn(t, dir, yaml("", ""))
	reload := func(yaml string) {
		t.Helper()
		reloaded++
		r.configure(yaml)
		testkit.Eventually(t, 20*time.Second, func() error {
			if n := len(r.logs.With("configuration reloaded")); n < reloaded {
				return fmt.Errorf("reloaded %d of %d times", n, reloaded)
			}
			return nil
		})
	}
	if unasked := r.send(nil, runEvent(7, "ACTOR.RUN.FAILED")); unasked.Outcome != "new" {
		t.Fatal(unasked.Outcome)
	}
	sink.waitFor(t, 1) // nobody can be asked, and nothing is held
	reload(yaml("apify_api_that_is_no_longer_good", ", verify: dispatch, hold: true"))
	told := r.send(http.Header{"X-Apify-Webhook-Dispatch-Id": {trueDispatch}}, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
	testkit.Eventually(t, 20*time.Second, func() error {
		if !strings.Contains(r.scrape(), `dedupgate_verifications_total{result="failed",source="apify"}`) {
			return errors.New("nobody was asked")
		}
		return nil
	})
	r.wantState("?event_id="+told.EventID, "held")
	reload(yaml(apifyToken, ", verify: dispatch, hold: true"))
	r.wantState("?event_id="+told.EventID, "delivered")
	for _, w := range r.logs.With("configuration keys changed that need a restart; until then their old values stay in force") {
		t.Errorf("%v", w)
	}
}
