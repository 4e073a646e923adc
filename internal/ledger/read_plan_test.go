package ledger

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/dedupgate/dedupgate/internal/view"
)

// recorder keeps the text of every statement, values put in.
type recorder struct {
	logger.Interface
	mu         sync.Mutex
	statements []string
}

func (r *recorder) LogMode(logger.LogLevel) logger.Interface { return r }

func (r *recorder) Trace(_ context.Context, _ time.Time, text func() (string, int64), _ error) {
	sql, _ := text()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, sql)
}

// fillPostgres and fillSQLite write enough rows that a plan without an index would be a worse one.
const (
	fillPostgres = `
INSERT INTO runs (run_id, kind, source, status, first_seen_at, updated_at)
  SELECT 'R'||n, 'run', 's'||(n%3), CASE WHEN n%2=0 THEN 'FAILED' ELSE 'SUCCEEDED' END, $1::timestamptz + n * interval '1 second', $1 FROM generate_series(1, 20000) n;
INSERT INTO events (id, source, event_key, type, kind, run_id, actor_id, task_id, generation, dispatch_id, seq, first_receipt_id, received_at, content_type, headers, body_bytes, body)
  SELECT (lpad(to_hex(n), 12, '0')||'70008000000000000000')::uuid, 's'||(n%3), 'r:R'||(n/2)||':'||n||':S', 't'||(n%2), 'run', 'R'||(n/2), '', '', '', '', 1,
         gen_random_uuid(), $1, '', '{}', 4, 'body' FROM generate_series(1, 20000) n;
INSERT INTO receipts (received_at, id, source, outcome, reason, repeat, event_id, type, dispatch_id, degraded, remote_ip, via)
  SELECT $1::timestamptz + n * interval '10 seconds', gen_random_uuid(), 's'||(n%3), CASE WHEN n%2=0 THEN 'new' ELSE 'duplicate' END, 'x', '',
         (lpad(to_hex(n/2), 12, '0')||'70008000000000000000')::uuid, '', '', false, '', '' FROM generate_series(1, 20000) n;
INSERT INTO quarantine (id, source, reason, body_hash, message, dispatch_id, content_type, headers, body_bytes, truncated, body, first_receipt_id, first_seen_at, last_seen_at)
  SELECT (lpad(to_hex(n), 12, '0')||'70008000000000000000')::uuid, 's'||(n%3), 'not_json', int4send(n), '', '', '', '', 1, false, 'body', gen_random_uuid(), $1, $1 FROM generate_series(1, 20000) n;
INSERT INTO rollups (minute, source, outcome, reason, repeat, shard, count)
  SELECT $1::timestamptz + n * interval '1 minute', 's', 'new', 'first_seen', '', 1, 1 FROM generate_series(1, 20000) n;
INSERT INTO other_bodies (event_id, body_hash, receipt_id, received_at, dispatch_id, content_type, body_bytes, body)
  SELECT (lpad(to_hex(n), 12, '0')||'70008000000000000000')::uuid, int4send(n), gen_random_uuid(), $1, '', '', 4, 'body' FROM generate_series(1, 20000) n;
ANALYZE runs, events, receipts, quarantine, rollups, other_bodies`
	fillSQLite = `
INSERT INTO runs (run_id, kind, source, status, first_seen_at, updated_at)
  WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM g WHERE n<2000) SELECT 'R'||n, 'run', 's'||(n%3), 'FAILED', $1 + n, $1 FROM g;
INSERT INTO events (id, source, event_key, type, kind, run_id, actor_id, task_id, generation, dispatch_id, seq, first_receipt_id, received_at, content_type, headers, body_bytes, body)
  WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM g WHERE n<2000)
  SELECT printf('%08x-0000-7000-8000-000000000000', n), 's'||(n%3), 'r:R'||(n/2)||':'||n||':S', 't', 'run', 'R', '', '', '', '', 1, printf('%08x-0000-7000-8000-000000000000', n), $1, '', '{}', 4, x'00' FROM g;
INSERT INTO receipts (received_at, id, source, outcome, reason, repeat, event_id, type, dispatch_id, degraded, remote_ip, via)
  WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM g WHERE n<2000)
  SELECT $1 + n, printf('%08x-0000-7000-8000-000000000000', n), 's', 'new', 'x', '', printf('%08x-0000-7000-8000-000000000000', n/2), '', '', 0, '', '' FROM g;
ANALYZE`
)

