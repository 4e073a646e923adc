package ledger

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// pipeline is a transaction whose statements travel together: BEGIN, all that is added up to a flush, and in the end COMMIT
// with what was added last. Deliveries are written this way, many times a second with few rows each: the time goes into
// waiting for answers otherwise. Errors of a statement come with the flush, after which nothing more can be done.
type pipeline interface {
	// add puts a statement on its way; scan, which may be nil, is called for each row that comes back. No text: nothing.
	add(text string, args []any, scan func(scanner) error)
	// flush waits until everything that was added is done.
	flush() error
	// enqueue lets the outbox make jobs, after a flush.
	enqueue(o Outbox, due []delivery.Due) error
}

// scanner is one row that comes back.
type scanner interface{ Scan(into ...any) error }

// addTo puts the statement over the rows into a pipeline.
func (s statement[R]) addTo(p pipeline, d dialect, rows []R, scan func(scanner) error) {
	for part, args := range s.bind(d, rows) {
		p.add(part, args, scan)
	}
}

// piped runs work and commits. Errors are those of the core.
func (l *Ledger) piped(ctx context.Context, operation string, work func(p pipeline) error) error {
	return l.dialect.piped(ctx, l, operation, work)
}

// rollbackTimeout bounds the word that ends a failed transaction, so that its connection can be used again.
const rollbackTimeout = 2 * time.Second

// postgresPipeline goes below GORM and database/sql, which wait for the answer to each statement.
type postgresPipeline struct {
	ctx   context.Context //nolint:containedctx // of one transaction, which the pipeline is
	conn  *pgx.Conn
	batch pgx.Batch
	scans []func(scanner) error
}

func (postgresDialect) piped(ctx context.Context, l *Ledger, operation string, work func(p pipeline) error) error {
	pooled, err := l.pool.Acquire(ctx)
	if err != nil {
		return translate("connect", err)
	}
	defer pooled.Release()
	p := &postgresPipeline{ctx: ctx, conn: pooled.Conn()}
	defer p.rollback()
	p.add("BEGIN", nil, nil)
	if err = work(p); err != nil {
		return translate(operation, err)
	}
	p.add("COMMIT", nil, nil)
	if err = ctx.Err(); err != nil {
		return translate("commit not sent", err)
	}
	return translateCommit(p.flush())
}

func (p *postgresPipeline) add(text string, args []any, scan func(scanner) error) {
	if text == "" {
		return
	}
	p.batch.Queue(numbered(text), args...)
	p.scans = append(p.scans, scan)
}

func (p *postgresPipeline) flush() error {
	if len(p.scans) == 0 {
		return nil
	}
	results := p.conn.SendBatch(p.ctx, &p.batch)
	err := p.read(results)
	if closed := results.Close(); err == nil {
		err = closed
	}
	p.batch, p.scans = pgx.Batch{}, nil
	return err
}

func (p *postgresPipeline) read(results pgx.BatchResults) error {
	for _, scan := range p.scans {
		rows, err := results.Query()
		if err != nil {
			return err
		}
		for err == nil && rows.Next() {
			if scan != nil {
				err = scan(rows)
			}
		}
		rows.Close()
		if err == nil {
			err = rows.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *postgresPipeline) enqueue(o Outbox, due []delivery.Due) error {
	return o.EnqueuePostgres(p.ctx, joinedTx{p.conn}, due)
}

// rollback ends a transaction that was not committed. A connection that can't is given up by the pool.
func (p *postgresPipeline) rollback() {
	const idle = 'I'
	if p.conn.IsClosed() || p.conn.PgConn().TxStatus() == idle {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), rollbackTimeout)
	defer cancel()
	_, _ = p.conn.Exec(ctx, "ROLLBACK")
}

// numbered writes the placeholders as PostgreSQL reads them. The statements of this package hold no other question marks.
func numbered(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 32)
	for n := 1; ; n++ {
		before, after, found := strings.Cut(text, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		text = after
	}
}

// sqlitePipeline has no way to go: each statement is done at once.
type sqlitePipeline struct {
	tx  *gorm.DB
	err error
}

func (sqliteDialect) piped(ctx context.Context, l *Ledger, operation string, work func(p pipeline) error) error {
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		p := &sqlitePipeline{tx: tx}
		err := work(p)
		if err == nil {
			err = p.err
		}
		return translate(operation, err)
	})
	return err
}

func (p *sqlitePipeline) add(text string, args []any, scan func(scanner) error) {
	switch {
	case text == "" || p.err != nil:
	case scan == nil:
		p.err = p.tx.Exec(text, args...).Error
	default:
		p.err = scanAll(p.tx.Raw(text, args...), func(back *sql.Rows) error { return scan(back) })
	}
}

func (p *sqlitePipeline) flush() error { return p.err }

func (p *sqlitePipeline) enqueue(o Outbox, due []delivery.Due) error {
	own, err := ownTx(p.tx)
	if err != nil {
		return err
	}
	return o.EnqueueSQLite(p.tx.Statement.Context, own, due)
}
