package ledger

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/dedup/deduptest"
)

// books reads what a ledger has stored straight from its tables.
type books struct {
	t  testing.TB
	db *gorm.DB
}

var _ deduptest.LedgerBooks = books{}

func (b books) take(row any, where string, args ...any) bool {
	b.t.Helper()
	err := b.db.WithContext(b.t.Context()).Where(where, args...).Take(row).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		b.t.Fatalf("read the books: %v", err)
	}
	return err == nil
}

func (b books) Event(key dedup.Key) (deduptest.Event, bool) {
	b.t.Helper()
	var row eventRow
	ok := b.take(&row, "event_key = ? AND source = ?", key.Event, key.Source)
	var windowHits int64
	if err := b.db.WithContext(b.t.Context()).Table("window_hits").Where("event_id = ?", row.ID).
		Select("COALESCE(MAX(hits), 0)").Row().Scan(&windowHits); err != nil {
		b.t.Fatalf("read the books: %v", err)
	}
	return deduptest.Event{
		ID: dedup.ID(row.ID), FirstReceipt: dedup.ID(row.FirstReceiptID), Tag: dedup.DispatchTag(row.DispatchID),
		Outcome: dedup.Outcome(row.Outcome), Seq: row.Seq, Hits: row.Hits + windowHits, Body: row.Body,
	}, ok
}

func (b books) Run(source string, ref dedup.RunRef) (deduptest.Run, bool) {
	b.t.Helper()
	var row runRow
	if !b.take(&row, "run_id = ? AND kind = ? AND source = ?", ref.ID, string(ref.Kind), source) {
		return deduptest.Run{}, false
	}
	return deduptest.Run{Status: dedup.Status(row.Status), Version: decodeVersion(row.Version), Events: row.Events}, true
}

func decodeVersion(b []byte) (v dedup.Version) {
	if len(b) >= 13 {
		v = dedup.Version{
			Life: binary.BigEndian.Uint32(b), Rank: dedup.Rank(b[4]), At: int64(binary.BigEndian.Uint64(b[5:]) ^ 1<<63), Type: string(b[13:]),
		}
	}
	return v
}

func (b books) ReceiptsOf(ids ...dedup.ID) map[dedup.ID]deduptest.Receipt {
	b.t.Helper()
	kept := make(map[dedup.ID]deduptest.Receipt, len(ids))
	if len(ids) == 0 {
		return kept
	}
	list := make([]rowID, len(ids))
	for i, id := range ids {
		list[i] = rowID(id)
	}
	byTime := func(a, b dedup.ID) int { return a.Time().Compare(b.Time()) }
	var rows []receiptRow
	err := b.db.Where("received_at BETWEEN ? AND ? AND id IN ?",
		slices.MinFunc(ids, byTime).Time(), slices.MaxFunc(ids, byTime).Time(), list).Find(&rows).Error
	if err != nil {
		b.t.Fatal(err)
	}
	for _, row := range rows {
		kept[dedup.ID(row.ID)] = deduptest.Receipt{
			Source: row.Source, ReceivedAt: row.ReceivedAt, Type: row.Type, RemoteIP: row.RemoteIP,
			Verdict: dedup.Verdict{
				Outcome: dedup.Outcome(row.Outcome), Reason: dedup.Reason(row.Reason), Repeat: dedup.Repeat(row.Repeat),
				EventID: dedup.ID(valueOf(row.EventID)), QuarantineID: dedup.ID(valueOf(row.QuarantineID)), Degraded: row.Degraded,
			},
		}
	}
	return kept
}

func (b books) Quarantined(id dedup.ID) (deduptest.Quarantined, bool) {
	b.t.Helper()
	var row quarantineRow
	ok := b.take(&row, "id = ?", rowID(id))
	return deduptest.Quarantined{ID: dedup.ID(row.ID), Hits: row.Hits, Body: row.Body}, ok
}

func (b books) Tallies(source string) map[deduptest.Tally]int64 {
	b.t.Helper()
	var rows []rollupRow
	if err := b.db.Where("source = ?", source).Find(&rows).Error; err != nil {
		b.t.Fatal(err)
	}
	sums := map[deduptest.Tally]int64{}
	for _, r := range rows {
		sums[deduptest.Tally{Minute: r.Minute.UTC(), Outcome: dedup.Outcome(r.Outcome), Reason: dedup.Reason(r.Reason), Repeat: dedup.Repeat(r.Repeat)}] += r.Count
	}
	return sums
}

func (b books) Lags(source string) map[deduptest.Lag]int64 {
	b.t.Helper()
	var rows []lagRow
	if err := b.db.Where("source = ?", source).Find(&rows).Error; err != nil {
		b.t.Fatal(err)
	}
	sums := map[deduptest.Lag]int64{}
	for _, r := range rows {
		sums[deduptest.Lag{Day: r.Day.UTC().Truncate(24 * time.Hour), EventType: r.EventType, Bucket: r.Bucket}] += r.Count
	}
	return sums
}
