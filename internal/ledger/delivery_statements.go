package ledger

import (
	"database/sql"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// deliveryStatements are the writes of forwarding.
type deliveryStatements struct {
	insert statement[deliveryRow]
	// insertNew gives nothing back.
	insertNew statement[deliveryRow]
	replay    statement[deliveryRow]
	begin     statement[claimRow]
	ship      statement[claimRow]
	lose      statement[claimRow]
	giveUp    statement[claimRow]
	outdate   statement[claimRow]
	finish    statement[delivery.Result]
	end       statement[delivery.Result]
	keep      statement[attemptRow]
	count     statement[attemptRollupRow]
	reopen    statement[deliveryRow]
	hold      statement[deliveryRow]
	requeue   statement[deliveryRow]
	cancel    statement[deliveryRow]
	about     statement[deliveryRow]
	blocked   statement[follower]
	doubt     statement[doubtRow]
}

// made gives back what an INSERT has made, which is all that needs a job.
const made = `ON CONFLICT (event_id, destination, replay) DO NOTHING RETURNING id, event_id, destination, state`

// isLeft is true of a delivery d that is held because its sender did not confirm its event, and that nobody may ever release.
// Nothing waits for it, and it keeps nothing: anybody could have invented it.
const isLeft = `d.state = 'held' AND EXISTS (SELECT 1 FROM doubts x WHERE x.event_id = d.event_id AND x.due_at IS NULL)`

// isBlocked gives the followers that have to wait.
const isBlocked = `
SELECT v.id FROM v WHERE EXISTS (
    SELECT 1 FROM events e JOIN deliveries d ON d.event_id = e.id AND d.destination = v.destination AND d.replay = 0
    WHERE e.event_key >= v.from_key AND e.event_key < v.to_key AND e.source = v.source AND e.seq > 0 AND e.seq < v.seq AND d.phase = 0
    AND NOT (` + isLeft + `))`

func newDeliveryStatements() deliveryStatements {
	touched := []column[deliveryRow]{deliveryID(), deliveryUpdatedAt()}
	return deliveryStatements{
		insert:    insert("deliveries", deliveryColumns(), made),
		insertNew: insert("deliveries", deliveryColumns(), `ON CONFLICT (event_id, destination, replay) DO NOTHING`),
		doubt:     newDoubtStatement(),
		// The next replay of the event to the destination; at a tie the other one has won.
		replay: over(deliveryColumns(), `
INSERT INTO deliveries (id, event_id, destination, state, updated_at, replay)
SELECT v.id, v.event_id, v.destination, v.state, v.updated_at, 1 + coalesce(
    (SELECT max(d.replay) FROM deliveries d WHERE d.event_id = v.event_id AND d.destination = v.destination), 0)
FROM v WHERE true `+made),
		begin: over(claimColumns(), `
UPDATE deliveries SET state = 'delivering', attempts = attempts + 1, next_attempt_at = NULL, updated_at = v.at, under_way = v.claim
FROM v WHERE deliveries.id = v.delivery AND job = v.claim AND under_way IS NULL AND state IN ('pending', 'retrying')
    AND NOT EXISTS (SELECT 1 FROM pauses p WHERE p.destination = deliveries.destination)`),
		ship: over(claimColumns(), `
SELECT d.id, d.event_id, d.destination, d.replay, d.job, d.attempts, d.forgiven, coalesce(d.under_way = v.claim, false),
    coalesce(e.source, ''), coalesce(e.kind, ''), coalesce(e.run_id, ''), coalesce(e.type, ''), coalesce(e.generation, ''),
    coalesce(e.seq, 0), coalesce(e.content_type, ''), e.body, e.body IS NULL
FROM v JOIN deliveries d ON d.id = v.delivery LEFT JOIN events e ON e.id = d.event_id AND d.under_way = v.claim
WHERE d.job = v.claim AND d.state IN ('pending', 'retrying', 'delivering')`),
		lose: over(claimColumns(), `
INSERT INTO attempts (delivery_id, number, status, took_ms, started_at, error, answer)
SELECT d.id, d.attempts, 0, 0, d.updated_at, '`+lostAttempt+`', '' FROM v JOIN deliveries d ON d.id = v.delivery WHERE d.under_way = v.claim
ON CONFLICT (delivery_id, number) DO NOTHING`),
		giveUp: over(claimColumns(), `
UPDATE deliveries SET under_way = NULL, state = CASE state WHEN 'delivering' THEN 'retrying' ELSE state END, updated_at = v.at,
    next_attempt_at = CASE state WHEN 'delivering' THEN v.at ELSE next_attempt_at END
FROM v WHERE deliveries.id = v.delivery AND under_way = v.claim`),
		outdate: over(claimColumns(), `
UPDATE deliveries SET job = job + 1 FROM v WHERE deliveries.id = v.delivery AND job = v.claim AND state IN ('pending', 'retrying')
RETURNING id, event_id, destination, job`),
		// An attempt counts while it is the newest and under way. That the receiver has answered 2xx is a fact whatever has
		// been thought of the delivery since, unless an operator has called it off. One that is to be tried again gets a new job.
		finish: over(resultColumns(), `
UPDATE deliveries SET state = v.result, last_status = v.status, last_error = v.error, next_attempt_at = v.next, updated_at = v.at,
    under_way = CASE attempts WHEN v.number THEN NULL ELSE under_way END, job = CASE v.result WHEN 'retrying' THEN job + 1 ELSE job END
FROM v WHERE deliveries.id = v.delivery AND (state = 'delivering' AND attempts = v.number
    OR v.result = 'delivered' AND state NOT IN ('delivered', 'cancelled'))
RETURNING id, event_id, destination, state, job, next_attempt_at`),
		// What is under way is over, whatever an operator has done to the delivery meanwhile.
		end: over(resultColumns()[:2], `
UPDATE deliveries SET under_way = NULL FROM v WHERE deliveries.id = v.delivery AND attempts = v.number AND under_way IS NOT NULL`),
		// An attempt that was taken for lost may end after all.
		keep: insert("attempts", attemptColumns(), `
ON CONFLICT (delivery_id, number) DO UPDATE SET status = excluded.status, took_ms = excluded.took_ms,
    started_at = excluded.started_at, error = excluded.error, answer = excluded.answer`),
		count: insert("attempt_rollups", attemptRollupColumns(), `
ON CONFLICT (minute, destination, state, shard) DO UPDATE SET count = attempt_rollups.count + excluded.count`),
		reopen: over(touched, `
UPDATE deliveries SET state = 'pending', job = job + 1, forgiven = attempts, next_attempt_at = NULL, updated_at = v.updated_at
FROM v WHERE deliveries.id = v.id`),
		requeue: over(touched, `
UPDATE deliveries SET state = CASE state WHEN 'delivering' THEN 'retrying' ELSE state END, job = job + 1, under_way = NULL,
    updated_at = v.updated_at, next_attempt_at = CASE state WHEN 'pending' THEN NULL ELSE v.updated_at END
FROM v WHERE deliveries.id = v.id`),
		hold: over(touched, `
UPDATE deliveries SET state = 'held', next_attempt_at = NULL, updated_at = v.updated_at FROM v WHERE deliveries.id = v.id`),
		cancel: over(touched, `
UPDATE deliveries SET state = 'cancelled', next_attempt_at = NULL, updated_at = v.updated_at FROM v WHERE deliveries.id = v.id`),
		about: over([]column[deliveryRow]{deliveryID()}, `
SELECT d.id, d.destination, e.source, e.kind, e.run_id, e.seq
FROM v JOIN deliveries d ON d.id = v.id JOIN events e ON e.id = d.event_id WHERE e.seq > 0`),
		blocked: over(followerColumns(), isBlocked),
	}
}

// insertDeliveries runs a statement that makes deliveries and returns those made that are not held.
func (w writer) insertDeliveries(s statement[deliveryRow], rows []deliveryRow) (due []delivery.Due, n int64, err error) {
	err = s.query(w.tx, w.dialect, rows, func(back *sql.Rows) error {
		var row deliveryRow
		if err := back.Scan(&row.ID, &row.EventID, &row.Destination, &row.State); err != nil {
			return err
		}
		n++
		if row.State == string(delivery.Pending) {
			due = append(due, row.due())
		}
		return nil
	})
	return due, n, err
}

// newDelivery is a delivery made at a time.
func newDelivery(event rowID, destination string, state delivery.State, at time.Time) deliveryRow {
	return deliveryRow{ID: rowID(dedup.NewID(at)), EventID: event, Destination: destination, State: string(state), UpdatedAt: at}
}
