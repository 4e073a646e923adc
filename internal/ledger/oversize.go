package ledger

import (
	"context"
	"crypto/sha256"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// KeepOversize puts a request whose body is over the limit into quarantine: its body is the start of what was sent, size
// the length that the sender announced, -1 when it did not say. No receipt is written, since the request is refused; equal
// starts are folded. Errors: those of a ledger.
func (l *Ledger) KeepOversize(ctx context.Context, in *dedup.Inbound, size int64) error {
	sum := sha256.Sum256(in.Body)
	row := newQuarantined(in, dedup.NewID(in.ReceivedAt), sum[:])
	row.BodyBytes, row.Truncated, row.Hits = size, true, 1
	shard := l.shards.take()
	defer l.shards.give(shard)
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		return translate("keep oversize", writer{tx, l.dialect, l.statements, shard}.keep([]quarantineRow{row}, func(keptKey, rowID) {}))
	})
	return err
}
