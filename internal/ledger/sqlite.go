package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	_ "modernc.org/sqlite" // the driver, without cgo
)

// busyMillis is how long SQLite waits for another process's lock: PostgreSQL's lock_timeout.
var busyMillis = millis(lockTimeout)

// sqliteDB opens the file. One connection: a transaction never meets another one of this process. synchronous=FULL makes
// a commit durable before it is answered. Times are integers of microseconds.
func sqliteDB(path string) (*sql.DB, error) {
	params := url.Values{
		"_pragma": {
			"busy_timeout(" + busyMillis + ")", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		},
		"_txlock":              {"immediate"},
		"_time_integer_format": {"unix_micro"},
		"_inttotime":           {"1"},
		"_dqs":                 {"0"},
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+params.Encode())
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
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

func openSQLite(ctx context.Context, path string) (*gorm.DB, error) {
	pool, err := sqliteDB(path)
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
