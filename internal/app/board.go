package app

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/httpapi"
	"github.com/dedupgate/dedupgate/internal/view"
)

// board is what the dashboard knows of the process.
type board struct {
	started  time.Time
	settings settings
	ending   chan struct{}
	end      sync.Once

	public     http.Handler // the public listener's
	sampleURL  string       // with the token; empty unless the gateway made it
	sampleLock sync.Mutex
	sample     *sample // the last that was sent
}

func newBoard(now time.Time) *board {
	return &board{started: now.UTC(), ending: make(chan struct{})}
}

// endStreams lets those who read receipts live go, so that the listener can shut down.
func (b *board) endStreams() { b.end.Do(func() { close(b.ending) }) }

// openBoard lets the dashboard know of what was opened before.
func (a *App) openBoard(public http.Handler) {
	a.board.public = public
	a.board.settings.put(a.opts.Config, a.board.started)
	if a.welcome.Embedded {
		a.board.sampleURL = a.welcome.WebhookURL
	}
}

// dashboard is what the admin API needs for the pages.
func (a *App) dashboard() httpapi.Dashboard {
	return httpapi.Dashboard{
		Insight: insight{a}, Process: process{a}, Audit: a.ledger, Samples: a.board, Live: a.ledger, Ending: a.board.ending,
	}
}

// redisState is Redis as this process sees it.
func (a *App) redisState() view.StoreState {
	s := a.redis.State()
	state := view.StoreState{Kind: "redis", Up: s.Up, Since: s.Since.UTC()}
	if s.Embedded {
		state.Kind = "embedded"
	}
	if !s.Up {
		state.Detail = "Left out: the database decides alone and no request fails."
		state.Error = errorText(s.Err)
	}
	return state
}

// databaseState is the database as this process sees it.
func (a *App) databaseState() view.StoreState {
	s := a.ledger.State()
	state := view.StoreState{Kind: "postgres", Up: s.Up, Since: s.Since.UTC()}
	if a.opts.Config.Database.URL == "" {
		state.Kind = "sqlite"
	}
	if s.Since.IsZero() {
		state.Since = a.board.started
	}
	if !s.Up {
		state.Detail = "New events are answered 503 and sent again; known duplicates are still told."
		state.Error = errorText(s.Err)
	}
	return state
}

// errorText is an error's text, "" for none.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// waitingHits is how many hits are on their way into the database; -1 when Redis can't tell.
func (a *App) waitingHits(ctx context.Context) int64 {
	n, err := a.redis.HitsWaiting(ctx)
	if err != nil {
		return -1
	}
	return n
}
