package ledger

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// waitingly runs a statement that waits for the next one.
func waitingly(tx *gorm.DB, query string) error {
	journeyOf(tx.Statement.Context).waits = true
	return tx.Exec(query).Error
}

func TestWhatWaitsTravelsWithWhatComesNext(t *testing.T) {
	t.Parallel()
	l, rows := onPipeline(t)
	const one, two = "INSERT INTO children VALUES (1)", "INSERT INTO children VALUES (2)"
	for name, test := range map[string]struct {
		do   func(tx *gorm.DB) error
		want error
		rows int64
	}{
		"with the last one": {func(tx *gorm.DB) error { return errors.Join(waitingly(tx, one), lastly(tx, two)) }, nil, 2},
		"with any other": {func(tx *gorm.DB) error {
			return errors.Join(waitingly(tx, one), tx.Exec("UPDATE children SET n = 3 WHERE n = 1").Error)
		}, nil, 1},
		"with a question": {func(tx *gorm.DB) error {
			var n int64
			err := errors.Join(tx.Exec(one).Error, waitingly(tx, two), tx.Raw("SELECT count(*) FROM children").Row().Scan(&n))
			if n != 2 {
				err = errors.Join(err, errors.New("the question is not behind what waited"))
			}
			return err
		}, nil, 2},
		"with the commit":        {func(tx *gorm.DB) error { return errors.Join(waitingly(tx, one), waitingly(tx, two)) }, nil, 2},
		"nowhere":                {func(tx *gorm.DB) error { return errors.Join(waitingly(tx, one), dedup.ErrContended) }, dedup.ErrContended, 0},
		"it fails, last one":     {func(tx *gorm.DB) error { return failing(tx, func() error { return lastly(tx, two) }) }, dedup.ErrRejected, 0},
		"it fails, any other":    {func(tx *gorm.DB) error { return failing(tx, func() error { return tx.Exec(two).Error }) }, dedup.ErrRejected, 0},
		"it fails, the commit":   {func(tx *gorm.DB) error { return failing(tx, func() error { return nil }) }, dedup.ErrRejected, 0},
		"the commit fails later": {func(tx *gorm.DB) error { return waitingly(tx, "INSERT INTO children VALUES (1, 7)") }, dedup.ErrRejected, 0},
	} {
		if err := l.db.Exec("DELETE FROM children").Error; err != nil {
			t.Fatal(err)
		}
		_, err := l.transaction(t.Context(), func(tx *gorm.DB) error { return translate(name, test.do(tx)) })
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if n := rows(); n != test.rows {
			t.Errorf("%s: %d rows, want %d", name, n, test.rows)
		}
	}
}

// failing has a statement wait that will fail, and asks whether nothing is told of it before the next one.
func failing(tx *gorm.DB, next func() error) error {
	if err := errors.Join(tx.Exec("INSERT INTO children VALUES (1)").Error, waitingly(tx, "INSERT INTO children VALUES (1)")); err != nil {
		return errors.New("it did not wait")
	}
	return next()
}

// What others insert waits too if it is little, and is copied if it is much.
func TestRowsOfOthersTravelAlong(t *testing.T) {
	t.Parallel()
	l, rows := onPipeline(t)
	for _, n := range []int{0, 1, mostInserted, mostInserted + 1, 50} {
		if err := l.db.Exec("DELETE FROM children").Error; err != nil {
			t.Fatal(err)
		}
		_, err := l.joinable(t.Context(), func(_ *gorm.DB, pinned *sql.Conn) error {
			return pinned.Raw(func(driverConn any) error {
				conn, err := pipelined(driverConn)
				if err != nil {
					return err
				}
				other := waitingTx{joinedTx{conn.Conn.Conn()}, conn}
				made, err := other.CopyFrom(t.Context(), pgx.Identifier{"children"}, []string{"n", "parent"},
					pgx.CopyFromSlice(n, func(i int) ([]any, error) { return []any{i, nil}, nil }))
				if made != int64(n) {
					t.Errorf("%d rows are told as %d", n, made)
				}
				if _, noted := other.Exec(t.Context(), "INSERT INTO parents VALUES ($1) ON CONFLICT DO NOTHING", n); noted != nil {
					err = errors.Join(err, noted)
				}
				var seen int
				err = errors.Join(err, other.QueryRow(t.Context(), "SELECT count(*) FROM children, parents WHERE parents.n = $1", n).Scan(&seen))
				if seen != n {
					t.Errorf("%d of %d rows are there when the next one asks", seen, n)
				}
				return err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := rows(); got != int64(n) {
			t.Errorf("%d rows, want %d", got, n)
		}
	}
}

func TestARowThatOthersCannotInsertIsToldByTheNextStatement(t *testing.T) {
	t.Parallel()
	l, rows := onPipeline(t)
	_, err := l.joinable(t.Context(), func(tx *gorm.DB, pinned *sql.Conn) error {
		err := pinned.Raw(func(driverConn any) error {
			conn, err := pipelined(driverConn)
			if err == nil {
				_, err = waitingTx{joinedTx{conn.Conn.Conn()}, conn}.CopyFrom(t.Context(), pgx.Identifier{"children"}, []string{"n"},
					pgx.CopyFromRows([][]any{{1}, {1}}))
			}
			return err
		})
		if err != nil {
			t.Errorf("told before it was sent: %v", err)
		}
		return translate("last", lastly(tx, "INSERT INTO parents VALUES (1)"))
	})
	if !errors.Is(err, dedup.ErrRejected) || rows() != 0 {
		t.Errorf("got %v and %d rows", err, rows())
	}
}
