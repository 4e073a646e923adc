package ledger

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Summaries are what the dashboard reads instead of many rows: hours of rollups, and who was repeated most often. They are
// computed behind the writers' backs from what these have committed, by one process at a time; nothing waits for them. What
// is written late, such as hits that waited in Redis, changes the counters of its minute, and the summary is made again.

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

	jobHours = "sum up hours"
	jobDays  = "sum up days of repeats"
	// hourSettled is how long after its end an hour is summed up.
	hourSettled = 2 * time.Minute
	// hoursAgain is how far back hours are summed up again, for what was written late.
	hoursAgain = 72 * time.Hour
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
// summed up. [Ledger.Run] does it every few seconds. When another process is at it, that is no error; when ctx ends, what is
// done is kept.
func (l *Ledger) Summarise(ctx context.Context, lookBack bool) error {
	if err := l.sumUpHours(ctx, lookBack); err != nil {
		return err
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

// sumUpHours sums up the hours that are over, a day in a transaction.
func (l *Ledger) sumUpHours(ctx context.Context, again bool) error {
	done, err := readProgress(l.db.WithContext(ctx), jobHours)
	if err != nil {
		return translate(jobHours, err)
	}
	until := l.now().UTC().Add(-hourSettled).Truncate(time.Hour)
	from := done
	switch {
	case done.IsZero():
		if from, err = l.firstMinute(ctx, until); err != nil {
			return translate(jobHours, err)
		}
		from = from.Truncate(time.Hour)
	case again:
		from = done.Add(-hoursAgain)
	}
	for from.Before(until) {
		next := from.Add(day)
		if next.After(until) {
			next = until
		}
		if err := l.summing(ctx, jobHours, func(tx *gorm.DB) error { return l.sumHours(tx, from, next, done) }); err != nil {
			return err
		}
		from = next
	}
	return nil
}

// sumHours writes the sums of [from, to) anew.
func (l *Ledger) sumHours(tx *gorm.DB, from, to, done time.Time) error {
	var hours []hourRow
	query := `SELECT ` + l.seconds("minute") + ` / 3600 AS hour, source, outcome, reason, repeat, CAST(SUM(count) AS bigint)
FROM rollups WHERE minute >= ? AND minute < ? GROUP BY 1, 2, 3, 4, 5`
	err := scanAll(tx.Raw(query, from, to), func(rows *sql.Rows) error {
		var h hourRow
		var n int64
		err := rows.Scan(&n, &h.Source, &h.Outcome, &h.Reason, &h.Repeat, &h.Count)
		h.Hour = time.Unix(n*3600, 0).UTC()
		hours = append(hours, h)
		return err
	})
	if err == nil {
		err = tx.Where("hour >= ? AND hour < ?", from, to).Delete(&hourRow{}).Error
	}
	if err == nil && len(hours) > 0 {
		err = tx.CreateInBatches(hours, 1000).Error
	}
	if err == nil && to.After(done) {
		err = writeProgress(tx, jobHours, to)
	}
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
		{"rollup_hours", "hour, source, outcome, reason, repeat", "hour"},
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
