package dedup

import "context"

// HitBatch is a read of hits from one stream; Handle lets the source acknowledge just these.
type HitBatch struct {
	Hits   []Hit
	Handle any
}

// HitSource hands out hits that wait, each to one reader at a time, and again to another if that reader dies.
type HitSource interface {
	// ReadHits waits until hits are there and returns at most limit of one stream. An empty batch means that none came
	// for a while.
	ReadHits(ctx context.Context, limit int) (HitBatch, error)
	// DoneHits forgets the batch. Called after the ledger's commit only.
	DoneHits(ctx context.Context, batch HitBatch) error
}

// HitSink stores hits as receipts, with their rollups, repeat lag and the events' hit counts, in one transaction. A hit
// whose receipt is there already counts nothing.
type HitSink interface {
	RecordHits(ctx context.Context, hits []Hit) error
}
