package deduptest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// HitLog is the reference [dedup.HitLog] with any number of readers, in memory. It passes [RunHitLog]. Safe for
// concurrent use.
type HitLog struct {
	limit int

	mu     sync.Mutex
	hits   map[string][]*loggedHit // by source, oldest first
	filled chan struct{}           // closed and replaced when hits come
}

type loggedHit struct {
	hit    dedup.Hit
	reader *HitReader // nil: nobody's
}

var (
	_ dedup.HitLog    = (*HitLog)(nil)
	_ dedup.HitSource = (*HitReader)(nil)
)

// NewHitLog makes an empty log that takes up to limit hits of one source and sends the rest to the ledger.
func NewHitLog(limit int) *HitLog {
	return &HitLog{limit: limit, hits: map[string][]*loggedHit{}, filled: make(chan struct{})}
}

// Append implements [dedup.HitLog].
func (l *HitLog) Append(ctx context.Context, hits []dedup.Hit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range hits {
		if len(l.hits[h.Source]) >= l.limit {
			return dedup.ErrHitsToLedger
		}
	}
	for _, h := range hits {
		l.hits[h.Source] = append(l.hits[h.Source], &loggedHit{hit: h})
	}
	close(l.filled)
	l.filled = make(chan struct{})
	return nil
}

// Waiting is the number of hits that no reader is done with.
func (l *HitLog) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, hits := range l.hits {
		n += len(hits)
	}
	return n
}

// HitReader is one reader of a [HitLog]; its methods take turns.
type HitReader struct {
	log *HitLog
	// Patience is how long an empty read takes.
	Patience time.Duration
}

// NewReader makes a reader that waits 10 ms for hits.
func (l *HitLog) NewReader() *HitReader { return &HitReader{log: l, Patience: 10 * time.Millisecond} }

// Die gives what the reader holds back to the others.
func (r *HitReader) Die() {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	for _, hits := range r.log.hits {
		for _, h := range hits {
			if h.reader == r {
				h.reader = nil
			}
		}
	}
}

// ReadHits implements [dedup.HitSource]. What was read and not done is handed out again.
func (r *HitReader) ReadHits(ctx context.Context, limit int) (dedup.HitBatch, error) {
	timer := time.NewTimer(r.Patience)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return dedup.HitBatch{}, err
		}
		batch, filled := r.take(limit)
		if len(batch.Hits) > 0 {
			return batch, nil
		}
		select {
		case <-filled:
		case <-timer.C:
			return dedup.HitBatch{}, nil
		case <-ctx.Done():
		}
	}
}

func (r *HitReader) take(limit int) (batch dedup.HitBatch, filled <-chan struct{}) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	for _, hits := range r.log.hits {
		var taken []*loggedHit
		for _, h := range hits {
			if len(taken) < limit && (h.reader == nil || h.reader == r) {
				h.reader = r
				taken = append(taken, h)
				batch.Hits = append(batch.Hits, h.hit)
			}
		}
		if len(taken) > 0 {
			batch.Handle = taken
			return batch, nil
		}
	}
	return batch, r.log.filled
}

// DoneHits implements [dedup.HitSource].
func (r *HitReader) DoneHits(ctx context.Context, batch dedup.HitBatch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done, _ := batch.Handle.([]*loggedHit)
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	for source, hits := range r.log.hits {
		r.log.hits[source] = slices.DeleteFunc(hits, func(h *loggedHit) bool { return slices.Contains(done, h) })
	}
	return nil
}
