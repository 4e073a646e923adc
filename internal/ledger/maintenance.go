package ledger

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

const (
	// maintainEvery is far shorter than the days that partitions are made ahead.
	maintainEvery = time.Hour
	// maintainAgain is the pause after a failure, such as a database that is away.
	maintainAgain = time.Minute
	// maintainFor bounds one round; what is left over waits for the next.
	maintainFor = 20 * time.Minute
)

// Run probes the database several times a second, keeps the dashboard's summaries up to date and, at start and then hourly,
// makes partitions ahead and enforces the retention, which is asked for each time. It returns when ctx ends. Any number of
// processes may run at once.
func (l *Ledger) Run(ctx context.Context, retention func() Retention) {
	var loops sync.WaitGroup
	loops.Go(func() { l.watch(ctx) })
	loops.Go(func() { l.maintainForever(ctx, retention) })
	loops.Go(func() { l.summariseForever(ctx) })
	loops.Wait()
}

func (l *Ledger) maintainForever(ctx context.Context, retention func() Retention) {
	for {
		wait := maintainEvery
		if err := l.maintain(ctx, retention()); err != nil && ctx.Err() == nil {
			wait = maintainAgain
			level := slog.LevelWarn
			if errors.Is(err, dedup.ErrContended) {
				level = slog.LevelInfo
			}
			l.log.Log(ctx, level, "partitions and retention: not done, tried again soon", "error", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// maintain does one round.
func (l *Ledger) maintain(ctx context.Context, keep Retention) error {
	ctx, cancel := context.WithTimeout(ctx, maintainFor)
	defer cancel()
	return errors.Join(l.dialect.makePartitions(ctx, l), l.retain(ctx, keep))
}
