package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/dedupgate/dedupgate/internal/surge"
	"github.com/dedupgate/dedupgate/internal/view"
)

// stormInterval is how often storms are looked for.
const stormInterval = 5 * time.Second

// lookForStorms counts and logs storms that begin and end.
func (a *App) lookForStorms(ctx context.Context) {
	storms, began, ended := a.storms.Look(time.Now())
	a.metrics.SetStorms(storms, began)
	for _, s := range began {
		a.log.LogAttrs(ctx, slog.LevelWarn, "storm of repeats begins: all are answered as duplicates", stormAttrs(s)...)
	}
	for _, s := range ended {
		a.log.LogAttrs(ctx, slog.LevelInfo, "storm of repeats is over", stormAttrs(s)...)
	}
}

func stormAttrs(s surge.Storm) []slog.Attr {
	return []slog.Attr{
		slog.String("by", string(s.By)), slog.String("source", s.Source), slog.String("name", s.Name),
		slog.Int("repeats", s.Repeats), slog.String("since", s.Since.UTC().Format(time.RFC3339)),
	}
}

// Repeat counts a duplicate.
func (a *App) Repeat(source, run, dispatch string) {
	a.storms.Repeat(source, run, dispatch, time.Now())
}

// Storms are those under way.
func (a *App) Storms() view.Storms {
	now := time.Now()
	all := view.Storms{Rate: a.watcher.Current().Limits.Storm, Items: []view.Storm{}}
	for _, s := range a.storms.UnderWay(now) {
		all.Items = append(all.Items, view.Storm{By: string(s.By), Source: s.Source, Name: s.Name, Repeats: s.Repeats, Since: s.Since.UTC()})
	}
	return all
}
