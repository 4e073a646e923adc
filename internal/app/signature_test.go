package app_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// verifyFolder holds a program of another language that verifies signatures with the public library.
const verifyFolder = "../../tools/standardwebhooks"

// verify asks that program for its verdict: the event's type, or why the signature is not good.
func verify(t *testing.T, secret string, d delivered) (verdict string, good bool) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("this test needs Node: run scripts/deps node")
	}
	if _, err := os.Stat(filepath.Join(verifyFolder, "node_modules", "standardwebhooks")); err != nil {
		t.Fatal("this test needs the npm package standardwebhooks: run scripts/deps node")
	}
	headers := map[string]string{}
	for name := range d.Header {
		headers[strings.ToLower(name)] = d.Header.Get(name)
	}
	question, err := json.Marshal(map[string]any{"secret": secret, "headers": headers, "body": d.Body})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "verify.mjs")
	cmd.Dir, cmd.Stdin = verifyFolder, bytes.NewReader(question)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatalf("node: %v %s", err, out)
	}
	return strings.TrimSpace(string(out)), err == nil
}

// What we sign is verified by the library that Standard Webhooks publishes for another language, with either secret of a
// rotation, and refused as soon as anything is not as it was signed.
func TestAReceiverInAnotherLanguageVerifiesSignatures(t *testing.T) {
	t.Parallel()
	const newSecret = "whsec_aGVyZSBjb21lcyB0aGUgbmV4dCBzZWNyZXQgb25l"
	app := newSink(t)
	one := destinedTo("app", app, "")
	both := strings.Replace(one, `secret: "`+signingSecret+`"`, `secrets: [{value: "`+newSecret+`"}, {value: "`+signingSecret+`"}]`, 1)
	r := start(t, "destinations:\n"+both)
	r.send(nil, []byte(`{ "eventType": "ACTOR.RUN.SUCCEEDED", "eventData":{"actorRunId":"r1"}, `+
		`"resource":{"finishedAt":"2026-09-14T08:04:21.640Z", "name":"Ünïcode ✓ \u2028"} }`))
	got := app.waitFor(t, 1)[0]
	for _, secret := range []string{signingSecret, newSecret} {
		if verdict, good := verify(t, secret, got); !good || verdict != "ACTOR.RUN.SUCCEEDED" {
			t.Errorf("refused: %s", verdict)
		}
	}
	if verdict, good := verify(t, "whsec_c29tZSBvdGhlciBzZWNyZXQsIG5vdCBvdXJz", got); good {
		t.Errorf("a stranger's secret is good: %s", verdict)
	}
	for what, change := range map[string]func(d *delivered){
		"body":      func(d *delivered) { d.Body = append(slices.Clip(d.Body), ' ') },
		"id":        func(d *delivered) { d.Header.Set("Webhook-Id", "another") },
		"timestamp": func(d *delivered) { d.Header.Set("Webhook-Timestamp", "1700000000") },
	} {
		changed := delivered{got.Header.Clone(), got.Body}
		change(&changed)
		if verdict, good := verify(t, signingSecret, changed); good || !strings.HasPrefix(verdict, "WebhookVerificationError") {
			t.Errorf("with another %s: good is %v: %s", what, good, verdict)
		}
	}
}
