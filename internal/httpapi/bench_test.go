package httpapi

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkIngest is one webhook from the router to the written answer and log line, with a gate that costs nothing. What
// net/http itself costs is not in it.
func BenchmarkIngest(b *testing.B) {
	text := succeeded(b)
	for name, v := range map[string]dedup.Verdict{
		"new": firstSeen,
		"duplicate": {
			Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonWindowHit, Repeat: dedup.RepeatRetry, EventID: firstSeen.EventID,
		},
	} {
		formatted := slog.NewJSONHandler(&discard{}, nil)
		for logging, log := range map[string]*slog.Logger{"json": slog.New(formatted), "off": slog.New(slog.DiscardHandler)} {
			b.Run(name+"/log="+logging, func(b *testing.B) {
				r := newRig(b)
				r.verdict(v)
				r.opts.Log, r.opts.Meter = log, quietMeter{}
				h, err := New(r.opts)
				if err != nil {
					b.Fatal(err)
				}
				req, body, w := webhookRequest("apify", text), strings.NewReader(text), &discard{http.Header{}}
				req.Body = io.NopCloser(body)
				b.ReportAllocs()
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					body.Reset(text)
					clear(w.header)
					h.ServeHTTP(w, req)
				}
			})
		}
	}
}

type quietMeter struct{}

func (quietMeter) InFlight(int)                                 {}
func (quietMeter) Receipt(string, dedup.Verdict, time.Duration) {}
func (quietMeter) Refused(string)                               {}
