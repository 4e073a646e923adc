package ledger

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// notNeeded is true of events whose deliveries are over, or left with nothing on the way that could confirm the event: nobody
// has to be sent their body any more.
const notNeeded = `NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id AND d.phase = 0
    AND NOT (` + isLeft + ` AND NOT EXISTS (SELECT 1 FROM retellings t WHERE t.event_id = d.event_id)))`

// purgeBodies sets bodies to NULL in the order of ids and remembers how far it has come: to the first body that is still to
// be delivered, where the next round begins.
func (l *Ledger) purgeBodies(ctx context.Context, cutoff time.Time) error {
	p := purge{until: firstID(cutoff)}
	return l.inChunks(ctx, jobBodies, func(tx *gorm.DB) (int64, error) {
		if !p.begun {
			done, err := readProgress(tx, jobBodies)
			if err != nil {
				return 0, err
			}
			p.begun, p.done, p.from = true, done, firstID(done)
		}
		return p.chunk(tx, cutoff)
	})
}

// purge is one round of purging bodies.
type purge struct {
	begun  bool
	done   time.Time // what is remembered
	from   rowID     // where the next chunk begins
	until  rowID
	needed []rowID // the first event whose body was left, if any
}

func (p *purge) chunk(tx *gorm.DB, cutoff time.Time) (int64, error) {
	var ids []rowID
	err := p.bodies(tx, p.until).Where(notNeeded).Limit(retentionChunk).Pluck("id", &ids).Error
	if err == nil && len(ids) > 0 {
		err = purgeOf(tx, ids)
	}
	to, done := p.until, cutoff
	if len(ids) == retentionChunk {
		to = ids[len(ids)-1]
		done = dedup.ID(to).Time()
	}
	if err == nil && len(p.needed) == 0 {
		err = p.bodies(tx, to).Limit(1).Pluck("id", &p.needed).Error
	}
	if len(p.needed) > 0 {
		done = dedup.ID(p.needed[0]).Time()
	}
	p.from = to
	if err == nil && done.After(p.done) {
		p.done = done
		err = writeProgress(tx, jobBodies, done)
	}
	return int64(len(ids)), err
}

// purgeOf takes the events' own bodies and the others that are kept beside them. Whether they are needed is asked again: an
// event that was left may have been told again, and confirmed, meanwhile.
func purgeOf(tx *gorm.DB, events []rowID) error {
	err := tx.Model(&eventRow{}).Where("id IN ?", events).Where(notNeeded).UpdateColumn("body", nil).Error
	if err == nil {
		err = tx.Where("event_id IN (?)", tx.Model(&eventRow{}).Where("id IN ? AND body IS NULL", events).Select("id")).
			Delete(&otherBodyRow{}).Error
	}
	return err
}

// bodies selects the events of the chunk that have one, oldest first.
func (p *purge) bodies(tx *gorm.DB, to rowID) *gorm.DB {
	return tx.Model(&eventRow{}).Where("id >= ? AND id < ? AND body IS NOT NULL", p.from, to).Order("id")
}
