package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// These tests come as an intruder would: over real connections, with requests that no honest sender makes. Each must be
// refused, or be read in one way only.

// Two servers that disagree on where a request ends can be made to take one person's request for another's. What could
// be read in two ways is refused, and the connection ends with it.
func TestRequestsThatCouldBeReadInTwoWaysAreRefused(t *testing.T) {
	t.Parallel()
	smuggled := "POST /webhooks/apify?token=" + testToken + " HTTP/1.1\r\nHost: gate\r\nContent-Length: 2\r\n\r\n{}"
	line := "POST /webhooks/apify?token=" + testToken + " HTTP/1.1\r\nHost: gate\r\n"
	for name, text := range map[string]string{
		"two lengths":              line + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + smuggled,
		"two lengths in one line":  line + "Content-Length: 5, 6\r\n\r\n" + smuggled,
		"a length with a sign":     line + "Content-Length: +5\r\n\r\n" + smuggled,
		"a length in hexadecimal":  line + "Content-Length: 0x5\r\n\r\n" + smuggled,
		"a negative length":        line + "Content-Length: -1\r\n\r\n" + smuggled,
		"unknown transfer coding":  line + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"chunked twice":            line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"chunked and identity":     line + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled,
		"a space before the colon": line + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"no host":                  strings.Replace(line, "Host: gate\r\n", "", 1) + "Content-Length: 0\r\n\r\n" + smuggled,
		"two hosts":                line + "Host: other\r\nContent-Length: 0\r\n\r\n" + smuggled,
		"a broken chunk size":      line + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + smuggled,
		"an endless chunk size":    line + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("0", 4096) + "2\r\n{}\r\n0\r\n\r\n" + smuggled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			answers := bufio.NewReader(dial(t, r.serve(t, generous()), text))
			resp, body := readAnswer(t, answers)
			if resp.StatusCode < 400 || resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
			if admitted, _ := r.all(); len(admitted) != 0 {
				t.Errorf("%d requests reached the gate", len(admitted))
			}
		})
	}
}

// A length beside chunks is the classic: the chunks count, whatever the length says, and what follows them is no request
// of the same connection.
func TestALengthBesideChunksSmugglesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inner := head("Content-Length: 14") + `{"inner":true}`
	text := head("Content-Length: 4\r\nTransfer-Encoding: chunked") + "2\r\n{}\r\n0\r\n\r\n" + inner
	answers := bufio.NewReader(dial(t, r.serve(t, generous()), text))
	resp, _ := readAnswer(t, answers)
	if resp.StatusCode == http.StatusOK && !resp.Close {
		t.Errorf("%d, and the connection goes on", resp.StatusCode)
	}
	wantClosed(t, answers)
	if admitted, _ := r.all(); len(admitted) != 1 || string(admitted[0].Body) != "{}" {
		t.Errorf("%d admitted", len(admitted))
	}
}

// HTTP/1.0 knows no chunks. They are not the next request of the connection, and a body in them is not taken for none.
func TestChunksInHTTP10SmuggleNothing(t *testing.T) {
	t.Parallel()
	smuggled := head("Content-Length: 2") + "{}"
	line := "POST /webhooks/apify?token=" + testToken + " HTTP/1.0\r\nConnection: keep-alive\r\n"
	for name, c := range map[string]struct {
		text             string
		status, admitted int
	}{
		"chunks":               {line + "Transfer-Encoding: chunked\r\n\r\n" + smuggled, http.StatusBadRequest, 0},
		"neither":              {line + "\r\n" + smuggled, http.StatusBadRequest, 0},
		"a length":             {line + "Content-Length: 2\r\n\r\n[]" + smuggled, http.StatusOK, 1},
		"a length and chunks":  {line + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n[]" + smuggled, http.StatusOK, 1},
		"a length of nothing":  {line + "Content-Length: 0\r\n\r\n" + smuggled, http.StatusOK, 1},
		"chunks of a stranger": {strings.Replace(line, testToken, "wrong", 1) + "Transfer-Encoding: chunked\r\n\r\n" + smuggled, http.StatusUnauthorized, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			answers := bufio.NewReader(dial(t, r.serve(t, generous()), c.text))
			if resp, body := readAnswer(t, answers); resp.StatusCode != c.status {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
			wantClosed(t, answers)
			if admitted, _ := r.all(); len(admitted) != c.admitted || c.admitted == 1 && string(admitted[0].Body) == "{}" {
				t.Errorf("%d admitted", len(admitted))
			}
		})
	}
}

func TestAThousandHeadersAreRefused(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string]string{
		"many short ones": strings.Repeat("X-A: b\r\n", 20_000),
		"one long name":   strings.Repeat("x", 64<<10) + ": b\r\n",
		"one long line":   "X-A: " + strings.Repeat("b", 1<<20) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c := dial(t, r.serve(t, generous()), "POST /webhooks/apify?token="+testToken+" HTTP/1.1\r\nHost: gate\r\n")
			go func() { _, _ = io.WriteString(c, headers+"Content-Length: 2\r\n\r\n{}") }() // the server may hang up in the middle
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err == nil {
				defer func() { _ = resp.Body.Close() }()
			}
			if err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%d", resp.StatusCode)
			}
			if admitted, _ := r.all(); len(admitted) != 0 {
				t.Error("it reached the gate")
			}
		})
	}
}