// countedByKey is how an event's few other bodies are counted.
var countedByKey = regexp.MustCompile(`Aggregate[^\n]*\n *-> +(?:Index Only Scan using|Bitmap Heap Scan on) other_bodies`)

// Every listing must be read off an index: what it costs depends on the page, not on the table. Bodies stay where they are,
// and nothing is counted.
func TestPlans(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		fill, explain := fillPostgres, "EXPLAIN "
		bad := regexp.MustCompile(`Seq Scan on (?:runs|events|quarantine|rollups|other_bodies|receipts_2026091[456])\b|Aggregate`)
		// Statistics group the minutes that were asked for, found by index.
		grouped := regexp.MustCompile(`Aggregate`)
		allowed := map[string]*regexp.Regexp{"stats": grouped, "overview": grouped, "source counts": grouped, "top": grouped, "lags": grouped}
		var start any = readTime
		if l.pool == nil {
			fill, explain, start = fillSQLite, "EXPLAIN QUERY PLAN ", readTime.UnixMicro()
			bad = regexp.MustCompile(`(?m)^.*SCAN (runs|events|receipts)$`)
			// SQLite sorts what a filter leaves: it is for trying out.
			allowed = map[string]*regexp.Regexp{"runs by status": regexp.MustCompile(`SCAN runs`)}
		}
		fillTables(t, l, fill, start)
		eachPlan(t, l, explain, listings(l), func(name, sql, plan string) {
			found := bad.FindString(countedByKey.ReplaceAllString(plan, ""))
			if a := allowed[name]; a != nil && a.MatchString(found) {
				found = ""
			}
			if found != "" {
				t.Errorf("%s: %s\n%s\n%s", name, found, sql, plan)
			}
			rest := strings.NewReplacer("body IS NULL AS", "", "SELECT count(*) FROM other_bodies o WHERE o.event_id = events.id", "").Replace(sql)
			if regexp.MustCompile(`\bbody\b|\bcount\(`).MatchString(rest) {
				t.Errorf("%s selects bodies or counts: %s", name, sql)
			}
		})
	})
}

