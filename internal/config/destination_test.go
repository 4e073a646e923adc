package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	signingA = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // the one of the specification's examples: 24 bytes
	signingB = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
)

// destined is a production file with one destination; the keys are in YAML's flow style.
func destined(keys string) string {
	return production + "destinations:\n  - {name: app, " + keys + "}\n"
}

const goodTarget = "url: 'https://app.example.com/hook', secret: " + signingA

func TestADestinationsKeysHaveDefaults(t *testing.T) {
	t.Parallel()
	got := mustLoad(t, destined(goodTarget)).Destinations[0]
	want := Destination{}
	want.setDefaults()
	want.Name, want.URL, want.Secret = "app", "https://app.example.com/hook", signingA
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if off := mustLoad(t, destined(goodTarget+", late: false")).Destinations[0]; off.Late {
		t.Error("late: false was overridden by the default")
	}
}

func TestTheExamplesDestinationStandsAtTheDefaults(t *testing.T) {
	t.Parallel()
	c, _ := bindExample(t)
	want, got := Destination{}, c.Destinations[0]
	want.setDefaults()
	want.Name, want.URL, want.SecretFile, want.Secrets, want.Headers = got.Name, got.URL, got.SecretFile, got.Secrets, got.Headers
	got.Sources, got.EventTypes, got.AllowPrivateCIDRs = nil, nil, nil // written [] there
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-default +example):\n%s", diff)
	}
}

func TestDestinationsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, keys, key, want string }{
		{"no URL", "secret: " + signingA, "url", "https://app.example.com"},
		{"URL without a host", "url: 'https:///x', secret: " + signingA, "url", "https://app.example.com"},
		{"URL of another scheme", "url: 'ftp://h/x', secret: " + signingA, "url", "https://app.example.com"},
		{"URL with a fragment", "url: 'https://h/x#y', secret: " + signingA, "url", "without fragment"},
		{"URL with a port of letters", "url: 'https://h:x/', secret: " + signingA, "url", "https://app.example.com"},
		{"URL with a port that is none", "url: 'https://h:65536/', secret: " + signingA, "url", "https://app.example.com"},
		{"URL with a password", "url: 'https://u:" + canary + "@h/', secret: " + signingA, "url", "header Authorization"},
		{"URL with a user", "url: 'https://" + canary + "@h/', secret: " + signingA, "url", "header Authorization"},
		{"http in production", "url: 'http://h/', secret: " + signingA, "url", "allow_http"},
		{"no secret", "url: 'https://h/'", "secret", "openssl rand"},
		{"secret without prefix", "url: 'https://h/', secret: " + canary, "secret", "openssl rand"},
		{"secret that is no base64", "url: 'https://h/', secret: whsec_" + canary, "secret", "openssl rand"},
		{"secret of 23 bytes", "url: 'https://h/', secret: whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "secret", "24 to 64"},
		{"secret in both ways", goodTarget + ", secrets: [{value: " + signingB + "}]", "secrets", "together with secret"},
		{"three secrets", "url: 'https://h/', secrets: [" + strings.Repeat("{value: "+signingB+"},", 3) + "]", "secrets", "at most 2"},
		{"second secret empty", "url: 'https://h/', secrets: [{value: " + signingB + "}, {}]", "secrets[1]", "exactly one"},
		{"second secret bad", "url: 'https://h/', secrets: [{value: " + signingB + "}, {value: " + canary + "}]", "secrets[1].value", "openssl"},
		{"no attempt", goodTarget + ", retry: {attempts: 0}", "retry.attempts", "the least is 1"},
		{"waits that shrink", goodTarget + ", retry: {factor: 0.5}", "retry.factor", "the least is 1"},
		{"factor that is no number", goodTarget + ", retry: {factor: -1}", "retry.factor", "no number"},
		{"first wait above the longest", goodTarget + ", retry: {first: 2h, max: 1h}", "retry.first", "lower it"},
		{"no timeout", goodTarget + ", timeout: 0", "timeout", "the least is 100ms"},
		{"no concurrency", goodTarget + ", concurrency: 0", "concurrency", "the least is 1"},
		{"rate that is no number", goodTarget + ", rate: many", "rate", "no number"},
		{"header without a name", goodTarget + ", headers: [{value: x}]", "headers[0].name", "without colon"},
		{"header with a colon", goodTarget + ", headers: [{name: 'X:', value: x}]", "headers[0].name", "without colon"},
		{"header without a value", goodTarget + ", headers: [{name: X}]", "headers[0]", "exactly one"},
		{"header with a strange value", goodTarget + ", headers: [{name: X, value: '" + canary + "é'}]", "headers[0].value", "visible ASCII"},
		{"header twice", goodTarget + ", headers: [{name: X-A, value: x}, {name: x-a, value: y}]", "headers[1].name", "headers[0] already"},
		{"header of the gateway's", goodTarget + ", headers: [{name: webhook-id, value: x}]", "headers[0].name", "gateway itself"},
		{"header of HTTP's", goodTarget + ", headers: [{name: host, value: x}]", "headers[0].name", "gateway itself"},
		{"source misspelt", goodTarget + ", sources: [apfy]", "sources[0]", "did you mean apify?"},
		{"source that is none", goodTarget + ", sources: [github]", "sources[0]", "there are apify"},
		{"broken pattern", goodTarget + ", event_types: ['ACTOR.RUN.[']", "event_types[0]", "no pattern"},
		{"empty pattern", goodTarget + ", event_types: ['']", "event_types[0]", "no pattern"},
		{"network that is none", goodTarget + ", allow_private_cidrs: [10.1.2.3]", "allow_private_cidrs[0]", "10.1.2.3/32"},
		{"key that is none", goodTarget + ", event_type: x", "event_type", "event_types?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := find(t, problemsOf(t, destined(test.keys)), "destinations[0]."+test.key)
			if !strings.Contains(p.Text, test.want) {
				t.Errorf("%s: %s\nwant %q in it", p.Key, p.Text, test.want)
			}
		})
	}
}

