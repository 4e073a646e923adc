package config

import (
	"strconv"
	"strings"
	"testing"
)

// Each configuration is refused for one key, with a text that says what to do.
func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	pg := "database: {url: 'postgres://h/db'}\nsources: [{name: apify, kind: apify, tokens: [{value: a-token-of-some-length}]}]\n"
	src := func(s string) string {
		return "sources:\n  - {name: a, kind: apify, tokens: [{value: a-token-of-some-length}], " + s + "}\n"
	}
	gen := func(s string) string {
		return "sources:\n  - {name: a, kind: generic, tokens: [{value: a-token-of-some-length}], " + s + "}\n"
	}
	for _, test := range []struct{ name, text, key, want string }{
		{"data folder without a name", `data_dir: ""`, "data_dir", "is empty"},
		{"listen address without port", "http: {listen: localhost}", "http.listen", "write host:port"},
		{"listen address with a named port", "http: {listen: ':http'}", "http.listen", "write host:port"},
		{"listen address with a high port", "admin: {listen: ':65536'}", "admin.listen", "write host:port"},
		{"listen address with a path", "http: {listen: 'http://x:80'}", "http.listen", "write host:port"},
		{"one address for both listeners", "http: {listen: '127.0.0.1:80'}\nadmin: {listen: '127.0.0.1:80'}", "admin.listen", "port of its own"},
		{"public URL without scheme", "http: {public_url: hooks.example.com}", "http.public_url", "https://hooks.example.com"},
		{"header timeout over the whole", "http: {read_header_timeout: 21s}", "http.read_header_timeout", "lower it"},
		{"answers cut off", "http: {write_timeout: 8s}", "http.write_timeout", "raise it"},
		{"admin token too long to show", "admin: {token: " + strings.Repeat("x", 513) + "}", "admin.token", "shorter"},
		{
			"database URL of another kind", strings.Replace(pg, "postgres", "mysql", 1) + "redis: {mode: single, addresses: ['h:1']}",
			"database.url", "postgres://",
		},
		{"PostgreSQL with embedded Redis", pg, "redis.mode", "set it to single"},
		{
			"Redis with embedded database", src("window: 4d") + "redis: {mode: single, addresses: ['h:1']}",
			"database.url", "set redis.mode to embedded",
		},
		{"more committers than connections", "database: {committers: 17}", "database.committers", "lower it"},
		{"addresses nobody uses", "redis: {addresses: ['h:1']}", "redis.addresses", "set redis.mode"},
		{"two addresses of a single Redis", pg + "redis: {mode: single, addresses: ['h:1', 'h:2']}", "redis.addresses", "exactly one"},
		{"no address of a single Redis", pg + "redis: {mode: single}", "redis.addresses", "exactly one"},
		{"no address of a cluster", pg + "redis: {mode: cluster}", "redis.addresses", "at least one"},
		{"address without port", pg + "redis: {mode: single, addresses: [h]}", "redis.addresses[0]", "write host:port"},
		{"sentinels without a primary", pg + "redis: {mode: sentinel, addresses: ['h:1']}", "redis.master_name", "give the name"},
		{
			"primary without sentinels", pg + "redis: {mode: single, addresses: ['h:1'], master_name: m}",
			"redis.master_name", "mode sentinel only",
		},
		{
			"sentinel password without sentinels", pg + "redis: {mode: single, addresses: ['h:1'], sentinel_password: p}",
			"redis.sentinel_password", "mode sentinel only",
		},
		{"numbered database in a cluster", pg + "redis: {mode: cluster, addresses: ['h:1'], db: 1}", "redis.db", "set it to 0"},
		{
			"certificates without TLS", pg + "redis: {mode: single, addresses: ['h:1'], tls_ca_file: /x}",
			"redis.tls_ca_file", "set redis.tls",
		},
		{"window below lease", "dedup: {window: 10s}", "dedup.window", "raise the window"},
		{"Redis may take all the time", "dedup: {redis_timeout: 8s}", "dedup.redis_timeout", "lower it"},
		{"settling may take all the time", "dedup: {settle_timeout: 8s}", "dedup.settle_timeout", "lower it"},
		{"batch above queue", "dedup: {batch_requests: 200, queue_requests: 100}", "dedup.batch_requests", "lower it"},
		{"batch above queue in bytes", "dedup: {batch_bytes: 300MiB}", "dedup.batch_bytes", "lower it"},
		{"body above queue", "http: {max_body: 10MiB}\ndedup: {queue_bytes: 9MiB}", "dedup.queue_bytes", "raise it"},
		{"receipts shorter than the window", "retention: {receipts: 2d}", "retention.receipts", "raise it, or set 0"},
		{"keys shorter than the window", "retention: {keys: 2d}", "retention.keys", "raise it, or set 0"},
		{"receipts shorter than a source's window", src("window: 91d"), "retention.receipts", "longest window (91d"},
		{"receipts shorter than a type's window", src("event_types: {TEST: {window: 92d}}"), "retention.receipts", "longest window (92d"},
		{"retention below a day", "retention: {bodies: 23h}", "retention.bodies", "the least is 1d"},
		{"window of years", "dedup: {window: 367d}", "dedup.window", "the most is 366d"},
		{
			"no source in production", "database: {url: 'postgres://h/db'}\nredis: {mode: single, addresses: ['h:1']}",
			"sources", "at least one source",
		},
		{"source without a name", "sources: [{kind: apify, tokens: [{value: abcdefghijklmnop}]}]", "sources[0].name", "lower-case"},
		{
			"source with a long name", "sources: [{name: " + strings.Repeat("a", 33) + ", kind: apify, tokens: [{value: abcdefghijklmnop}]}]",
			"sources[0].name", "32",
		},
		{"source without a kind", "sources: [{name: a, tokens: [{value: abcdefghijklmnop}]}]", "sources[0].kind", "none of apify, generic"},
		{
			"two sources of one name", src("window: 4d") + "  - {name: a, kind: apify, tokens: [{value: abcdefghijklmnop}]}",
			"sources[1].name", "sources[0] already",
		},
		{"source without tokens", "sources: [{name: a, kind: apify}]", "sources[0].tokens", "at least one token"},
		{"token without anything", "sources: [{name: a, kind: apify, tokens: [{}]}]", "sources[0].tokens[0]", "exactly one"},
		{
			"token given in two ways", "sources: [{name: a, kind: apify, tokens: [{value: x, sha256: " + strings.Repeat("a", 64) + "}]}]",
			"sources[0].tokens[0]", "exactly one",
		},
		{
			"token too long to show", "sources: [{name: a, kind: apify, tokens: [{value: " + strings.Repeat("x", 513) + "}]}]",
			"sources[0].tokens[0]", "shorter",
		},
		{"digest that is none", "sources: [{name: a, kind: apify, tokens: [{sha256: abc}]}]", "sources[0].tokens[0].sha256", "sha256sum"},
		{
			"digest of other letters", "sources: [{name: a, kind: apify, tokens: [{sha256: " + strings.Repeat("x", 64) + "}]}]",
			"sources[0].tokens[0].sha256", "sha256sum",
		},
		{
			"too many tokens", "sources: [{name: a, kind: apify, tokens: [" + strings.Repeat("{value: abcdefghijklmnop},", 17) + "]}]",
			"sources[0].tokens", "has 17 items; at most 16",
		},
		{"source's window below lease", src("window: 10s"), "sources[0].window", "raise the window"},
		{
			"source's lease above window", src("lease: 50m, event_types: {TEST: {window: 49m}}"),
			"sources[0].event_types[TEST].window", "raise the window",
		},
		{
			"type's lease above window", src("window: 20m, event_types: {TEST: {lease: 21m}}"),
			"sources[0].event_types[TEST].lease", "lower the lease",
		},
		{"status nobody expects", src("quarantine_status: 500"), "sources[0].quarantine_status", "none of 200, 400, 422"},
		{"identity of another kind", src("identity: {keys: ['query:x']}"), "sources[0].identity.keys", "kind generic only"},
		{
			"unknown choice of identity", src("identity: {without_generation: both}"),
			"sources[0].identity.without_generation", "none of dispatch, single",
		},
		{"generic without identity", gen("window: 4d"), "sources[0].identity.keys", "name the places"},
		{
			"generic with Apify's identity", gen("identity: {without_generation: single, keys: ['query:x']}"),
			"sources[0].identity.without_generation", "kind apify only",
		},
		{"place that is none", gen("identity: {keys: ['cookie:x']}"), "sources[0].identity.keys[0]", "header:"},
		{"place that is secret", gen("identity: {keys: ['query:token']}"), "sources[0].identity.keys[0]", "secret"},
		{"place listed twice", gen("identity: {keys: ['header:x-id', 'header:X-ID']}"), "sources[0].identity.keys[1]", "twice"},
		{"whole body beside a place", gen("identity: {keys: ['query:x', 'body:sha256']}"), "sources[0].identity.keys[1]", "stands alone"},
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

func TestConfigurationsAtTheEdgeAreTaken(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"kept forever":                  "retention: {receipts: 0, bodies: 0, keys: 0, quarantine: 0}",
		"kept just long enough":         "retention: {receipts: 3d, keys: 3d}",
		"window as short as the lease":  "dedup: {window: 15s}",
		"free ports":                    "http: {listen: '127.0.0.1:0'}\nadmin: {listen: '127.0.0.1:0'}",
		"IPv6":                          "http: {listen: '[::1]:80'}",
		"no wait before the stop":       "shutdown_delay: 0s",
		"default source named, changed": "sources: [{name: apify, kind: apify, window: 4d}]",
		"own web address":               "http: {public_url: 'https://hooks.example.com/gate/'}",
		"token by digest":               "sources: [{name: a, kind: apify, tokens: [{sha256: " + strings.Repeat("0", 64) + "}]}]",
		"several PostgreSQL hosts": "database: {url: 'postgres://u:p@h1:5432,h2:5432/db'}\nredis: {mode: single, addresses: ['h:1']}\n" +
			"sources: [{name: a, kind: apify, tokens: [{value: abcdefghijklmnop}]}]",
		"identity by body": "sources: [{name: a, kind: generic, tokens: [{value: abcdefghijklmnop}], identity: {keys: ['body:sha256']}}]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustLoad(t, text)
		})
	}
}

