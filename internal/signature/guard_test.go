package signature_test

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/signature"
)

var (
	localhost  = netip.MustParseAddr("127.0.0.1")
	someMoment = time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC)
)

func newGuard(t testing.TB, o signature.GuardOptions) *signature.Guard {
	t.Helper()
	g, err := signature.NewGuard(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// enter shows everything to the guard and gives its answer.
func enter(g *signature.Guard, query string, h http.Header, body string, from netip.Addr) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	v, err := g.Look(values, h, from)
	if err != nil {
		return err
	}
	return v.Prove(h, []byte(body), someMoment)
}

func TestGuardWantsWhatIsConfigured(t *testing.T) {
	t.Parallel()
	tokens := []signature.Token{signature.HashToken("old"), signature.HashToken("new")}
	schemes := []signature.Scheme{github(t, "another", githubSecret), standard(t, 0, standardSecret)}
	none, signed := http.Header{}, header("X-Hub-Signature-256", githubSignature)
	forged := header("X-Hub-Signature-256", "sha256=00")
	guards := map[string]signature.GuardOptions{
		"token":  {Tokens: tokens},
		"signed": {Schemes: schemes},
		"both":   {Tokens: tokens, Schemes: schemes},
		"either": {Tokens: tokens, Schemes: schemes, Either: true},
	}
	cases := []struct {
		guard, query string
		header       http.Header
		want         error
	}{
		{"token", "token=new", none, nil},
		{"token", "token=old", none, nil},
		{"token", "", none, signature.ErrNoToken},
		{"token", "token=wrong", none, signature.ErrWrongToken},
		{"token", "", signed, signature.ErrNoToken},
		{"signed", "", signed, nil},
		{"signed", "token=new", none, signature.ErrNoSignature},
		{"signed", "token=new", forged, signature.ErrWrongSignature},
		{"both", "token=new", signed, nil},
		{"both", "token=new", none, signature.ErrNoSignature},
		{"both", "token=new", forged, signature.ErrWrongSignature},
		{"both", "", signed, signature.ErrNoToken},
		{"both", "token=wrong", signed, signature.ErrWrongToken},
		{"either", "token=new", none, nil},
		{"either", "token=new", forged, nil},
		{"either", "", signed, nil},
		{"either", "token=wrong", signed, nil},
		{"either", "token=wrong", forged, signature.ErrWrongSignature},
		{"either", "token=wrong", none, signature.ErrWrongToken},
		{"either", "", none, signature.ErrNoToken},
	}
	for _, c := range cases {
		g := newGuard(t, guards[c.guard])
		if err := enter(g, c.query, c.header, githubBody, localhost); !errors.Is(err, c.want) {
			t.Errorf("%s, %q, %v: %v, want %v", c.guard, c.query, c.header, err, c.want)
		}
		if err := enter(g.Decoy(), c.query, c.header, githubBody, localhost); err == nil {
			t.Errorf("%s, %q, %v: the decoy lets it in", c.guard, c.query, c.header)
		}
	}
	standardGuard := newGuard(t, guards["signed"])
	if err := enter(standardGuard, "", standardHeader(standardSignature), standardBody, localhost); err != nil {
		t.Errorf("the second scheme: %v", err)
	}
	if _, err := signature.NewGuard(signature.GuardOptions{}); err == nil {
		t.Error("a guard that guards nothing")
	}
}

func TestTheBodyIsReadOnlyFromWhoMaySign(t *testing.T) {
	t.Parallel()
	g := newGuard(t, signature.GuardOptions{Schemes: []signature.Scheme{github(t, githubSecret)}})
	v, err := g.Look(nil, header("X-Hub-Signature-256", githubSignature), localhost)
	if err != nil || !v.NeedsBody() {
		t.Errorf("signed: %v, %v", v.NeedsBody(), err)
	}
	if _, err := g.Look(nil, http.Header{}, localhost); !errors.Is(err, signature.ErrNoSignature) {
		t.Errorf("unsigned: %v", err)
	}
	g = newGuard(t, signature.GuardOptions{Tokens: []signature.Token{signature.HashToken("t")}})
	if v, err := g.Look(url.Values{"token": {"t"}}, nil, localhost); err != nil || v.NeedsBody() {
		t.Errorf("token: %v, %v", v.NeedsBody(), err)
	}
}

func TestTheTokensOwnHeader(t *testing.T) {
	t.Parallel()
	g := newGuard(t, signature.GuardOptions{Tokens: []signature.Token{signature.HashToken("right")}, TokenHeader: "x-apify-webhook-secret"})
	two := header("X-Apify-Webhook-Secret", "right")
	two.Add("X-Apify-Webhook-Secret", "right")
	for _, c := range []struct {
		name, query string
		header      http.Header
		in          bool
	}{
		{"its header", "", header("X-Apify-Webhook-Secret", "right"), true},
		{"a wrong one there hides the query", "token=right", header("X-Apify-Webhook-Secret", "wrong"), false},
		{"the query", "token=right", http.Header{}, true},
		{"bearer", "", header("Authorization", "Bearer right"), true},
		{"twice", "", two, false},
		{"another header", "", header("X-Webhook-Secret", "right"), false},
		{"oversized", "", header("X-Apify-Webhook-Secret", strings.Repeat("x", signature.MaxToken+1)), false},
	} {
		if err := enter(g, c.query, c.header, "", localhost); (err == nil) != c.in {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestOnlyTheListedNetworks(t *testing.T) {
	t.Parallel()
	g := newGuard(t, signature.GuardOptions{
		Tokens:   []signature.Token{signature.HashToken("right")},
		Networks: []netip.Prefix{netip.MustParsePrefix("3.215.64.207/32"), netip.MustParsePrefix("2001:db8::/32")},
	})
	for from, in := range map[string]bool{
		"3.215.64.207": true, "::ffff:3.215.64.207": true, "2001:db8::1": true, "2001:db8::1%eth0": true,
		"3.215.64.208": false, "127.0.0.1": false, "2001:db9::1": false,
	} {
		err := enter(g, "token=right", nil, "", netip.MustParseAddr(from))
		if (err == nil) != in || err != nil && !errors.Is(err, signature.ErrAddress) {
			t.Errorf("from %s: %v", from, err)
		}
	}
	if err := enter(g, "token=right", nil, "", netip.Addr{}); !errors.Is(err, signature.ErrAddress) {
		t.Errorf("from nowhere: %v", err)
	}
}

func TestLastUsesOutliveAReload(t *testing.T) {
	t.Parallel()
	old, next := signature.HashToken("old"), signature.HashToken("next")
	g := newGuard(t, signature.GuardOptions{Tokens: []signature.Token{old}, Schemes: []signature.Scheme{github(t, githubSecret)}})
	if err := enter(g, "token=old", header("X-Hub-Signature-256", githubSignature), githubBody, localhost); err != nil {
		t.Fatal(err)
	}
	if err := enter(g, "token=wrong", nil, "", localhost); err == nil {
		t.Fatal("a wrong token is right")
	}
	h := newGuard(t, signature.GuardOptions{
		Tokens: []signature.Token{next, old}, Schemes: []signature.Scheme{github(t, "newer", githubSecret)},
	})
	h.Inherit(g)
	want := []signature.Use{
		{Credential: "token " + next.String()},
		{Credential: "token " + old.String(), Last: someMoment},
		{Credential: "X-Hub-Signature-256 secret 1"},
		{Credential: "X-Hub-Signature-256 secret 2", Last: someMoment},
	}
	for i, got := range h.Uses() {
		if got != want[i] {
			t.Errorf("got %+v, want %+v", got, want[i])
		}
	}
}

func TestAHalfProvenRequestUsesNoCredential(t *testing.T) {
	t.Parallel()
	g := newGuard(t, signature.GuardOptions{
		Tokens: []signature.Token{signature.HashToken("right")}, Schemes: []signature.Scheme{github(t, githubSecret)},
	})
	if err := enter(g, "token=right", header("X-Hub-Signature-256", "sha256=00"), githubBody, localhost); err == nil {
		t.Fatal("let in")
	}
	for _, u := range g.Uses() {
		if !u.Last.IsZero() {
			t.Errorf("%s counts as used", u.Credential)
		}
	}
}
