package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// asked counts how often clients of a server wait for its answer: each Query and each Sync on the wire.
type asked struct{ atomic.Int64 }

// between listens in front of a server and counts what passes.
func (a *asked) between(t *testing.T, server string) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			go a.pass(client, server)
		}
	}()
	return ln.Addr().String()
}

func (a *asked) pass(client net.Conn, server string) {
	defer func() { _ = client.Close() }()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(client, upstream)
		_ = client.Close()
	}()
	defer func() { _ = upstream.Close() }()
	messages := io.TeeReader(client, upstream)
	if _, err = next(messages, 4); err != nil { // the startup message has no type
		return
	}
	for {
		kind, err := next(messages, 5)
		if err != nil {
			return
		}
		if kind == 'Q' || kind == 'S' {
			a.Add(1)
		}
	}
}

// next reads a message whose head, of a type if it is 5 bytes long and a length, counts the length's own 4 bytes.
func next(r io.Reader, head int) (kind byte, err error) {
	buf := make([]byte, head)
	if _, err = io.ReadFull(r, buf); err != nil {
		return 0, err
	}
	_, err = io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint32(buf[head-4:]))-4)
	return buf[0], err
}

// during counts what do asks.
func (a *asked) during(t *testing.T, do func() error) int64 {
	t.Helper()
	before := a.Load()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	return a.Load() - before
}

func TestABatchWaitsForPostgresAsRarelyAsItCan(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	var wire asked
	dsn := testkit.Via(t, server.DSN(), wire.between(t, server.Addr()))
	l := openMigrated(t, Options{URL: dsn})
	at := time.Now()
	first := func(run string) []*dedup.Entry {
		return []*dedup.Entry{newEntry(at, run+"1", run), newEntry(at.Add(time.Second), run+"2", run), newEntry(at, run, "")}
	}
	told := first("before") // prepares the statements
	mustRecord(t, l, told...)
	mustRecord(t, l, repeat(told[0], time.Second))

	runs, events, receiptsAndCommit := int64(1), int64(1), int64(1)
	if n := wire.during(t, func() error { _, _, err := l.Record(t.Context(), first("now")); return err }); n != runs+events+receiptsAndCommit {
		t.Errorf("first deliveries ask %d times", n)
	}
	if n := wire.during(t, func() error {
		_, _, err := l.Record(t.Context(), []*dedup.Entry{repeat(told[0], time.Minute)})
		return err
	}); n != runs+events+receiptsAndCommit {
		t.Errorf("a repeat that Redis did not know asks %d times", n)
	}
	further := func(life uint32) []*dedup.Entry {
		e := newEntry(at.Add(time.Minute), fmt.Sprint("before", life), "before")
		e.Version.Life = life
		return []*dedup.Entry{e}
	}
	mustRecord(t, l, further(7)...)
	if n := wire.during(t, func() error { _, _, err := l.Record(t.Context(), further(8)); return err }); n != runs+events+receiptsAndCommit {
		t.Errorf("a further event of a run, which moves it, asks %d times", n)
	}
	hit := func(id dedup.ID) []dedup.Hit {
		return []dedup.Hit{{ReceiptID: id, ReceivedAt: at, Source: "apify", EventID: told[0].EventID, Repeat: dedup.RepeatTwin}}
	}
	if err := l.RecordHits(t.Context(), hit(dedup.NewID(at))); err != nil {
		t.Fatal(err)
	}
	if n := wire.during(t, func() error { return l.RecordHits(t.Context(), hit(dedup.NewID(at))) }); n != 2 {
		t.Errorf("hits ask %d times, want once for receipts and once for counters", n)
	}
}

func TestHandingOnMakesABatchWaitNoLonger(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	var wire asked
	l := openMigrated(t, Options{URL: testkit.Via(t, server.DSN(), wire.between(t, server.Addr()))})
	forwarding(t, l, byOutcome)
	at := time.Now()
	mustRecord(t, l, newEntry(at, "a", "a")) // prepares the statements
	runs, events, allElse := int64(1), int64(1), int64(1)
	if n := wire.during(t, func() error {
		_, _, err := l.Record(t.Context(), []*dedup.Entry{newEntry(at, "b", "b")})
		return err
	}); n != runs+events+allElse {
		t.Errorf("first deliveries that are handed on ask %d times", n)
	}
	if n := expectConserved(t, l); n != 6 {
		t.Errorf("%d deliveries, want 6", n)
	}
}

