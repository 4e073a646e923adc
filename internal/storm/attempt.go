package storm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// reply is what one attempt brought. status 0 is no answer: nobody knows whether the event was taken.
type reply struct {
	status int
	begun  time.Time
	took   time.Duration
	err    error // of an attempt without an answer

	// Of a 2xx: what the gateway says it did.
	word    string // accepted, duplicate, test or quarantined
	outcome string
	reason  string
	message string
	runID   string
	event   dedup.ID // zero when there is none
	receipt dedup.ID
	garbled string // why the answer can't be read, "" when it can
}

func (r *reply) delivered() bool { return r.status >= 200 && r.status < 300 }

// sender makes attempts as Apify does: one POST, no redirects, the same headers each time.
type sender struct {
	url    string
	client *http.Client
}

func newSender(o *Options) *sender {
	return &sender{url: o.URL, client: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 3 * o.Concurrency, IdleConnTimeout: time.Minute,
		},
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (s *sender) close() { s.client.CloseIdleConnections() }

// attempt sends a dispatch once.
func (s *sender) attempt(ctx context.Context, dispatch string, body []byte) reply {
	r := reply{begun: time.Now()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		r.err = errors.New("make request") // not err: it has the token in it
		return r
	}
	req.Header = http.Header{
		"Content-Type":                {"application/json"},
		"Accept":                      {"application/json, text/plain, */*"},
		"User-Agent":                  {"axios/1.7.9"},
		"X-Apify-Webhook":             {"yo"},
		"X-Apify-Webhook-Dispatch-Id": {dispatch},
		"X-Apify-Request-Origin":      {"WEBHOOK"},
	}
	res, err := s.client.Do(req)
	if err != nil {
		r.err = withoutURL(err)
		return r
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	r.took = time.Since(r.begun)
	if err != nil {
		// Apify would count the status alone; without the body the books can't say which receipt this was.
		r.err = withoutURL(err)
		return r
	}
	r.status = res.StatusCode
	r.read(data, res.Header)
	return r
}

func (r *reply) read(data []byte, header http.Header) {
	var a struct {
		Status    string  `json:"status"`
		Outcome   string  `json:"outcome"`
		Message   string  `json:"message"`
		RunID     *string `json:"run_id"`
		EventID   *string `json:"event_id"`
		ReceiptID *string `json:"receipt_id"`
	}
	if err := json.Unmarshal(data, &a); err != nil {
		r.garbled = "the answer is not JSON"
		return
	}
	r.word, r.outcome, r.message = a.Status, a.Outcome, a.Message
	if a.RunID != nil {
		r.runID = *a.RunID
	}
	if !r.delivered() {
		return
	}
	_, r.reason, _ = strings.Cut(header.Get("X-Dedup-Outcome"), "; reason=")
	r.event, r.receipt = r.idIn("event_id", a.EventID), r.idIn("receipt_id", a.ReceiptID)
	if r.receipt.IsZero() && r.garbled == "" {
		r.garbled = "the answer has no receipt_id"
	}
}

func (r *reply) idIn(name string, text *string) dedup.ID {
	if text == nil {
		return dedup.ID{}
	}
	id, err := dedup.ParseID(*text)
	if err != nil {
		r.garbled = fmt.Sprintf("%s is %.60q", name, *text)
	}
	return id
}

// withoutURL strips the address, which holds the source's token.
func withoutURL(err error) error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if !strings.Contains(inner.Error(), "://") {
			return inner
		}
	}
	return errors.New("no answer")
}
