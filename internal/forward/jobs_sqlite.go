package forward

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// sqliteJobs is River's table in SQLite. Times are read as text, the way River writes them.
type sqliteJobs struct{ db *sql.DB }

var _ jobs = sqliteJobs{}

// sqliteNow is the present as River writes it.
const sqliteNow = `strftime('%Y-%m-%d %H:%M:%f', 'now')`

func (s sqliteJobs) running(ctx context.Context) (all []runningJob, err error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT id, CAST((julianday(attempted_at) - 2440587.5) * 86400000 AS INTEGER) FROM river_job
		WHERE state = 'running' AND kind = ?`, jobKind)
	if err != nil {
		return nil, fmt.Errorf("list running jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r runningJob
		var ms int64
		if err = rows.Scan(&r.id, &ms); err != nil {
			return nil, fmt.Errorf("list running jobs: %w", err)
		}
		r.taken = time.UnixMilli(ms)
		all = append(all, r)
	}
	return all, rows.Err()
}

func (s sqliteJobs) keep(ctx context.Context, ids []int64) error {
	list, err := json.Marshal(ids)
	if err == nil {
		_, err = s.db.ExecContext(ctx, `UPDATE river_job SET attempted_at = `+sqliteNow+`
			WHERE state = 'running' AND id IN (SELECT value FROM json_each(?))`, string(list))
	}
	if err != nil {
		return fmt.Errorf("keep running jobs: %w", err)
	}
	return nil
}

// release needs no comparison of times: this process is the only one, and what it works on is not in stale.
func (s sqliteJobs) release(ctx context.Context, stale []runningJob) (int, error) {
	ids := make([]int64, len(stale))
	for i, r := range stale {
		ids[i] = r.id
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return 0, fmt.Errorf("release jobs: %w", err)
	}
	done, err := s.db.ExecContext(ctx, `
		UPDATE river_job SET state = 'available', scheduled_at = `+sqliteNow+`, attempt = max(attempt - 1, 0)
		WHERE state = 'running' AND id IN (SELECT value FROM json_each(?))`, string(list))
	if err != nil {
		return 0, fmt.Errorf("release jobs: %w", err)
	}
	n, err := done.RowsAffected()
	return int(n), err
}

func (s sqliteJobs) waiting(ctx context.Context) (map[string]backlog, error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT queue, count(*), (julianday('now') - min(julianday(created_at))) * 86400 FROM river_job
		WHERE state IN ('available', 'running', 'scheduled', 'retryable', 'pending') AND kind = ? GROUP BY queue`, jobKind)
	if err != nil {
		return nil, fmt.Errorf("count waiting jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := map[string]backlog{}
	for rows.Next() {
		var queue string
		var n int
		var age float64
		if err = rows.Scan(&queue, &n, &age); err != nil {
			return nil, fmt.Errorf("count waiting jobs: %w", err)
		}
		all[queue] = backlog{n, seconds(age)}
	}
	return all, rows.Err()
}

// WithdrawSQLite is [Forwarder.WithdrawPostgres] for SQLite.
func (f *Forwarder) WithdrawSQLite(ctx context.Context, tx *sql.Tx, ids []dedup.ID) error {
	list, err := json.Marshal(deliveryIDs(ids))
	if err == nil {
		_, err = tx.ExecContext(ctx, `
			UPDATE river_job SET state = 'cancelled', finalized_at = `+sqliteNow+`
			WHERE kind = ? AND state IN ('available', 'scheduled', 'retryable', 'pending')
				AND args ->> '$.delivery_id' IN (SELECT value FROM json_each(?))`, jobKind, string(list))
	}
	if err != nil {
		return fmt.Errorf("withdraw jobs: %w", err)
	}
	return nil
}
