package forward

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

func TestRequestsAreSignedWithEverySecret(t *testing.T) {
	t.Parallel()
	old, fresh := []byte("the secret that goes, 32 bytes.."), []byte("the secret that comes, 32 bytes.")
	d := destinationAt(t, "app", "https://app.example.com/in?token=abc")
	d.Secrets = [][]byte{fresh, old}
	s := shipmentFor("app")
	req, err := request(t.Context(), d, &s, "dedupgate/test", time.Now())
	must(t, err)
	body, err := io.ReadAll(req.Body)
	must(t, err)
	for _, secret := range d.Secrets {
		verifier, err := standardwebhooks.NewWebhookRaw(secret)
		must(t, err)
		if err = verifier.Verify(body, req.Header); err != nil {
			t.Error(err)
		}
		if verifier.Verify(append(body, ' '), req.Header) == nil {
			t.Error("another body passes")
		}
	}
	stranger, _ := standardwebhooks.NewWebhookRaw([]byte("somebody else's secret, 32 bytes"))
	if stranger.Verify(body, req.Header) == nil {
		t.Error("another secret passes")
	}
}

func TestRequestsTellWhatTheyCarry(t *testing.T) {
	t.Parallel()
	d := destinationAt(t, "app", "https://user:pass@app.example.com/in")
	d.Headers = map[string]string{"X-Team": "blue", "webhook-id": "mine", "X-Dedup-Seq": "99", "Content-Type": "text/plain", "Host": "inner.example.com"}
	s := shipmentFor("app")
	s.Seq, s.Attempt, s.Replay = 7, 3, 2
	s.Run.ID, s.EventType, s.Generation = "run 1\r\nX-Evil: 1", "ÄTYPE%", ""
	req, err := request(t.Context(), d, &s, "dedupgate/1.2.3", time.Unix(1_800_000_000, 0))
	must(t, err)
	want := map[string]string{
		"Content-Type": "application/json; charset=utf-8", "User-Agent": "dedupgate/1.2.3", "X-Team": "blue",
		"Webhook-Id": s.EventID.String(), "Webhook-Timestamp": "1800000000",
		"X-Dedup-Run-Id": "run%201%0D%0AX-Evil:%201", "X-Dedup-Event-Type": "%C3%84TYPE%25", "X-Dedup-Generation": "",
		"X-Dedup-Seq": "7", "X-Dedup-Attempt": "3", "X-Dedup-Replay": "2",
	}
	for name, value := range want {
		if got := req.Header.Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
	if user, pass, ok := req.BasicAuth(); !ok || user != "user" || pass != "pass" {
		t.Error("the URL's credentials are not sent")
	}
	if req.Method != http.MethodPost || req.Host != "inner.example.com" || req.ContentLength != int64(len(s.Body)) {
		t.Errorf("%s to %s with %d bytes", req.Method, req.Host, req.ContentLength)
	}
	if _, there := req.Header["X-Dedup-Generation"]; there {
		t.Error("an empty header is sent")
	}
}

func TestSendersTextIsAlwaysFitForAHeader(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		got := headerText(text)
		if !sendable(got) {
			t.Fatalf("%q becomes %q", text, got)
		}
		if back, err := url.PathUnescape(got); err != nil || back != text[:min(len(text), maxHeaderText)] {
			t.Fatalf("%q comes back as %q: %v", text, back, err)
		}
		if kind := contentType(text); kind == "" || !sendable(kind) {
			t.Fatalf("%q becomes content type %q", text, kind)
		}
	})
}

func TestADestinationWithoutSecretsGetsNoSignature(t *testing.T) {
	t.Parallel()
	d := destinationAt(t, "app", "https://app.example.com")
	d.Secrets = nil
	s := shipmentFor("app")
	req, err := request(t.Context(), d, &s, "dedupgate/test", time.Now())
	must(t, err)
	if _, signed := req.Header["Webhook-Signature"]; signed {
		t.Error("there is a signature of nothing")
	}
}

func TestErrorsHoldNoURL(t *testing.T) {
	t.Parallel()
	d := destinationAt(t, "app", "http://127.0.0.1:1/in?token=verysecret")
	for name, change := range map[string]func(*delivery.Destination){
		"refused by nobody listening": func(*delivery.Destination) {},
		"no such name": func(d *delivery.Destination) {
			d.URL = &url.URL{Scheme: "http", Host: "nothing.invalid", Path: "/in", RawQuery: "token=verysecret"}
		},
		"http is not allowed": func(d *delivery.Destination) { d.AllowHTTP = false },
		"a header that can't be sent": func(d *delivery.Destination) {
			d.Headers = map[string]string{"X-Key": "verysecret\n"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := *d
			change(&d)
			a := sendTo(t, &d)
			if a.err == nil || a.status != 0 {
				t.Fatalf("status %d", a.status)
			}
			if strings.Contains(a.err.Error(), "verysecret") {
				t.Errorf("it tells the secret: %v", a.err)
			}
		})
	}
}

func sendTo(t testing.TB, d *delivery.Destination) answer {
	t.Helper()
	transport := newTransport(d)
	t.Cleanup(transport.CloseIdleConnections)
	s := shipmentFor(d.Name)
	return (&sender{destination: d, transport: transport, agent: "dedupgate/test"}).send(t.Context(), &s)
}

// sendable reports whether HTTP lets the value of a header pass.
func sendable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
