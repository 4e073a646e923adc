package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// Below GORM, a transaction's BEGIN travels with its first statement, its COMMIT with the last one if that says so, and
// statements that nobody waits for with the next one: a round trip costs the client more than it costs the server. See
// docs/decisions/016-begin-and-commit-travel-along.md
// and 020-nobody-waits-for-what-has-nothing-to-say.md.

// openPipelined is [stdlib.OpenDBFromPool] with connections that do that.
func openPipelined(pool *pgxpool.Pool) *sql.DB {
	db := sql.OpenDB(pipelinedConnector{stdlib.GetPoolConnector(pool)})
	db.SetMaxIdleConns(0) // the pool keeps them
	return db
}

type pipelinedConnector struct{ driver.Connector }

// Connect implements [driver.Connector].
func (c pipelinedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	below, ok := conn.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("want a connection of pgx, got %T", conn), conn.Close())
	}
	return &pipelinedConn{Conn: below}, nil
}

// pipelinedConn is pgx's connection of database/sql, used by one goroutine at a time as all of these are.
type pipelinedConn struct {
	*stdlib.Conn
	tx *pipelinedTx // nil outside of transactions
}

// journey says how the statements of a transaction travel. Its context carries it: GORM has no words for it, and database/sql
// does not ask for the outcome of a transaction whose context is over.
type journey struct {
	waits bool // the next statement waits for the one after it
	last  bool // the next statement is the last one
	sent  bool // with its COMMIT
	err   error
}

type journeyKey struct{}

func withJourney(ctx context.Context, j *journey) context.Context {
	return context.WithValue(ctx, journeyKey{}, j)
}

// journeyOf is nil where every statement has to go by itself.
func journeyOf(ctx context.Context) *journey {
	j, _ := ctx.Value(journeyKey{}).(*journey)
	return j
}

// errCommitSent: a statement's answer was lost, and with it that of the COMMIT behind it.
var errCommitSent = errors.New("the commit was sent, too")

// BeginTx implements [driver.ConnBeginTx]. It sends nothing yet.
func (c *pipelinedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if opts != (driver.TxOptions{}) {
		return c.Conn.BeginTx(ctx, opts)
	}
	if c.Conn.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	c.tx = &pipelinedTx{ctx: ctx, conn: c, journey: cmp.Or(journeyOf(ctx), &journey{})}
	c.wait("begin", nil)
	return c.tx, nil
}

// wait lets a statement wait for the next one. What comes of it is not known before.
func (c *pipelinedConn) wait(query string, args []any) {
	c.tx.waiting = append(c.tx.waiting, &pgx.QueuedQuery{SQL: query, Arguments: args})
}

// sendWaiting sends what waits: for those who use the connection itself.
func (c *pipelinedConn) sendWaiting(ctx context.Context) error {
	if c.tx == nil || len(c.tx.waiting) == 0 {
		return nil
	}
	return c.send(ctx).Close()
}

// ExecContext implements [driver.ExecerContext].
func (c *pipelinedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	switch {
	case c.tx == nil:
		return c.Conn.ExecContext(ctx, query, args)
	case c.tx.waits:
		c.tx.waits = false
		c.wait(query, valuesOf(args))
		return driver.RowsAffected(0), nil
	case c.tx.last:
		return c.execLast(ctx, query, args)
	case len(c.tx.waiting) == 0:
		return c.Conn.ExecContext(ctx, query, args)
	}
	results := c.send(ctx, &pgx.QueuedQuery{SQL: query, Arguments: valuesOf(args)})
	tag, err := results.Exec()
	if closing := results.Close(); err == nil {
		err = closing
	}
	return driver.RowsAffected(tag.RowsAffected()), err
}

// execLast sends a statement and COMMIT.
func (c *pipelinedConn) execLast(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	results := c.send(ctx, &pgx.QueuedQuery{SQL: query, Arguments: valuesOf(args)}, &pgx.QueuedQuery{SQL: "commit"})
	tag, err := results.Exec()
	err = c.tx.committed(results, err)
	_ = results.Close() // it could only say the same again
	return driver.RowsAffected(tag.RowsAffected()), err
}

// QueryContext implements [driver.QueryerContext].
func (c *pipelinedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.tx == nil || len(c.tx.waiting) == 0 {
		return c.Conn.QueryContext(ctx, query, args)
	}
	results := c.send(ctx, &pgx.QueuedQuery{SQL: query, Arguments: valuesOf(args)})
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	r := &pipelinedRows{rows: rows, results: results, unread: rows.Next()} // the columns are known, and a failure, with the first row
	if err = rows.Err(); err != nil {
		return nil, errors.Join(err, r.results.Close())
	}
	return r, nil
}

