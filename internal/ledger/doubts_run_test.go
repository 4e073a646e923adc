package ledger

import (
	"slices"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// ends makes a request that tells an end of run R1, in one of its lives.
func ends(at time.Time, generation string, life uint32) *dedup.Entry {
	e := newEntry(at, dedup.Compose("r", "R1", generation, "S"), "R1")
	e.Type, e.Status, e.Generation, e.DispatchID = "ACTOR.RUN.SUCCEEDED", dedup.StatusSucceeded, generation, "dispatch "+generation
	e.Version = dedup.Version{Life: life, Rank: dedup.RankEnd, At: at.UnixMilli(), Type: e.Type}
	e.OccurredAt, e.ActorID = e.ReceivedAt, "actor "+generation
	return e
}

func (o *office) wantShown(what string, status dedup.Status, version dedup.Version) {
	o.t.Helper()
	run, ok := books{o.t, o.db}.Run("apify", dedup.RunRef{Kind: dedup.KindRun, ID: "R1"})
	if !ok || run.Status != status || run.Version != version {
		o.t.Errorf("%s: the run shows %s, %+v, want %s, %+v", what, run.Status, run.Version, status, version)
	}
}

// Who claims that a run was resurrected many times must not make all that is true of it late, for longer than until he is found out.
func TestARunShowsNothingThatIsUnverified(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		created := newEntry(at, dedup.Compose("r", "R1", "", "C"), "R1")
		created.ActorID, created.TaskID = "actor", "task"
		lie, more := ends(at.Add(time.Second), "lie", 99), ends(at.Add(2*time.Second), "more", 4_000_000_000)
		meanwhile := ends(at.Add(3*time.Second), "meanwhile", 0)
		v := mustRecord(o.t, o.Ledger, created, lie, more)
		told := mustRecord(o.t, o.Ledger, meanwhile)[0]
		if told.Outcome != dedup.OutcomeLate {
			o.t.Fatalf("a true event is %s", told.Outcome)
		}
		for _, event := range []dedup.ID{v[0].EventID, told.EventID} {
			o.believe(&delivery.Doubt{EventID: event}, delivery.Belief{Released: 1})
		}
		o.disbelieve(&delivery.Doubt{EventID: v[1].EventID}, true)
		o.wantShown("one of two found out", dedup.StatusSucceeded, more.Version)
		o.disbelieve(&delivery.Doubt{EventID: v[2].EventID}, true)
		o.wantShown("both found out", dedup.StatusSucceeded, meanwhile.Version)
		var row runRow
		if err := o.db.Where("run_id = 'R1'").Take(&row).Error; err != nil || row.ActorID != "actor meanwhile" || row.TaskID != "task" ||
			row.OccurredAt == nil || !row.OccurredAt.Equal(meanwhile.OccurredAt) {
			o.t.Errorf("the run is %+v, %v", row, err)
		}
		if next := mustRecord(o.t, o.Ledger, ends(at.Add(4*time.Second), "next", 1))[0]; next.Outcome != dedup.OutcomeUpdated {
			o.t.Errorf("a later event is %s", next.Outcome)
		}
	})
}

func TestARunOfWhichAllIsUnverifiedIsMovedByAnyEvent(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		lie := ends(at, "lie", 99)
		event := mustRecord(o.t, o.Ledger, lie)[0].EventID
		o.disbelieve(&delivery.Doubt{EventID: event}, true)
		o.wantShown("nothing is left", dedup.StatusSucceeded, dedup.Version{})
		created := newEntry(at.Add(time.Second), dedup.Compose("r", "R1", "", "C"), "R1")
		if v := mustRecord(o.t, o.Ledger, created)[0]; v.Outcome != dedup.OutcomeUpdated {
			o.t.Errorf("a true event is %s", v.Outcome)
		}
		o.wantShown("moved", dedup.StatusCreated, created.Version)

		mustRecord(o.t, o.Ledger, repeat(lie, 2*time.Second)) // no lie after all: Apify had not written it down
		_, others := o.due()
		o.believe(&others[0], delivery.Belief{Released: 1})
		o.wantShown("confirmed", dedup.StatusSucceeded, lie.Version)
	})
}

// Whoever invents thousands of events of a run must not make each look-up that concerns it read them all.
func TestWhatIsUnverifiedOfARunIsRecordedByItsKeyAlone(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		lie, waiting, confirmed := ends(at, "lie", 0), ends(at, "waiting", 0), ends(at, "confirmed", 0)
		v := mustRecord(o.t, o.Ledger, lie, waiting, confirmed)
		o.disbelieve(&delivery.Doubt{EventID: v[0].EventID}, true)
		o.believe(&delivery.Doubt{EventID: v[2].EventID}, delivery.Belief{Released: 1})
		runs := []dedup.RunRef{lie.Run}
		o.wantRecorded("the run's", runs, nil, "confirmed", "waiting")
		o.wantRecorded("by the keys, too", runs, []string{lie.Key.Event, waiting.Key.Event}, "confirmed", "lie", "waiting")
	})
}

func (o *office) wantRecorded(what string, runs []dedup.RunRef, keys []string, want ...string) {
	o.t.Helper()
	events, err := o.Recorded(o.t.Context(), "apify", runs, keys)
	var got []string
	for i := range events {
		got = append(got, events[i].Generation)
	}
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		o.t.Errorf("%s: recorded are %q, %v, want %q", what, got, err, want)
	}
}
