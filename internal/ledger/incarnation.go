package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// identity is which database a connection is connected to.
type identity struct {
	incarnation dedup.Incarnation // this life of it: changes with a restore, a failover, an epoch bump
	name        string            // the database as such: the same in every life
}

// identityKey finds a connection's identity among its custom data.
const identityKey = "dedupgate.identity"

// The system identifier tells clusters apart, the timeline tells the lives of one cluster apart (a failover or a
// point-in-time restore starts a new one), the installation those that neither shows, such as a restored dump. The file of
// the events tells when somebody has emptied or replaced the table, as a dump restored over it does, and bumped no epoch;
// that VACUUM FULL changes it too costs questions to the database only. On a standby pg_current_wal_lsn fails, so a
// connection never speaks for a database that can't commit.
const identityQuery = `
SELECT (SELECT system_identifier::text FROM pg_control_system()),
       left(pg_walfile_name(pg_current_wal_lsn()), 8),
       (SELECT oid::text FROM pg_database WHERE datname = current_database()),
       coalesce(current_schema()::text, ''),
       (SELECT concat(id, ' ', pg_relation_filenode(to_regclass('events'))) FROM installation)`

// rowQuerier is a connection, pooled or not.
type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// readIdentity asks PostgreSQL who it is.
func readIdentity(ctx context.Context, q rowQuerier) (identity, error) {
	var system, timeline, database, schema string
	var installation *string
	err := q.QueryRow(ctx, identityQuery).Scan(&system, &timeline, &database, &schema, &installation)
	if sqlState(err) == undefinedTable || err == nil && installation == nil {
		return identity{}, errNotMigrated
	}
	if err != nil {
		return identity{}, fmt.Errorf("ask the database who it is: %w", err)
	}
	return newIdentity(system, timeline, database, schema, *installation), nil
}

var errNotMigrated = errors.New("the database has no schema: run `dedupgate migrate up`")

func newIdentity(system, timeline, database, schema, installation string) identity {
	var id identity
	copy(id.incarnation[:], hashOf("incarnation", system, timeline, database, schema, installation))
	id.name = hex.EncodeToString(hashOf("database", system, database, schema)[:8])
	return id
}

// hashOf hashes a list so that different lists never hash the same text.
func hashOf(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// learnIdentity keeps a new connection's identity with it: what it commits is of this incarnation, whatever the others
// are connected to by then.
func learnIdentity(ctx context.Context, conn *pgx.Conn) error {
	id, err := readIdentity(ctx, conn)
	if err != nil {
		return err
	}
	conn.PgConn().CustomData()[identityKey] = id
	return nil
}

func identityOf(conn *pgconn.PgConn) identity {
	id, _ := conn.CustomData()[identityKey].(identity)
	return id
}
