package config

import (
	"strings"
	"testing"
)

// An identity that the signature does not cover lets who has read one request make new events of it.
func TestKeysThatAreNotSignedAreWarnedOf(t *testing.T) {
	t.Parallel()
	const (
		hub      = "{scheme: hmac, header: X-Hub-Signature-256, secrets: [{value: abcdefghijklmnop}]}"
		slack    = "{scheme: hmac, header: X-Slack-Signature, timestamp_header: X-Time, content: '{timestamp}{body}', secrets: [{value: abcdefghijklmnop}]}"
		standard = "{scheme: standard, secrets: [{value: whsec_YWJjZGVmZ2hpamtsbW5vcA==}]}"
	)
	for _, test := range []struct{ name, keys, signatures, want string }{
		{"GitHub's id", "'header:X-GitHub-Delivery'", hub, "keys[0]: header:X-GitHub-Delivery is not signed"},
		{"a parameter beside an id in the body", "'body:id', 'query:part'", hub, "keys[1]: query:part is not signed"},
		{"the signature's own header", "'header:X-Hub-Signature-256'", hub, "keys[0]: header:X-Hub-Signature-256 is not signed"},
		{"an id in the body", "'body:id'", hub, ""},
		{"the whole body", "'body:sha256'", hub, ""},
		{"a time that is signed", "'header:x-time', 'body:id'", slack, ""},
		{"another header beside a time", "'header:X-Other'", slack, "keys[0]: header:X-Other is not signed"},
		{"the id of Standard Webhooks", "'header:webhook-id'", standard, ""},
		{"its time", "'header:Webhook-Timestamp'", standard, ""},
		{"a header that it does not sign", "'header:X-Id'", standard, "keys[0]: header:X-Id is not signed"},
		{"an id that one of two schemes signs", "'header:Webhook-Id'", standard + ", " + hub, "keys[0]: header:Webhook-Id is not signed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := mustLoad(t, "sources: [{name: a, kind: generic, identity: {keys: ["+test.keys+"]}, auth: {signatures: ["+test.signatures+"]}}]").Warnings()
			if test.want == "" {
				if len(w) > 0 {
					t.Errorf("got %q", w)
				}
				return
			}
			if len(w) != 1 || !strings.HasPrefix(w[0], "sources[0].identity."+test.want) || !strings.Contains(w[0], "body:sha256") {
				t.Errorf("got %q, want %q and what to do", w, test.want)
			}
		})
	}
}