// send sends what waits and then the statements, and returns the answers to these. A failure of what has waited is told by
// what follows, too: the server skips all that comes behind.
func (c *pipelinedConn) send(ctx context.Context, statements ...*pgx.QueuedQuery) pgx.BatchResults {
	waiting := len(c.tx.waiting)
	batch := pgx.Batch{QueuedQueries: append(c.tx.waiting, statements...)}
	c.tx.waiting, c.tx.begun = nil, true
	results := c.Conn.Conn().SendBatch(ctx, &batch)
	for range waiting {
		_, _ = results.Exec()
	}
	return results
}

func valuesOf(args []driver.NamedValue) []any {
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a.Value
	}
	return list
}

// pipelinedTx is a transaction as database/sql sees it.
type pipelinedTx struct {
	ctx     context.Context //nolint:containedctx // of BeginTx: Commit and Rollback are given none
	conn    *pipelinedConn
	begun   bool // BEGIN was sent
	waiting []*pgx.QueuedQuery
	*journey
}

// committed reads how a COMMIT went that was sent behind a statement which ended with err. What it returns is of the
// statement; Commit will return what is of the COMMIT.
func (tx *pipelinedTx) committed(results pgx.BatchResults, err error) error {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Severity == "ERROR" {
		return err // the server has left out what came behind
	}
	tx.sent = true
	if err != nil {
		tx.err = fmt.Errorf("%w: %w", errCommitSent, err)
		return tx.err
	}
	tag, err := results.Exec()
	if err == nil && tag.String() != "COMMIT" {
		err = pgx.ErrTxCommitRollback
	}
	tx.err = err
	return nil
}

// Commit implements [driver.Tx].
func (tx *pipelinedTx) Commit() error {
	defer func() { tx.conn.tx = nil }()
	const beginAlone = 1
	switch {
	case tx.sent:
		return tx.err
	case !tx.begun && len(tx.waiting) == beginAlone:
		return nil
	}
	results := tx.conn.send(tx.ctx, &pgx.QueuedQuery{SQL: "commit"})
	tag, err := results.Exec()
	if closing := results.Close(); err == nil {
		err = closing
	}
	const failed = 'E'
	switch status := tx.conn.Conn.Conn().PgConn().TxStatus(); {
	case err != nil && status == failed: // what had waited; the server has left out the commit
		_ = tx.Rollback() // gives up where it can't
	case err != nil:
		tx.giveUp()
	case tag.String() != "COMMIT":
		err = pgx.ErrTxCommitRollback
	}
	return err
}

// Rollback implements [driver.Tx].
func (tx *pipelinedTx) Rollback() error {
	tx.conn.tx = nil
	if tx.sent || !tx.begun {
		return tx.err
	}
	_, err := tx.conn.Conn.Conn().Exec(tx.ctx, "rollback")
	if err != nil {
		tx.giveUp()
	}
	return err
}

// giveUp closes a connection whose transaction can't be ended: the pool must not lend it again.
func (tx *pipelinedTx) giveUp() {
	if conn := tx.conn.Conn.Conn(); conn.PgConn().TxStatus() != 'I' {
		_ = conn.Close(tx.ctx)
	}
}

// pipelinedRows are the rows of a statement with which a BEGIN has travelled.
type pipelinedRows struct {
	rows    pgx.Rows
	results pgx.BatchResults
	unread  bool // a row has come that nobody has asked for yet
}

// Columns implements [driver.Rows].
func (r *pipelinedRows) Columns() []string {
	fields := r.rows.FieldDescriptions()
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = f.Name
	}
	return columns
}

// Next implements [driver.Rows].
func (r *pipelinedRows) Next(dest []driver.Value) error {
	if !r.unread && !r.rows.Next() {
		return cmp.Or(r.rows.Err(), io.EOF)
	}
	r.unread = false
	values, err := r.rows.Values()
	if err != nil {
		return err
	}
	for i, v := range values {
		if dest[i], err = driverValue(v); err != nil {
			return err
		}
	}
	return nil
}

// driverValue turns what pgx makes of a column into what database/sql knows.
func driverValue(v any) (driver.Value, error) {
	switch v := v.(type) {
	case [16]byte:
		return v[:], nil // a uuid
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case float32:
		return float64(v), nil
	}
	if !driver.IsValue(v) {
		return nil, fmt.Errorf("a %T can't be read from the first statement of a transaction", v)
	}
	return v, nil
}

// Close implements [driver.Rows].
func (r *pipelinedRows) Close() error {
	r.rows.Close()
	return errors.Join(r.rows.Err(), r.results.Close())
}
