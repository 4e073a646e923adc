package ledger

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/view"
)

// deliveryListRow is a delivery with what it is about.
type deliveryListRow struct {
	Delivery  deliveryRow `gorm:"embedded"`
	Source    string
	Kind      string
	RunID     string
	EventType string
	Seq       int64
}

// deliveriesOf names deliveries d and their events e. The events of old replays may be gone.
func deliveriesOf(db *gorm.DB) *gorm.DB {
	return db.Table("deliveries AS d").Joins("LEFT JOIN events AS e ON e.id = d.event_id")
}

func listedDeliveries(db *gorm.DB) *gorm.DB {
	return deliveriesOf(db).Select(`d.id, d.event_id, d.destination, d.replay, d.state, d.attempts, d.last_status, d.next_attempt_at,
d.updated_at, d.last_error, coalesce(e.source, '') AS source, coalesce(e.kind, '') AS kind, coalesce(e.run_id, '') AS run_id,
coalesce(e.type, '') AS event_type, coalesce(e.seq, 0) AS seq`)
}

// Deliveries lists deliveries, newest first. Errors: [view.ErrBadCursor], [dedup.ErrUnavailable].
func (l *Ledger) Deliveries(ctx context.Context, q view.DeliveryQuery) (view.Page[view.Delivery], error) {
	none := nothing[view.Delivery]()
	db, ok := filterDeliveries(listedDeliveries(l.reads.WithContext(ctx)), q.DeliveryFilter)
	if !ok {
		return none, nil
	}
	db, err := byIDOf(db, "d.id", q.Paging)
	if err != nil {
		return none, err
	}
	var rows []deliveryListRow
	if err = db.Find(&rows).Error; err != nil {
		return none, translate("list deliveries", err)
	}
	return page(rows, q.Limit, (*deliveryListRow).cursor, (*deliveryListRow).view), nil
}

// filterDeliveries adds what a filter asks for; not ok: nothing can match it.
func filterDeliveries(db *gorm.DB, f view.DeliveryFilter) (_ *gorm.DB, ok bool) {
	if !searchable(f.Destination, f.Source, f.RunID) {
		return db, false
	}
	db = equals(db, [2]string{"d.destination", f.Destination}, [2]string{"e.source", f.Source}, [2]string{"e.run_id", f.RunID})
	if f.RunID != "" {
		db = ofAnyRun(db, f.RunID)
	}
	if f.EventID != "" {
		id, err := parseRowID(f.EventID)
		if err != nil {
			return db, false
		}
		db = db.Where("d.event_id = ?", id)
	}
	db = idColumnBetween(db, "d.id", f.Range)
	if f.State == "" {
		return db, true
	}
	return inStates(db, delivery.State(f.State)), slices.Contains(delivery.States(), delivery.State(f.State))
}

// unfinished is the condition of the partial index, word for word: SQLite draws no conclusions.
const unfinished = "d.phase < 3"

// phases are what the index of unfinished deliveries is made by. They are written into the SQL, since no plan for unknown
// values could use a partial index.
var phases = map[delivery.State]string{
	delivery.Pending: "d.phase = 0", delivery.Held: "d.phase = 0", delivery.Delivering: "d.phase = 0", delivery.Retrying: "d.phase = 0",
	delivery.Dead: "d.phase = 1", delivery.Cancelled: "d.phase = 2", delivery.Delivered: "d.phase = 3",
}

// inStates selects deliveries in any of the states.
func inStates(db *gorm.DB, states ...delivery.State) *gorm.DB {
	var in []string
	for _, s := range states {
		if !slices.Contains(in, phases[s]) {
			in = append(in, phases[s])
		}
	}
	if !slices.Contains(states, delivery.Delivered) {
		db = db.Where(unfinished)
	}
	return db.Where("("+strings.Join(in, " OR ")+")").Where("d.state IN ?", states)
}

// mostAttempts is the longest history that is given out.
const mostAttempts = 200

