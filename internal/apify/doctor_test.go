package apify

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

const (
	secret    = "dg_s3cr3t-0f-th3-s0urc3"
	publicURL = "https://hooks.example.com/in"
	hookURL   = publicURL + "/webhooks/apify?token=" + secret
)

func newSource(t *testing.T, name string, without source.WithoutGeneration) *source.Source {
	t.Helper()
	src, err := source.New(source.Options{
		Name: name, Kind: source.Apify, Tokens: []signature.Token{signature.HashToken(secret)}, WithoutGeneration: without,
		Default: source.Windows{Window: time.Hour, Lease: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func newGateway(t *testing.T, targets ...Target) *Gateway {
	t.Helper()
	if len(targets) == 0 {
		targets = []Target{{Source: newSource(t, "apify", source.ByDispatch), Look: LookRuns}}
	}
	g, err := NewGateway(publicURL, targets)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// examine puts webhooks into an account and judges it, as the command does.
func examine(t *testing.T, g *Gateway, webhooks ...apifytest.Document) []Finding {
	t.Helper()
	api := apifytest.New(canary)
	for _, w := range webhooks {
		api.PutWebhook(w)
	}
	api.PutTask(apifytest.Document{"id": apifytest.TaskID, "actId": apifytest.ActorID})
	account, err := newTestClient(t, api).ReadAccount(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	found := Examine(account, g)
	for _, f := range found {
		if strings.Contains(f.Text, secret) {
			t.Errorf("shows a secret: %s", f.Text)
		}
		if f.Level != LevelOK && !strings.ContainsAny(f.Text, ";:") {
			t.Errorf("does not say what to do: %s", f.Text)
		}
	}
	return found
}

func checks(found []Finding) []string {
	var all []string
	for _, f := range found {
		if f.Level != LevelOK {
			all = append(all, string(f.Level)+" "+f.Check)
		}
	}
	return all
}

// with changes a document.
func with(d apifytest.Document, changes ...any) apifytest.Document {
	for i := 0; i < len(changes); i += 2 {
		d[changes[i].(string)] = changes[i+1]
	}
	return d
}

func TestExamineOneWebhook(t *testing.T) {
	t.Parallel()
	ends := []string{"ACTOR.RUN.SUCCEEDED"}
	for _, c := range []struct {
		name    string
		webhook apifytest.Document
		want    []string
	}{
		{"a good one", apifytest.Webhook("w", hookURL), nil},
		{"a good one with its secret in a header", with(apifytest.Webhook("w", publicURL+"/webhooks/apify"),
			"headersTemplate", `{"authorization":"Bearer `+secret+`","X-Run":"{{resource.id}}"}`), nil},
		{"one for another host", apifytest.Webhook("w", "https://example.com/"), []string{"warning no_webhook"}},
		{
			"one for another path of this host", apifytest.Webhook("w", "https://hooks.example.com/webhook?token="+secret),
			[]string{"warning elsewhere", "warning no_webhook"},
		},
		{"one in the clear", apifytest.Webhook("w", strings.Replace(hookURL, "https", "http", 1)), []string{"warning elsewhere", "warning no_webhook"}},
		{
			"one for a source that is not there", apifytest.Webhook("w", publicURL+"/webhooks/apfiy?token="+secret),
			[]string{"error unknown_source", "warning no_webhook"},
		},
		{"a switched-off one", with(apifytest.Webhook("w", hookURL), "isEnabled", false), []string{"warning switched_off", "warning no_webhook"}},
		{"one without a secret", apifytest.Webhook("w", publicURL+"/webhooks/apify"), []string{"error no_secret"}},
		{"one with a wrong secret", apifytest.Webhook("w", hookURL+"x"), []string{"error wrong_secret"}},
		{"one with broken headers", with(apifytest.Webhook("w", hookURL), "headersTemplate", `{"a":`), []string{"error headers_template"}},
		{"one with a broken payload", with(apifytest.Webhook("w", hookURL), "payloadTemplate", `{"a":`), []string{"error payload_template"}},
		{
			"one that sends its variables as they stand", with(apifytest.Webhook("w", hookURL), "payloadTemplate", `{"runId":"{{resource.id}}"}`),
			[]string{"error uninterpolated"},
		},
		{"one that interpolates them", with(apifytest.Webhook("w", hookURL), "shouldInterpolateStrings", true, "eventTypes", ends,
			"payloadTemplate", `{"runId":"{{resource.id}}","eventType":"{{eventType}}","resource":{"finishedAt":"{{resource.finishedAt}}"}}`), nil},
		{"one that drops the event type", with(apifytest.Webhook("w", hookURL), "payloadTemplate", `{"resource":{{resource}}}`), []string{"warning identity"}},
		{"one that drops the run", with(apifytest.Webhook("w", hookURL), "payloadTemplate", `{"eventType":{{eventType}}}`), []string{"warning identity"}},
		{
			"one that drops the end", with(apifytest.Webhook("w", hookURL), "payloadTemplate", `{"eventType":{{eventType}},"runId":{{resource.id}}}`),
			[]string{"warning identity"},
		},
		{"one that drops the end but tells creations only", with(apifytest.Webhook("w", hookURL), "eventTypes", []string{"ACTOR.RUN.CREATED"},
			"payloadTemplate", `{"eventType":{{eventType}},"runId":{{resource.id}}}`), nil},
		{"builds", with(apifytest.Webhook("w", hookURL), "eventTypes", []string{"ACTOR.BUILD.FAILED", "ACTOR.RUN.RESURRECTED"}), nil},
		{"one without retries, and in vain", with(apifytest.Webhook("w", hookURL), "doNotRetry", true,
			"lastDispatch", apifytest.Document{"status": "FAILED", "finishedAt": nil}), []string{"warning no_retry", "warning last_failed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found := examine(t, newGateway(t), c.webhook)
			if got := checks(found); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q: %+v", got, c.want, found)
			}
			if len(c.want) == 0 && len(found) != 1 {
				t.Errorf("a good webhook is told as such: %+v", found)
			}
		})
	}
}

func TestExamineAsksTheGuard(t *testing.T) {
	t.Parallel()
	hmac, err := signature.NewHMAC(signature.HMACOptions{Header: "X-Signature", Secrets: []string{"0123456789abcdef0123456789abcdef"}})
	if err != nil {
		t.Fatal(err)
	}
	tokens := []signature.Token{signature.HashToken(secret)}
	for _, c := range []struct {
		name, headers, want string
		options             signature.GuardOptions
	}{
		{"a header of its own", `{"X-Hook": "` + secret + `"}`, "", signature.GuardOptions{Tokens: tokens, TokenHeader: "X-Hook"}},
		{
			"one of Apify's addresses missing", `{"Authorization": "Bearer ` + secret + `"}`, "error networks",
			signature.GuardOptions{Tokens: tokens, Networks: []netip.Prefix{netip.MustParsePrefix("3.215.64.207/32")}},
		},
		{
			"a signature", `{"Authorization": "Bearer ` + secret + `"}`, "error signature",
			signature.GuardOptions{Tokens: tokens, Schemes: []signature.Scheme{hmac}},
		},
	} {
		guard, err := signature.NewGuard(c.options)
		if err != nil {
			t.Fatal(err)
		}
		src := newSource(t, "apify", source.ByDispatch)
		src.Guard = guard
		found := examine(t, newGateway(t, Target{Source: src}), with(apifytest.Webhook("w", publicURL+"/webhooks/apify"), "headersTemplate", c.headers))
		if got := strings.Join(checks(found), " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestExamineFindsTwins(t *testing.T) {
	t.Parallel()
	both := []Target{{Source: newSource(t, "apify", source.ByDispatch)}, {Source: newSource(t, "other", source.ByDispatch)}}
	one := func() apifytest.Document { return apifytest.Webhook("w1", hookURL) }
	two := func(changes ...any) apifytest.Document { return with(apifytest.Webhook("w2", hookURL), changes...) }
	for _, c := range []struct {
		name   string
		second apifytest.Document
		want   string
	}{
		{"the same twice", two(), "warning"},
		{"an Actor and its task", two("condition", apifytest.Document{"actorTaskId": apifytest.TaskID}), "warning"},
		{"payloads that can't be compared", two("payloadTemplate", `{"eventType":{{eventType}},"runId":{{resource.id}}}`), "error"},
		{"two sources", two("requestUrl", strings.Replace(hookURL, "/apify", "/other", 1)), "warning"},
		{"other events", two("eventTypes", []string{"ACTOR.RUN.CREATED"}), ""},
		{"another Actor", two("condition", apifytest.Document{"actorId": "another"}), ""},
		{"another task", two("condition", apifytest.Document{"actorTaskId": "another"}), ""},
		{"switched off", two("isEnabled", false), ""},
		{"ad hoc", two("isAdHoc", true), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var twins []string
			for _, f := range examine(t, newGateway(t, both...), one(), c.second) {
				if f.Check == "twins" {
					twins = append(twins, string(f.Level))
				}
			}
			if strings.Join(twins, " ") != c.want {
				t.Errorf("got %q, want %q", twins, c.want)
			}
		})
	}
}

func TestGatewayKnowsItsURLs(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	for text, want := range map[string]bool{
		hookURL:                        true,
		publicURL + "/webhooks/apify/": true,
		"HTTPS://Hooks.Example.com:443/in/webhooks/apify":      true,
		"https://hooks.example.com:8443/in/webhooks/apify":     false,
		"https://hooks.example.com/webhooks/apify":             false,
		"https://hooks.example.com.evil.org/in/webhooks/apify": false,
		publicURL + "/webhooks/":                               false,
		publicURL + "/webhooks/apify/x":                        false,
		"":                                                     false,
		"%":                                                    false,
	} {
		if got := g.Target(text) != nil; got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if _, err := NewGateway("", nil); err == nil {
		t.Error("a gateway without an address was made")
	}
}