// Every number and duration is bounded on both sides: a typo of some zeros is found at the start, not by night.
func TestEveryQuantityHasBounds(t *testing.T) {
	t.Parallel()
	for _, s := range settings(Default()) {
		var few, many string
		switch s.value.Interface().(type) {
		case Duration:
			few, many = "1ns", "100000d"
		case Bytes:
			few, many = "1", "9000000GiB"
		case int:
			few, many = "-1", strconv.Itoa(1<<40)
		default:
			continue
		}
		if s.key == "shutdown_delay" {
			few = "-1s"
		}
		for _, text := range []string{few, many} {
			problems := problemsOf(t, "", s.variable()+"="+text)
			find(t, problems, s.key)
		}
	}
}

func TestValidateFindsWhatLoadFinds(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, production)
	if err := c.Validate(); err != nil {
		t.Fatalf("a loaded configuration: %v", err)
	}
	c.Redis.Mode, c.Dedup.Window = ModeEmbedded, 0
	err := c.Validate()
	if err == nil || !strings.HasPrefix(err.Error(), "dedup.window: 0 is too little; the least is 1s\nredis.mode: is embedded, but") {
		t.Errorf("got %v", err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{
			"window below Apify's retries", "dedup: {window: 42h}",
			"sources[0]: the window of 42h is shorter than the 43h over which Apify retries",
		},
		{"source's window below Apify's retries", "sources: [{name: apify, kind: apify, window: 1h}]", "sources[0]: the window of 1h"},
		{
			"type's window below Apify's retries", "sources: [{name: apify, kind: apify, event_types: {TEST: {window: 1h}}}]",
			"sources[0].event_types[TEST]: the window of 1h",
		},
		{
			"unknown event type", "sources: [{name: apify, kind: apify, event_types: {ACTOR.RUN.STARTED: {lease: 9s}}}]",
			"sources[0].event_types[ACTOR.RUN.STARTED]: is none of the event types",
		},
		{"lease below the time to decide", "dedup: {lease: 7s}", "dedup.lease: 7s is shorter than dedup.decide_timeout (8s)"},
		{"slow senders", "http: {write_timeout: 27s}", "http.write_timeout: 27s is shorter than"},
		{"short stop", "shutdown_timeout: 7s", "shutdown_timeout: 7s is shorter than"},
		{"bodies that outlive their keys", "retention: {keys: 30d}", "retention.bodies: bodies are deleted"},
		{"everybody's a proxy", "http: {trusted_proxies: ['0.0.0.0/0']}", "http.trusted_proxies[0]: 0.0.0.0/0 lets every sender"},
		{
			"one lock-out for everybody", "admin: {behind_proxy: true}", "admin.behind_proxy: is set, but http.trusted_proxies is empty",
		},
		{
			"token of the example", "sources: [{name: apify, kind: apify, tokens: [{sha256: " + strings.Repeat("0", 64) + "}]}]",
			"sources[0].tokens[0]: is the placeholder",
		},
		{
			"short token",
			"sources: [{name: apify, kind: apify, tokens: [{value: hunter2}]}]", "sources[0].tokens[0]: is shorter than 16 characters",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			warnings := mustLoad(t, test.text).Warnings()
			if len(warnings) != 1 || !strings.HasPrefix(warnings[0], test.want) {
				t.Errorf("got %q, want one that begins with %q", warnings, test.want)
			}
			if strings.Contains(strings.Join(warnings, "\n"), "hunter2") {
				t.Error("a warning shows a token")
			}
		})
	}
	t.Run("a proxy that is declared is not warned of", func(t *testing.T) {
		t.Parallel()
		if w := mustLoad(t, "admin: {behind_proxy: true}\nhttp: {trusted_proxies: [10.0.0.0/8]}").Warnings(); len(w) > 0 {
			t.Errorf("got %q", w)
		}
	})
	t.Run("a generic source needs no window of Apify's", func(t *testing.T) {
		t.Parallel()
		c := mustLoad(t, "dedup: {window: 1h}\nsources: [{name: a, kind: generic, tokens: [{value: abcdefghijklmnop}], identity: {keys: ['query:x']}}]")
		if w := c.Warnings(); len(w) > 0 {
			t.Errorf("got %q", w)
		}
	})
}
