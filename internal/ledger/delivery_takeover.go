package ledger

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// TakeOver takes jobs from processes that have gone: those that still give no other sign of life than was seen are ended,
// the attempts that they have begun are given up, and their deliveries get new jobs. Should such a process live after all,
// its jobs begin nothing any more, and what it tells of an attempt is kept with the attempt. It returns the number of
// deliveries that go on. Errors: [dedup.ErrUnavailable], [dedup.ErrContended], [dedup.ErrUnclear].
func (l *Ledger) TakeOver(ctx context.Context, lost []delivery.LostJob) (deliveries int, err error) {
	_, err = l.joinable(ctx, func(tx *gorm.DB, pinned *sql.Conn) error {
		claims, err := l.dialect.take(tx, pinned, l.outbox, lost)
		if err == nil {
			deliveries, err = l.makeNewJobs(tx, pinned, claims)
		}
		return translate("take over jobs", err)
	})
	if err != nil {
		return 0, err
	}
	return deliveries, nil
}

// makeNewJobs replaces jobs that are ended.
func (l *Ledger) makeNewJobs(tx *gorm.DB, pinned *sql.Conn, claims []delivery.Claim) (int, error) {
	rows := claimRows(claims, l.now().UTC())
	w := writer{tx: tx, dialect: l.dialect, statements: l.statements}
	err := l.dialect.planAfresh(tx)
	if err == nil {
		err = w.giveUp(rows)
	}
	var due []delivery.Due
	if err == nil {
		err = l.statements.deliveries.outdate.query(tx, l.dialect, rows, func(back *sql.Rows) error {
			var row deliveryRow
			err := back.Scan(&row.ID, &row.EventID, &row.Destination, &row.Job)
			due = append(due, row.due())
			return err
		})
	}
	if err == nil {
		err = l.poster(tx, pinned)(due)
	}
	return len(due), err
}
