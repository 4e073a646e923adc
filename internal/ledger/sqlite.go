package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	_ "modernc.org/sqlite" // the driver, without cgo
)

// busyMillis is how long SQLite waits for another process's lock: PostgreSQL's lock_timeout.
var busyMillis = millis(lockTimeout)

// sqliteDB opens the file for writing. One connection: a transaction never meets another one of this process.
// synchronous=FULL makes a commit durable before it is answered.
func sqliteDB(path string) (*sql.DB, error) {
	return sqlitePool(path, 1, url.Values{
		"_pragma": {"busy_timeout(" + busyMillis + ")", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"},
		"_txlock": {"immediate"},
	})
}

// sqliteReaders is how many questions are answered at once while a transaction goes on.
const sqliteReaders = 4

// sqliteReadDB opens the file, which must be there in WAL mode, for reading: neither waits for the other.
func sqliteReadDB(path string) (*sql.DB, error) {
	return sqlitePool(path, sqliteReaders, url.Values{"_pragma": {"busy_timeout(" + busyMillis + ")", "query_only(ON)"}})
}

// sqlitePool opens the file. Times are integers of microseconds.
func sqlitePool(path string, connections int, params url.Values) (*sql.DB, error) {
	params.Set("_time_integer_format", "unix_micro")
	params.Set("_inttotime", "1")
	params.Set("_dqs", "0")
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+params.Encode())
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// ownFile makes the file before SQLite does, readable by its owner only: it holds what senders sent. Files beside it get the
// same rights.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// openSQLite opens the file for writing and for reading.
func openSQLite(ctx context.Context, path string) (db, reads *gorm.DB, err error) {
	if db, err = gormOn(ctx, path, sqliteDB); err != nil {
		return nil, nil, err
	}
	if reads, err = gormOn(ctx, path, sqliteReadDB); err != nil {
		return nil, nil, errors.Join(err, closePool(db))
	}
	return db, reads, nil
}

func gormOn(ctx context.Context, path string, open func(path string) (*sql.DB, error)) (*gorm.DB, error) {
	pool, err := open(path)
	if err != nil {
		return nil, err
	}
	if err = pool.PingContext(ctx); err == nil {
		var db *gorm.DB
		if db, err = gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), gormConfig()); err == nil {
			return db, nil
		}
	}
	_ = pool.Close()
	return nil, badFile(path, err)
}

func badFile(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("database file %s (its folder must exist and be writable): %w", path, err)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
