package forward

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// sqliteJobs is River's table in SQLite. Times are read as text, the way River writes them.
type sqliteJobs struct{ db *sql.DB }

var _ jobs = sqliteJobs{}

// sqliteNow is the present as River writes it.
const sqliteNow = `strftime('%Y-%m-%d %H:%M:%f', 'now')`

func (s sqliteJobs) running(ctx context.Context) (all []delivery.LostJob, err error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT id, CAST((julianday(attempted_at) - 2440587.5) * 86400000 AS INTEGER) FROM river_job
		WHERE state = 'running' AND kind = ?`, jobKind)
	if err != nil {
		return nil, fmt.Errorf("list running jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r delivery.LostJob
		var ms int64
		if err = rows.Scan(&r.ID, &ms); err != nil {
			return nil, fmt.Errorf("list running jobs: %w", err)
		}
		r.Taken = time.UnixMilli(ms)
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

func (s sqliteJobs) shrink(ctx context.Context, id int64, left job) error {
	args, err := json.Marshal(left)
	if err == nil {
		_, err = s.db.ExecContext(ctx, `UPDATE river_job SET args = jsonb(?) WHERE id = ? AND state = 'running'`, string(args), id)
	}
	if err != nil {
		return fmt.Errorf("shrink a job: %w", err)
	}
	return nil
}

// TakeSQLite is [Forwarder.TakePostgres] for SQLite. It needs no comparison of times: this process is the only one, and what
// it works on itself is not lost.
func (f *Forwarder) TakeSQLite(ctx context.Context, tx *sql.Tx, lost []delivery.LostJob) ([]delivery.Claim, error) {
	ids := make([]int64, len(lost))
	for i, l := range lost {
		ids[i] = l.ID
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("end jobs: %w", err)
	}
	rows, err := tx.QueryContext(ctx, `
		UPDATE river_job SET state = 'discarded', finalized_at = `+sqliteNow+`, errors = jsonb_insert(coalesce(errors, jsonb('[]')), '$[#]',
			jsonb_object('at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'attempt', attempt, 'error', ?, 'trace', ''))
		WHERE state = 'running' AND id IN (SELECT value FROM json_each(?)) RETURNING json(args)`, processGone, string(list))
	if err != nil {
		return nil, fmt.Errorf("end jobs: %w", err)
	}
	jobs, err := readJobs(rows)
	if err != nil {
		return nil, fmt.Errorf("end jobs: %w", err)
	}
	return claimsOf(jobs)
}

func readJobs(rows *sql.Rows) (jobs []job, err error) {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var args []byte
		var j job
		if err = rows.Scan(&args); err != nil {
			return nil, err
		}
		if err = json.Unmarshal(args, &j); err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, rows.Err()
}

// availableSQLite makes scheduled jobs available.
func availableSQLite(ctx context.Context, tx *sql.Tx, ids []int64) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE river_job SET state = 'available' WHERE id IN (SELECT value FROM json_each(?))`, string(list))
	return err
}

func (s sqliteJobs) waiting(ctx context.Context) (map[string]backlog, error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT queue, coalesce(sum(json_array_length(args, '$.delivery_ids')), 0), (julianday('now') - min(julianday(created_at))) * 86400 FROM river_job
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
	if err != nil {
		return fmt.Errorf("withdraw jobs: %w", err)
	}
	const found = `kind = ?1 AND state IN ('available', 'scheduled', 'retryable', 'pending')
		AND EXISTS (SELECT 1 FROM json_each(args, '$.delivery_ids') d WHERE d.value IN (SELECT value FROM json_each(?2)))`
	for _, statement := range []string{
		`UPDATE river_job SET args = jsonb_set(args, '$.delivery_ids', (SELECT jsonb_group_array(d.value)
			FROM json_each(args, '$.delivery_ids') d WHERE d.value NOT IN (SELECT value FROM json_each(?2)))) WHERE ` + found,
		`UPDATE river_job SET state = 'cancelled', finalized_at = ` + sqliteNow + ` WHERE kind = ?1
			AND state IN ('available', 'scheduled', 'retryable', 'pending') AND json_array_length(args, '$.delivery_ids') = 0`,
	} {
		if _, err = tx.ExecContext(ctx, statement, jobKind, string(list)); err != nil {
			return fmt.Errorf("withdraw jobs: %w", err)
		}
	}
	return nil
}