func TestDestinationsAreToldApartByTheirNames(t *testing.T) {
	t.Parallel()
	twice := destined(goodTarget) + "  - {name: app, " + goodTarget + "}\n"
	if p := find(t, problemsOf(t, twice), "destinations[1].name"); !strings.Contains(p.Text, "destinations[0] already") {
		t.Error(p.Text)
	}
	for _, name := range []string{"", "App", "-a", "a-", "a--b", "a_b", strings.Repeat("a", 33)} {
		text := strings.Replace(destined(goodTarget), "name: app", fmt.Sprintf("name: %q", name), 1)
		if p := find(t, problemsOf(t, text), "destinations[0].name"); !strings.Contains(p.Text, "single hyphens") {
			t.Errorf("%q: %s", name, p.Text)
		}
	}
}

func TestSigningSecretsComeFromWhereverTheyAreWritten(t *testing.T) {
	t.Parallel()
	file := writeFile(t, filepath.Join(t.TempDir(), "secret"), signingB+"\n")
	for keys, want := range map[string][]int{
		"secret: " + signingA:         {24},
		"secret_file: '" + file + "'": {32},
		"secrets: [{value_file: '" + file + "'}, {value: " + signingA + "}]": {32, 24},
	} {
		c := mustLoad(t, destined("url: 'https://h/', "+keys))
		var got []int
		for _, s := range c.Destinations[0].SigningSecrets() {
			got = append(got, len(s))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: secrets of %v bytes, want %v", keys, got, want)
		}
	}
}

func TestPrintedDestinationsHideWhatIsSecret(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, destined("url: 'https://h/hook?key="+canary+"', secret: "+signingA+", headers: [{name: Authorization, value: "+canary+"}]"))
	masked, err := c.YAML(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{canary, signingA} {
		if strings.Contains(string(masked)+fmt.Sprint(c.Destinations), secret) {
			t.Errorf("a secret is shown:\n%s", masked)
		}
	}
	for _, want := range []string{"url: https://h/hook?***", "name: Authorization", "attempts: 12", "factor: 3"} {
		if !strings.Contains(string(masked), want) {
			t.Errorf("%q is missing in\n%s", want, masked)
		}
	}
	open, err := c.YAML(false)
	if err != nil {
		t.Fatal(err)
	}
	again, err := load("printed.yaml", open, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, open)
	}
	if diff := cmp.Diff(c.Destinations, again.Destinations); diff != "" {
		t.Errorf("read back (-printed +read):\n%s", diff)
	}
}

func TestEmbeddedModeLetsDestinationsBeOnThisMachine(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "destinations: [{name: app, url: 'http://127.0.0.1:3000/', secret: "+signingA+", allow_private_cidrs: ['::1/128']}]")
	d := c.Destinations[0]
	if !d.AllowHTTP || !slices.Equal(d.AllowPrivateCIDRs, []string{"::1/128", "127.0.0.0/8"}) {
		t.Errorf("allow_http %v, allow_private_cidrs %v", d.AllowHTTP, d.AllowPrivateCIDRs)
	}
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("warned of what embedded mode is for: %q", w)
	}
}

func TestWhatMakesADestinationLessSafeIsWarnedOf(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		"url: 'http://h/', allow_http: true, secret: " + signingA: "use https",
		goodTarget + ", allow_private_cidrs: [0.0.0.0/0]":         "go anywhere",
		goodTarget + ", allow_private_cidrs: [169.254.0.0/16]":    "credentials",
		goodTarget + ", allow_private_cidrs: [10.1.0.0/16]":       "only the receiver",
	} {
		if w := mustLoad(t, destined(keys)).Warnings(); len(w) != 1 || !strings.Contains(w[0], want) {
			t.Errorf("%s: warnings %q, want one with %q", keys, w, want)
		}
	}
	if w := mustLoad(t, destined(goodTarget)).Warnings(); len(w) > 0 {
		t.Errorf("warnings of a good destination: %q", w)
	}
}

func TestDestinationsCannotBeSetFromTheEnvironment(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, production, "DEDUPGATE_DESTINATIONS="+canary, "DEDUPGATE_DESTINATIONS_0_URL="+canary)
	if len(problems) != 2 || !strings.Contains(problems[0].Text, "destinations can't be set from the environment") {
		t.Error(problems)
	}
}
