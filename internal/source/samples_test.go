package source_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/source"
)

const (
	actor = "zdoEemL5RrvCPG8vu"
	task  = "8cQzyJaY4Zvr7EcNH"
	runA  = "ojue2pKvaKRjkewuJ"
)

// expected is what a sample must lead to.
type expected struct {
	sample     string
	key        string
	run        dedup.RunRef
	eventType  string
	generation string
	status     dedup.Status
	life       uint32
	rank       dedup.Rank
	occurred   string // also the version's time, where there is a status
	dispatch   string
	actor      string
	task       string
}

func run(id string) dedup.RunRef   { return dedup.RunRef{Kind: dedup.KindRun, ID: id} }
func build(id string) dedup.RunRef { return dedup.RunRef{Kind: dedup.KindBuild, ID: id} }

func expectations() []expected {
	end := dedup.RankEnd
	return []expected{
		{
			"created", "r:ojue2pKvaKRjkewuJ::C", run(runA), "ACTOR.RUN.CREATED",
			"", dedup.StatusCreated, 0, dedup.RankCreated, "2026-09-14T08:00:03.402Z", "cvt33ymffmqrMLX9q", actor, task,
		},
		{
			"succeeded_first_attempt", "r:ojue2pKvaKRjkewuJ:1789373061640:S", run(runA), "ACTOR.RUN.SUCCEEDED",
			"2026-09-14T08:04:21.640Z", dedup.StatusSucceeded, 0, end, "2026-09-14T08:04:21.640Z", "SExv8QzmugdNukKjN", actor, task,
		},
		{
			"succeeded_retry", "r:ojue2pKvaKRjkewuJ:1789373061640:S", run(runA), "ACTOR.RUN.SUCCEEDED",
			"2026-09-14T08:04:21.640Z", dedup.StatusSucceeded, 0, end, "2026-09-14T08:04:21.640Z", "SExv8QzmugdNukKjN", actor, task,
		},
		{
			"succeeded_other_webhook", "r:ojue2pKvaKRjkewuJ:1789373061640:S", run(runA), "ACTOR.RUN.SUCCEEDED",
			"2026-09-14T08:04:21.640Z", dedup.StatusSucceeded, 0, end, "2026-09-14T08:04:21.640Z", "KDWvMBrh7ADTbcZWu", actor, task,
		},
		{
			"resurrected", "r:ojue2pKvaKRjkewuJ:1:R", run(runA), "ACTOR.RUN.RESURRECTED",
			"1", dedup.StatusResurrected, 1, dedup.RankResurrected, "2026-09-14T09:15:40.072Z", "J9M3rJrAJ4iw4XrdH", actor, task,
		},
		{
			"succeeded_after_resurrect", "r:ojue2pKvaKRjkewuJ:1789377482930:S", run(runA), "ACTOR.RUN.SUCCEEDED",
			"2026-09-14T09:18:02.930Z", dedup.StatusSucceeded, 1, end, "2026-09-14T09:18:02.930Z", "6Z6MpDFSrWA64sNtQ", actor, task,
		},
		{
			"failed", "r:qBeRBk4RHJXWsmvkN:1789380782233:F", run("qBeRBk4RHJXWsmvkN"), "ACTOR.RUN.FAILED",
			"2026-09-14T10:13:02.233Z", dedup.StatusFailed, 0, end, "2026-09-14T10:13:02.233Z", "aCi4igTLscPhTamaF", actor, "",
		},
		{
			"aborted", "r:NzkaauJfTAA9ZfP9e:1789386077004:A", run("NzkaauJfTAA9ZfP9e"), "ACTOR.RUN.ABORTED",
			"2026-09-14T11:41:17.004Z", dedup.StatusAborted, 0, end, "2026-09-14T11:41:17.004Z", "5tzXLvRBcNJPz6h6G", actor, task,
		},
		{
			"timed_out", "r:nfQ3s68pXX8dZeziz:1789387504398:T", run("nfQ3s68pXX8dZeziz"), "ACTOR.RUN.TIMED_OUT",
			"2026-09-14T12:05:04.398Z", dedup.StatusTimedOut, 0, end, "2026-09-14T12:05:04.398Z", "ez83FxcjyaQJNt2Kv", actor, "",
		},
		{
			"build_succeeded", "b:RQfKDH5MWi34KbNa7:1789390924512:S", build("RQfKDH5MWi34KbNa7"), "ACTOR.BUILD.SUCCEEDED",
			"2026-09-14T13:02:04.512Z", dedup.StatusSucceeded, 0, end, "2026-09-14T13:02:04.512Z", "9NED8kNhAwPKXMeR4", actor, "",
		},
		{
			"build_failed", "b:qfFWfbD7amT4ezA6z:1789392027405:F", build("qfFWfbD7amT4ezA6z"), "ACTOR.BUILD.FAILED",
			"2026-09-14T13:20:27.405Z", dedup.StatusFailed, 0, end, "2026-09-14T13:20:27.405Z", "ua5D9DLmJGL8my8hH", actor, "",
		},
		{
			"test_event", "t:EedPQqjthyaG9WLXa",
			dedup.RunRef{},
			"TEST",
			"", "", 0, 0, "2026-09-14T14:20:00.321Z", "EedPQqjthyaG9WLXa", "", "",
		},
		{
			"test_event_past_run", "t:5CzGuar28PJrTwKwx", run(runA), "TEST",
			"", "", 0, 0, "2026-09-14T14:25:12.090Z", "5CzGuar28PJrTwKwx", actor, task,
		},
		{
			"custom_minimal_bearer", "r:ojue2pKvaKRjkewuJ:~jQ7bAmJB77AbydubH:", run(runA), "",
			"", "", 0, 0, "", "jQ7bAmJB77AbydubH", "", "",
		},
		{
			"custom_uninterpolated", "d:LK4qcgFdfsZoZfCN5",
			dedup.RunRef{},
			"",
			"", "", 0, 0, "", "LK4qcgFdfsZoZfCN5", "", "",
		},
		{
			"large_resource", "b:KnCDZ9ikpbXq7NFwu:1789400686290:S", build("KnCDZ9ikpbXq7NFwu"), "ACTOR.BUILD.SUCCEEDED",
			"2026-09-14T15:44:46.290Z", dedup.StatusSucceeded, 0, end, "2026-09-14T15:44:46.290Z", "tAzPRJ9H6oWsfuqBn", actor, "",
		},
		{
			"unicode", "r:AyzjEjqZN6gAjxu6f:1789402225771:S", run("AyzjEjqZN6gAjxu6f"), "ACTOR.RUN.SUCCEEDED",
			"2026-09-14T16:10:25.771Z", dedup.StatusSucceeded, 0, end, "2026-09-14T16:10:25.771Z", "mLs78ZQHLtAkvrMRJ", actor, task,
		},
		{
			"nul_and_lone_surrogate", "r:LzfT6RxE7f4yDhedx:1789408933007:S", run("LzfT6RxE7f4yDhedx"), "ACTOR.RUN.SUCCEEDED",
			"2026-09-14T18:02:13.007Z", dedup.StatusSucceeded, 0, end, "2026-09-14T18:02:13.007Z", "vBwxhbv5EG5D3W75H", actor, "",
		},
		{
			"malformed_missing_ids", "d:pCf3Haku9nnFjhtk2",
			dedup.RunRef{},
			"ACTOR.RUN.SUCCEEDED",
			"", "", 0, 0, "2026-09-14T16:59:53.400Z", "pCf3Haku9nnFjhtk2", "", "",
		},
		{
			"behind_a_proxy", "r:ojue2pKvaKRjkewuJ:1789373061640:S", run(runA), "ACTOR.RUN.SUCCEEDED",
			"2026-09-14T08:04:21.640Z", dedup.StatusSucceeded, 0, end, "2026-09-14T08:04:21.640Z", "SExv8QzmugdNukKjN", actor, task,
		},
		{
			"relayed_without_apify_headers", "r:ojue2pKvaKRjkewuJ:1789373061640:S", run(runA), "ACTOR.RUN.SUCCEEDED",
			"2026-09-14T08:04:21.640Z", dedup.StatusSucceeded, 0, end, "2026-09-14T08:04:21.640Z", "", actor, task,
		},
	}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	src, all := newSource(t), expectations()
	if known := samples.Names(); len(known) != len(all) {
		t.Errorf("%d samples, %d expectations", len(known), len(all))
	}
	for _, want := range all {
		t.Run(want.sample, func(t *testing.T) {
			t.Parallel()
			sample, ok := samples.Get(want.sample)
			if !ok {
				t.Fatal("no such sample")
			}
			for form, body := range map[string][]byte{"compact": sample.Compact(), "indented": sample.Body} {
				in := src.Identify(source.Request{Header: sample.Headers, Body: body})
				if got := observed(want.sample, &in); got != want {
					t.Errorf("%s body\n got %+v\nwant %+v", form, got, want)
				}
				if in.Quarantine != nil {
					t.Errorf("%s body is quarantined: %s", form, in.Quarantine.Message)
				}
				if in.Test != (want.eventType == "TEST") || in.MovesRun() != (want.status != "") {
					t.Errorf("%s body: test %v, moves its run %v", form, in.Test, in.MovesRun())
				}
				if !bytes.Equal(in.Body, body) {
					t.Errorf("%s body came back changed", form)
				}
			}
		})
	}
}

