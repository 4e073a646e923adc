package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/storm"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// embeddedGateway serves the embedded default in this process and gives the flags that reach it: of the webhook, and of
// the admin API.
func embeddedGateway(t *testing.T) (webhook, api []string) {
	t.Helper()
	return gatewayWith(t, "")
}

// gatewayWith is an embedded gateway with a configuration file of this text.
func gatewayWith(t *testing.T, yaml string) (webhook, api []string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "dedupgate.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{"DEDUPGATE_DATA_DIR=" + dir, "DEDUPGATE_HTTP_LISTEN=127.0.0.1:0", "DEDUPGATE_ADMIN_LISTEN=127.0.0.1:0"}
	cfg, err := config.Load(path, environ)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	a, err := app.New(ctx, app.Options{Config: cfg, Path: path, Environ: environ, Build: build(), Log: testkit.Logger(t)})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() time.Duration { return 0 }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	hello := a.Welcome()
	token, err := readToken(dir + "/" + keptWebhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--url", "http://" + hello.PublicAddr + "/webhooks/apify?token=" + token, "--data-dir", dir},
		[]string{"--api", "http://" + hello.AdminAddr, "--data-dir", dir}
}

func TestCommandsAgainstAGateway(t *testing.T) {
	t.Parallel()
	webhook, api := embeddedGateway(t)
	send := func(args ...string) result {
		return execute(t, "", append(append([]string{"send"}, args...), webhook...)...)
	}
	ask := func(args ...string) result { return execute(t, "", append(args, api...)...) }

	send("succeeded_first_attempt", "--times", "2").expect(t, 0, "200 new; reason=first_seen", "200 duplicate; reason=")
	send("succeeded_other_webhook").expect(t, 0, "200 duplicate; reason=")
	send("created").expect(t, 0, "200 late")
	send("test_event").expect(t, 0, "200 test")
	send("malformed_missing_ids", "-H", dispatchHeader+":").expect(t, 0, "200 quarantined; reason=no_identity")

	ask("runs").expect(t, 0, "ojue2pKvaKRjkewuJ", "SUCCEEDED")
	ask("runs", "ojue2pKvaKRjkewuJ").expect(t, 0, "late: the run had moved on", "a retry", "another webhook")
	ask("events", "--type", "TEST").expect(t, 0, "TEST")
	ask("runs", "no-such-run").expect(t, 1, "404")
	ask("advise", "apify").expect(t, 0, "repeats are known")
	ask("advise", "nobody").expect(t, 1, `no such source: "nobody"; there are apify`, "'dedupgate advise' lists")

	var kept struct{ ID string }
	if r := ask("quarantine", "list", "--json"); json.Unmarshal([]byte(r.out), &kept) != nil || kept.ID == "" {
		t.Fatal(r)
	}
	ask("quarantine", "show", kept.ID).expect(t, 0, "no_identity")
	ask("quarantine", "replay", kept.ID, "--reason", "to see").expect(t, 1, "still quarantined")
}

func TestStormAgainstAGateway(t *testing.T) {
	t.Parallel()
	webhook, api := embeddedGateway(t)
	args := append(append([]string{"storm", "--runs", "60", "--seed", "11", "--tests", "0.2"}, webhook[:2]...), api...)
	execute(t, "", args...).expect(t, 0, "seed", "60 runs", "Nothing lost, nothing doubled, nothing went back.", "sending")
	execute(t, "", args...).expect(t, 1, "seed 11 was played against this gateway before")
	r := execute(t, "", append(args, "--seed", "12", "--json")...)
	var report storm.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || r.code != 0 || report.Seed != 12 || report.Runs != 60 || !report.OK() {
		t.Error(err, r)
	}
}

func TestStormWithASink(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	webhook, api := gatewayWith(t, fmt.Sprintf("destinations: [{name: storm, url: 'http://%s/dedupgate-storm', secret: %s, test: true}]", address, secret))
	args := append(append([]string{"storm", "--runs", "60", "--tests", "0.2", "--sink", "--sink-listen", address, "--sink-secret-file", tokenFile(t, secret)},
		webhook[:2]...), api...)
	execute(t, "", args...).expect(t, 0, "events arrived, 0 arrivals more", "Nothing lost, nothing doubled, nothing went back.")
	execute(t, "", append([]string{"destinations", "list"}, api...)...).expect(t, 0, "storm", "good", "http://"+address+"/dedupgate-storm")
	execute(t, "", append([]string{"deliveries", "list", "--state", "delivered", "-n", "2"}, api...)...).expect(t, 0, "delivered", "There are more")
	execute(t, "", append([]string{"replay", "--since", "1h", "--type", "TEST", "--dry-run", "--reason", "to see"}, api...)...).expect(t, 0, "chosen")
}

func TestStormAgainstALiar(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case !strings.HasPrefix(r.URL.Path, "/api/"): // everything is accepted, and nothing kept
			now := time.Now()
			_ = json.NewEncoder(w).Encode(map[string]any{
				"status": "accepted", "outcome": "new", "event_id": dedup.NewID(now).String(), "receipt_id": dedup.NewID(now).String(),
			})
		case strings.Count(r.URL.Path, "/") > 3:
			problem(w, http.StatusNotFound, "none")
		default:
			_, _ = io.WriteString(w, `{"items":[]}`)
		}
	}))
	t.Cleanup(server.Close)
	execute(t, "", "storm", "-n", "5", "--url", server.URL+"/webhooks/apify?token="+sourceSecret, "--api", server.URL, "--patience", "1s").expect(t, 1,
		"lost: ", "which is not there", "doubled: ", "receipts: ")
	execute(t, "", "storm", "--webhooks", "9", "--url", server.URL, "--api", server.URL).expect(t, 1, "must be 1, 2 or 3")
}
