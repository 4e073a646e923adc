package ledger

import (
	"path/filepath"
	"testing"
	"time"
)

func TestSQLiteReadersAndWriterDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	l := openMigrated(t, Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	mustRecord(t, l, newEntry(time.Now(), "one", "run"))
	if err := l.reads.WithContext(t.Context()).Exec("DELETE FROM events").Error; err == nil {
		t.Error("a connection for reading has deleted something")
	}
	for range sqliteReaders { // all that there are are in the middle of a listing
		rows, err := l.reads.WithContext(t.Context()).Raw("SELECT id FROM events UNION ALL SELECT id FROM receipts").Rows()
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := rows.Close(); err != nil {
				t.Error(err)
			}
		}()
		if !rows.Next() || rows.Err() != nil {
			t.Fatalf("no rows: %v", rows.Err())
		}
	}
	mustRecord(t, l, newEntry(time.Now(), "two", "run")) // fails after busyMillis if it has to wait
}
