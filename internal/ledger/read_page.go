package ledger

import (
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// Listings are paged by key: each page starts behind the last entry of the one before, by an index that gives the order.
// Nothing is counted, and nothing is skipped or shown twice when entries come in meanwhile. Bodies are never selected.

// equals adds a condition for every column whose value is set.
func equals(q *gorm.DB, conditions ...[2]string) *gorm.DB {
	for _, c := range conditions {
		if c[1] != "" {
			q = q.Where(c[0]+" = ?", c[1])
		}
	}
	return q
}

// between restricts a column of times.
func between(q *gorm.DB, column string, r view.Range) *gorm.DB {
	if !r.Since.IsZero() {
		q = q.Where(column+" >= ?", r.Since.UTC())
	}
	if !r.Until.IsZero() {
		q = q.Where(column+" < ?", r.Until.UTC())
	}
	return q
}

// idBetween restricts ids to those that were made in the range: the primary key serves a time range as well.
func idBetween(q *gorm.DB, r view.Range) *gorm.DB { return idColumnBetween(q, "id", r) }

func idColumnBetween(q *gorm.DB, column string, r view.Range) *gorm.DB {
	if !r.Since.IsZero() {
		q = q.Where(column+" >= ?", firstID(r.Since))
	}
	if !r.Until.IsZero() {
		q = q.Where(column+" < ?", firstID(r.Until))
	}
	return q
}

// firstID is below every id that is made at t or later, and above all made before. Ids know milliseconds only, so a part
// of one rounds up.
func firstID(t time.Time) rowID {
	t = t.UTC()
	if down := t.Truncate(time.Millisecond); down.Before(t) {
		t = down.Add(time.Millisecond)
	}
	if t.UnixMilli() <= 0 {
		return rowID{}
	}
	id := rowID(dedup.NewID(t))
	clear(id[6:])
	return id
}

// byID orders by id, newest first, from behind the cursor on. The cursor's text is the id.
func byID(q *gorm.DB, p view.Paging) (*gorm.DB, error) { return byIDOf(q, "id", p) }

func byIDOf(q *gorm.DB, column string, p view.Paging) (*gorm.DB, error) {
	c, err := view.DecodeCursor(p.Cursor)
	if err != nil {
		return nil, err
	}
	if p.Cursor != "" {
		id, err := dedup.ParseID(c.Tie)
		if err != nil {
			return nil, view.ErrBadCursor
		}
		q = q.Where(column+" < ?", rowID(id))
	}
	return q.Order(column + " DESC").Limit(view.ClampLimit(p.Limit) + 1), nil
}

// page turns up to limit + 1 rows into a page: the one too many only shows that there is a next page.
func page[R, V any](rows []R, limit int, cursor func(*R) view.Cursor, show func(*R) V) view.Page[V] {
	limit = view.ClampLimit(limit)
	p := view.Page[V]{}
	if len(rows) > limit {
		rows = rows[:limit]
		p.Next = cursor(&rows[limit-1]).Encode()
	}
	p.Items = make([]V, len(rows))
	for i := range rows {
		p.Items[i] = show(&rows[i])
	}
	return p
}

// nothing is the page of a filter that no row can match.
func nothing[V any]() view.Page[V] { return view.Page[V]{Items: []V{}} }

// found makes "no such row" the view's.
func found(operation string, err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return view.ErrNotFound
	}
	return translate(operation, err)
}

// parseRowID reads an id that a client gave; what is none names nothing.
func parseRowID(s string) (rowID, error) {
	id, err := dedup.ParseID(s)
	if err != nil {
		return rowID{}, view.ErrNotFound
	}
	return rowID(id), nil
}

// searchable reports whether the database can compare with all of the texts. PostgreSQL refuses to: no column holds a NUL
// or bytes that are no UTF-8, so such a filter selects nothing.
func searchable(texts ...string) bool {
	for _, s := range texts {
		if storable(s) != s {
			return false
		}
	}
	return true
}

func idText(id *rowID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// tieSeparator stands between the parts of a cursor's tie; no id or name has it.
const tieSeparator = "\x00"

func joinTie(parts ...string) string { return strings.Join(parts, tieSeparator) }

// splitTie reads n parts, or fails for a cursor of another listing.
func splitTie(tie string, n int) ([]any, error) {
	parts := strings.Split(tie, tieSeparator)
	if len(parts) != n || !searchable(parts...) {
		return nil, view.ErrBadCursor
	}
	values := make([]any, n)
	for i, p := range parts {
		values[i] = p
	}
	return values, nil
}
