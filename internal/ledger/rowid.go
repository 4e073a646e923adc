package ledger

import (
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// rowID is an ID as a column: uuid on PostgreSQL, its canonical text on SQLite.
type rowID dedup.ID //nolint:recvcheck // Scan has to change it, everything else passes it by value

// Value gives the canonical text.
func (id rowID) Value() (driver.Value, error) { return dedup.ID(id).String(), nil }

// UUIDValue implements [pgtype.UUIDValuer], so that ids travel as 16 bytes.
func (id rowID) UUIDValue() (pgtype.UUID, error) { return pgtype.UUID{Bytes: id, Valid: true}, nil }

// Scan reads the canonical text, or 16 bytes.
func (id *rowID) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return id.parse(v)
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
		return id.parse(string(v))
	}
	return fmt.Errorf("read an id from %T", src)
}

func (id *rowID) parse(s string) error {
	parsed, err := dedup.ParseID(s)
	*id = rowID(parsed)
	return err
}

func (id rowID) String() string { return dedup.ID(id).String() }

// optionalID is nil for the zero id, which no row has.
func optionalID(id dedup.ID) *rowID {
	if id.IsZero() {
		return nil
	}
	r := rowID(id)
	return &r
}
