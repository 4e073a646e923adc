package config

import (
	"bytes"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/access"
	"github.com/dedupgate/dedupgate/internal/quota"
	"github.com/dedupgate/dedupgate/internal/signature"
)

const hubSource = "sources:\n  - {name: github, kind: generic, identity: {keys: ['header:X-GitHub-Delivery']}, "

func TestAuthThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	signed := func(s string) string { return hubSource + "auth: {signatures: [{" + s + "}]}}\n" }
	good := "scheme: hmac, header: X-Hub-Signature-256, secrets: [{value: abcdefghijklmnop}]"
	for _, test := range []struct{ name, text, key, want string }{
		{"admin listener in the open", "admin: {listen: ':8081'}", "admin.listen", "behind_proxy"},
		{"admin listener on a network", "admin: {listen: '10.0.0.1:8081'}", "admin.listen", "behind_proxy"},
		{"certificate without key", "admin: {tls_cert_file: /x}", "admin.tls_cert_file", "go together"},
		{"short session key", "admin: {session_key: short}", "admin.session_key", "openssl"},
		{"operator without a role", "admin: {tokens: [{name: a, token: abcdefghijklmnop}]}", "admin.tokens[0].role", "none of read, operate, admin"},
		{"operator without a name", "admin: {tokens: [{role: read, token: abcdefghijklmnop}]}", "admin.tokens[0].name", "is empty"},
		{"operator without a token", "admin: {tokens: [{name: a, role: read}]}", "admin.tokens[0]", "exactly one"},
		{
			"two operators of a name", "admin: {tokens: [{name: a, role: read, token: abcdefghijklmnop}, {name: a, role: admin, token: ponmlkjihgfedcba}]}",
			"admin.tokens[1].name", "another token",
		},
		{"a rate in words", "limits: {source: many}", "limits.source", "50/s"},
		{"a rate of none", "limits: {failed_auth: 0/s}", "limits.failed_auth", "write off"},
		{"a source's rate", hubSource + "tokens: [{value: abcdefghijklmnop}], limit: 5}", "sources[0].limit", "50/s"},
		{"a scheme nobody knows", signed("scheme: rsa, secrets: [{value: abcdefghijklmnop}]"), "sources[0].auth.signatures[0].scheme", "none of hmac, standard"},
		{"no header", signed("scheme: hmac, secrets: [{value: abcdefghijklmnop}]"), "sources[0].auth.signatures[0]", "header"},
		{"no secret", signed("scheme: hmac, header: X-S"), "sources[0].auth.signatures[0].secrets", "at least one"},
		{"empty secret", signed("scheme: hmac, header: X-S, secrets: [{}]"), "sources[0].auth.signatures[0].secrets[0]", "exactly one"},
		{"hash nobody knows", signed(good + ", hash: md5"), "sources[0].auth.signatures[0].hash", "sha256"},
		{"content without body", signed(good + ", content: x"), "sources[0].auth.signatures[0]", "{body}"},
		{"time that is not signed", signed(good + ", timestamp_header: X-T"), "sources[0].auth.signatures[0]", "go together"},
		{
			"keys of the other scheme", signed("scheme: standard, header: X-S, secrets: [{value: whsec_YWJjZGVmZ2hpamtsbW5vcA==}]"),
			"sources[0].auth.signatures[0].scheme", "delete the keys",
		},
		{"standard secret that is none", signed("scheme: standard, secrets: [{value: '!'}]"), "sources[0].auth.signatures[0]", "whsec_"},
		{"a choice of one", hubSource + "auth: {require: either, signatures: [{" + good + "}]}}\n", "sources[0].auth.require", "only one"},
		{"token header without tokens", hubSource + "auth: {token_header: X-T, signatures: [{" + good + "}]}}\n", "sources[0].auth.token_header", "no tokens"},
		{
			"token that would be stored",
			"sources:\n  - {name: a, kind: generic, identity: {keys: ['header:x-t']}, tokens: [{value: abcdefghijklmnop}], auth: {token_header: X-T}}\n",
			"sources[0].auth.token_header", "stored",
		},
		{"network that is none", hubSource + "tokens: [{value: abcdefghijklmnop}], auth: {networks: [10.0.0.1]}}", "sources[0].auth.networks[0]", "10.1.2.3/32"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			problems := problemsOf(t, test.text)
			if p := find(t, problems, test.key); !strings.Contains(p.Text, test.want) {
				t.Errorf("got %v, want a text with %q", p, test.want)
			}
			if len(problems) > 1 {
				t.Errorf("further problems:\n%v", problems)
			}
		})
	}
}

func TestAdminListenersThatAreTaken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"admin: {listen: '127.0.0.1:8081'}", "admin: {listen: '[::1]:8081'}", "admin: {listen: 'localhost:8081'}",
		"admin: {listen: ':8081', behind_proxy: true}", "admin: {listen: ':8081', tls_cert_file: /c, tls_key_file: /k}",
	} {
		mustLoad(t, text)
	}
}

