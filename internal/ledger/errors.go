package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// The codes that this package tells apart. https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	undefinedTable       = "42P01"
	lockNotAvailable     = "55P03"
	deadlockDetected     = "40P01"
	serializationFailure = "40001"
	checkViolation       = "23514"
	uniqueViolation      = "23505"
	classData            = "22" // a value that its type can't hold
	classIntegrity       = "23" // a value that a constraint refuses
	classLimit           = "54" // a value too long for an index, a row too big for a page
)

// sqlState is PostgreSQL's code for err, "" when the server did not say it.
func sqlState(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}

// translate says what a failed operation means to the core. What PostgreSQL says about values (detail, where, and the
// message itself, which quotes them) stays out of the error's text.
func translate(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: %w", meaning(err), operation, bare(err))
}

// meaning maps codes to the errors of the core.
func meaning(err error) error {
	switch state := sqlState(err); {
	case errors.Is(err, errCommitSent):
		return dedup.ErrUnclear
	case state == lockNotAvailable, state == deadlockDetected, state == serializationFailure, partitionMoved(err):
		return dedup.ErrContended
	case len(state) == 5 && slices.Contains([]string{classData, classIntegrity, classLimit}, state[:2]):
		return dedup.ErrRejected
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return dedup.ErrContended
		case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
			return dedup.ErrRejected
		}
	}
	return dedup.ErrUnavailable
}

// partitionMoved reports that the DEFAULT partition has refused a row because its day's own was attached while the row was
// on its way: a check, but of no constraint that has a name. The next try finds the new partition.
func partitionMoved(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == checkViolation && pgErr.ConstraintName == ""
}

// bare strips an error of texts that may quote a row's values, and keeps codes and the errors of the network.
func bare(err error) error {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return serverError{severity: pgErr.Severity, code: pgErr.Code, about: about(pgErr)}
	}
	if failed, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return connectError{failed}
	}
	return err
}

// connectError is pgx's error of a failed connection on one line; pgx gives every address a line of its own.
type connectError struct{ *pgconn.ConnectError }

func (e connectError) Error() string {
	return strings.Join(strings.Fields(e.ConnectError.Error()), " ")
}

func about(e *pgconn.PgError) string {
	switch {
	case e.ConstraintName != "":
		return " on constraint " + e.ConstraintName
	case e.TableName != "":
		return " on table " + e.TableName
	}
	return ""
}

// serverError is an error of PostgreSQL without its values.
type serverError struct{ severity, code, about string }

func (e serverError) Error() string {
	return fmt.Sprintf("PostgreSQL says %s %s%s", e.severity, e.code, e.about)
}

// translateCommit is translate for COMMIT, where no answer means that nobody knows. An error of severity ERROR means
// rolled back; FATAL may come after the commit (the server was told to stop while it waited for a replica).
func translateCommit(err error) error {
	if err == nil || notCommitted(err) {
		return translate("commit", err)
	}
	return fmt.Errorf("%w: %w", dedup.ErrUnclear, bare(err))
}

// notCommitted reports that the server has answered no, or that the transaction was over before COMMIT could be sent.
func notCommitted(err error) bool {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Severity == "ERROR"
	}
	if _, ok := errors.AsType[*sqlite.Error](err); ok {
		return true
	}
	// pgconn.SafeToRetry says yes to a COMMIT that was sent and whose connection then broke: it is not asked.
	return errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, sql.ErrTxDone)
}
