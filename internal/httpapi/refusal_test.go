package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/quota"
)

// failingBody gives some bytes and then an error.
type failingBody struct{ err error }

func (f failingBody) Read(p []byte) (int, error) { return copy(p, `{"even`), f.err }

// TestRefusals goes through every row of the status table, provoked by a request.
func TestRefusals(t *testing.T) {
	t.Parallel()
	ok := `{"eventType":"TEST"}`
	request := func(change func(*http.Request)) *http.Request {
		req := webhookRequest("apify", ok)
		change(req)
		return req
	}
	seen := map[refusalCode]bool{}
	body := func(b io.Reader) *http.Request {
		return request(func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(b), -1 })
	}
	to := func(method, target string) *http.Request {
		return httptest.NewRequest(method, target, strings.NewReader(ok))
	}
	for _, tc := range []struct {
		name   string
		req    *http.Request
		gate   error
		code   refusalCode
		status int
		header string // name of one that has to be there
		level  string // of the log line; "" for none
	}{
		{"wrong token", to(http.MethodPost, "/webhooks/apify?token=wrong"), nil, refusedUnauthorized, 401, "Www-Authenticate", "WARN"},
		{"unknown path", to(http.MethodPost, "/webhook/apify"), nil, refusedNotFound, 404, "X-Request-ID", ""},
		{"trailing slash", to(http.MethodPost, "/webhooks/apify/"), nil, refusedNotFound, 404, "X-Request-ID", ""},
		{"wrong method", to(http.MethodGet, "/webhooks/apify"), nil, refusedMethod, 405, "Allow", ""},
		{"body that ends early", body(failingBody{io.ErrUnexpectedEOF}), nil, refusedIncomplete, 400, "Connection", "INFO"},
		{"slow body", body(failingBody{fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded)}), nil, refusedTimeout, 408, "Connection", "WARN"},
		{"announced too large", webhookRequest("apify", strings.Repeat("x", 300<<10)), nil, refusedTooLarge, 413, "Connection", "WARN"},
		{"chunked too large", body(bytes.NewReader(make([]byte, 300<<10))), nil, refusedTooLarge, 413, "Connection", "WARN"},
		{"compressed", request(func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }), nil, refusedEncoding, 415, "Accept-Encoding", "WARN"},
		{"not JSON by its type", request(func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), nil, refusedMediaType, 415, "", "WARN"},
		{"something unheard of", webhookRequest("apify", ok), errors.New("?"), refusedInternal, 500, "", "ERROR"},
		{"over its rate", webhookRequest("apify", ok), &dedup.LimitedError{RetryAfter: time.Minute}, refusedLimited, 429, "Retry-After", "WARN"},
		{"wrong once too often", from("192.0.2.66", to(http.MethodPost, "/webhooks/apify?token=wrong")), nil, refusedStranger, 429, "Retry-After", ""},
		{"signed and too large", signedRequest(strings.Repeat("x", 300<<10)), nil, refusedUnproven, 413, "Connection", "WARN"},
		{"queue full", webhookRequest("apify", ok), dedup.ErrBusy, refusedBusy, 503, "Retry-After", "ERROR"},
		{"database away", webhookRequest("apify", ok), fmt.Errorf("record: %w", dedup.ErrUnavailable), refusedUnavailable, 503, "Retry-After", "ERROR"},
		{"gate out of time", webhookRequest("apify", ok), context.DeadlineExceeded, refusedUnavailable, 503, "Retry-After", "ERROR"},
		{"stopping", webhookRequest("apify", ok), dedup.ErrStopped, refusedStopping, 503, "Retry-After", "ERROR"},
	} {
		seen[tc.code] = true
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.opts.Limits = func() Limits { return Limits{FailedAuth: quota.Quota{Count: 1, Per: time.Hour}} }
			if tc.gate != nil {
				r.fails(tc.gate)
			}
			h := r.handler(t)
			h.ServeHTTP(httptest.NewRecorder(), from("192.0.2.66", to(http.MethodPost, "/webhooks/apify")))
			r.meter.refused, r.log.b = nil, bytes.Buffer{}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, tc.req)
			m := decode(t, w)
			if w.Code != tc.status || m["status"] != "error" || m["error"] != string(tc.code) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, tc.status, tc.code)
			}
			if text, _ := m["message"].(string); len(text) < 20 || len(m) != 3 {
				t.Errorf("answer doesn't say what to do, or says too much: %s", w.Body)
			}
			if tc.header != "" && w.Header().Get(tc.header) == "" {
				t.Errorf("no header %s", tc.header)
			}
			if w.Header().Get("X-Request-ID") == "" {
				t.Error("no request id")
			}
			if len(r.meter.refused) != 1 || r.meter.refused[0] != string(tc.code) || len(r.meter.receipts) != 0 || r.meter.inFlight != 0 {
				t.Errorf("counted %v, receipts %v, in flight %d", r.meter.refused, r.meter.receipts, r.meter.inFlight)
			}
			wantLevel(t, r.log.lines(t), tc.level, string(tc.code), tc.status)
		})
	}
	for _, row := range refusals() {
		if !seen[row.code] {
			t.Errorf("no request provokes %q", row.code)
		}
	}
}

func wantLevel(t *testing.T, lines []map[string]any, level, code string, status int) {
	t.Helper()
	if level == "" {
		if len(lines) != 0 {
			t.Errorf("logged %v, want nothing", lines)
		}
		return
	}
	if len(lines) != 1 {
		t.Fatalf("%d log lines, want one: %v", len(lines), lines)
	}
	l := lines[0]
	if l["level"] != level || l["msg"] != "webhook" || l["error"] != code || l["status"] != float64(status) {
		t.Errorf("logged %v, want %s %s %d", l, level, code, status)
	}
	if id, _ := l["request_id"].(string); len(id) != 36 {
		t.Errorf("request_id %v", l["request_id"])
	}
}

func TestTheStatusTableIsSound(t *testing.T) {
	t.Parallel()
	table := newStatusTable()
	if len(table) != len(refusals()) || len(RefusalCodes()) != len(table) {
		t.Error("a code is in the table twice")
	}
	for code, row := range table {
		if http.StatusText(row.status) == "" || row.status < 400 || row.message == "" {
			t.Errorf("%s: %+v", code, row)
		}
		if (row.status == http.StatusServiceUnavailable || row.status == http.StatusTooManyRequests) != (row.retry > 0) {
			t.Errorf("%s: 503 and 429 go with Retry-After", code)
		}
	}
}

func TestRetryAfterIsSpread(t *testing.T) {
	t.Parallel()
	row, seen := newStatusTable()[refusedUnavailable], map[int]bool{}
	for range 500 {
		w := httptest.NewRecorder()
		row.write(w, 0)
		n, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if err != nil || n < 5 || n > 10 {
			t.Fatalf("Retry-After %q", w.Header().Get("Retry-After"))
		}
		seen[n] = true
	}
	if len(seen) < 2 {
		t.Error("all senders are told to come back at the same time")
	}
}