func TestASourcesGuardChecksWhatIsConfigured(t *testing.T) {
	t.Parallel()
	file := writeFile(t, filepath.Join(t.TempDir(), "secret"), "It's a Secret to Everybody\n")
	c := mustLoad(t, hubSource+`tokens: [{value: abcdefghijklmnop}], auth: {token_header: x-secret, require: either, networks: [192.0.2.0/24],
		signatures: [{scheme: hmac, header: X-Hub-Signature-256, prefix: sha256=, secrets: [{value_file: `+file+`}]},
		{scheme: standard, tolerance: 0, secrets: [{value: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}]}]}}`)
	g, err := c.Sources[0].Guard(signature.HashToken("made"))
	if err != nil {
		t.Fatal(err)
	}
	from := netip.MustParseAddr("192.0.2.7")
	for name, h := range map[string]http.Header{
		"its header": {"X-Secret": {"abcdefghijklmnop"}},
		"made token": {"Authorization": {"Bearer made"}},
		"GitHub":     {"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
	} {
		v, err := g.Look(url.Values{}, h, from)
		if err == nil {
			err = v.Prove(h, []byte("Hello, World!"), time.Now())
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := g.Look(url.Values{"token": {"made"}}, nil, netip.MustParseAddr("192.0.3.7")); !errors.Is(err, signature.ErrAddress) {
		t.Errorf("from elsewhere: %v", err)
	}
	if got := len(g.Uses()); got != 4 {
		t.Errorf("%d credentials", got)
	}
	if s := c.Sources[0].Auth.Signatures; s[0].Tolerance != Duration(5*time.Minute) || s[1].Tolerance != 0 {
		t.Errorf("tolerances %s and %s", s[0].Tolerance, s[1].Tolerance)
	}
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	if got := mustLoad(t, "").Admin.AccessTokens(); len(got) != 0 {
		t.Errorf("without configuration: %v", got)
	}
	file := writeFile(t, filepath.Join(t.TempDir(), "token"), "from-a-file\n")
	c := mustLoad(t, "admin: {token: the-first, tokens: [{name: eve, role: read, token_file: "+file+"}, {name: bob, role: operate, sha256: "+
		signature.HashToken("hashed").Hex()+"}]}")
	want := []access.Token{
		{Name: "admin", Role: access.Admin, Hash: signature.HashToken("the-first")},
		{Name: "eve", Role: access.Read, Hash: signature.HashToken("from-a-file")},
		{Name: "bob", Role: access.Operate, Hash: signature.HashToken("hashed")},
	}
	for i, got := range c.Admin.AccessTokens() {
		if got != want[i] {
			t.Errorf("got %+v, want %+v", got, want[i])
		}
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "limits: {source: 50/s}\nsources: [{name: a, kind: apify, tokens: [{value: abcdefghijklmnop}], limit: 600/m}, "+
		"{name: b, kind: apify, tokens: [{value: abcdefghijklmnop}]}, {name: c, kind: apify, tokens: [{value: abcdefghijklmnop}], limit: 'off'}]")
	for i, want := range []quota.Quota{{Count: 600, Per: time.Minute}, {Count: 50, Per: time.Second}, {}} {
		if got := c.Quota(&c.Sources[i]); got != want {
			t.Errorf("source %d: %v, want %v", i, got, want)
		}
	}
}

// The secrets of all places, in all forms in which a configuration is shown.
func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	file := writeFile(t, filepath.Join(t.TempDir(), "secret"), canary+"-in-a-file-0123456789")
	c := mustLoad(t, "admin: {token: "+canary+"1, session_key: "+canary+"-which-is-long-enough-for-a-key, tokens: [{name: a, role: read, token: "+canary+
		"2}, {name: b, role: read, token_file: "+file+"}]}\n"+hubSource+"tokens: [{value: "+canary+"3}], auth: {signatures: ["+
		"{scheme: hmac, header: X-S, secrets: [{value: "+canary+"4}, {value_file: "+file+"}]}]}}")
	masked, err := c.YAML(true)
	if err != nil {
		t.Fatal(err)
	}
	full, err := c.YAML(false)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(c.String()+string(masked), canary) {
		t.Errorf("a secret is shown:\n%s", masked)
	}
	if bytes.Contains(full, []byte("in-a-file")) || !bytes.Contains(full, []byte(canary+"4")) {
		t.Errorf("unmasked, without what is in files:\n%s", full)
	}
	if again, err := load("printed.yaml", full, nil); err != nil || again.String() != c.String() {
		t.Errorf("read back: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || !bytes.Contains(text, []byte(c.Admin.Tokens[1].Token.Reveal())) {
		t.Errorf("printing took a secret away: %v", err)
	}
}
