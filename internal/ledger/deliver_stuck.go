package ledger

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/view"
)

// Stuck lists what has not moved for too long. Runs are looked for among those first seen within [view.StuckRunsBack].
// Errors: [dedup.ErrUnavailable].
func (l *Ledger) Stuck(ctx context.Context, q view.StuckQuery) (view.StuckReport, error) {
	q = q.WithDefaults()
	now := l.now().UTC()
	report := view.StuckReport{}
	var err error
	report.Runs, report.RunsCut, err = l.stuckRuns(ctx, q, now)
	if err == nil {
		report.Deliveries, report.DeliveriesCut, err = l.stuckDeliveries(ctx, q.Limit, func(db *gorm.DB) *gorm.DB {
			return db.Where(unfinished).Where("d.phase = 0 AND d.id < ?", firstID(now.Add(-q.Deliveries)))
		})
	}
	if err == nil {
		report.Orphaned, report.OrphanedCut, err = l.stuckDeliveries(ctx, q.Limit, func(db *gorm.DB) *gorm.DB {
			return orphaned(db, now.Add(-q.Delivering))
		})
	}
	return report, translate("look for what is stuck", err)
}

func (l *Ledger) stuckRuns(ctx context.Context, q view.StuckQuery, now time.Time) (list []view.Run, cut bool, err error) {
	open, err := l.openRuns(ctx, now.Add(-view.StuckRunsBack), now.Add(-q.Runs))
	if err != nil {
		return nil, false, err
	}
	var rows []runRow
	err = open.Limit(q.Limit + 1).Find(&rows).Error
	list, cut = cutTo(rows, q.Limit, (*runRow).view)
	return list, cut, err
}

func (l *Ledger) stuckDeliveries(ctx context.Context, limit int, where func(*gorm.DB) *gorm.DB) (list []view.Delivery, cut bool, err error) {
	var rows []deliveryListRow
	err = where(listedDeliveries(l.reads.WithContext(ctx))).Order("d.id").Limit(limit + 1).Find(&rows).Error
	list, cut = cutTo(rows, limit, (*deliveryListRow).view)
	return list, cut, err
}

// cutTo shows up to limit rows and whether there were more.
func cutTo[R, V any](rows []R, limit int, show func(*R) V) (list []V, cut bool) {
	p := page(rows, limit, func(*R) view.Cursor { return view.Cursor{} }, show)
	return p.Items, len(rows) > limit
}

// orphaned selects deliveries whose attempt began before a time and never ended.
func orphaned(db *gorm.DB, before time.Time) *gorm.DB {
	return db.Where(unfinished).Where("d.phase = 0 AND d.state = 'delivering' AND d.updated_at < ?", before)
}

// ClearStuck makes new jobs for deliveries whose job seems to be lost: orphaned ones, whose attempt is given up, and those
// whose attempt has been due for longer than q.Deliveries. Held ones stay held, and runs stay as they are: only a further
// event ends a run. Errors as of [Ledger.RetryDeliveries].
func (l *Ledger) ClearStuck(ctx context.Context, q view.StuckQuery, act view.Act) (view.Changed, error) {
	q = q.WithDefaults()
	now := l.now().UTC()
	orphan, overdue := now.Add(-q.Delivering), now.Add(-q.Deliveries)
	return l.change(ctx, act, change{
		action: "stuck.clear", about: fmt.Sprintf("delivering>%s due>%s", q.Delivering, q.Deliveries), apply: requeue, jobs: true,
		choose: func(db *gorm.DB) (*gorm.DB, bool) {
			return db.Where(unfinished).Where(`d.phase = 0 AND (d.state = 'delivering' AND d.updated_at < ?
OR d.state = 'pending' AND d.updated_at < ? OR d.state = 'retrying' AND d.next_attempt_at < ?)`, orphan, overdue, overdue), true
		},
	})
}

func requeue(w writer, rows []deliveryRow, now time.Time) error {
	var lost []attemptRow
	for i := range rows {
		if rows[i].UnderWay != nil {
			lost = append(lost, rows[i].lostAttempt())
		}
	}
	err := w.statements.deliveries.keep.exec(w.tx, w.dialect, lost)
	if err == nil {
		err = w.statements.deliveries.requeue.exec(w.tx, w.dialect, touch(rows, now))
	}
	return err
}
