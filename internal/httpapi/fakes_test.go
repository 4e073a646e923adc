package httpapi

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

// testToken opens the sources of [newRig].
const testToken = "dg_correct-horse-battery-staple"

type fakeGate func(ctx context.Context, in *dedup.Inbound) (dedup.Verdict, error)

func (f fakeGate) Admit(ctx context.Context, in *dedup.Inbound) (dedup.Verdict, error) {
	return f(ctx, in)
}

type fakeKeeper func(ctx context.Context, in *dedup.Inbound, size int64) error

func (f fakeKeeper) KeepOversize(ctx context.Context, in *dedup.Inbound, size int64) error {
	return f(ctx, in, size)
}

type fakeSources map[string]*source.Source

func (f fakeSources) Lookup(name string) (*source.Source, bool) { s, ok := f[name]; return s, ok }

func (fakeSources) Decoy(string) *signature.Guard { return tokenDecoy }

// tokenDecoy asks for a token, as the source apify does.
var tokenDecoy = func() *signature.Guard {
	guard, err := signature.NewGuard(signature.GuardOptions{Tokens: []signature.Token{{}, {}}})
	if err != nil {
		panic(err)
	}
	return guard.Decoy()
}()

type fakeHealth struct {
	database, stopping bool
	redis              string
}

func (f *fakeHealth) DatabaseTakesWrites() bool { return f.database }
func (f *fakeHealth) Redis() string             { return f.redis }
func (f *fakeHealth) Stopping() bool            { return f.stopping }

// fakeMeter remembers what it was told.
type fakeMeter struct {
	mu       sync.Mutex
	inFlight int
	receipts []string
	refused  []string
}

func (f *fakeMeter) InFlight(delta int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight += delta
}

func (f *fakeMeter) Receipt(source string, v dedup.Verdict, _ time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.receipts = append(f.receipts, source+" "+string(v.Outcome)+" "+string(v.Reason))
}

func (f *fakeMeter) Refused(code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = append(f.refused, code)
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// lines are the log's entries.
func (l *logBuffer) lines(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(l.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		all = append(all, entry)
	}
	return all
}

// rig is a public handler with everything around it faked.
type rig struct {
	opts  Options
	meter *fakeMeter
	log   *logBuffer

	mu       sync.Mutex
	admitted []*dedup.Inbound
	kept     []keptRequest
}

type keptRequest struct {
	in   *dedup.Inbound
	size int64
}

// firstSeen is the verdict that a rig's gate gives unless a test says otherwise.
var firstSeen = dedup.Verdict{
	Outcome: dedup.OutcomeNew, Reason: dedup.ReasonFirstSeen,
	EventID: dedup.NewID(time.Date(2026, 9, 14, 10, 0, 0, 123e6, time.UTC)), Seq: 1,
}

// newRig has the sources "apify" and "generic", a limit of 256 KiB, and a gate that takes everything as new.
func newRig(t testing.TB) *rig {
	t.Helper()
	bodyHash, err := source.ParsePlace("body:sha256")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{meter: &fakeMeter{}, log: &logBuffer{}}
	r.opts = Options{
		Sources: fakeSources{
			"apify": newSource(t, source.Options{Name: "apify", Kind: source.Apify}),
			"generic": newSource(t, source.Options{
				Name: "generic", Kind: source.Generic, Keys: []source.Place{bodyHash},
			}),
			"signed": newSource(t, source.Options{
				Name: "signed", Kind: source.Generic, Keys: []source.Place{bodyHash}, Guard: signedGuard(t, signature.GuardOptions{}),
			}),
			"strict": newSource(t, source.Options{Name: "strict", Kind: source.Apify, QuarantineStatus: 422}),
		},
		Gate:     fakeGate(func(context.Context, *dedup.Inbound) (dedup.Verdict, error) { return firstSeen, nil }),
		Oversize: fakeKeeper(func(context.Context, *dedup.Inbound, int64) error { return nil }),
		Health:   &fakeHealth{database: true, redis: "up"},
		Meter:    r.meter,
		MaxBody:  func() int64 { return 256 << 10 },
		Log:      slog.New(slog.NewJSONHandler(r.log, nil)),
	}
	return r
}

const testSecret = "It's a Secret to Everybody"

// signedGuard wants GitHub's signature with the secret of the tests, beside what the options say.
func signedGuard(t testing.TB, o signature.GuardOptions) *signature.Guard {
	t.Helper()
	scheme, err := signature.NewHMAC(signature.HMACOptions{
		Header: "X-Hub-Signature-256", Prefix: "sha256=", Secrets: []string{"another", testSecret},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Schemes = []signature.Scheme{scheme}
	guard, err := signature.NewGuard(o)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

// signedRequest is one to the source signed, with the right signature.
func signedRequest(body string) *http.Request {
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte(body))
	req := httptest.NewRequest(http.MethodPost, "/webhooks/signed", strings.NewReader(body))
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return req
}

// from makes the request come from an address.
func from(ip string, req *http.Request) *http.Request {
	req.RemoteAddr = net.JoinHostPort(ip, "4711")
	return req
}

func newSource(t testing.TB, o source.Options) *source.Source {
	t.Helper()
	o.Tokens = []signature.Token{signature.HashToken("another"), signature.HashToken(testToken)}
	o.Default = source.Windows{Window: time.Hour, Lease: time.Second}
	s, err := source.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// handler records what reaches gate and keeper, and hands it on to the fakes of the options.
func (r *rig) handler(t testing.TB) http.Handler {
	t.Helper()
	o := r.opts
	o.Gate = fakeGate(func(ctx context.Context, in *dedup.Inbound) (dedup.Verdict, error) {
		r.mu.Lock()
		r.admitted = append(r.admitted, in)
		r.mu.Unlock()
		return r.opts.Gate.Admit(ctx, in)
	})
	o.Oversize = fakeKeeper(func(ctx context.Context, in *dedup.Inbound, size int64) error {
		r.mu.Lock()
		r.kept = append(r.kept, keptRequest{in, size})
		r.mu.Unlock()
		return r.opts.Oversize.KeepOversize(ctx, in, size)
	})
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// all gives what has reached gate and keeper.
func (r *rig) all() ([]*dedup.Inbound, []keptRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.admitted, r.kept
}

// verdict makes the gate give this one.
func (r *rig) verdict(v dedup.Verdict) {
	r.opts.Gate = fakeGate(func(context.Context, *dedup.Inbound) (dedup.Verdict, error) { return v, nil })
}

// fails makes the gate fail.
func (r *rig) fails(err error) {
	r.opts.Gate = fakeGate(func(context.Context, *dedup.Inbound) (dedup.Verdict, error) { return dedup.Verdict{}, err })
}

// post sends a body to the source apify with the right token.
func (r *rig) post(t testing.TB, body string) *httptest.ResponseRecorder {
	t.Helper()
	return r.send(t, webhookRequest("apify", body))
}

func (r *rig) send(t testing.TB, req *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r.handler(t).ServeHTTP(w, req)
	return w
}

func webhookRequest(source, body string) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/webhooks/"+source+"?token="+testToken, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Apify-Webhook-Dispatch-Id", "DtGy4pXcKbYw1ZqRs")
	return req
}

// succeeded is Apify's default body for a run that ended well, compact as Apify sends it.
func succeeded(t testing.TB) string {
	t.Helper()
	sample, ok := samples.Get("succeeded")
	if !ok {
		t.Fatal("no sample succeeded")
	}
	return string(sample.Compact())
}

func decode(t testing.TB, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatalf("answer %q: %v", w.Body, err)
	}
	return m
}
