package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/advise"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/httpapi"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/view"
)

const (
	// benchmarkBytes is what a claim takes in Redis as docs/benchmarks.md says.
	benchmarkBytes = 198
	// latestEvents is how many events tell the shares of event types, measuredClaims how many claims are measured.
	latestEvents   = 1000
	measuredClaims = 50
	// lateHitsShown is how many late hits are listed.
	lateHitsShown = 50
	// otherTypes is what the histogram calls all types that are not Apify's.
	otherTypes = "other"
)

// histogram is the lags of one source and event type.
type histogram struct {
	key  ledger.LagKey
	lags *advise.Lags
}

// histograms gives one for a source as a whole, and one for each of its types, in the order of names.
func histograms(report *ledger.LagReport, source string) []histogram {
	whole := histogram{ledger.LagKey{Source: source}, &advise.Lags{}}
	list := []histogram{whole}
	for key, lags := range report.Lags {
		if key.Source != source {
			continue
		}
		whole.lags.Add(lags)
		list = append(list, histogram{key, lags})
	}
	slices.SortFunc(list, func(a, b histogram) int { return cmp.Compare(a.key.Type, b.key.Type) })
	return list
}

// Windows implements [httpapi.Insight].
func (i insight) Windows(ctx context.Context, r view.Range) ([]view.WindowSummary, error) {
	report, err := i.ledger.Lags(ctx, r, "")
	if err != nil {
		return nil, err
	}
	cfg := i.watcher.Current()
	var list []view.WindowSummary
	for _, s := range cfg.Sources {
		for _, h := range histograms(&report, s.Name) {
			list = append(list, i.summary(cfg, h))
		}
	}
	return list, nil
}

// summary compares the window in force for a configured source with what the lags say.
func (i insight) summary(cfg *config.Config, h histogram) view.WindowSummary {
	eventType := configuredType(h.key.Type)
	window, lease, _ := windowIn(cfg, h.key.Source, eventType)
	key, own := cfg.WindowSetting(h.key.Source, eventType)
	schedule := scheduleOf(cfg, h.key.Source)
	suggestion := h.lags.Suggest(window, schedule)
	s := view.WindowSummary{
		Source: h.key.Source, Type: h.key.Type, Repeats: h.lags.Repeats(), Caught: h.lags.Share(window), Text: suggestion.Text,
		Verdict: string(suggestion.Verdict), WatchedMillis: h.lags.Watched.Milliseconds(),
		WatchForMillis: advise.LongEnough(window, schedule).Milliseconds(),
		Setting: view.WindowSetting{
			Window: advise.Span(window), WindowMillis: window.Milliseconds(), Lease: advise.Span(lease), LeaseMillis: lease.Milliseconds(),
			Since: i.board.settings.windowSince(h.key.Source, eventType), Own: own, Key: key,
		},
	}
	if suggestion.Window != 0 {
		s.Suggested = advise.Span(suggestion.Window)
	}
	return s
}

// scheduleOf is when a source's sender tries again, where that is known.
func scheduleOf(cfg *config.Config, source string) []advise.Retry {
	for _, s := range cfg.Sources {
		if s.Name == source && s.Kind == config.KindApify {
			return advise.ApifyRetries()
		}
	}
	return nil
}

// configuredType is a histogram's type as the configuration knows it: all that are not Apify's share the source's window.
func configuredType(eventType string) string {
	if eventType == otherTypes {
		return ""
	}
	return eventType
}

// WindowAdvice implements [httpapi.Insight].
func (i insight) WindowAdvice(ctx context.Context, q view.WindowQuery) (view.WindowAdvice, error) {
	cfg := i.watcher.Current()
	if _, _, ok := windowIn(cfg, q.Source, ""); !ok {
		return view.WindowAdvice{}, fmt.Errorf("%w: %q; there are %s", httpapi.ErrNoSource, q.Source, strings.Join(sourceNames(cfg), ", "))
	}
	report, err := i.ledger.Lags(ctx, q.Range, q.Source)
	if err != nil {
		return view.WindowAdvice{}, err
	}
	all := histograms(&report, q.Source)
	h := histogram{ledger.LagKey{Source: q.Source, Type: q.Type}, &advise.Lags{}}
	if at := slices.IndexFunc(all, func(h histogram) bool { return h.key.Type == q.Type }); at >= 0 {
		h = all[at]
	}
	w := view.WindowAdvice{
		WindowSummary: i.summary(cfg, h), Since: report.Since, Until: report.Until, InFlight: h.lags.RepeatsInFlight(), Notes: notes(),
	}
	drawLags(&w, h.lags)
	drawSchedule(&w, scheduleOf(cfg, q.Source))
	cost, traffic, err := i.cost(ctx, &report, h.key)
	if err != nil {
		return w, err
	}
	w.Cost = cost
	window, _, _ := windowIn(cfg, q.Source, configuredType(q.Type))
	w.Now = figures(cfg, h, window, traffic)
	if q.Window != 0 {
		chosen := figures(cfg, h, q.Window, traffic)
		w.Chosen = &chosen
	}
	w.LateHits, err = i.ledger.LateHits(ctx, view.Range{Since: report.Since, Until: q.Until}, h.key, lateHitsShown)
	return w, err
}

