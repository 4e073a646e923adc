package metrics_test

import (
	"testing"

	"github.com/dedupgate/dedupgate/internal/bodies"
	"github.com/dedupgate/dedupgate/internal/metrics"
)

func TestOtherBodiesAreCountedByWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{}, nil)
	m.OtherBodies(bodies.Kept, 2)
	m.OtherBodies(bodies.Kept, 3)
	m.OtherBodies(bodies.Dropped, 1)
	got := scrape(t, m)
	for result, want := range map[bodies.Result]string{bodies.Kept: "5", bodies.Passed: "0", bodies.Dropped: "1", bodies.Lost: "0"} {
		wantSeries(t, got, `dedupgate_other_bodies_total{result="`+string(result)+`"}`, want)
	}
}
