package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
)

// askingConfig is the configuration of an embedded gateway that asks an account of Apify's.
func askingConfig(t *testing.T, api *apifytest.Server) string {
	t.Helper()
	server := api.Start()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	path := filepath.Join(dir, "dedupgate.yaml")
	text := fmt.Sprintf(`data_dir: %q
http: {public_url: https://hooks.example.com}
apify: {token: %s, url: %q}
sources: [{name: apify, kind: apify, tokens: [{value: %s}]}]
`, filepath.Join(dir, "data"), testToken, server.URL, testToken)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const hookURL = "https://hooks.example.com/webhooks/apify?token=" + testToken

func TestReconcile(t *testing.T) {
	t.Parallel()
	api := apifytest.New(testToken)
	cfg := askingConfig(t, api)
	at := time.Now().Add(-time.Hour)
	api.PutWebhook(apifytest.Webhook("w1", hookURL))
	execute(t, "", "reconcile", "-c", cfg).expect(t, 0, "looked at 0 dispatches and 0 runs since", "nothing is missing")

	api.PutRun(apifytest.Run("runA", "SUCCEEDED", at))
	api.PutDispatch(apifytest.Dispatch("d1", "FAILED", "w1", hookURL, "ACTOR.RUN.SUCCEEDED", "runA", at))
	execute(t, "", "reconcile", "-c", cfg, "--dry-run").expect(t, 1, "gave_up", "found", "runA", "1, last answered 503", "1 missing (dry run: nothing was done)")
	execute(t, "", "reconcile", "-c", cfg, "--since", "3h").expect(t, 0, "injected", "looked at 1 dispatch and 0 runs", "1 missing and injected")
	execute(t, "", "reconcile", "-c", cfg, "--json").expect(t, 0, `"dispatches":1`, `"missing":[]`)
}

func TestReconcileSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dedupgate.yaml")
	if err := os.WriteFile(path, []byte("data_dir: "+t.TempDir()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	execute(t, "", "reconcile", "-c", path).expect(t, 1, "apify.token is not set")
	execute(t, "", "doctor", "apify", "-c", path).expect(t, 1, "apify.token is not set")
}

func TestDoctorApify(t *testing.T) {
	t.Parallel()
	api := apifytest.New(testToken)
	cfg := askingConfig(t, api)
	api.PutWebhook(apifytest.Webhook("w1", hookURL))
	execute(t, "", "doctor", "apify", "-c", cfg).expect(t, 0, "ok       w1")
	bad := apifytest.Webhook("w2", "https://hooks.example.com/webhooks/apify")
	bad["description"] = hostile
	api.PutWebhook(bad)
	execute(t, "", "doctor", "apify", "-c", cfg).expect(t, 1, "error    w2", "shows no token")
	execute(t, "", "doctor", "apify", "-c", cfg, "--json").expect(t, 1, `"check":"no_secret"`)
}
