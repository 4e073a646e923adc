package ledger

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/delivery/deliverytest"
	"github.com/dedupgate/dedupgate/internal/view"
)

// jobs is an outbox whose jobs are rows of a table, so that they are there if and only if their transaction is.
type jobs struct {
	route func(delivery.Event) []delivery.Route
	lost  sync.Map // what jobs of processes that have gone could claim, by their ids
}

func (j *jobs) take(lost []delivery.LostJob) (claims []delivery.Claim) {
	for _, l := range lost {
		if c, ok := j.lost.LoadAndDelete(l.ID); ok {
			claims = append(claims, c.(delivery.Claim))
		}
	}
	return claims
}

func (j *jobs) TakePostgres(_ context.Context, _ pgx.Tx, lost []delivery.LostJob) ([]delivery.Claim, error) {
	return j.take(lost), nil
}

func (j *jobs) TakeSQLite(_ context.Context, _ *sql.Tx, lost []delivery.LostJob) ([]delivery.Claim, error) {
	return j.take(lost), nil
}

const makeJobs = `CREATE TABLE jobs (delivery_id text NOT NULL, destination text NOT NULL)`

func (j *jobs) Route(e delivery.Event) []delivery.Route { return j.route(e) }

func (j *jobs) EnqueuePostgres(ctx context.Context, tx pgx.Tx, due []delivery.Due) error {
	if _, err := tx.Begin(ctx); err == nil {
		return errors.New("the transaction can be begun")
	}
	if tx.Commit(ctx) == nil || tx.Rollback(ctx) == nil {
		return errors.New("the transaction can be ended")
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"jobs"}, []string{"delivery_id", "destination"},
		pgx.CopyFromSlice(len(due), func(i int) ([]any, error) { return []any{due[i].ID.String(), due[i].Destination}, nil }))
	return err
}

func (j *jobs) EnqueueSQLite(ctx context.Context, tx *sql.Tx, due []delivery.Due) error {
	for _, d := range due {
		if _, err := tx.ExecContext(ctx, "INSERT INTO jobs VALUES (?, ?)", d.ID.String(), d.Destination); err != nil {
			return err
		}
	}
	return nil
}

func (j *jobs) WithdrawPostgres(ctx context.Context, tx pgx.Tx, ids []dedup.ID) error {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	_, err := tx.Exec(ctx, "DELETE FROM jobs WHERE delivery_id = ANY($1)", texts)
	return err
}

func (j *jobs) WithdrawSQLite(ctx context.Context, tx *sql.Tx, ids []dedup.ID) error {
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, "DELETE FROM jobs WHERE delivery_id = ?", id.String()); err != nil {
			return err
		}
	}
	return nil
}

// to routes every event to the same destinations.
func to(destinations ...string) func(delivery.Event) []delivery.Route {
	routes := make([]delivery.Route, len(destinations))
	for i, d := range destinations {
		routes[i].Destination = d
	}
	return func(delivery.Event) []delivery.Route { return routes }
}

// forwarding gives a ledger an outbox.
func forwarding(t testing.TB, l *Ledger, route func(delivery.Event) []delivery.Route) {
	t.Helper()
	if err := l.db.Exec(makeJobs).Error; err != nil {
		t.Fatal(err)
	}
	l.SetOutbox(&jobs{route: route})
}

// onEach runs a test on a new database of each kind.
func onEach(t *testing.T, test func(t *testing.T, l *Ledger)) {
	t.Helper()
	onBoth(t, func(t *testing.T, opts Options) { test(t, openMigrated(t, opts)) })
}

func TestDeliveryStore(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		c := &clerks{}
		forwarding(t, l, c.route)
		deliverytest.Run(t, func(t *testing.T) deliverytest.Fixture {
			return deliverytest.Fixture{Store: l, Clerk: &clerk{t: t, l: l, all: c}}
		})
	})
}

// clerks know where the events of all clerks go: by their type, which nobody else has.
type clerks struct{ routes sync.Map }

func (c *clerks) route(e delivery.Event) []delivery.Route {
	routes, ok := c.routes.Load(e.Source)
	if !ok {
		return nil
	}
	return routes.([]delivery.Route)
}

// clerk implements [deliverytest.Clerk] the way a gateway works.
type clerk struct {
	t   *testing.T
	l   *Ledger
	all *clerks
}

var _ deliverytest.Clerk = (*clerk)(nil)

