package source_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

func BenchmarkIdentify(b *testing.B) {
	for _, name := range []string{"succeeded_first_attempt", "custom_minimal_bearer", "large_resource"} {
		b.Run(name, func(b *testing.B) {
			src, err := source.New(source.Options{Name: "apify", Kind: source.Apify, Tokens: []signature.Token{{}}, Default: source.Windows{1, 1}})
			if err != nil {
				b.Fatal(err)
			}
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
func BenchmarkEncodingJSON(b *testing.B) {
	sample, _ := samples.Get("succeeded_first_attempt")
	body := sample.Compact()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var v struct {
			EventType, CreatedAt, RunID string
			EventData                   struct{ ActorID, ActorTaskID, ActorRunID, ActorBuildID string }
			Resource                    struct {
				ID, ActID, ActorTaskID, FinishedAt string
				Stats                              struct{ ResurrectCount uint32 }
			}
		}
		if err := json.Unmarshal(body, &v); err != nil {
			b.Fatal(err)
		}
		_ = dedup.Compose("r", v.Resource.ID)
	}
}
