package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	testToken  = "dg_app_source_token_0123456789"
	adminToken = "dg_app_admin_token_0123456789"
)

// sender gives up on a gateway that hangs.
var sender = &http.Client{Timeout: 30 * time.Second}

// running is a gateway inside the test process.
type running struct {
	t      *testing.T
	app    *app.App
	path   string // of its configuration
	stop   func() error
	logs   *testkit.Records
	cancel context.CancelFunc
}

// stores are the two ways in which a gateway can be run.
func stores(t *testing.T) map[string]func(t *testing.T) string {
	t.Helper()
	return map[string]func(t *testing.T) string{
		"embedded": func(*testing.T) string { return "" },
		"production": func(t *testing.T) string {
			return fmt.Sprintf("database: {url: %q}\nredis: {mode: single, addresses: [%q]}\n", testkit.Postgres(t), testkit.Redis(t))
		},
	}
}

// start boots a gateway on free ports; extra is YAML on top of what every test needs.
func start(t *testing.T, extra string) *running {
	t.Helper()
	dir := t.TempDir()
	return startIn(t, dir, fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0", token: %q}
sources: [{name: apify, kind: apify, tokens: [{value: %q}]}]
%s`, filepath.Join(dir, "data"), adminToken, testToken, extra))
}

// patient gives Redis time on a machine that does much else, so that what a test expects of it is told. What happens when
// Redis is late is tried where it is made late.
var patient = []string{"DEDUPGATE_DEDUP_REDIS_TIMEOUT=2s", "DEDUPGATE_DEDUP_SETTLE_TIMEOUT=1s"}

func startIn(t *testing.T, dir, yaml string) *running {
	t.Helper()
	r := &running{t: t, path: filepath.Join(dir, "dedupgate.yaml")}
	r.configure(yaml)
	cfg, err := config.Load(r.path, patient)
	if err != nil {
		t.Fatal(err)
	}
	log, logs := testkit.CaptureLogger(t)
	r.logs = logs
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	if r.app, err = app.New(ctx, app.Options{Config: cfg, Path: r.path, Environ: patient, Log: log}); err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.app.Run(ctx, func() time.Duration { return 0 }) }()
	r.stop = func() error {
		cancel()
		err := <-ended
		ended <- nil
		return err
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	testkit.Eventually(t, 20*time.Second, func() error {
		res, err := sender.Get("http://" + r.app.PublicAddr() + "/readyz")
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz: %d", res.StatusCode)
		}
		return nil
	})
	return r
}

// configure replaces the configuration file as editors do.
func (r *running) configure(yaml string) {
	r.t.Helper()
	if err := os.WriteFile(r.path+".new", []byte(yaml), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(r.path+".new", r.path); err != nil {
		r.t.Fatal(err)
	}
}

// answer is what a sender sees.
type answer struct {
	Code        int         `json:"-"`
	Header      http.Header `json:"-"`
	Status      string      `json:"status"`
	Outcome     string      `json:"outcome"`
	Message     string      `json:"message"`
	RunID       *string     `json:"run_id"`
	EventID     string      `json:"event_id"`
	ReceiptID   string      `json:"receipt_id"`
	FirstSeenAt string      `json:"first_seen_at"`
}

func (r *running) send(header http.Header, body []byte) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost,
		"http://"+r.app.PublicAddr()+"/webhooks/apify?token="+testToken, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := sender.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{Code: res.StatusCode, Header: res.Header}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		r.t.Fatalf("answer %d is no JSON: %v", res.StatusCode, err)
	}
	return a
}

// api reads an endpoint of the admin API: into a value, or as raw bytes when into is a *[]byte.
func (r *running) api(path string, into any) {
	r.t.Helper()
	if err := r.tryAPI(path, into); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) tryAPI(path string, into any) error {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.app.AdminAddr()+"/api/v1"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := sender.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d %s", path, res.StatusCode, text)
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = text
		return nil
	}
	return json.Unmarshal(text, into)
}
