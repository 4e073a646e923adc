package source_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/source"
)

func BenchmarkIdentify(b *testing.B) {
	for _, name := range []string{"succeeded_first_attempt", "custom_minimal_bearer", "large_resource"} {
		b.Run(name, func(b *testing.B) {
			src := newSource(b)
			sample, _ := samples.Get(name)
			r := source.Request{Header: sample.Headers, Query: url.Values{}, Body: sample.Compact(), ReceivedAt: time.Now()}
			b.SetBytes(int64(len(r.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if in := src.Identify(r); in.Quarantine != nil {
					b.Fatal(in.Quarantine.Message)
				}
			}
		})
	}
}

// BenchmarkEncodingJSON is the yardstick: the same fields by reflection, without any of the rules.
//
//nolint:tagliatelle // The names are Apify's.
func BenchmarkEncodingJSON(b *testing.B) {
	sample, _ := samples.Get("succeeded_first_attempt")
	body := sample.Compact()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var v struct {
			EventType string `json:"eventType"`
			CreatedAt string `json:"createdAt"`
			RunID     string `json:"runId"`
			EventData struct {
				ActorID string `json:"actorId"`
				TaskID  string `json:"actorTaskId"`
				RunID   string `json:"actorRunId"`
				BuildID string `json:"actorBuildId"`
			} `json:"eventData"`
			Resource struct {
				ID         string `json:"id"`
				ActorID    string `json:"actId"`
				TaskID     string `json:"actorTaskId"`
				FinishedAt string `json:"finishedAt"`
				Stats      struct {
					ResurrectCount uint32 `json:"resurrectCount"`
				} `json:"stats"`
			} `json:"resource"`
		}
		if err := json.Unmarshal(body, &v); err != nil {
			b.Fatal(err)
		}
		_ = dedup.Compose("r", v.Resource.ID)
	}
}
