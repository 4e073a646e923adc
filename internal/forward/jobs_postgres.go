package forward

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// postgresJobs is River's table in PostgreSQL.
type postgresJobs struct{ pool *pgxpool.Pool }

var _ jobs = postgresJobs{}

func (p postgresJobs) running(ctx context.Context) ([]runningJob, error) {
	rows, err := p.pool.Query(ctx, `SELECT id, attempted_at FROM river_job WHERE state = 'running' AND kind = $1`, jobKind)
	if err != nil {
		return nil, fmt.Errorf("list running jobs: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r runningJob, err error) {
		return r, row.Scan(&r.id, &r.taken)
	})
}

func (p postgresJobs) keep(ctx context.Context, ids []int64) error {
	_, err := p.pool.Exec(ctx, `UPDATE river_job SET attempted_at = now() WHERE id = ANY($1) AND state = 'running'`, ids)
	if err != nil {
		return fmt.Errorf("keep running jobs: %w", err)
	}
	return nil
}

func (p postgresJobs) release(ctx context.Context, stale []runningJob) (int, error) {
	ids, taken := make([]int64, len(stale)), make([]time.Time, len(stale))
	for i, r := range stale {
		ids[i], taken[i] = r.id, r.taken
	}
	done, err := p.pool.Exec(ctx, `
		UPDATE river_job AS j SET state = 'available', scheduled_at = now(), attempt = greatest(j.attempt - 1, 0)
		FROM unnest($1::bigint[], $2::timestamptz[]) AS stale(id, taken)
		WHERE j.id = stale.id AND j.attempted_at = stale.taken AND j.state = 'running'`, ids, taken)
	if err != nil {
		return 0, fmt.Errorf("release jobs: %w", err)
	}
	return int(done.RowsAffected()), nil
}

func (p postgresJobs) waiting(ctx context.Context) (map[string]backlog, error) {
	rows, err := p.pool.Query(ctx, `
		SELECT queue, count(*), extract(epoch FROM now() - min(created_at))::float8 FROM river_job
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

// WithdrawPostgres takes back, in the caller's transaction, the jobs of deliveries that no process works on: before a new
// job is made for a delivery that may have one, or when a delivery is called off.
func (f *Forwarder) WithdrawPostgres(ctx context.Context, tx pgx.Tx, ids []dedup.ID) error {
	_, err := tx.Exec(ctx, `
		UPDATE river_job SET state = 'cancelled', finalized_at = now()
		WHERE state IN ('available', 'scheduled', 'retryable', 'pending') AND kind = $1 AND args ->> 'delivery_id' = ANY($2)`,
		jobKind, deliveryIDs(ids))
	if err != nil {
		return fmt.Errorf("withdraw jobs: %w", err)
	}
	return nil
}

func seconds(s float64) time.Duration { return max(0, time.Duration(s*float64(time.Second))) }
