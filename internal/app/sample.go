package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/dedupgate/dedupgate/internal/httpapi"
	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/view"
)

// sampleName is the sample that is sent: a run that ended well.
const sampleName = "succeeded"

const dispatchHeader = "X-Apify-Webhook-Dispatch-Id"

// sample is a webhook ready to send, any number of times.
type sample struct {
	body   []byte
	header http.Header
}

// newSample makes a webhook of a run that nobody has heard of.
func newSample() (*sample, error) {
	s, ok := samples.Get(sampleName)
	if !ok {
		return nil, fmt.Errorf("no sample %s", sampleName)
	}
	var body struct {
		Resource struct {
			ID string `json:"id"`
		} `json:"resource"`
	}
	if err := json.Unmarshal(s.Body, &body); err != nil || body.Resource.ID == "" {
		return nil, fmt.Errorf("sample %s has no run id: %w", sampleName, err)
	}
	fresh := &sample{
		body:   bytes.ReplaceAll(s.Compact(), []byte(body.Resource.ID), []byte(newApifyID())),
		header: s.Headers,
	}
	fresh.header.Set(dispatchHeader, newApifyID())
	return fresh, nil
}

// newApifyID is 17 letters and digits, as Apify's ids are.
func newApifyID() string { return rand.Text()[:17] }

// SendSample implements [httpapi.Samples].
func (b *board) SendSample(ctx context.Context, again bool) (view.SentSample, error) {
	if b.sampleURL == "" {
		return view.SentSample{}, httpapi.ErrNoSamples
	}
	s, err := b.nextSample(again)
	if err != nil {
		return view.SentSample{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.sampleURL, bytes.NewReader(s.body))
	if err != nil {
		return view.SentSample{}, fmt.Errorf("make the sample's request: %w", bareURL(err))
	}
	req.Header, req.RemoteAddr = s.header.Clone(), "127.0.0.1:0"
	w := answerWriter{header: http.Header{}}
	b.public.ServeHTTP(&w, req)
	var said struct {
		Outcome   string `json:"outcome"`
		RunID     string `json:"run_id"`
		EventID   string `json:"event_id"`
		ReceiptID string `json:"receipt_id"`
		Message   string `json:"message"`
	}
	if err := json.Unmarshal(w.body.Bytes(), &said); err != nil {
		return view.SentSample{}, fmt.Errorf("read the answer to the sample: %w", err)
	}
	return view.SentSample{
		Status: w.status, Outcome: said.Outcome, RunID: said.RunID, EventID: said.EventID, ReceiptID: said.ReceiptID, Message: said.Message,
	}, nil
}

// bareURL leaves the address out of an error: it holds the token.
func bareURL(err error) error {
	if inner, ok := err.(*url.Error); ok { //nolint:errorlint // as net/url gives it
		return inner.Err
	}
	return err
}

// nextSample is a new one, or the last once more.
func (b *board) nextSample(again bool) (*sample, error) {
	b.sampleLock.Lock()
	defer b.sampleLock.Unlock()
	if again && b.sample != nil {
		return b.sample, nil
	}
	s, err := newSample()
	b.sample = s
	return s, err
}

// answerWriter keeps an answer.
type answerWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answerWriter) Header() http.Header { return w.header }

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *answerWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
