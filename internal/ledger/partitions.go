package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

const (
	// daysAhead is how many days' partitions of receipts exist ahead of time, today's not counted.
	daysAhead = 7
	day       = 24 * time.Hour
	// partitionLock is held while partitions are made or dropped: "dedupart" in ASCII.
	partitionLock = 0x6465647570617274
	// dropLockTimeout bounds how long dropping a partition may hold up those who write receipts.
	dropLockTimeout = 200 * time.Millisecond
)

// makePartitions creates the partitions of today (UTC) and the next days that are not there yet. When somebody else is
// just doing that it returns at once. When the DEFAULT partition holds rows of a day, PostgreSQL refuses to make that
// day's partition: its rows stay where they are, readable and counted, the other days are made, and the error says so.
func makePartitions(ctx context.Context, db *sql.DB, now time.Time) error {
	var failed error
	for _, from := range daysFrom(now) {
		if err := makePartition(ctx, db, from); err != nil {
			failed = errors.Join(failed, fmt.Errorf("make partition %s: %w", partitionName(from), bare(err)))
		}
	}
	return failed
}

// daysFrom lists the days whose partitions have to be there.
func daysFrom(now time.Time) []time.Time {
	days := make([]time.Time, daysAhead+1)
	for n := range days {
		days[n] = now.UTC().Truncate(day).Add(time.Duration(n) * day)
	}
	return days
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

const partitionLayout = "receipts_20060102"

func partitionName(day time.Time) string { return day.Format(partitionLayout) }

func partitionNames(now time.Time) []string {
	days := daysFrom(now)
	list := make([]string, len(days))
	for i, d := range days {
		list[i] = partitionName(d)
	}
	return list
}

const (
	// The count stops where it no longer matters how many there are.
	defaultPartitionRows = `SELECT count(*) FROM (SELECT 1 FROM receipts_default LIMIT 1000000) AS r`
	missingPartitions    = `SELECT count(*) FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL`
	partitionsQuery      = `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'receipts'::regclass AND c.relname <> 'receipts_default' ORDER BY c.relname`
)

// DefaultPartitionRows counts the receipts for which no day's partition was there, up to a million. Any is too many: see
// the log for why partitions could not be made. Always 0 on SQLite.
func (l *Ledger) DefaultPartitionRows(ctx context.Context) (n int64, err error) {
	if l.pool == nil {
		return 0, nil
	}
	err = l.db.WithContext(ctx).Raw(defaultPartitionRows).Row().Scan(&n)
	return n, translate("count rows of the default partition", err)
}

// dropPartitions drops the days that ended before cutoff. A partition that is in use stays until the next round.
func (l *Ledger) dropPartitions(ctx context.Context, cutoff time.Time) error {
	var names []string
	if err := l.db.WithContext(ctx).Raw(partitionsQuery).Scan(&names).Error; err != nil {
		return translate("list partitions", err)
	}
	for _, name := range names {
		from, err := time.Parse(partitionLayout, name)
		if err != nil || from.Add(day).After(cutoff) {
			continue // not ours, or still wanted
		}
		_, err = l.transaction(ctx, func(tx *gorm.DB) error {
			err := tx.Exec("SET LOCAL lock_timeout = " + millis(dropLockTimeout)).Error
			if err == nil {
				err = tx.Exec("DROP TABLE IF EXISTS " + name).Error
			}
			return translate("drop partition "+name, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