func (c *clerk) Put(e deliverytest.Event) (dedup.ID, []dedup.ID) {
	c.t.Helper()
	c.all.routes.Store(e.Source, e.Routes)
	entry := newEntry(e.ReceivedAt, dedup.Compose("d", dedup.NewID(e.ReceivedAt).String()), "")
	if e.Run.ID != "" {
		keys, _ := keysOfRun(e.Run.Kind, e.Run.ID)
		entry = newEntry(e.ReceivedAt, keys+dedup.NewID(e.ReceivedAt).String(), e.Run.ID)
		entry.Run = e.Run
	}
	entry.Key.Source, entry.Type, entry.Generation, entry.ContentType, entry.Body = e.Source, e.Type, e.Generation, e.ContentType, e.Body
	event := mustRecord(c.t, c.l, entry)[0].EventID
	var rows []deliveryRow
	if err := c.l.db.Where("event_id = ?", rowID(event)).Find(&rows).Error; err != nil {
		c.t.Fatal(err)
	}
	ids := make([]dedup.ID, len(e.Routes))
	for _, row := range rows {
		ids[slices.IndexFunc(e.Routes, func(r delivery.Route) bool { return r.Destination == row.Destination })] = dedup.ID(row.ID)
	}
	return event, ids
}

func (c *clerk) Purge(event dedup.ID) {
	c.t.Helper()
	if err := c.l.db.Model(&eventRow{}).Where("id = ?", rowID(event)).UpdateColumn("body", nil).Error; err != nil {
		c.t.Fatal(err)
	}
}

func (c *clerk) Replay(event dedup.ID, destination string) dedup.ID {
	c.t.Helper()
	done, err := c.l.Replay(c.t.Context(), view.ReplaySelection{EventIDs: []string{event.String()}, Destination: destination}, view.Act{Actor: "t"})
	if err != nil || done.Deliveries != 1 {
		c.t.Fatalf("replay: %+v, error %v", done, err)
	}
	var row deliveryRow
	if err = c.l.db.Where("event_id = ? AND destination = ?", rowID(event), destination).Order("replay DESC").Take(&row).Error; err != nil {
		c.t.Fatal(err)
	}
	return dedup.ID(row.ID)
}

func (c *clerk) Cancel(id dedup.ID)  { c.change(id, c.l.CancelDeliveries) }
func (c *clerk) Retry(id dedup.ID)   { c.change(id, c.l.RetryDeliveries) }
func (c *clerk) Release(id dedup.ID) { c.change(id, c.l.ReleaseDeliveries) }

// nextLost numbers lost jobs.
var nextLost atomic.Int64

func (c *clerk) TakeOver(claims ...delivery.Claim) int {
	c.t.Helper()
	lost := make([]delivery.LostJob, len(claims))
	for i, claim := range claims {
		lost[i].ID = nextLost.Add(1)
		c.l.outbox.(*jobs).lost.Store(lost[i].ID, claim)
	}
	n, err := c.l.TakeOver(c.t.Context(), lost)
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

func (c *clerk) change(id dedup.ID, do func(context.Context, view.DeliverySelection, view.Act) (view.Changed, error)) {
	c.t.Helper()
	done, err := do(c.t.Context(), view.DeliverySelection{IDs: []string{id.String()}}, view.Act{Actor: "t"})
	if err != nil || done.Deliveries != 1 {
		c.t.Fatalf("change: %+v, error %v", done, err)
	}
}

func (c *clerk) Delivery(id dedup.ID) deliverytest.Delivery {
	c.t.Helper()
	h, err := c.l.Delivery(c.t.Context(), id.String())
	if err != nil {
		c.t.Fatal(err)
	}
	d := h.Delivery
	var next time.Time
	if d.NextAttemptAt != nil {
		next = *d.NextAttemptAt
	}
	var row deliveryRow
	if err = c.l.db.Where("id = ?", rowID(id)).Take(&row).Error; err != nil {
		c.t.Fatal(err)
	}
	return deliverytest.Delivery{
		Job: row.Job, State: delivery.State(d.State), Attempts: d.Attempts, LastStatus: d.LastStatus, LastError: d.LastError, Next: next,
	}
}

func (c *clerk) Attempts(id dedup.ID) []delivery.Attempt {
	c.t.Helper()
	var rows []attemptRow
	if err := c.l.db.Where("delivery_id = ?", rowID(id)).Order("number").Find(&rows).Error; err != nil {
		c.t.Fatal(err)
	}
	list := make([]delivery.Attempt, len(rows))
	for i, r := range rows {
		list[i] = delivery.Attempt{
			DeliveryID: dedup.ID(r.DeliveryID), Number: r.Number, StartedAt: r.StartedAt.UTC(),
			Took: time.Duration(r.TookMillis) * time.Millisecond, Status: r.Status, Error: r.Error, Answer: r.Answer,
		}
	}
	return list
}
