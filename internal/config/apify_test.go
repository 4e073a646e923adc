package config

import (
	"strings"
	"testing"
)

func TestAskingApifyIsChecked(t *testing.T) {
	t.Parallel()
	const public = "http: {public_url: https://hooks.example.com}\n"
	const asked = public + "apify: {token: " + canary + "}\n"
	for _, test := range []struct{ name, text, key, want string }{
		{"a token without a public address", "apify: {token: " + canary + "}", "http.public_url", "is empty, but apify.token is set"},
		{"a token that would travel in the clear", "apify: {url: http://api.apify.com}", "apify.url", "is no address of an API"},
		{"a URL with a token", public + "apify: {url: 'https://x/?token=y'}", "apify.url", "is no address of an API"},
		{"passes without a pause", "apify: {reconcile_every: 1s}", "apify.reconcile_every", "1s is too little; the least is 1m"},
		{"verify without a token", "sources: [{name: apify, kind: apify, verify: dispatch}]", "sources[0].verify", "needs an API token"},
		{"hold without verify", asked + "sources: [{name: apify, kind: apify, hold: true}]", "sources[0].hold", "would hold deliveries for ever"},
		{"runs without a token", "sources: [{name: apify, kind: apify, reconcile: runs}]", "sources[0].reconcile", "needs an API token"},
		{
			"Actors without runs", asked + "sources: [{name: apify, kind: apify, reconcile_also: ['actor:x']}]",
			"sources[0].reconcile_also", "is for reconcile: runs only",
		},
		{
			"neither Actor nor task", asked + "sources: [{name: apify, kind: apify, reconcile: runs, reconcile_also: [x/y]}]",
			"sources[0].reconcile_also[0]", "names no Actor or task",
		},
		{
			"another sender", asked + "sources: [{name: g, kind: generic, tokens: [{value: abcdefghijklmnop}], identity: {keys: ['query:x']}, verify: run}]",
			"sources[0].verify", "is for kind apify only",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if p := find(t, problemsOf(t, test.text), test.key); !strings.Contains(p.Text, test.want) {
				t.Errorf("got %q, want %q in it", p.Text, test.want)
			}
		})
	}
	c := mustLoad(t, asked+"sources: [{name: apify, kind: apify, verify: dispatch, hold: true, reconcile: runs, reconcile_also: ['actor:x', 'task:y']}]")
	if text, err := c.YAML(true); err != nil || strings.Contains(string(text), canary) {
		t.Errorf("printed: %v\n%s", err, text)
	}
}

func TestTheTokenOfApifyCanBeInAFile(t *testing.T) {
	t.Parallel()
	path := writeFile(t, t.TempDir()+"/token", canary+"\n")
	c := mustLoad(t, "http: {public_url: https://hooks.example.com}", "DEDUPGATE_APIFY_TOKEN_FILE="+path)
	if c.Apify.Token.Reveal() != canary {
		t.Error("not read")
	}
}
