package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	// The processes run what this package builds: a change of the gateway must make a cached test result void.
	_ "github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

// The secrets of every gateway in these tests.
const (
	sourceToken = "dg_chaos_source_token_0123456789"
	adminToken  = "dg_chaos_admin_token_0123456789"
)

// binary builds the gateway once a test process, with the race detector when the tests have it.
var binary = sync.OnceValues(func() (string, error) {
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", "chaos", "dedupgate"))
	if err != nil {
		return "", err
	}
	args := []string{"build", "-o", path}
	if raceEnabled {
		path += "-race"
		args = []string{"build", "-race", "-o", path}
	}
	if err := readCommand(); err != nil {
		return "", err
	}
	out, err := exec.Command("go", append(args, "github.com/dedupgate/dedupgate/cmd/dedupgate")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the gateway: %w\n%s", err, out)
	}
	return path, nil
})

// readCommand opens the files of the command, which no import of this package reaches: Go's test cache then knows that a
// result depends on them.
func readCommand() error {
	files, err := filepath.Glob(filepath.Join("..", "..", "cmd", "dedupgate", "*.go"))
	if err == nil && len(files) == 0 {
		err = errors.New("the command's files are not where they were")
	}
	for _, name := range files {
		if _, readErr := os.ReadFile(name); readErr != nil {
			err = errors.Join(err, readErr)
		}
	}
	return err
}

func TestMain(m *testing.M) { testkit.Main(m) }

// gateway is one process of the gateway in production mode.
type gateway struct {
	t      *testing.T
	name   string
	public string // host:port
	admin  string
	config string
	log    *syncBuffer

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	err    error
}

// newGateway writes a configuration; Start starts the process.
func newGateway(t *testing.T, name, databaseURL, redisAddr string, extra ...string) *gateway {
	t.Helper()
	g := &gateway{
		t: t, name: name, log: &syncBuffer{},
		public: fmt.Sprintf("127.0.0.1:%d", freePort(t)), admin: fmt.Sprintf("127.0.0.1:%d", freePort(t)),
	}
	dir := t.TempDir()
	g.config = filepath.Join(dir, "dedupgate.yaml")
	text := fmt.Sprintf(`data_dir: %q
http: {listen: %q}
admin: {listen: %q, token: %q}
log: {format: json}
database: {url: %q}
redis: {mode: single, addresses: [%q]}
sources:
  - {name: apify, kind: apify, tokens: [{value: %q}]}
%s`, filepath.Join(dir, "data"), g.public, g.admin, adminToken, databaseURL, redisAddr, sourceToken, strings.Join(extra, "\n"))
	if err := os.WriteFile(g.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Kill()
		if t.Failed() {
			t.Logf("last lines of gateway %s:\n%s", name, g.log.tail(40))
		}
	})
	return g
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := throwaway.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// startGateway starts a gateway and waits until it is ready.
func startGateway(t *testing.T, name, databaseURL, redisAddr string, extra ...string) *gateway {
	t.Helper()
	g := newGateway(t, name, databaseURL, redisAddr, extra...)
	g.Start()
	g.WaitReady()
	return g
}

// Start starts the process, again after Kill or Stop. It dies with the test process.
func (g *gateway) Start() {
	g.t.Helper()
	path, err := binary()
	if err != nil {
		g.t.Fatal(err)
	}
	cmd := exec.Command(path, "serve", "--config", g.config)
	cmd.Stdout, cmd.Stderr = g.log, g.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	exited := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cmd, g.exited = cmd, exited
	go func() {
		err := cmd.Wait()
		g.mu.Lock()
		g.err = err
		g.mu.Unlock()
		close(exited)
	}()
}

// WaitReady waits until /readyz is 200.
func (g *gateway) WaitReady() {
	g.t.Helper()
	testkit.Eventually(g.t, 30*time.Second, func() error {
		select {
		case <-g.exited:
			g.t.Fatalf("gateway %s ended: %v\n%s", g.name, g.err, g.log.tail(20))
		default:
		}
		return g.ready()
	})
}

func (g *gateway) ready() error {
	res, err := sender.Get("http://" + g.public + "/readyz")
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("readyz: %d %s", res.StatusCode, body)
	}
	return nil
}

// Kill ends the process at once, as a crash does, and waits until it is gone.
func (g *gateway) Kill() { _ = g.signal(syscall.SIGKILL) }

// Terminate asks the process to stop and gives its exit error.
func (g *gateway) Terminate() error {
	g.t.Helper()
	return g.signal(syscall.SIGTERM)
}

func (g *gateway) signal(sig syscall.Signal) error {
	g.mu.Lock()
	cmd, exited := g.cmd, g.exited
	g.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(sig)
	select {
	case <-exited:
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		g.t.Errorf("gateway %s did not end within a minute of %s", g.name, sig)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// WebhookURL is what would be pasted into Apify.
func (g *gateway) WebhookURL() string {
	return "http://" + g.public + "/webhooks/apify?token=" + sourceToken
}

// sender opens as many connections as a test wants and follows no redirect.
var sender = &http.Client{
	Timeout: 60 * time.Second,
	Transport: &http.Transport{
		MaxIdleConnsPerHost: 512,
	},
}

// answer is what a sender sees.
type answer struct {
	Code      int     `json:"-"`
	Status    string  `json:"status"`
	Outcome   string  `json:"outcome"`
	Message   string  `json:"message"`
	RunID     *string `json:"run_id"`
	EventID   string  `json:"event_id"`
	ReceiptID string  `json:"receipt_id"`
	Reason    string  `json:"-"` // from X-Dedup-Outcome
}

// send delivers one webhook.
func (g *gateway) send(dispatchID string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, g.WebhookURL(), bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Apify-Webhook-Dispatch-Id", dispatchID)
	res, err := sender.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{Code: res.StatusCode}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("answer %d is no JSON: %w", res.StatusCode, err)
	}
	if _, reason, ok := strings.Cut(res.Header.Get("X-Dedup-Outcome"), "reason="); ok {
		a.Reason = reason
	}
	return a, nil
}

// mustSend delivers one webhook and wants an outcome.
func (g *gateway) mustSend(dispatchID string, body []byte, outcome string) answer {
	g.t.Helper()
	a, err := g.send(dispatchID, body)
	if err != nil {
		g.t.Fatal(err)
	}
	if a.Code != http.StatusOK || a.Outcome != outcome {
		g.t.Fatalf("gateway %s answered %d %s/%s, want 200 %s", g.name, a.Code, a.Outcome, a.Reason, outcome)
	}
	return a
}

// api reads one endpoint of the admin API.
func (g *gateway) api(path string, into any) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+g.admin+"/api/v1"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := sender.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		return fmt.Errorf("%s: %d %s", path, res.StatusCode, text)
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// metric reads one sample of /metrics by its name and labels, as they are printed.
func (g *gateway) metric(name string) (float64, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+g.admin+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := sender.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(text), "\n"+name+" ")
	if !ok {
		return 0, fmt.Errorf("/metrics (%d) has no %s", res.StatusCode, name)
	}
	value, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(value, 64)
}

// syncBuffer collects a process's output.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *syncBuffer) tail(lines int) string {
	all := strings.Split(strings.TrimSpace(b.String()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