// observed is what the inbound says, in the words of the expectations.
func observed(sample string, in *dedup.Inbound) expected {
	got := expected{
		sample: sample, key: in.Key.Event, run: in.Run, eventType: in.Type, generation: in.Generation, status: in.Status,
		life: in.Version.Life, rank: in.Version.Rank, dispatch: in.DispatchID, actor: in.ActorID, task: in.TaskID,
	}
	if !in.OccurredAt.IsZero() {
		got.occurred = in.OccurredAt.Format("2006-01-02T15:04:05.000Z07:00")
	}
	if in.Status != "" && (in.Version.At != in.OccurredAt.UnixMilli() || in.Version.Type != in.Type) {
		got.occurred = "not the version's: " + time.UnixMilli(in.Version.At).UTC().String() + in.Version.Type
	}
	return got
}

// What repeats, and which repeats are none: the table of the sender's documentation.
func TestRepeats(t *testing.T) {
	t.Parallel()
	src := newSource(t)
	key := func(name string) dedup.Key {
		sample, ok := samples.Get(name)
		if !ok {
			t.Fatalf("no sample %s", name)
		}
		return src.Identify(source.Request{Header: sample.Headers, Body: sample.Compact()}).Key
	}
	first := key("succeeded_first_attempt")
	for _, same := range []string{"succeeded_retry", "succeeded_other_webhook", "behind_a_proxy", "relayed_without_apify_headers"} {
		if key(same) != first {
			t.Errorf("%s is a repeat of the first attempt, yet its key is %s", same, key(same))
		}
	}
	others := map[dedup.Key]string{first: "succeeded_first_attempt"}
	for _, other := range []string{
		"created", "resurrected", "succeeded_after_resurrect", "failed", "aborted", "timed_out", "build_succeeded", "build_failed",
		"test_event", "test_event_past_run", "custom_minimal_bearer", "custom_uninterpolated", "large_resource", "unicode",
		"nul_and_lone_surrogate", "malformed_missing_ids",
	} {
		if twin, taken := others[key(other)]; taken {
			t.Errorf("%s has the key of %s", other, twin)
		}
		others[key(other)] = other
	}
}

func TestDefaultKeyIsShortInRedis(t *testing.T) {
	t.Parallel()
	for _, want := range expectations() {
		if want.status == "" {
			continue
		}
		if key := "dg:apify:" + want.key; len(key) > 44 {
			t.Errorf("%s: %s has %d bytes", want.sample, key, len(key))
		}
	}
}
