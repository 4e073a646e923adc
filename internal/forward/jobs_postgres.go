package forward

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// postgresJobs is River's table in PostgreSQL.
type postgresJobs struct{ pool *pgxpool.Pool }

var _ jobs = postgresJobs{}

func (p postgresJobs) running(ctx context.Context) ([]delivery.LostJob, error) {
	rows, err := p.pool.Query(ctx, `SELECT id, attempted_at FROM river_job WHERE state = 'running' AND kind = $1`, jobKind)
	if err != nil {
		return nil, fmt.Errorf("list running jobs: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r delivery.LostJob, err error) {
		return r, row.Scan(&r.ID, &r.Taken)
	})
}

func (p postgresJobs) keep(ctx context.Context, ids []int64) error {
	_, err := p.pool.Exec(ctx, `UPDATE river_job SET attempted_at = now() WHERE id = ANY($1) AND state = 'running'`, ids)
	if err != nil {
		return fmt.Errorf("keep running jobs: %w", err)
	}
	return nil
}

func (p postgresJobs) shrink(ctx context.Context, id int64, left job) error {
	_, err := p.pool.Exec(ctx, `UPDATE river_job SET args = $2 WHERE id = $1 AND state = 'running'`, id, left)
	if err != nil {
		return fmt.Errorf("shrink a job: %w", err)
	}
	return nil
}

// TakePostgres ends jobs of processes that have gone, in the caller's transaction, if they still are as they were listed,
// and returns their claims. Whatever such a process says later changes a job that is over no more.
func (f *Forwarder) TakePostgres(ctx context.Context, tx pgx.Tx, lost []delivery.LostJob) ([]delivery.Claim, error) {
	ids, taken := make([]int64, len(lost)), make([]time.Time, len(lost))
	for i, l := range lost {
		ids[i], taken[i] = l.ID, l.Taken
	}
	rows, err := tx.Query(ctx, `
		UPDATE river_job AS j SET state = 'discarded', finalized_at = now(),
			errors = array_append(errors, jsonb_build_object('at', now(), 'attempt', attempt, 'error', $3::text, 'trace', ''))
		FROM unnest($1::bigint[], $2::timestamptz[]) AS lost(id, taken)
		WHERE j.id = lost.id AND j.attempted_at = lost.taken AND j.state = 'running' RETURNING j.args`, ids, taken, processGone)
	if err != nil {
		return nil, fmt.Errorf("end jobs: %w", err)
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowTo[job])
	if err != nil {
		return nil, fmt.Errorf("end jobs: %w", err)
	}
	return claimsOf(jobs)
}

// availablePostgres makes scheduled jobs available.
func availablePostgres(ctx context.Context, tx pgx.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE river_job SET state = 'available' WHERE id = ANY($1)`, ids)
	return err
}

func (p postgresJobs) waiting(ctx context.Context) (map[string]backlog, error) {
	rows, err := p.pool.Query(ctx, `
		SELECT queue, coalesce(sum(jsonb_array_length(args -> 'delivery_ids')), 0)::bigint, extract(epoch FROM now() - min(created_at))::float8
		FROM river_job
		WHERE state IN ('available', 'running', 'scheduled', 'retryable', 'pending') AND kind = $1 GROUP BY queue`, jobKind)
	if err != nil {
		return nil, fmt.Errorf("count waiting jobs: %w", err)
	}
	defer rows.Close()
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

// WithdrawPostgres takes deliveries out of the jobs that no process works on, in the caller's transaction, and ends the jobs
// in which nothing is left: before a new job is made for a delivery that may have one, or when a delivery is called off.
func (f *Forwarder) WithdrawPostgres(ctx context.Context, tx pgx.Tx, ids []dedup.ID) error {
	_, err := tx.Exec(ctx, `
		WITH found AS (
			SELECT j.id, (SELECT jsonb_agg(d.id) FROM jsonb_array_elements_text(j.args -> 'delivery_ids') AS d(id) WHERE d.id <> ALL($2)) AS left
			FROM river_job j WHERE j.state IN ('available', 'scheduled', 'retryable', 'pending') AND j.kind = $1
				AND EXISTS (SELECT FROM jsonb_array_elements_text(j.args -> 'delivery_ids') AS d(id) WHERE d.id = ANY($2))
			FOR NO KEY UPDATE OF j SKIP LOCKED)
		UPDATE river_job SET
			args = CASE WHEN found.left IS NULL THEN args ELSE jsonb_set(args, '{delivery_ids}', found.left) END,
			state = CASE WHEN found.left IS NULL THEN 'cancelled' ELSE state END,
			finalized_at = CASE WHEN found.left IS NULL THEN now() END
		FROM found WHERE river_job.id = found.id`,
		jobKind, deliveryIDs(ids))
	if err != nil {
		return fmt.Errorf("withdraw jobs: %w", err)
	}
	return nil
}

func seconds(s float64) time.Duration { return max(0, time.Duration(s*float64(time.Second))) }
