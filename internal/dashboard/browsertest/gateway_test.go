package browsertest

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
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/dashboard"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	adminToken  = "dg_browser_admin_token_0123456789"
	readToken   = "dg_browser_read_token_01234567890"
	sourceToken = "dg_browser_source_token_012345678"
	// signingSecret is of the destinations.
	signingSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// gateway runs inside the test process.
type gateway struct {
	t       *testing.T
	app     *app.App
	webhook string // its URL with the token
}

// startGateway boots an embedded gateway on free ports; extra is YAML on top of what every test needs.
func startGateway(t *testing.T, extra string) *gateway {
	t.Helper()
	pages, err := dashboard.New()
	if err != nil {
		t.Fatal(err)
	}
	if !pages.Built() {
		t.Fatal("the dashboard's pages are not built: run make ui, then try again")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "dedupgate.yaml")
	yaml := fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0", token: %q, tokens: [{name: onlooker, role: read, token: %q}]}
%s`, filepath.Join(dir, "data"), adminToken, readToken, extra)
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, app.Options{Config: cfg, Path: path, Log: testkit.Logger(t)})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() time.Duration { return 0 }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	g := &gateway{t: t, app: a, webhook: a.Welcome().WebhookURL}
	if g.webhook == "" {
		g.webhook = "http://" + a.PublicAddr() + "/webhooks/apify?token=" + sourceToken
	}
	return g
}

// page is the address of a page.
func (g *gateway) page(path string) string { return "http://" + g.app.AdminAddr() + path }

// answer is what a sender sees.
type answer struct {
	Code      int    `json:"-"`
	Outcome   string `json:"outcome"`
	RunID     string `json:"run_id"`
	EventID   string `json:"event_id"`
	ReceiptID string `json:"receipt_id"`
}

// send posts a body as Apify does.
func (g *gateway) send(header http.Header, body []byte) answer {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.webhook, bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	maps.Copy(req.Header, header)
	var a answer
	a.Code = g.do(req, &a)
	return a
}

// api asks the admin API; body nil is a GET.
func (g *gateway) api(path string, body, into any) {
	g.t.Helper()
	method, content := http.MethodGet, io.Reader(http.NoBody)
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			g.t.Fatal(err)
		}
		method, content = http.MethodPost, bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.page("/api/v1"+path), content)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	if code := g.do(req, into); code != http.StatusOK {
		g.t.Fatalf("%s %s: %d", method, path, code)
	}
}

func (g *gateway) do(req *http.Request, into any) int {
	g.t.Helper()
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		g.t.Fatalf("%s: answer %d is no JSON: %s", req.URL.Path, res.StatusCode, text)
	}
	return res.StatusCode
}

// runEnd is a body in the shape of Apify's default payload.
func runEnd(runID, event, finishedAt string) []byte {
	return fmt.Appendf(nil, `{"eventType":%q,"eventData":{"actorId":"zdoEemL5RrvCPG8vu","actorRunId":%q},`+
		`"resource":{"id":%q,"status":"SUCCEEDED","finishedAt":%q}}`, event, runID, runID, finishedAt)
}

// dispatch is the header that a dispatch's attempts share.
func dispatch(id string) http.Header { return http.Header{"X-Apify-Webhook-Dispatch-Id": {id}} }

// destination is a destination in YAML; more are further keys in flow style, each behind a comma.
func destination(name, url, more string) string {
	return fmt.Sprintf("destinations: [{name: %s, url: %q, secret: %q, allow_http: true, allow_private_cidrs: [127.0.0.0/8]%s}]\n",
		name, url, signingSecret, strings.TrimSpace(more))
}
