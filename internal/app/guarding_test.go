package app_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// webhook sends a body to a source and gives the answer's status and headers.
func (r *running) webhook(target string, header http.Header, body string) (int, http.Header) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.app.PublicAddr()+target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	res, err := sender.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, res.Header
}

func event(run string) string {
	return fmt.Sprintf(`{"eventType":"ACTOR.RUN.SUCCEEDED","eventData":{"actorRunId":%q},"resource":{"finishedAt":"2026-09-14T08:04:21.640Z"}}`, run)
}

const shopSecret = "hush-this-is-the-secret-of-the-shop"

func guarded(dir, limits, tokens string) string {
	return fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0", token: %q}
limits: {%s}
sources:
  - {name: apify, kind: apify, tokens: [%s]}
  - {name: shop, kind: generic, identity: {keys: ["header:X-Shopify-Webhook-Id"]}, auth: {signatures: [
      {scheme: hmac, header: X-Shopify-Hmac-Sha256, encoding: base64, secrets: [{value: %q}]}]}}
  - {name: relay, kind: generic, identity: {keys: ["header:Webhook-Id"]}, auth: {signatures: [
      {scheme: standard, secrets: [{value: whsec_aGVsbG8tdGhpcy1pcy1hLXNlY3JldA==}]}]}}
`, filepath.Join(dir, "data"), adminToken, limits, tokens, shopSecret)
}

func macOf(secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// standardly signs as Standard Webhooks do, at a time.
func standardly(id, body string, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signature := "v1," + base64.StdEncoding.EncodeToString(macOf("hello-this-is-a-secret", id+"."+stamp+"."+body))
	return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
}

func TestSignedSendersAndReplays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startIn(t, dir, guarded(dir, "", "{value: "+testToken+"}"))
	shop := http.Header{
		"X-Shopify-Hmac-Sha256": {base64.StdEncoding.EncodeToString(macOf(shopSecret, `{"order":1}`))}, "X-Shopify-Webhook-Id": {"w1"},
	}
	if code, _ := r.webhook("/webhooks/shop", shop, `{"order":1}`); code != http.StatusOK {
		t.Errorf("the shop: %d", code)
	}
	if code, _ := r.webhook("/webhooks/shop", shop, `{"order":2}`); code != http.StatusUnauthorized {
		t.Errorf("another body: %d", code)
	}

	now := time.Now()
	for name, c := range map[string]struct {
		at   time.Time
		code int
	}{
		"now": {now, 200}, "four minutes ago": {now.Add(-4 * time.Minute), 200}, "an hour ago": {now.Add(-time.Hour), 401},
		"in an hour": {now.Add(time.Hour), 401},
	} {
		if code, _ := r.webhook("/webhooks/relay", standardly(name, "{}", c.at), "{}"); code != c.code {
			t.Errorf("signed %s: %d, want %d", name, code, c.code)
		}
	}
	// A replay within the tolerance is a duplicate: the ledger is the second line.
	for range 2 {
		if code, header := r.webhook("/webhooks/relay", standardly("now", "{}", now), "{}"); code != http.StatusOK ||
			!strings.HasPrefix(header.Get("X-Dedup-Outcome"), "duplicate") {
			t.Errorf("a replay: %d %s", code, header.Get("X-Dedup-Outcome"))
		}
	}
}

func TestALimitedSourceStillAnswersItsRepeats(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r := startIn(t, dir, guarded(dir, "source: 3/h", "{value: "+testToken+"}")+store(t))
			target := "/webhooks/apify?token=" + testToken
			for i := range 3 {
				if code, _ := r.webhook(target, nil, event("run"+strconv.Itoa(i))); code != http.StatusOK {
					t.Fatalf("event %d: %d", i, code)
				}
			}
			code, header := r.webhook(target, nil, event("run3"))
			if after, _ := strconv.Atoi(header.Get("Retry-After")); code != http.StatusTooManyRequests || after < 1 {
				t.Errorf("the fourth: %d, Retry-After %q", code, header.Get("Retry-After"))
			}
			for range 50 {
				if code, header := r.webhook(target, nil, event("run1")); code != http.StatusOK || !strings.HasPrefix(header.Get("X-Dedup-Outcome"), "duplicate") {
					t.Fatalf("a repeat: %d %s", code, header.Get("X-Dedup-Outcome"))
				}
			}
			r.configure(guarded(dir, "source: 'off'", "{value: "+testToken+"}"))
			testkit.Eventually(t, 10*time.Second, func() error {
				if code, _ := r.webhook(target, nil, event("run3")); code != http.StatusOK {
					return fmt.Errorf("after the reload: %d", code)
				}
				return nil
			})
		})
	}
}

func TestTheLastUseOfATokenIsShown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startIn(t, dir, guarded(dir, "", "{value: old-token-0123456789}"))
	if code, _ := r.webhook("/webhooks/apify?token=old-token-0123456789", nil, event("r1")); code != http.StatusOK {
		t.Fatalf("%d", code)
	}
	r.configure(guarded(dir, "", "{value: "+testToken+"}, {value: old-token-0123456789}"))
	testkit.Eventually(t, 10*time.Second, func() error {
		var list view.SourceList
		if err := r.tryAPI("/sources", &list); err != nil {
			return err
		}
		uses := list.Items[0].Credentials
		if len(uses) != 2 || uses[0].LastUsedAt != nil || uses[1].LastUsedAt == nil {
			return fmt.Errorf("credentials %+v", uses)
		}
		return nil
	})
}

func TestStormsAreShown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startIn(t, dir, guarded(dir, "storm: 20/m", "{value: "+testToken+"}"))
	for range 30 {
		r.webhook("/webhooks/apify?token="+testToken, http.Header{"X-Apify-Webhook-Dispatch-Id": {"SExv8QzmugdNukKjN"}}, event("stormy"))
	}
	var storms view.Storms
	r.api("/storms", &storms)
	if len(storms.Items) != 2 || storms.Rate != "20/m" || storms.Items[0].Repeats != 29 {
		t.Errorf("%+v", storms)
	}
	for _, s := range storms.Items {
		if s.Source != "apify" || s.Name != map[string]string{"run": "stormy", "dispatch": "SExv8QzmugdNukKjN"}[s.By] {
			t.Errorf("%+v", s)
		}
	}
}

// Every secret of the configuration, and every token that somebody guesses, is looked for in everything that gets out.
func TestNoSecretGetsOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startIn(t, dir, guarded(dir, "", "{value: "+testToken+"}"))
	r.webhook("/webhooks/apify?token="+testToken, http.Header{"Authorization": {"Bearer canary-guess-1"}}, event("r1"))
	r.webhook("/webhooks/apify?token=canary-guess-2", http.Header{"Authorization": {"Bearer canary-guess-1"}}, event("r1"))
	r.webhook("/webhooks/canary-guess-3", http.Header{"X-Shopify-Hmac-Sha256": {"canary-guess-4"}}, "{}")
	r.webhook("/webhooks/shop", http.Header{"X-Shopify-Hmac-Sha256": {"canary-guess-4"}}, "{}")
	out := bytes.NewBufferString(r.logs.Text())
	for _, path := range []string{"/receipts", "/events", "/quarantine", "/config", "/sources", "/status", "/audit", "/stats", "/storms"} {
		var text []byte
		r.api(path, &text)
		out.Write(text)
	}
	res, err := sender.Get("http://" + r.app.AdminAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(out, res.Body); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "dedupgate_storms{") || !strings.Contains(out.String(), `"r1"`) {
		t.Fatal("nothing was looked at")
	}
	for _, secret := range []string{
		testToken, adminToken, shopSecret, "aGVsbG8tdGhpcy1pcy1hLXNlY3JldA==", "canary-guess",
		hex.EncodeToString(macOf(shopSecret, "{}")), base64.StdEncoding.EncodeToString(macOf(shopSecret, "{}")),
	} {
		if at := strings.Index(out.String(), secret); at >= 0 {
			t.Errorf("%s… gets out: …%s…", secret[:8], out.String()[max(0, at-200):at])
		}
	}
}

func TestOperatorsTokensReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	yaml := func(tokens string) string {
		return strings.Replace(guarded(dir, "", "{value: "+testToken+"}"), "admin: {", "admin: {tokens: ["+tokens+"], ", 1)
	}
	r := startIn(t, dir, yaml("{name: eve, role: read, token: eves-token-0123456789}"))
	as := func(token, method, path string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.app.AdminAddr()+"/api/v1"+path, strings.NewReader(`{"reason":"a test"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		res, err := sender.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	const replay = "/quarantine/0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10/replay"
	if code := as("eves-token-0123456789", http.MethodGet, "/runs"); code != http.StatusOK {
		t.Errorf("reading: %d", code)
	}
	if code := as("eves-token-0123456789", http.MethodPost, replay); code != http.StatusForbidden {
		t.Errorf("changing: %d", code)
	}
	r.configure(yaml("{name: eve, role: operate, token: eves-token-0123456789}"))
	testkit.Eventually(t, 10*time.Second, func() error {
		if code := as("eves-token-0123456789", http.MethodPost, replay); code != http.StatusNotFound {
			return fmt.Errorf("changing after the reload: %d", code)
		}
		return nil
	})
	r.configure(yaml(""))
	testkit.Eventually(t, 10*time.Second, func() error {
		if code := as("eves-token-0123456789", http.MethodGet, "/runs"); code != http.StatusUnauthorized {
			return fmt.Errorf("after it was taken out: %d", code)
		}
		return nil
	})
}
