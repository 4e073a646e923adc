package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// These tests speak HTTP over real connections: what happens to a request that does not arrive whole can't be seen
// otherwise.

// patient is long enough for everything that does not wait for a timeout on purpose.
const patient = 20 * time.Second

func generous() Timeouts {
	return Timeouts{Header: patient, Read: patient, Write: patient, Idle: patient}
}

// serve listens with the rig's handler and gives the address.
func (r *rig) serve(t *testing.T, timeouts Timeouts) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(r.handler(t), timeouts, 32<<10, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return l.Addr().String()
}

// dial connects and writes.
func dial(t *testing.T, address, text string) *net.TCPConn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patient))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		t.Fatalf("a connection of type %T", c)
	}
	return tcp
}

func head(length string) string {
	return "POST /webhooks/apify?token=" + testToken + " HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n" + length + "\r\n\r\n"
}

func readAnswer(t *testing.T, r *bufio.Reader) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("half an answer: %v", err)
	}
	return resp, string(body)
}

// wantClosed checks that the server ends the connection.
func wantClosed(t *testing.T, r *bufio.Reader) {
	t.Helper()
	if b, err := r.ReadByte(); err == nil {
		t.Errorf("the connection goes on with %q", b)
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patient)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never happened: %s", what)
		}
	}
}

func TestASlowBodyIsCutOff(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"announced": head("Content-Length: 100") + `{"eventType":`,
		"chunked":   head("Transfer-Encoding: chunked") + "d\r\n" + `{"eventType":` + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			timeouts := generous()
			timeouts.Read = 150 * time.Millisecond
			answer := bufio.NewReader(dial(t, r.serve(t, timeouts), text))
			resp, body := readAnswer(t, answer)
			if resp.StatusCode != http.StatusRequestTimeout || !strings.Contains(body, `"error":"body_timeout"`) || !resp.Close {
				t.Errorf("%d, close %v: %s", resp.StatusCode, resp.Close, body)
			}
			wantClosed(t, answer)
			if admitted, _ := r.all(); len(admitted) != 0 {
				t.Error("half a body reached the gate")
			}
		})
	}
}

func TestABodyThatGrowsOverTheLimitIsCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := dial(t, r.serve(t, generous()), head("Transfer-Encoding: chunked"))
	go func() { // never ends by itself
		chunk := "1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n"
		for {
			if _, err := io.WriteString(c, chunk); err != nil {
				return
			}
		}
	}()
	resp, body := readAnswer(t, bufio.NewReader(c))
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(body, "too_large") || !resp.Close {
		t.Errorf("%d, close %v: %s", resp.StatusCode, resp.Close, body)
	}
	if _, kept := r.all(); len(kept) != 1 || len(kept[0].in.Body) != 64<<10 || kept[0].size != -1 {
		t.Errorf("kept %d", len(kept))
	}
}

func TestAnAnnouncedOversizeBodyIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	// One hundred megabytes are announced, 64 KiB are sent: the answer must not wait for the rest.
	c := dial(t, r.serve(t, generous()), head("Content-Length: 100000000")+strings.Repeat("x", 64<<10))
	resp, body := readAnswer(t, bufio.NewReader(c))
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("%d, close %v: %s", resp.StatusCode, resp.Close, body)
	}
	if _, kept := r.all(); len(kept) != 1 || len(kept[0].in.Body) != 64<<10 || kept[0].size != 100_000_000 {
		t.Errorf("kept %d", len(kept))
	}
}

func TestAnOversizeBodyThatStallsIsKeptAsFarAsItCame(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := dial(t, r.serve(t, generous()), head("Content-Length: 100000000")+"a little")
	if resp, body := readAnswer(t, bufio.NewReader(c)); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
	if _, kept := r.all(); len(kept) != 1 || string(kept[0].in.Body) != "a little" {
		t.Errorf("kept %d", len(kept))
	}
}

func TestNothingIsReadBeforeTheTokenIsRight(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	text := strings.Replace(head("Content-Length: 100\r\nExpect: 100-continue"), testToken, "wrong", 1)
	resp, _ := readAnswer(t, bufio.NewReader(dial(t, r.serve(t, generous()), text)))
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger's body was asked for: %d", resp.StatusCode)
	}
}

func TestAClientThatHangsUpAfterSendingChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inside, gone, verdict := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	r.opts.Gate = fakeGate(func(ctx context.Context, _ *dedup.Inbound) (dedup.Verdict, error) {
		close(inside)
		<-gone
		verdict <- ctx.Err()
		return firstSeen, nil
	})
	body := succeeded(t)
	c := dial(t, r.serve(t, generous()), head(fmt.Sprintf("Content-Length: %d", len(body)))+body)
	<-inside
	_ = c.SetLinger(0) // a reset: the harshest way to go
	_ = c.Close()
	close(gone)
	if err := <-verdict; err != nil {
		t.Errorf("the gate was cancelled: %v", err)
	}
	eventually(t, "the log line of the webhook", func() bool { return strings.Contains(r.log.String(), `"outcome":"new"`) })
	admitted, _ := r.all()
	if len(admitted) != 1 || string(admitted[0].Body) != body {
		t.Error("the gate did not get the body")
	}
}

// A deadline for reading the request must not end the decision that follows it.
func TestTheReadDeadlineDoesNotEndTheDecision(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	timeouts := generous()
	timeouts.Read = 100 * time.Millisecond
	r.opts.Gate = fakeGate(func(ctx context.Context, _ *dedup.Inbound) (dedup.Verdict, error) {
		select {
		case <-ctx.Done():
			return dedup.Verdict{}, ctx.Err()
		case <-time.After(3 * timeouts.Read):
			return firstSeen, nil
		}
	})
	body := succeeded(t)
	answer := bufio.NewReader(dial(t, r.serve(t, timeouts), head(fmt.Sprintf("Content-Length: %d", len(body)))+body))
	if resp, text := readAnswer(t, answer); resp.StatusCode != http.StatusOK {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

func TestABodyThatBreaksOffIsNeverAccepted(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"announced":     head("Content-Length: 100") + `{"eventType":"TEST"}`,
		"chunked":       head("Transfer-Encoding: chunked") + "14\r\n" + `{"eventType":"TEST"}` + "\r\n",
		"broken chunks": head("Transfer-Encoding: chunked") + "zz\r\n" + `{"eventType":"TEST"}` + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c := dial(t, r.serve(t, generous()), text)
			_ = c.CloseWrite() // the client can still read: it must not see a 2xx
			resp, body := readAnswer(t, bufio.NewReader(c))
			if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "incomplete_body") || !resp.Close {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
			if admitted, kept := r.all(); len(admitted)+len(kept) != 0 {
				t.Error("half a body was stored")
			}
			eventually(t, "a line at info", func() bool { return strings.Contains(r.log.String(), `"level":"INFO","msg":"webhook"`) })
		})
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const n = 5
	var text bytes.Buffer
	for i := range n {
		body := fmt.Sprintf(`{"eventType":"ACTOR.RUN.CREATED","eventData":{"actorRunId":"run%d"}}`, i)
		text.WriteString(head(fmt.Sprintf("Content-Length: %d", len(body))) + body)
	}
	answers := bufio.NewReader(dial(t, r.serve(t, generous()), text.String()))
	for i := range n {
		resp, body := readAnswer(t, answers)
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, fmt.Sprintf(`"run_id":"run%d"`, i)) {
			t.Errorf("answer %d: %d %s", i, resp.StatusCode, body)
		}
	}
	if admitted, _ := r.all(); len(admitted) != n {
		t.Errorf("%d reached the gate", len(admitted))
	}
}

// A refused request whose body was left unread must not be taken for the next one's first line.
func TestAConnectionSurvivesARefusal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := succeeded(t)
	length := fmt.Sprintf("Content-Length: %d", len(body))
	wrong := strings.Replace(head(length), testToken, "wrong", 1) + body
	answers := bufio.NewReader(dial(t, r.serve(t, generous()), wrong+head(length)+body))
	if resp, _ := readAnswer(t, answers); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("first %d", resp.StatusCode)
	}
	if resp, text := readAnswer(t, answers); resp.StatusCode != http.StatusOK {
		t.Errorf("second %d %s", resp.StatusCode, text)
	}
}

func TestTooLongHeadersAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	text := head("Content-Length: 2\r\nX-Long: " + strings.Repeat("x", 64<<10))
	resp, _ := readAnswer(t, bufio.NewReader(dial(t, r.serve(t, generous()), text)))
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", resp.StatusCode)
	}
	if admitted, _ := r.all(); len(admitted) != 0 {
		t.Error("it reached the gate")
	}
}

func TestSlowHeadersAreCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	timeouts := generous()
	timeouts.Header = 100 * time.Millisecond
	wantClosed(t, bufio.NewReader(dial(t, r.serve(t, timeouts), "POST /webhooks/apify HTTP/1.1\r\nHost:")))
}
