package httpapi

import (
	"encoding/json"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// jsonType is shared by all answers; nobody appends to it.
var jsonType = []string{"application/json; charset=utf-8"}

// answer is what a sender gets for a receipt. Ids are canonical text, "" when there is none.
type answer struct {
	verdict      dedup.Verdict
	message      string
	runID        string
	eventID      string
	receiptID    string
	quarantineID string
}

// answerStatus is the word a sender can act on without knowing all outcomes.
func answerStatus(o dedup.Outcome) string {
	switch o {
	case dedup.OutcomeDuplicate, dedup.OutcomeTest, dedup.OutcomeQuarantined:
		return string(o)
	default:
		return "accepted"
	}
}

// answerMessage is what the sender is told in words; accepted events need none.
func answerMessage(v dedup.Verdict, in *dedup.Inbound) string {
	switch v.Outcome {
	case dedup.OutcomeDuplicate:
		return "Webhook already processed"
	case dedup.OutcomeTest:
		return "Test received and kept. Real events will be accepted the same way."
	case dedup.OutcomeQuarantined:
		if in.Quarantine != nil && in.Quarantine.Message != "" {
			return in.Quarantine.Message
		}
		return rejectedMessage
	default:
		return ""
	}
}

// rejectedMessage is for an event that had an identity until the database saw it.
const rejectedMessage = "The database refuses a value of this event (a NUL character or invalid UTF-8 in an id or type). " +
	"It is kept in quarantine; correct the webhook's template."

// append writes the answer as JSON. By hand, because this runs for every webhook: no allocation when b is large enough.
func (a *answer) append(b []byte) []byte {
	v := &a.verdict
	b = append(b, `{"status":"`...)
	b = append(b, answerStatus(v.Outcome)...)
	b = append(b, `","outcome":"`...)
	b = append(b, v.Outcome...)
	b = append(b, '"')
	if a.message != "" {
		b = append(b, `,"message":`...)
		b = appendJSONString(b, a.message)
	}
	b = appendTextOrNull(b, `,"run_id":`, a.runID)
	b = appendTextOrNull(b, `,"event_id":`, a.eventID)
	b = appendTextOrNull(b, `,"receipt_id":`, a.receiptID)
	if a.quarantineID != "" {
		b = appendTextOrNull(b, `,"quarantine_id":`, a.quarantineID)
	}
	if v.Outcome == dedup.OutcomeDuplicate && !v.EventID.IsZero() {
		b = append(b, `,"first_seen_at":"`...)
		b = v.FirstSeenAt().AppendFormat(b, millisFormat)
		b = append(b, '"')
	}
	return append(b, '}', '\n')
}

// millisFormat is RFC 3339 with milliseconds, for times that are in UTC already.
const millisFormat = "2006-01-02T15:04:05.000Z07:00"

func appendTextOrNull(b []byte, name, s string) []byte {
	b = append(b, name...)
	if s == "" {
		return append(b, "null"...)
	}
	return appendJSONString(b, s)
}

// appendJSONString quotes s. Text that needs no escape, which is all but hostile text, is copied.
func appendJSONString(b []byte, s string) []byte {
	if !needsEscape(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil { // can't be: every string has a JSON form
		return append(b, `""`...)
	}
	return append(b, quoted...)
}

func needsEscape(s string) bool {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\', c == 0x7f:
			return true
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return !ascii && !utf8.ValidString(s)
}

// outcomeHeaders holds the values of X-Dedup-Outcome for every pair that occurs, made once.
type outcomeHeaders map[[2]string][]string

func newOutcomeHeaders() outcomeHeaders {
	h := outcomeHeaders{}
	for _, o := range dedup.Outcomes() {
		for _, r := range dedup.Reasons() {
			h[[2]string{string(o), string(r)}] = []string{string(o) + "; reason=" + string(r)}
		}
	}
	return h
}

func (h outcomeHeaders) of(v dedup.Verdict) []string {
	return h[[2]string{string(v.Outcome), string(v.Reason)}]
}

// answers writes receipts. One serves all requests.
type answers struct {
	headers outcomeHeaders
	buffers sync.Pool // of *[]byte
}

func newAnswers() *answers {
	return &answers{
		headers: newOutcomeHeaders(),
		buffers: sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }},
	}
}

func (s *answers) write(w http.ResponseWriter, status int, a *answer) {
	buf, _ := s.buffers.Get().(*[]byte) // New makes nothing else
	defer s.buffers.Put(buf)
	*buf = a.append((*buf)[:0])
	h := w.Header()
	h["Content-Type"] = jsonType
	h["X-Dedup-Outcome"] = s.headers.of(a.verdict)
	w.WriteHeader(status)
	_, _ = w.Write(*buf) // a client that is gone needs no answer; what it sent is stored
}