// fillTables runs the statements of a text, in which $1 is the time to start from.
func fillTables(t *testing.T, l *Ledger, text string, start any) {
	t.Helper()
	sqlDB, err := l.db.DB()
	if err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(text, ";") {
		var args []any
		if strings.Contains(statement, "$1") {
			args = []any{start}
		}
		if _, err := sqlDB.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
}

// eachPlan makes the reads and looks at how the database runs each of their statements.
func eachPlan(
	t *testing.T, l *Ledger, explain string, reads map[string]func(context.Context) error, look func(name, sql, plan string),
) {
	t.Helper()
	rec := &recorder{Interface: logger.Discard}
	db := l.db
	l.db, l.reads = db.Session(&gorm.Session{Logger: rec}), l.reads.Session(&gorm.Session{Logger: rec})
	for name, read := range reads {
		rec.statements = nil
		if err := read(t.Context()); err != nil || len(rec.statements) == 0 {
			t.Errorf("%s: %v, %d statements", name, err, len(rec.statements))
		}
		for _, sql := range rec.statements {
			if l.pool == nil {
				sql = strings.ReplaceAll(sql, `"`, `'`) // GORM writes the values of SQLite like names
			}
			look(name, sql, explained(t, db, explain+sql))
		}
	}
}

// listings are the reads that must stay quick whatever the tables hold.
func listings(l *Ledger) map[string]func(context.Context) error {
	day := view.Range{Since: readTime.Add(time.Hour), Until: readTime.Add(25 * time.Hour)}
	runCursor := view.Paging{Cursor: view.Cursor{At: readTime.Add(time.Hour), Tie: "R3600\x00run\x00s0"}.Encode()}
	idCursor := view.Paging{Cursor: view.Cursor{At: readTime.Add(time.Hour), Tie: "00000000-1000-7000-8000-000000000000"}.Encode()}
	runs := func(q view.RunQuery) func(context.Context) error {
		return func(ctx context.Context) error { return second(l.Runs(ctx, q)) }
	}
	events := func(q view.EventQuery) func(context.Context) error {
		return func(ctx context.Context) error { return second(l.Events(ctx, q)) }
	}
	receipts := func(q view.ReceiptQuery) func(context.Context) error {
		return func(ctx context.Context) error { return second(l.Receipts(ctx, q)) }
	}
	quarantine := func(q view.QuarantineQuery) func(context.Context) error {
		return func(ctx context.Context) error { return second(l.Quarantine(ctx, q)) }
	}
	return map[string]func(context.Context) error{
		"runs": runs(view.RunQuery{}), "runs, second page": runs(view.RunQuery{Paging: runCursor}), "runs of a day": runs(view.RunQuery{Range: day}),
		"runs by status": runs(view.RunQuery{Status: "FAILED"}), "runs by id": runs(view.RunQuery{RunID: "R77"}),
		"events": events(view.EventQuery{}), "events, second page": events(view.EventQuery{Paging: idCursor}), "events of a day": events(view.EventQuery{Range: day}),
		"events by type": events(view.EventQuery{Type: "t1"}), "events of a run": events(view.EventQuery{RunID: "R77"}),
		"receipts": receipts(view.ReceiptQuery{}), "receipts, second page": receipts(view.ReceiptQuery{Paging: idCursor}),
		"receipts of a day": receipts(view.ReceiptQuery{Range: day}), "receipts by outcome": receipts(view.ReceiptQuery{Outcome: "duplicate"}),
		"receipts of an event": receipts(view.ReceiptQuery{EventID: "00000000-0077-7000-8000-000000000000"}),
		"quarantine":           quarantine(view.QuarantineQuery{}), "quarantine, second page": quarantine(view.QuarantineQuery{Paging: idCursor}),
		"timeline": func(ctx context.Context) error { return second(l.Timeline(ctx, "", "", "R77")) },
		"recorded": func(ctx context.Context) error {
			return second(l.Recorded(ctx, "s1", planRuns(), []string{"r:R77:77:S"}))
		},
		"stats":    func(ctx context.Context) error { return second(l.Stats(ctx, day)) },
		"overview": func(ctx context.Context) error { return second(l.Overview(ctx, day, "")) },
		"top":      func(ctx context.Context) error { return second(l.Top(ctx, view.TopQuery{Range: day, By: "run"})) },
		"lags":     func(ctx context.Context) error { return second(l.Lags(ctx, day, "")) },
		"source counts": func(ctx context.Context) error {
			_, _, _, err := l.SourceCounts(ctx, day)
			return err
		},
		"late hits":     func(ctx context.Context) error { return second(l.LateHits(ctx, day, LagKey{Source: "s1"}, 50)) },
		"latest events": func(ctx context.Context) error { return second(l.LatestEvents(ctx, 50)) },
		"audit":         func(ctx context.Context) error { return second(l.AuditEntries(ctx, view.AuditQuery{})) },
	}
}

func explained(t *testing.T, db *gorm.DB, sql string) string {
	t.Helper()
	rows, err := db.WithContext(t.Context()).Raw(sql).Rows()
	if err != nil {
		t.Fatalf("%v: %s", err, sql)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		line := make([]any, len(columns))
		for i := range line {
			line[i] = new(string)
		}
		if err := rows.Scan(line...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, *line[len(line)-1].(*string)) // the plan's text is the last column on both
	}
	if rows.Err() != nil || len(lines) == 0 {
		t.Fatal(rows.Err(), lines)
	}
	return strings.Join(lines, "\n")
}
