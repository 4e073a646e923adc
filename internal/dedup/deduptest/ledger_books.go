package deduptest

import (
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// LedgerBooks reads what a ledger has stored, for the suite to check. Its methods fail the test themselves.
type LedgerBooks interface {
	// Event gives what is kept under a key.
	Event(key dedup.Key) (Event, bool)
	// Run gives what a run shows.
	Run(source string, ref dedup.RunRef) (Run, bool)
	// ReceiptsOf gives those that are kept, which carry the time of receipt in their ids; their verdicts may lack FirstTag
	// and Seq.
	ReceiptsOf(ids ...dedup.ID) map[dedup.ID]Receipt
	// Quarantined gives what is kept aside under an id.
	Quarantined(id dedup.ID) (Quarantined, bool)
	// Tallies gives a source's counts of receipts, as operators see them.
	Tallies(source string) map[Tally]int64
	// Lags gives a source's histogram of repeats.
	Lags(source string) map[Lag]int64
}

// Tally is what receipts are counted by.
type Tally struct {
	Minute  time.Time
	Outcome dedup.Outcome
	Reason  dedup.Reason
	Repeat  dedup.Repeat
}

func tallyOf(r Receipt) Tally {
	return Tally{r.ReceivedAt.UTC().Truncate(time.Minute), r.Verdict.Outcome, r.Verdict.Reason, r.Verdict.Repeat}
}

// Lag is what repeats are counted by. EventType is "other" for types that are not Apify's.
type Lag struct {
	Day       time.Time
	EventType string
	Bucket    int
}

func lagOf(r Receipt) (Lag, bool) {
	eventType := r.Type
	if eventType != "TEST" && !strings.HasPrefix(eventType, "ACTOR.") {
		eventType = "other"
	}
	return Lag{
		r.ReceivedAt.UTC().Truncate(24 * time.Hour), eventType, dedup.LagBucket(r.ReceivedAt.Sub(r.Verdict.EventID.Time())),
	}, r.Verdict.Outcome == dedup.OutcomeDuplicate
}
