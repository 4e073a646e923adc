package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryKeyHasAVariable(t *testing.T) {
	t.Parallel()
	file := writeFile(t, filepath.Join(t.TempDir(), "secret"), "postgres://u:p@h/db")
	for _, s := range settings(Default()) {
		if slices.Contains(fileOnly, s.key) {
			continue
		}
		if foreign.MatchString(s.variable()) {
			t.Errorf("%s is taken for a variable that is not ours", s.variable())
		}
		text := "5000"
		switch s.value.Interface().(type) {
		case Duration:
			text = "2d"
		case bool:
			text = "true"
		case DatabaseURL:
			text = "postgres://h/db"
		}
		if slices.Contains([]string{"limits.source", "limits.client", "limits.failed_auth", "limits.storm"}, s.key) {
			text = "7/m"
		}
		if strings.HasSuffix(s.key, "_file") {
			text = file
		}
		c := Default()
		if problems := overlay(c, []string{s.variable() + "=" + text}, map[string]origin{}); problems != nil {
			t.Errorf("%s: %v", s.variable(), problems)
			continue
		}
		if cmp.Equal(Default(), c) {
			t.Errorf("%s changes nothing", s.variable())
		}
	}
}

func TestTheEnvironmentLiesOverTheFile(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "http: {listen: ':1', max_body: 1MiB, trusted_proxies: [bad, 10.0.0.0/8]}",
		"DEDUPGATE_HTTP_LISTEN=:2", "DEDUPGATE_HTTP_MAX_BODY=", "DEDUPGATE_HTTP_TRUSTED_PROXIES=10.1.0.0/16, 10.2.0.0/16,")
	if c.HTTP.Listen != ":2" {
		t.Errorf("http.listen is %q, want that of the environment", c.HTTP.Listen)
	}
	if c.HTTP.MaxBody != MiB {
		t.Errorf("http.max_body is %v: a variable without a value must set nothing", c.HTTP.MaxBody)
	}
	if diff := cmp.Diff([]string{"10.1.0.0/16", "10.2.0.0/16"}, c.HTTP.TrustedProxies); diff != "" {
		t.Errorf("http.trusted_proxies (-want +got):\n%s", diff)
	}
}

func TestProblemsNameTheVariable(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, "dedup:\n  window: 3d\nredis:\n  addresses: [a, b]\n",
		"DEDUPGATE_DEDUP_WINDOW=1ms", "DEDUPGATE_DEDUP_LEASE=10", "DEDUPGATE_REDIS_ADDRESSES=a:1,b", "DEDUPGATE_REDIS_TLS=on",
		"DEDUPGATE_DEDUP_HITS_CAP=many")
	want := strings.Join([]string{
		`DEDUPGATE_DEDUP_HITS_CAP: dedup.hits_cap: "many" is no whole number`,
		`DEDUPGATE_DEDUP_LEASE: dedup.lease: "10" is no duration; write it like 20ms, 15s, 72h or 90d`,
		`DEDUPGATE_DEDUP_WINDOW: dedup.window: 1ms is too little; the least is 1s`,
		`DEDUPGATE_REDIS_ADDRESSES: redis.addresses[1]: "b" is no address; write host:port, without redis:// and without a password`,
		`DEDUPGATE_REDIS_ADDRESSES: redis.addresses: are set, but redis.mode is embedded and uses none; set redis.mode to single, sentinel or cluster`,
		`DEDUPGATE_REDIS_TLS: redis.tls: "on" is neither true nor false`,
	}, "\n")
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestVariablesThatSetNothingAreErrors(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]string{
		"DEDUPGATE_DEDUP_WINDWO":           "sets no key; did you mean DEDUPGATE_DEDUP_WINDOW?",
		"DEDUPGATE_REDIS_ADDRESS":          "sets no key; did you mean DEDUPGATE_REDIS_ADDRESSES?",
		"DEDUPGATE_FOO":                    "sets no key; unset it, or correct it to DEDUPGATE_ and the key in capitals, as in DEDUPGATE_HTTP_LISTEN",
		"DEDUPGATE_dedup_window":           "sets no key; unset it",
		"DEDUPGATE_SOURCES":                "sources can't be set from the environment",
		"DEDUPGATE_SOURCES_0_TOKENS_VALUE": "sources can't be set from the environment",
		"DEDUPGATE_":                       "sets no key",
	} {
		problems := problemsOf(t, "", variable+"="+canary)
		if len(problems) != 1 || problems[0].Variable != variable || !strings.HasPrefix(problems[0].Text, want) {
			t.Errorf("%s: got %v, want %q", variable, problems, want)
		}
	}
}

// A service called dedupgate puts its address into the environment of every pod of its namespace, our own included.
func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"DEDUPGATE_CONFIG", "DEDUPGATE_API_URL", "DEDUPGATE_API_TOKEN", "DEDUPGATE_TEST_POSTGRES_URL", "DEDUPGATE_TEST_X",
		"DEDUPGATE_SERVICE_HOST", "DEDUPGATE_SERVICE_PORT", "DEDUPGATE_SERVICE_PORT_HTTP", "DEDUPGATE_PORT",
		"DEDUPGATE_PORT_8080_TCP", "DEDUPGATE_PORT_8080_TCP_PROTO", "DEDUPGATE_PORT_8080_TCP_PORT", "DEDUPGATE_PORT_8080_TCP_ADDR",
		"DEDUPGATE_REDIS_SERVICE_HOST", "DEDUPGATE_REDIS_PORT_6379_TCP_ADDR", "DEDUPGATE_ADMIN_PORT",
		"DEDUPGATES_X", "XDEDUPGATE_FOO", "dedupgate_foo",
	} {
		if _, err := load("", nil, []string{name + "=x"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAVariableReplacesTheOtherWayOfGivingASecret(t *testing.T) {
	t.Parallel()
	file := writeFile(t, filepath.Join(t.TempDir(), "secret"), "from the file\n")
	c := mustLoad(t, "admin: {token_file: /missing}", "DEDUPGATE_ADMIN_TOKEN=from the environment")
	if c.Admin.Token != "from the environment" || c.Admin.TokenFile != "" {
		t.Errorf("got token %q and file %q", c.Admin.Token.Reveal(), c.Admin.TokenFile)
	}
	c = mustLoad(t, "admin: {token: from the configuration}", "DEDUPGATE_ADMIN_TOKEN_FILE="+file)
	if c.Admin.Token != "from the file" {
		t.Errorf("got token %q", c.Admin.Token.Reveal())
	}
}
