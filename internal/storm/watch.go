package storm

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// watchInterval is how often the newest runs are looked at while the storm sends.
const watchInterval = 300 * time.Millisecond

// watching looks at the newest runs now and then until the function it gives back is called: none may show an older status
// than it did at an earlier look.
func (p *player) watching(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		seen := map[string]int{} // run id → index of the event whose status it showed
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			page, err := p.API.Runs(ctx, view.RunQuery{Source: p.Source, Paging: view.Paging{Limit: view.MaxLimit}})
			if err == nil { // a gateway that is gone shows nothing
				p.books.look(page.Items, seen)
			}
		}
	})
	return func() { cancel(); group.Wait() }
}

// look compares runs as the gateway shows them with how it showed them before.
func (b *books) look(shown []view.Run, seen map[string]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range shown {
		run := b.byRun[v.RunID]
		if run == nil {
			continue
		}
		at := run.shows(v)
		if before, ok := seen[v.RunID]; ok && at < before {
			b.findings.add(run.finding(KindRegressed, -1, fmt.Sprintf("showed %s, then %s", run.events[before].shown(), displayed(v))))
		}
		seen[v.RunID] = at
	}
}

// shows is the index of the event whose status the gateway shows, -1 for none of the script's.
func (p *played) shows(v view.Run) int {
	for e := range p.events {
		if h := &p.events[e]; !h.isTest() && h.status == v.Status && h.life == v.Life {
			return e
		}
	}
	return -1
}
