package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/metrics"
)

func TestAttemptsAreCountedByWhatTheyLeftBehind(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.SetDestinations([]string{"app"})
	wantSeries(t, scrape(t, m), `dedupgate_delivery_attempts_total{destination="app",state="dead"}`, "0")
	m.Attempted("app", delivery.Retrying, 20*time.Second)
	m.Attempted("app", delivery.Delivered, time.Millisecond)
	m.SetDestinations([]string{"app", "other"})
	m.Attempted("app", delivery.Delivered, time.Millisecond)
	m.Attempted("stranger", delivery.Delivered, time.Millisecond)
	got := scrape(t, m)
	wantSeries(t, got, `dedupgate_delivery_attempts_total{destination="app",state="delivered"}`, "2")
	wantSeries(t, got, `dedupgate_delivery_attempts_total{destination="app",state="retrying"}`, "1")
	wantSeries(t, got, `dedupgate_delivery_attempt_seconds_count{destination="app"}`, "3")
	wantSeries(t, got, `dedupgate_delivery_attempt_seconds_bucket{destination="app",le="30"}`, "3")
	wantSeries(t, got, `dedupgate_delivery_attempts_total{destination="other",state="dead"}`, "0")
	for name := range got {
		if strings.Contains(name, "stranger") {
			t.Errorf("a destination that was never configured became a label: %s", name)
		}
	}
}

func TestTheStatusOfDestinationsIsReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.SetDestinationStatus([]metrics.Destination{
		{
			Name: "app", Deliveries: map[delivery.State]int64{delivery.Pending: 3, delivery.Dead: 1},
			Backlog: 90 * time.Second, Breaker: "open", Paused: true,
		},
		{Name: "gone", Breaker: "closed"},
	})
	got := scrape(t, m)
	for name, value := range map[string]string{
		`dedupgate_deliveries{destination="app",state="pending"}`:             "3",
		`dedupgate_deliveries{destination="app",state="dead"}`:                "1",
		`dedupgate_delivery_backlog_age_seconds{destination="app"}`:           "90",
		`dedupgate_destination_breaker{destination="app",state="open"}`:       "1",
		`dedupgate_destination_breaker{destination="app",state="closed"}`:     "0",
		`dedupgate_destination_breaker{destination="gone",state="half_open"}`: "0",
		`dedupgate_destination_paused{destination="app"}`:                     "1",
		`dedupgate_destination_paused{destination="gone"}`:                    "0",
	} {
		wantSeries(t, got, name, value)
	}
	m.SetDestinationStatus(nil)
	for name := range scrape(t, m) {
		if strings.HasPrefix(name, "dedupgate_deliver") || strings.HasPrefix(name, "dedupgate_destination") {
			t.Errorf("%s is still told", name)
		}
	}
}

func TestTheDatabaseIsWatched(t *testing.T) {
	t.Parallel()
	m, writable := newMetrics(), true
	m.WatchDatabase(func() bool { return writable })
	wantSeries(t, scrape(t, m), "dedupgate_database_writable", "1")
	writable = false
	wantSeries(t, scrape(t, m), "dedupgate_database_writable", "0")
}