// onPipeline gives a ledger with tables to play with.
func onPipeline(t *testing.T) (l *Ledger, rows func() int64) {
	t.Helper()
	l = openMigrated(t, Options{URL: testkit.Postgres(t)})
	const tables = `CREATE TABLE parents (n int PRIMARY KEY); CREATE TABLE children (n int PRIMARY KEY, parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)`
	if err := l.db.Exec(tables).Error; err != nil {
		t.Fatal(err)
	}
	return l, func() (n int64) {
		if err := l.db.Raw("SELECT count(*) FROM children").Row().Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func lastly(tx *gorm.DB, sql string) error {
	return writer{tx: tx}.last(carried{sql: sql})
}

func TestACommitAlongIsToldByCommit(t *testing.T) {
	t.Parallel()
	l, rows := onPipeline(t)
	for name, test := range map[string]struct {
		first, last string
		want        error
		rows        int64
	}{
		"both succeed":                  {"INSERT INTO children VALUES (1)", "INSERT INTO children VALUES (2)", nil, 2},
		"nothing before":                {"", "INSERT INTO children VALUES (1)", nil, 1},
		"the statement fails":           {"INSERT INTO children VALUES (1)", "INSERT INTO children VALUES (1)", dedup.ErrRejected, 0},
		"the first one fails":           {"INSERT INTO children VALUES (1, NULL, 3)", "INSERT INTO children VALUES (1)", dedup.ErrUnavailable, 0},
		"the commit fails":              {"INSERT INTO children VALUES (1)", "INSERT INTO children VALUES (2, 7)", dedup.ErrRejected, 0},
		"a statement that is none":      {"INSERT INTO children VALUES (1)", "INSERT INTO nowhere VALUES (1)", dedup.ErrUnavailable, 0},
		"a connection lost on its way":  {"INSERT INTO children VALUES (1)", "SELECT pg_terminate_backend(pg_backend_pid())", dedup.ErrUnclear, 0},
		"one that is committed by hand": {"INSERT INTO children VALUES (1)", "", nil, 1},
		"one that does nothing":         {"", "", nil, 0},
	} {
		if err := l.db.Exec("DELETE FROM children").Error; err != nil {
			t.Fatal(err)
		}
		_, err := l.transaction(t.Context(), func(tx *gorm.DB) error {
			if test.first != "" {
				if err := tx.Exec(test.first).Error; err != nil {
					return translate("first", err)
				}
			}
			if test.last == "" {
				return nil
			}
			return translate("last", lastly(tx, test.last))
		})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if n := rows(); n != test.rows {
			t.Errorf("%s: %d rows, want %d", name, n, test.rows)
		}
	}
}

func TestAFirstStatementMayReadAnyColumn(t *testing.T) {
	t.Parallel()
	l, _ := onPipeline(t)
	const query = `SELECT true, 1::int2, 2::int4, 3::int8, 4.5::float4, 5.5::float8, 'six', '\x0700'::bytea, NULL::text,
		'01a222ac-448b-7191-a0e0-f507bbd645fd'::uuid, '2026-11-30T10:00:00.123456+01'::timestamptz FROM generate_series(1, 3)`
	type row struct {
		yes              bool
		two, four, eight int64
		small, large     float64
		text             string
		octets           []byte
		none             *string
		id               rowID
		at               time.Time
	}
	var first, second []row
	_, err := l.transaction(t.Context(), func(tx *gorm.DB) error {
		for _, into := range []*[]row{&first, &second} { // the second one is read as database/sql reads it
			err := scanAll(tx.Raw(query), func(rows *sql.Rows) error {
				var r row
				err := rows.Scan(&r.yes, &r.two, &r.four, &r.eight, &r.small, &r.large, &r.text, &r.octets, &r.none, &r.id, &r.at)
				*into = append(*into, r)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 3 || len(second) != 3 {
		t.Fatalf("%d and %d rows, want 3", len(first), len(second))
	}
	a, b := first[2], second[2]
	if string(a.octets) != string(b.octets) || a.none != nil || !a.at.Equal(b.at) {
		t.Errorf("read %+v first and %+v later", a, b)
	}
	a.octets, b.octets, a.at, b.at = nil, nil, time.Time{}, time.Time{}
	if a.yes != b.yes || a.two != b.two || a.four != b.four || a.eight != b.eight || a.small != b.small || a.large != b.large || a.text != b.text || a.id != b.id {
		t.Errorf("read %+v first and %+v later", a, b)
	}
}

func TestAFirstStatementThatIsLeftUnreadHoldsNothingUp(t *testing.T) {
	t.Parallel()
	l, _ := onPipeline(t)
	_, err := l.transaction(t.Context(), func(tx *gorm.DB) error {
		enough := errors.New("enough")
		err := scanAll(tx.Raw("SELECT generate_series(1, 100000)"), func(*sql.Rows) error { return enough })
		if !errors.Is(err, enough) {
			return err
		}
		var n int64
		return tx.Raw("SELECT 7").Row().Scan(&n)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestACommitIsNotSentAlongAfterTheDeadline(t *testing.T) {
	t.Parallel()
	l, rows := onPipeline(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("INSERT INTO children VALUES (1)").Error; err != nil {
			return err
		}
		cancel()
		return translate("last", lastly(tx, "INSERT INTO children VALUES (2)"))
	})
	if !errors.Is(err, dedup.ErrUnavailable) || errors.Is(err, dedup.ErrUnclear) {
		t.Errorf("got %v, want to be told that nothing was sent", err)
	}
	if n := rows(); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestACommitThatWentAlongCountsThoughItsTimeIsUp(t *testing.T) {
	t.Parallel()
	l, rows := onPipeline(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		if err := lastly(tx, "INSERT INTO children VALUES (1)"); err != nil {
			return err
		}
		cancel()
		testkit.Eventually(t, 10*time.Second, func() error { // until database/sql has rolled back, as it thinks
			if err := tx.WithContext(t.Context()).Exec("SELECT 1").Error; !errors.Is(err, sql.ErrTxDone) {
				return fmt.Errorf("the transaction goes on: %w", err)
			}
			return nil
		})
		return nil
	})
	if err != nil {
		t.Errorf("what was committed is told as %v", err)
	}
	if n := rows(); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}
