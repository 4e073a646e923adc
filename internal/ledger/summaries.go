package ledger

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Summaries are what the dashboard reads instead of many rows: hours of rollups, who was repeated most often, and which runs
// have no end. They are computed behind the writers' backs from what these have committed, by one process at a time; nothing
// waits for them. What is written late, such as hits that waited in Redis, changes the counters of its minute, and the
// summary is made again.

const (
	// summariseEvery is the pause between two rounds; restShare times what the round took, when that is more: summaries
	// may cost a twentieth of a connection's time and no more.
	summariseEvery = 10 * time.Second
	restShare      = 20
	// lookBackEvery is the pause between two looks at everything that may still have changed.
	lookBackEvery = 10 * time.Minute
	// roundFor bounds one round.
	roundFor = 30 * time.Second
	// summaryLock is held for each step: "dedupsum" in ASCII.
	summaryLock = 0x646564757073756d

	jobDays = "sum up days of repeats"
)

func (l *Ledger) summariseForever(ctx context.Context) {
	failing := false
	var lookedBack time.Time
	for {
		began := time.Now()
		lookBack := began.Sub(lookedBack) >= lookBackEvery
		err := l.summariseRound(ctx, lookBack)
		if err == nil && lookBack {
			lookedBack = began
		}
		if err != nil && !failing && ctx.Err() == nil {
			l.log.Log(ctx, slog.LevelInfo, "summaries for the dashboard are behind; tried again", "error", err)
		}
		failing = err != nil
		select {
		case <-time.After(max(summariseEvery, restShare*time.Since(began))):
		case <-ctx.Done():
			return
		}
	}
}

func (l *Ledger) summariseRound(ctx context.Context, lookBack bool) error {
	ctx, cancel := context.WithTimeout(ctx, roundFor)
	defer cancel()
	err := l.Summarise(ctx, lookBack)
	if errors.Is(err, errSummedElsewhere) || errors.Is(err, dedup.ErrContended) {
		return nil
	}
	return err
}

// Summarise brings all summaries up to date: those of the last hour, and with lookBack whatever may have changed since it was
// summed up, and the list of runs without an end. [Ledger.Run] does it every few seconds. When another process is at it, that
// is no error; when ctx ends, what is done is kept.
func (l *Ledger) Summarise(ctx context.Context, lookBack bool) error {
	if err := l.sumUpMinutes(ctx, lookBack); err != nil {
		return err
	}
	if lookBack {
		if err := l.listOpenRuns(ctx); err != nil {
			return err
		}
	}
	return l.sumUpRepeats(ctx, lookBack)
}

// errSummedElsewhere: another process is at it.
var errSummedElsewhere = errors.New("another process makes the summaries")

// summing is one step, in a transaction that no other process's step meets.
func (l *Ledger) summing(ctx context.Context, operation string, step func(tx *gorm.DB) error) error {
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		ours, err := l.dialect.tryLock(tx, summaryLock)
		if err == nil && !ours {
			return errSummedElsewhere
		}
		if err == nil {
			err = step(tx)
		}
		return translate(operation, err)
	})
	return err
}

// seconds is SQL for the Unix seconds of a column of whole seconds.
func (l *Ledger) seconds(column string) string {
	if l.pool == nil {
		return column + " / 1000000"
	}
	return "CAST(date_part('epoch', " + column + ") AS bigint)"
}

// deleteSummaries deletes what was counted before cutoff.
func (l *Ledger) deleteSummaries(ctx context.Context, cutoff time.Time) error {
	for _, t := range []struct{ table, key, time string }{
		{"rollup_sums", "span, start, source, outcome, reason, repeat", "start"},
		{"sources_seen", "source", "seen_at"},
		{"repeat_tops", "start, dimension, source, kind, name", "start"},
		{"repeat_slices", "start", "start"},
	} {
		err := l.inChunks(ctx, "delete summaries", func(tx *gorm.DB) (int64, error) {
			return deleteChunk(tx, t.table, t.key, t.time+" < ?", t.time, cutoff)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
