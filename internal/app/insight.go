package app

import (
	"context"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/advise"
	"github.com/dedupgate/dedupgate/internal/view"
)

// insight answers how things went, with what only this process and Redis know.
type insight struct{ *App }

// manyWaiting is how many hits may wait in Redis before an operator should know.
const manyWaiting = 100_000

// Overview implements [httpapi.Insight].
func (i insight) Overview(ctx context.Context, r view.Range, source string) (view.Overview, error) {
	// Asked first: a hit that is drained in between is then seen twice rather than not at all.
	waiting := i.waitingHits(ctx)
	o, err := i.ledger.Overview(ctx, r, source)
	if err != nil {
		return o, err
	}
	o.HitsWaiting, o.Unrecorded = waiting, i.gate.Unrecorded()
	o.Redis, o.Database = i.redisState(), i.databaseState()
	recent := i.metrics.Recent()
	o.Latency = view.Latency{
		Answers: recent.Verdicts, P50Millis: inMillis(recent.P50), P99Millis: inMillis(recent.P99),
		WindowSeconds: int64(recent.Window / time.Second), Scope: "this process, last " + advise.Span(recent.Window),
	}
	o.Advice = append(i.stateAdvice(&o), o.Advice...)
	o.Forwarding, err = i.forwarding(ctx)
	return o, err
}

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (i insight) stateAdvice(o *view.Overview) []view.Advice {
	advice := []view.Advice{}
	if !o.Database.Up {
		text := "The database can't be used since " + utcText(o.Database.Since) + ". " + o.Database.Detail
		advice = append(advice, view.Advice{Kind: "database_down", Text: text})
	}
	if !o.Redis.Up {
		text := "Redis can't be used since " + utcText(o.Redis.Since) + ". " + o.Redis.Detail
		advice = append(advice, view.Advice{Kind: "redis_down", Text: text})
	}
	if o.HitsWaiting >= manyWaiting {
		advice = append(advice, view.Advice{Kind: "hits_waiting", Text: fmt.Sprintf(
			"%d duplicates wait in Redis for the database: the counts lag behind. Nothing is lost.", o.HitsWaiting)})
	}
	return advice
}

func utcText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// forwarding sums the deliveries of all destinations.
func (i insight) forwarding(ctx context.Context) (view.Forwarding, error) {
	now := time.Now()
	stats, err := i.ledger.DeliveryStats(ctx, view.Range{Since: now, Until: now}) // states are of now, whatever the range
	var f view.Forwarding
	for _, d := range stats.Destinations {
		f.Waiting += d.Pending + d.Delivering + d.Retrying
		f.Held += d.Held
		f.Dead += d.Dead
		if d.OldestAt != nil && (f.OldestAt == nil || d.OldestAt.Before(*f.OldestAt)) {
			f.OldestAt = d.OldestAt
		}
	}
	return f, err
}

// Top implements [httpapi.Insight].
func (i insight) Top(ctx context.Context, q view.TopQuery) (view.Top, error) {
	return i.ledger.Top(ctx, q)
}
