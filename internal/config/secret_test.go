package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretsPrintAsAMask(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, production, "DEDUPGATE_ADMIN_TOKEN="+canary, "DEDUPGATE_REDIS_PASSWORD="+canary)
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f"} {
		fmt.Fprintf(&printed, verb+"\n", c.Admin.Token)
		fmt.Fprintf(&printed, verb+"\n", c.Database.URL)
		fmt.Fprintf(&printed, verb+"\n", *c)
		fmt.Fprintf(&printed, verb+"\n", c)
		fmt.Fprintf(&printed, verb+"\n", c.Sources)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(h).Info("x", "config", c, "value", *c, "token", c.Admin.Token, "url", c.Database.URL, "sources", c.Sources, "database", c.Database)
	}
	if err := json.NewEncoder(&printed).Encode([]any{c}); err != nil {
		t.Fatal(err)
	}
	hex := fmt.Sprintf("%x", canary)
	if s := printed.String(); strings.Contains(s, canary) || strings.Contains(strings.ToLower(s), hex) {
		t.Errorf("a secret was printed:\n%s", s)
	}
	if !strings.Contains(printed.String(), "postgres://u:***@db:5432/gate") {
		t.Error("the database's URL is not told with its password masked")
	}
	if c.Admin.Token.Reveal() != canary || !strings.Contains(c.Database.URL.Reveal(), canary) {
		t.Error("Reveal does not give the secret")
	}
	if got := fmt.Sprint(Secret("")); got != "" {
		t.Errorf("an empty secret prints as %q: it should be seen that there is none", got)
	}
}

func TestDatabaseURLMasksEveryPassword(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                                  "",
		"postgres://u@h/db":                 "postgres://u@h/db",
		"postgres://u:p@h:5432/db":          "postgres://u:***@h:5432/db",
		"postgres://u:@h/db":                "postgres://u:***@h/db",
		"postgres://u%40x:p%2Fp@h/db":       "postgres://u%40x:***@h/db",
		"postgres://u:p@h1:5432,h2:5432/db": "postgres://u:***@h1:5432,h2:5432/db",
		"postgres://h/db?user=u&password=p&sslmode=off": "postgres://h/db?password=***&sslmode=off&user=u",
		"postgres://h/db?PassWord=p&sslpassword=q&a=b":  "postgres://h/db?PassWord=***&a=b&sslpassword=***",
		"postgres://h/db?p%61ssword=p":                  "postgres://h/db?password=***",
		"postgres:///db?host=/tmp":                      "postgres:///db?host=/tmp",
		"postgres://u:p/p@h/db":                         mask,
		"postgres://u:1/p@h/db":                         mask,
		"postgres://u:1?p@h/db":                         mask,
		"postgres://u:1#p@h/db":                         mask,
		"postgres://u:p@p@h/db":                         mask,
		"postgres://u:p%zz@h/db":                        mask,
		"postgres://h/db?password=%zz":                  mask,
		"host=h password=p":                             mask,
		"u:p":                                           mask,
	} {
		if got := DatabaseURL(url).String(); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

// Every place a secret can be written to by mistake or in the right way, in a file that is refused for that or for
// another reason: no error may show it. problemsOf looks.
func TestErrorsNeverShowASecret(t *testing.T) {
	t.Parallel()
	s := canary
	for _, text := range []string{
		"admin: {token: " + s + ", listen: [x]}",
		"admin: {listen: 80, token: " + s + "}",
		"admin: {tokn: " + s + "}",
		"tokens: " + s,
		"admin: {token_file: " + s + "}",
		"admin: {token: [" + s + "]}",
		"admin: {token: {" + s + ": x}}",
		"admin: {token: " + s + ", token_file: /x}",
		"admin:\n  token: \"" + s + "\\u0007\"",
		"admin:\n  token: |\n    " + s + "\n    " + s + "\n",
		"admin:\n  token: |" + s + "\n    x\n",
		"admin:\n  token: \"" + s + "\n",
		"admin:\n  token: '" + s + "\n",
		"admin:\n  token: " + s + ": " + s + "\n",
		"admin:\n  token: " + s + "\n " + s + "\n",
		"admin:\n  token: @" + s + "\n",
		"admin:\n  token: `" + s + "\n",
		"admin:\n  token: *" + s + "\n",
		"admin:\n  token: &" + s + "\n  listen: x\n",
		"admin:\n  token: !" + s + " [x]\n",
		"admin:\n  token: [" + s + "\n",
		"admin:\n  token: {" + s + "\n",
		"admin:\n\ttoken: " + s + "\n",
		s,
		"- " + s,
		"[" + s + "]",
		"\"" + s + "\": x\n\"" + s + "\": y",
		"database: {url: \"mysql://u:" + s + "@h/db\"}",
		"database: {url: \"postgres://u:%zz" + s + "@h/db\"}",
		"database: {url: " + s + "}",
		"database: {url_file: \"postgres://u:" + s + "@h/db\"}",
		"redis: {addresses: \"redis://:" + s + "@h:6379\"}",
		"redis: {addresses: [\"redis://:" + s + "@h:6379\"]}",
		"redis: {mode: \"redis://:" + s + "@h:6379\"}",
		"http: {public_url: \"https://u:" + s + "@h\"}",
		"http: {public_url: \"https://h/webhooks/apify?token=" + s + "\"}",
		"http: {public_url: \"https://h/webhooks/apify?token=" + s + "\", listn: x}",
		"redis: {sentinel_password: " + s + "}",
		"sources: [{name: a, kind: apify, tokens: [" + s + "]}]",
		"sources: [{name: a, kind: apify, tokens: " + s + "}]",
		"sources: [{name: a, kind: apify, tokens: [{sha256: " + s + "}]}]",
		"sources: [{name: a, kind: apify, tokens: [{value_file: " + s + "}]}]",
		"sources: [{name: a, kind: apify, tokens: [{value: " + s + ", sha256: aa}]}]",
		"sources: [{name: a, kind: apify, token: " + s + "}]",
		"log: {level: x} # " + s,
		"%" + s,
		"--- " + s,
		"a: b\n---\nadmin: {token: " + s + "}",
	} {
		for _, environ := range [][]string{nil, {
			"DEDUPGATE_ADMIN_TOKN=" + s, "DEDUPGATE_ADMIN_TOKEN_FILE=" + s, "DEDUPGATE_DATABASE_URL=mysql://u:" + s + "@h",
			"DEDUPGATE_REDIS_ADDRESSES=redis://:" + s + "@h:1", "DEDUPGATE_SOURCES=" + s, "DEDUPGATE_REDIS_PASSWORD=" + s + "\x00",
		}} {
			problems := problemsOf(t, text, environ...)
			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Error("refused", "error", error(problems))
			if strings.Contains(log.String(), s) {
				t.Errorf("the log shows a secret: %s", log.String())
			}
		}
	}
}