// Delivery reads one delivery with its attempts. Errors: [view.ErrNotFound], [dedup.ErrUnavailable].
func (l *Ledger) Delivery(ctx context.Context, id string) (view.DeliveryHistory, error) {
	key, err := parseRowID(id)
	if err != nil {
		return view.DeliveryHistory{}, err
	}
	var row deliveryListRow
	if err = listedDeliveries(l.reads.WithContext(ctx)).Where("d.id = ?", key).Take(&row).Error; err != nil {
		return view.DeliveryHistory{}, found("read delivery", err)
	}
	var attempts []attemptRow
	err = l.reads.WithContext(ctx).Where("delivery_id = ?", key).Order("number DESC").Limit(mostAttempts + 1).Find(&attempts).Error
	if err != nil {
		return view.DeliveryHistory{}, translate("read attempts", err)
	}
	h := view.DeliveryHistory{Delivery: row.view(), AttemptsCut: len(attempts) > mostAttempts}
	attempts = attempts[:min(len(attempts), mostAttempts)]
	slices.Reverse(attempts)
	h.Attempts = make([]view.Attempt, len(attempts))
	for i := range attempts {
		h.Attempts[i] = attempts[i].view()
	}
	return h, nil
}

// DeliveryStats counts what is not over or dead, by destination, and sums the attempts that were finished in a range,
// which is widened to whole minutes as in [Ledger.Stats]. Errors: [dedup.ErrUnavailable].
func (l *Ledger) DeliveryStats(ctx context.Context, r view.Range) (view.DeliveryStats, error) {
	s := view.DeliveryStats{
		Since: r.Since.UTC().Truncate(time.Minute), Until: r.Until,
		Destinations: []view.DestinationStats{}, Attempts: []view.AttemptCount{},
	}
	if r.Until.IsZero() {
		s.Until = l.now()
	}
	s.Until = wholeMinutes(s.Until)
	err := l.reads.WithContext(ctx).Model(&attemptRollupRow{}).
		Select("destination, state, CAST(SUM(count) AS bigint) AS count").
		Where("minute >= ? AND minute < ?", s.Since, s.Until).
		Group("destination, state").Order("destination, state").Find(&s.Attempts).Error
	if err == nil {
		s.Destinations, err = l.destinationStats(ctx)
	}
	return s, translate("read delivery statistics", err)
}

// stateCount is the number of deliveries of one destination in one state, and the oldest of them.
type stateCount struct {
	Destination string
	State       string
	Count       int64
	Oldest      string // its id: PostgreSQL knows no min of a uuid
}

func (l *Ledger) destinationStats(ctx context.Context) ([]view.DestinationStats, error) {
	var counts []stateCount
	err := l.reads.WithContext(ctx).Table("deliveries AS d").
		Select("d.destination, d.state, count(*) AS count, min(CAST(d.id AS text)) AS oldest").
		Where(unfinished).Where("d.phase < 2").Group("d.destination, d.state").Order("d.destination").Find(&counts).Error
	list := []view.DestinationStats{}
	for _, c := range counts {
		if len(list) == 0 || list[len(list)-1].Destination != c.Destination {
			list = append(list, view.DestinationStats{Destination: c.Destination})
		}
		c.addTo(&list[len(list)-1])
	}
	return list, err
}

func (c stateCount) addTo(s *view.DestinationStats) {
	n := map[delivery.State]*int64{
		delivery.Pending: &s.Pending, delivery.Held: &s.Held, delivery.Delivering: &s.Delivering,
		delivery.Retrying: &s.Retrying, delivery.Dead: &s.Dead,
	}[delivery.State(c.State)]
	*n = c.Count
	oldest, err := dedup.ParseID(c.Oldest)
	at := oldest.Time()
	moving := c.State != string(delivery.Dead) && c.State != string(delivery.Held)
	if err == nil && moving && (s.OldestAt == nil || at.Before(*s.OldestAt)) {
		s.OldestAt = &at
	}
}

func (r *deliveryListRow) cursor() view.Cursor {
	return view.Cursor{At: dedup.ID(r.Delivery.ID).Time(), Tie: r.Delivery.ID.String()}
}

func (r *deliveryListRow) view() view.Delivery {
	d := &r.Delivery
	return view.Delivery{
		ID: d.ID.String(), EventID: d.EventID.String(), Destination: d.Destination, Replay: d.Replay,
		Source: r.Source, Kind: r.Kind, RunID: r.RunID, EventType: r.EventType, Seq: r.Seq,
		State: d.State, Attempts: d.Attempts, CreatedAt: dedup.ID(d.ID).Time(), UpdatedAt: d.UpdatedAt.UTC(),
		NextAttemptAt: utc(d.NextAttemptAt), LastStatus: d.LastStatus, LastError: d.LastError,
	}
}

func (r *attemptRow) view() view.Attempt {
	return view.Attempt{
		Number: r.Number, StartedAt: r.StartedAt.UTC(), TookMillis: r.TookMillis, Status: r.Status, Error: r.Error,
		Answer: storable(string(r.Answer)),
	}
}
