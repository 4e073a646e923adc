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

// Below GORM, a transaction's BEGIN travels with its first statement, and its COMMIT with the last one if that says so: a
// round trip costs the client more than either costs the server. See docs/decisions/016-begin-and-commit-travel-along.md.

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

// ending is how a transaction ends whose COMMIT travels along. Its context carries it, since database/sql does not ask for
// the outcome of a transaction whose context is over.
type ending struct {
	due  bool // the next statement is the last one
	sent bool // with its COMMIT
	err  error
}

type endingKey struct{}

func withEnding(ctx context.Context, e *ending) context.Context {
	return context.WithValue(ctx, endingKey{}, e)
}

// endingOf is nil where COMMIT has to go by itself.
func endingOf(ctx context.Context) *ending {
	e, _ := ctx.Value(endingKey{}).(*ending)
	return e
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
	c.tx = &pipelinedTx{ctx: ctx, conn: c, ending: cmp.Or(endingOf(ctx), &ending{})}
	return c.tx, nil
}

// begun sends a BEGIN that is still waiting for a statement: for those who use the connection itself.
func (c *pipelinedConn) begun(ctx context.Context) error {
	if c.tx == nil || c.tx.begun {
		return nil
	}
	c.tx.begun = true
	_, err := c.Conn.Conn().Exec(ctx, "begin")
	return err
}

// ExecContext implements [driver.ExecerContext].
func (c *pipelinedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	last := c.tx != nil && c.tx.ending.due
	if c.tx == nil || c.tx.begun && !last {
		return c.Conn.ExecContext(ctx, query, args)
	}
	results := c.send(ctx, query, args, last)
	tag, err := results.Exec()
	if last {
		err = c.tx.committed(results, err)
	}
	if closing := results.Close(); err == nil && !last {
		err = closing
	}
	return driver.RowsAffected(tag.RowsAffected()), err
}

// QueryContext implements [driver.QueryerContext].
func (c *pipelinedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.tx == nil || c.tx.begun {
		return c.Conn.QueryContext(ctx, query, args)
	}
	results := c.send(ctx, query, args, false)
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

// send sends a statement, with what has to travel along. The answers come in that order; that of BEGIN is read here.
func (c *pipelinedConn) send(ctx context.Context, query string, args []driver.NamedValue, last bool) pgx.BatchResults {
	var batch pgx.Batch
	first := !c.tx.begun
	if first {
		batch.Queue("begin")
	}
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a.Value
	}
	batch.Queue(query, values...)
	if last {
		batch.Queue("commit")
	}
	c.tx.begun = true
	results := c.Conn.Conn().SendBatch(ctx, &batch)
	if first {
		_, _ = results.Exec() // a failure is told by what follows, too
	}
	return results
}

// pipelinedTx is a transaction as database/sql sees it.
type pipelinedTx struct {
	ctx   context.Context //nolint:containedctx // of BeginTx: Commit and Rollback are given none
	conn  *pipelinedConn
	begun bool // BEGIN was sent
	*ending
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
	tx.conn.tx = nil
	switch {
	case tx.sent:
		return tx.err
	case !tx.begun:
		return nil
	}
	tag, err := tx.conn.Conn.Conn().Exec(tx.ctx, "commit")
	switch {
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
