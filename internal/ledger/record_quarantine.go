package ledger

import (
	"cmp"
	"crypto/sha256"
	"database/sql"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// keptKey is what quarantined requests are folded by; its order is the order in which their rows are locked.
type keptKey struct {
	source string
	reason dedup.Reason
	hash   string
}

func (k keptKey) compare(o keptKey) int {
	return cmp.Or(cmp.Compare(k.source, o.source), cmp.Compare(k.reason, o.reason), cmp.Compare(k.hash, o.hash))
}

// kept is one quarantined body.
type kept struct {
	key keptKey
	row quarantineRow
}

func (r *recording) foldQuarantined(bodies map[keptKey]*kept, e *dedup.Entry) *kept {
	sum := sha256.Sum256(e.Body)
	key := keptKey{e.Key.Source, e.Quarantine.Reason, string(sum[:])}
	k := bodies[key]
	if k == nil {
		k = &kept{key, newQuarantined(e.Inbound, e.EventID, sum[:])}
		bodies[key] = k
		r.quarantined = append(r.quarantined, k)
	}
	k.row.Hits++
	if e.ReceivedAt.After(k.row.LastSeenAt) {
		k.row.LastSeenAt = e.ReceivedAt
	}
	return k
}

func newQuarantined(in *dedup.Inbound, id dedup.ID, hash []byte) quarantineRow {
	return quarantineRow{
		ID: rowID(id), Source: in.Key.Source, Reason: string(in.Quarantine.Reason), BodyHash: hash,
		Message: in.Quarantine.Message, DispatchID: in.DispatchID, ContentType: in.ContentType, Headers: string(in.Headers),
		BodyBytes: int64(len(in.Body)), Body: in.Body,
		FirstReceiptID: rowID(in.ReceiptID), FirstSeenAt: in.ReceivedAt, LastSeenAt: in.ReceivedAt,
	}
}

// upsertQuarantine keeps each body once and learns the ids of those that were kept before.
func (r *recording) upsertQuarantine() error {
	rows := make([]quarantineRow, len(r.quarantined))
	byKey := make(map[keptKey]*kept, len(r.quarantined))
	for i, k := range r.quarantined {
		rows[i] = k.row
		byKey[k.key] = k
	}
	return r.keep(rows, func(key keptKey, id rowID) { byKey[key].row.ID = id })
}

// keep upserts rows of quarantine and reports the id of each.
func (w writer) keep(rows []quarantineRow, learn func(keptKey, rowID)) error {
	return w.statements.quarantine.query(w.tx, w.dialect, rows, func(back *sql.Rows) error {
		var source, reason string
		var hash []byte
		var id rowID
		if err := back.Scan(&source, &reason, &hash, &id); err != nil {
			return err
		}
		learn(keptKey{source, dedup.Reason(reason), string(hash)}, id)
		return nil
	})
}