// drawLags fills what is drawn.
func drawLags(w *view.WindowAdvice, lags *advise.Lags) {
	w.Histogram, w.Curve = []view.LagBucket{}, view.WindowCurve{WindowsMillis: []float64{}, Caught: []float64{}}
	for _, b := range lags.Bars() {
		w.Histogram = append(w.Histogram, view.LagBucket{FromMillis: inMillis(b.From), ToMillis: inMillis(b.To), Count: b.Count})
	}
	for _, p := range lags.Curve() {
		w.Curve.WindowsMillis = append(w.Curve.WindowsMillis, inMillis(p.Window))
		w.Curve.Caught = append(w.Curve.Caught, p.Caught)
	}
}

// drawSchedule fills what is drawn of a sender's retries.
func drawSchedule(w *view.WindowAdvice, schedule []advise.Retry) {
	w.Schedule = []view.RetryTime{}
	for _, r := range schedule {
		w.Schedule = append(w.Schedule, view.RetryTime{
			Retry: r.Number, NominalMillis: r.Nominal.Milliseconds(), EarliestMillis: r.Earliest.Milliseconds(), LatestMillis: r.Latest.Milliseconds(),
		})
	}
	if len(schedule) > 0 {
		w.Notes = append(w.Notes, "Apify retries what was not answered 2xx, counted from the first failed attempt; "+
			"attempts that end in a timeout add up to two minutes each.")
	}
}

func notes() []string {
	return []string{
		"The curve is a lower bound: a repeat that only the database caught begins the window anew, which the histogram does not know of.",
		"A repeat that Redis misses is caught by the database all the same. The window decides what that costs, not whether it is caught.",
		"Repeats in flight with the first are caught by the database whatever the window; they are taken off.",
	}
}

// cost measures what claims take and how many are made.
func (i insight) cost(ctx context.Context, report *ledger.LagReport, key ledger.LagKey) (view.WindowCost, advise.Traffic, error) {
	cost := view.WindowCost{BytesPerKey: benchmarkBytes, BytesMeasured: "benchmark"}
	latest, err := i.ledger.LatestEvents(ctx, latestEvents)
	if err != nil {
		return cost, advise.Traffic{}, err
	}
	var ofSource, ofType int64
	var keys []dedup.Key
	for _, e := range latest {
		if e.Key.Source != key.Source {
			continue
		}
		ofSource++
		if key.Type != "" && key.Type != e.Type {
			continue
		}
		ofType++
		if len(keys) < measuredClaims {
			keys = append(keys, e.Key)
		}
	}
	if m, err := i.redis.Measure(ctx, keys); err == nil {
		cost.BytesPerKey, cost.BytesMeasured, cost.KeysMeasured = m.BytesPerKey, "live", m.Keys
	}
	span := report.Until.Sub(report.Since)
	if span > 0 {
		cost.EventsPerSecond = float64(report.Events[key.Source]) / span.Seconds()
	}
	if key.Type != "" && ofSource > 0 {
		cost.EventsPerSecond *= float64(ofType) / float64(ofSource)
		cost.RateEstimated = true
	}
	return cost, advise.Traffic{BytesPerKey: cost.BytesPerKey, EventsPerSecond: cost.EventsPerSecond, Span: span}, nil
}

// figures says what a window would do, with what to paste.
func figures(cfg *config.Config, h histogram, window time.Duration, t advise.Traffic) view.WindowFigures {
	f := h.lags.FiguresOf(window, t)
	v := view.WindowFigures{
		Window: advise.Span(window), WindowMillis: window.Milliseconds(), Caught: f.Caught,
		DatabaseHitsPerDay: f.DatabaseHitsPerDay, RedisBytes: f.RedisBytes, Text: f.Text(),
	}
	block, err := cfg.WindowYAML(h.key.Source, configuredType(h.key.Type), window)
	if err != nil {
		v.Text += " It can't be set: " + err.Error()
		return v
	}
	v.YAML = block
	return v
}
