package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/dedupgate/dedupgate/internal/view"
)

const (
	heartbeatEvery = 15 * time.Second
	// streamWrite is how long a reader may take to take an event.
	streamWrite = 10 * time.Second
	// streamFor is the longest a stream lives: who reads on has to show again that he may.
	streamFor = 30 * time.Minute
)

type streamInput struct {
	Source   string `query:"source" maxLength:"32"`
	Outcome  string `query:"outcome" enum:"new,updated,late,duplicate,test,quarantined"`
	ActorID  string `query:"actor_id" maxLength:"128"`
	RunID    string `query:"run_id" maxLength:"128"`
	LastID   string `header:"Last-Event-ID" maxLength:"64" doc:"Resume behind this event."` //nolint:tagliatelle // as the standard writes it
	LastSeen string `query:"last_event_id" maxLength:"64" doc:"The same, for clients that can't set the header."`
}

// registerStream registers the stream, which no timeout of an operation ends.
func (a *admin) registerStream(api huma.API, op huma.Operation) {
	t := newTail(&a.Dashboard)
	huma.Register(api, op, func(_ context.Context, in *streamInput) (*huma.StreamResponse, error) {
		last := in.LastID
		if last == "" {
			last = in.LastSeen
		}
		l, missed, resumed, err := t.listen(liveFilter{in.Source, in.Outcome, in.ActorID, in.RunID}, last)
		if err != nil {
			return nil, huma.ErrorWithHeaders(
				huma.Error429TooManyRequests(fmt.Sprintf("%d streams are open already; close a page that shows receipts live.", maxStreams)),
				http.Header{"Retry-After": {"10"}})
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			defer t.leave(l)
			s := stream{tail: t, listener: l, out: humagin.Unwrap(c).Writer}
			if resumed {
				s.serve(c.Context(), missed, nil, false)
			} else {
				s.serve(c.Context(), nil, t.latest(c.Context(), l.filter), last != "")
			}
		}}, nil
	})
}

// stream writes one listener's events.
type stream struct {
	tail     *tail
	listener *listener
	out      http.ResponseWriter
	failed   error
}

// serve writes until the reader has gone, is too slow, or has to ask again. It begins with what the reader has missed, or with
// the latest that came before.
func (s *stream) serve(ctx context.Context, missed []*batch, latest []view.LiveReceipt, gap bool) {
	// The server's timeouts are for requests that end. Reading goes on: it is how a reader's going is noticed.
	_ = http.NewResponseController(s.out).SetReadDeadline(time.Time{})
	h := s.out.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would wait for more
	s.out.WriteHeader(http.StatusOK)
	s.write("retry: 2000\n\n")
	if gap {
		s.event("gap", "", map[string]string{"reason": "What came in between is not known here any more: load the page's list again."})
	}
	if len(latest) > 0 {
		s.event("latest", "", receipts{latest})
	}
	for _, b := range missed {
		s.batch(b)
	}
	s.follow(ctx)
}

func (s *stream) follow(ctx context.Context) {
	heartbeat := time.NewTicker(heartbeatEvery)
	defer heartbeat.Stop()
	end := time.NewTimer(streamFor)
	defer end.Stop()
	for s.failed == nil {
		select {
		case b := <-s.listener.batches:
			s.batch(b)
			if n := s.tail.takeDropped(s.listener); n > 0 {
				s.event("dropped", "", map[string]int{"events": n})
			}
		case <-heartbeat.C:
			s.write(": still here\n\n")
		case <-end.C:
			return
		case <-s.tail.ending:
			return
		case <-ctx.Done():
			return
		}
	}
}

// receipts are listed oldest first.
type receipts struct {
	Items []view.LiveReceipt `json:"items"`
}

// sampled says that not all are shown.
type sampled struct {
	Shown     int     `json:"shown"`
	Of        int     `json:"of"`
	PerSecond float64 `json:"per_second"`
}

// batch writes what the listener wants of a batch.
func (s *stream) batch(b *batch) {
	switch {
	case b.trouble != "":
		s.event("trouble", "", map[string]string{"detail": b.trouble})
		return
	case b.recovered:
		s.event("recovered", "", struct{}{})
		return
	}
	items, of := b.items, b.of
	if s.listener.filter != (liveFilter{}) {
		items = nil
		for i := range b.items {
			if s.listener.filter.matches(&b.items[i]) {
				items = append(items, b.items[i])
			}
		}
		of = len(items)
	}
	if len(items) > tailBatch {
		items = spread(items, tailSample)
	}
	if len(items) == 0 {
		return
	}
	if len(items) < of {
		s.event("sampled", "", sampled{len(items), of, b.perSecond * float64(of) / float64(max(b.of, 1))})
	}
	s.event("receipts", b.id, receipts{items})
}

func (s *stream) event(name, id string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		s.failed = err
		return
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	s.write("event: " + name + "\n" + id + "data: " + string(text) + "\n\n") // JSON has no line breaks of its own
}

func (s *stream) write(text string) {
	if s.failed != nil {
		return
	}
	rc := http.NewResponseController(s.out)
	if s.failed = rc.SetWriteDeadline(time.Now().Add(streamWrite)); s.failed != nil {
		return
	}
	if _, s.failed = io.WriteString(s.out, text); s.failed == nil {
		s.failed = rc.Flush()
	}
}