// A hundred senders that give a byte now and then hold connections, nothing else: who sends at once is answered at once.
func TestSlowSendersHoldUpNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	timeouts := generous()
	timeouts.Header, timeouts.Read = time.Second, time.Second
	address := r.serve(t, timeouts)
	var slow sync.WaitGroup
	for i := range 100 {
		text := "POST /webhooks/apify?token=" + testToken + " HTTP/1.1\r\nHost:"
		if i%2 == 1 {
			text = head("Content-Length: 1000") + "{"
		}
		c := dial(t, address, text)
		slow.Go(func() {
			drip := time.NewTicker(50 * time.Millisecond)
			defer drip.Stop()
			for range drip.C {
				if _, err := io.WriteString(c, "x"); err != nil {
					return // cut off
				}
			}
		})
	}
	body := succeeded(t)
	resp, text := readAnswer(t, bufio.NewReader(dial(t, address, head(fmt.Sprintf("Content-Length: %d", len(body)))+body)))
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	slow.Wait() // all of them are cut off
	if admitted, _ := r.all(); len(admitted) != 1 {
		t.Errorf("%d requests reached the gate", len(admitted))
	}
}

func TestAHundredMebibytesInChunksAreCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := dial(t, r.serve(t, generous()), head("Transfer-Encoding: chunked"))
	sent := make(chan int, 1)
	go func() {
		chunk, n := "100000\r\n"+strings.Repeat("x", 1<<20)+"\r\n", 0
		for range 100 {
			if _, err := io.WriteString(c, chunk); err != nil {
				break
			}
			n++
		}
		sent <- n
	}()
	if resp, body := readAnswer(t, bufio.NewReader(c)); resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if n := <-sent; n == 100 {
		t.Error("all of it was read")
	}
}

func TestACompressedBombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(make([]byte, 50<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, coding := range []string{"gzip", "GZIP", "deflate", "br", "gzip, gzip", "identity, gzip"} {
		r := newRig(t)
		req := webhookRequest("generic", bomb.String())
		req.Header.Set("Content-Encoding", coding)
		if got := r.send(t, req); got.Code != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d", coding, got.Code)
		}
	}
}

// Bodies that parsers disagree on have no identity: they are kept in quarantine and answered at once.
func TestBodiesThatCouldBeReadInTwoWaysHaveNoIdentity(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	for name, body := range map[string]string{
		"a key twice":         `{"eventType":"ACTOR.RUN.SUCCEEDED","eventData":{"actorRunId":"r1"},"eventType":"ACTOR.RUN.FAILED"}`,
		"an id twice":         `{"eventType":"ACTOR.RUN.SUCCEEDED","eventData":{"actorRunId":"r1","actorRunId":"r2"}}`,
		"deep, then an event": `{"resource":` + deep + `,"eventType":"ACTOR.RUN.SUCCEEDED","eventData":{"actorRunId":"r1"}}`,
		"two documents":       `{"eventType":"TEST"}{"eventType":"ACTOR.RUN.SUCCEEDED"}`,
	} {
		r := newRig(t)
		r.post(t, body)
		admitted, _ := r.all()
		if len(admitted) != 1 || admitted[0].Quarantine == nil || string(admitted[0].Body) != body {
			t.Errorf("%s: %+v", name, admitted)
		}
	}
}
