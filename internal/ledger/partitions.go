package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	// daysAhead is how many days' partitions of receipts exist ahead of time, today's not counted.
	daysAhead = 7
	day       = 24 * time.Hour
	// partitionLock is held while partitions are made or dropped: "dedupart" in ASCII.
	partitionLock = 0x6465647570617274
)

// makePartitions creates the partitions of today (UTC) and the next days that are not there yet. When somebody else is
// just doing that it returns at once. When the DEFAULT partition holds rows of a day, PostgreSQL refuses to make that
// day's partition: its rows stay where they are, readable and counted, the other days are made, and the error says so.
func makePartitions(ctx context.Context, db *sql.DB, now time.Time) error {
	today := now.UTC().Truncate(day)
	var failed error
	for n := range daysAhead + 1 {
		from := today.Add(time.Duration(n) * day)
		if err := makePartition(ctx, db, from); err != nil {
			failed = errors.Join(failed, fmt.Errorf("make partition %s: %w", partitionName(from), bare(err)))
		}
	}
	return failed
}

// makePartition makes a table like the others and attaches it: unlike CREATE … PARTITION OF, that locks out neither
// writers nor readers of the other days.
func makePartition(ctx context.Context, db *sql.DB, from time.Time) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	name := partitionName(from)
	var needed bool
	err = tx.QueryRowContext(ctx,
		`SELECT to_regclass($1) IS NULL AND pg_try_advisory_xact_lock($2) AND to_regclass($1) IS NULL`, name, partitionLock).Scan(&needed)
	if err != nil || !needed {
		return err
	}
	_, err = tx.ExecContext(ctx, `CREATE TABLE `+name+` (LIKE receipts INCLUDING ALL)`)
	if err == nil {
		_, err = tx.ExecContext(ctx, fmt.Sprintf(`ALTER TABLE receipts ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')`,
			name, from.Format(time.RFC3339), from.Add(day).Format(time.RFC3339)))
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

func partitionName(day time.Time) string { return "receipts_" + day.Format("20060102") }
