package yardstick

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// window is how long Redis remembers an event, the gateway's own default.
const window = 72 * time.Hour

// connections is the size of the pool: more would only wait for each other in the database.
const connections = 32

// schema is the one table.
const schema = `CREATE TABLE IF NOT EXISTS webhooks (
	id          bigserial   PRIMARY KEY,
	event_key   text        NOT NULL UNIQUE,
	run_id      text        NOT NULL,
	event_type  text        NOT NULL,
	status      text        NOT NULL,
	dispatch_id text        NOT NULL,
	body        bytea       NOT NULL,
	created_at  timestamptz NOT NULL,
	updated_at  timestamptz NOT NULL
)`

// webhook is a row of it.
type webhook struct {
	ID         uint64
	EventKey   string
	RunID      string
	EventType  string
	Status     string
	DispatchID string
	Body       []byte
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Stores is where the naive receiver keeps its things.
type Stores struct {
	Postgres string // URL
	Redis    string // host:port
	RedisDB  int
}

// Naive makes the receiver that asks Redis first and then upserts, one request at a time. GORM and go-redis run with their
// defaults but for the pool's size.
func Naive(ctx context.Context, stores Stores, log *slog.Logger) (http.Handler, error) {
	db, err := gorm.Open(postgres.Open(stores.Postgres), &gorm.Config{})
	if err != nil {
		return nil, fmt.Errorf("naive: %w", err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("naive: %w", err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	if err = db.WithContext(ctx).Exec(schema).Error; err != nil {
		return nil, fmt.Errorf("naive: make the table: %w", err)
	}
	n := &naive{db: db, redis: redis.NewClient(&redis.Options{Addr: stores.Redis, DB: stores.RedisDB})}
	return newReceiver(n.decide, log)
}

type naive struct {
	db    *gorm.DB
	redis *redis.Client
}

func (n *naive) decide(ctx context.Context, in *dedup.Inbound) (known bool, err error) {
	key := in.Key.String()
	fresh, err := n.redis.SetNX(ctx, key, 1, window).Result()
	if err != nil || !fresh {
		return true, err
	}
	row := webhook{
		EventKey: key, RunID: in.Run.ID, EventType: in.Type, Status: string(in.Status), DispatchID: in.DispatchID, Body: in.Body,
	}
	return false, n.db.WithContext(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "event_key"}},
		DoUpdates: clause.AssignmentColumns([]string{"status", "body", "updated_at"}),
	}).Create(&row).Error
}
