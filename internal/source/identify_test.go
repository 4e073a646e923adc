package source_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/source"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	const end = `"finishedAt":"2026-09-14T08:04:21.640Z"`
	cases := []struct{ name, body, dispatch, want string }{
		// Where the id is looked for.
		{"eventData comes before resource", `{"eventType":"ACTOR.RUN.CREATED","eventData":{"actorRunId":"a"},"resource":{"id":"b"}}`, "", "r:a::C"},
		{"resource comes before runId", `{"eventType":"ACTOR.RUN.CREATED","runId":"c","resource":{"id":"b"}}`, "", "r:b::C"},
		{"runId before actorRunId", `{"eventType":"ACTOR.RUN.CREATED","actorRunId":"d","runId":"c"}`, "", "r:c::C"},
		{"actorRunId before run_id", `{"eventType":"ACTOR.RUN.CREATED","run_id":"e","actorRunId":"d"}`, "", "r:d::C"},
		{"run_id last", `{"eventType":"ACTOR.RUN.CREATED","run_id":"e"}`, "", "r:e::C"},
		{
			"an unusable id is passed over",
			`{"eventType":"ACTOR.RUN.CREATED","eventData":{"actorRunId":"{{x}}"},"resource":{"id":""},"runId":"c"}`, "", "r:c::C",
		},
		{"build: eventData before resource", `{"eventType":"ACTOR.BUILD.CREATED","eventData":{"actorBuildId":"a"},"resource":{"id":"b"}}`, "", "b:a::C"},
		{"build: resource before buildId", `{"eventType":"ACTOR.BUILD.CREATED","buildId":"c","resource":{"id":"b"}}`, "", "b:b::C"},
		{"build: buildId last", `{"eventType":"ACTOR.BUILD.CREATED","buildId":"c"}`, "", "b:c::C"},
		{"a build event has no run's id", `{"eventType":"ACTOR.BUILD.CREATED","runId":"c"}`, "D", "d:D"},
		{"a run event has no build's id", `{"eventType":"ACTOR.RUN.CREATED","buildId":"c"}`, "D", "d:D"},
		{"without a type resource is a run", `{"resource":{"id":"b"}}`, "D", "r:b:~D:"},
		{"without a type resource beside a build id is a build", `{"eventData":{"actorBuildId":"a"},"resource":{"id":"b"}}`, "D", "b:a:~D:"},
		{"without a type buildId names a build", `{"buildId":"c"}`, "D", "b:c:~D:"},
		{"without a type a run id beats a build id", `{"buildId":"c","runId":"r"}`, "D", "r:r:~D:"},

		// What an id may be.
		{"all characters of an id", `{"eventType":"ACTOR.RUN.CREATED","runId":"aZ0_~.-"}`, "", "r:aZ0_~.-::C"},
		{"128 characters", `{"eventType":"ACTOR.RUN.CREATED","runId":"` + strings.Repeat("x", 128) + `"}`, "", "r:" + strings.Repeat("x", 128) + "::C"},
		{"129 characters are no id", `{"eventType":"ACTOR.RUN.CREATED","runId":"` + strings.Repeat("x", 129) + `"}`, "D", "d:D"},
		{"a colon is no part of an id", `{"eventType":"ACTOR.RUN.CREATED","runId":"a:b"}`, "D", "d:D"},
		{"a number is no id", `{"eventType":"ACTOR.RUN.CREATED","runId":17}`, "D", "d:D"},
		{"an object is no id", `{"eventType":"ACTOR.RUN.CREATED","runId":{"id":"a"}}`, "D", "d:D"},
		{"a lone surrogate is no id", `{"eventType":"ACTOR.RUN.CREATED","runId":"a\ud83d"}`, "D", "d:D"},
		{"escapes in an id are read", `{"eventType":"ACTOR.RUN.CREATED","runId":"\u0061"}`, "", "r:a::C"},
		{"escapes in a name are read", `{"event\u0054ype":"ACTOR.RUN.CREATED","runId":"a"}`, "", "r:a::C"},
		{"names are case-sensitive", `{"eventType":"ACTOR.RUN.CREATED","RunId":"a","RUNID":"b","runID":"c"}`, "D", "d:D"},
		{"ids deeper down don't count", `{"eventType":"ACTOR.RUN.CREATED","data":{"runId":"a"}}`, "D", "d:D"},

		// Types.
		{"unknown type of a run", `{"eventType":"ACTOR.RUN.PAUSED","runId":"a"}`, "D", "r:a:~D::ACTOR.RUN.PAUSED"},
		{"unknown type of a build", `{"eventType":"ACTOR.BUILD.RESURRECTED","buildId":"a"}`, "D", "b:a:~D::ACTOR.BUILD.RESURRECTED"},
		{"unknown type like a code", `{"eventType":"S","runId":"a"}`, "D", "r:a:~D::S"},
		{"unknown type with separators", `{"eventType":"a:b","runId":"a"}`, "D", "r:a:~D::a%3Ab"},
		{"empty type is none", `{"eventType":"","runId":"a"}`, "D", "r:a:~D:"},
		{"uninterpolated type is none", `{"eventType":"{{eventType}}","runId":"a"}`, "D", "r:a:~D:"},
		{"type of the wrong JSON type is none", `{"eventType":["ACTOR.RUN.CREATED"],"runId":"a"}`, "D", "r:a:~D:"},
		{"type that can't be kept faithfully is none", `{"eventType":"X\ud83d","runId":"a"}`, "D", "r:a:~D:"},
		{"type with a control character is none", `{"eventType":"X\u0000","runId":"a"}`, "D", "r:a:~D:"},
		{"overlong type is none", `{"eventType":"` + strings.Repeat("x", 129) + `","runId":"a"}`, "D", "r:a:~D:"},
		{"lower-case type is unknown", `{"eventType":"actor.run.created","runId":"a"}`, "D", "r:a:~D::actor.run.created"},
		{"status is never a type", `{"runId":"a","status":"SUCCEEDED","resource":{"id":"a","status":"SUCCEEDED",` + end + `}}`, "D", "r:a:~D:"},

		// Generations.
		{"created needs none", `{"eventType":"ACTOR.RUN.CREATED","resource":{"id":"a",` + end + `}}`, "D", "r:a::C"},
		{"failed", `{"eventType":"ACTOR.RUN.FAILED","resource":{"id":"a",` + end + `}}`, "D", "r:a:1789373061640:F"},
		{"aborted", `{"eventType":"ACTOR.RUN.ABORTED","resource":{"id":"a",` + end + `}}`, "D", "r:a:1789373061640:A"},
		{"timed out", `{"eventType":"ACTOR.RUN.TIMED_OUT","resource":{"id":"a",` + end + `}}`, "D", "r:a:1789373061640:T"},
		{"aborted build", `{"eventType":"ACTOR.BUILD.ABORTED","resource":{"id":"a",` + end + `}}`, "D", "b:a:1789373061640:A"},
		{
			"resurrected by its count, not by its end",
			`{"eventType":"ACTOR.RUN.RESURRECTED","resource":{"id":"a","stats":{"resurrectCount":3},` + end + `}}`, "D", "r:a:3:R",
		},
		{"a count of 0 is a count", `{"eventType":"ACTOR.RUN.RESURRECTED","resource":{"id":"a","stats":{"resurrectCount":0}}}`, "D", "r:a:0:R"},
		{"end without resource", `{"eventType":"ACTOR.RUN.SUCCEEDED","runId":"a"}`, "D", "r:a:~D:S"},
		{"end with null finishedAt", `{"eventType":"ACTOR.RUN.SUCCEEDED","resource":{"id":"a","finishedAt":null}}`, "D", "r:a:~D:S"},
		{"end with a number for finishedAt", `{"eventType":"ACTOR.RUN.SUCCEEDED","resource":{"id":"a","finishedAt":1789373061640}}`, "D", "r:a:~D:S"},
		{"end with unreadable finishedAt", `{"eventType":"ACTOR.RUN.SUCCEEDED","resource":{"id":"a","finishedAt":"yesterday"}}`, "D", "r:a:~D:S"},
		{"resurrected without stats", `{"eventType":"ACTOR.RUN.RESURRECTED","resource":{"id":"a","stats":null}}`, "D", "r:a:~D:R"},
		{
			"resurrected with a text for a count",
			`{"eventType":"ACTOR.RUN.RESURRECTED","resource":{"id":"a","stats":{"resurrectCount":"1"}}}`, "D", "r:a:~D:R",
		},
		{"resurrected with a negative count", `{"eventType":"ACTOR.RUN.RESURRECTED","resource":{"id":"a","stats":{"resurrectCount":-1}}}`, "D", "r:a:~D:R"},

		// TEST, and nothing to go by but the dispatch.
		{"test with a run's ids", `{"eventType":"TEST","resource":{"id":"a",` + end + `}}`, "D", "t:D"},
		{"array at the top", `[{"runId":"a"}]`, "D", "d:D"},
		{"text at the top", `"runId"`, "D", "d:D"},
		{"null at the top", `null`, "D", "d:D"},
		{"empty object", `{}`, "D", "d:D"},
		{"eventData and resource of wrong types", `{"eventType":"ACTOR.RUN.CREATED","eventData":"x","resource":["id"]}`, "D", "d:D"},
	}
	src := newSource(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := src.Identify(request(c.body, c.dispatch))
			if in.Quarantine != nil {
				t.Fatalf("quarantined: %s", in.Quarantine.Message)
			}
			if in.Key != (dedup.Key{Source: "apify", Event: c.want}) {
				t.Errorf("key %q, want %q", in.Key.Event, c.want)
			}
		})
	}
}

func TestKeysOfASourceThatKnowsOneEventPerRunAndType(t *testing.T) {
	t.Parallel()
	src := newSource(t, single)
	for _, c := range []struct{ name, body, dispatch, want string }{
		{"end", `{"eventType":"ACTOR.RUN.SUCCEEDED","runId":"a"}`, "D", "r:a::S"},
		{"end without dispatch id", `{"eventType":"ACTOR.RUN.SUCCEEDED","runId":"a"}`, "", "r:a::S"},
		{"end with its time", `{"eventType":"ACTOR.RUN.SUCCEEDED","resource":{"id":"a","finishedAt":"1970-01-01T00:00:01Z"}}`, "D", "r:a:1000:S"},
		{"unknown type", `{"eventType":"ACTOR.RUN.PAUSED","runId":"a"}`, "D", "r:a:::ACTOR.RUN.PAUSED"},
		{"no type: the dispatch id all the same", `{"runId":"a"}`, "D", "r:a:~D:"},
		{"test: the dispatch id all the same", `{"eventType":"TEST","runId":"a"}`, "D", "t:D"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if in := src.Identify(request(c.body, c.dispatch)); in.Key.Event != c.want {
				t.Errorf("key %q, want %q", in.Key.Event, c.want)
			}
		})
	}
}

func TestWithoutIdentity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, says string }{
		{"test", `{"eventType":"TEST","eventData":null}`, "a TEST has nothing else"},
		{"no id", `{"eventType":"ACTOR.RUN.SUCCEEDED"}`, "keep eventData or resource"},
		{"array", `[]`, "keep eventData or resource"},
		{"template variable for an id", `{"runId":"{{resource.id}}"}`, "{{resource.id}} without quotes"},
		{"no type", `{"runId":"a"}`, "keep eventType"},
		{"end without its time", `{"eventType":"ACTOR.RUN.SUCCEEDED","runId":"a"}`, "resource.finishedAt"},
		{"resurrection without its count", `{"eventType":"ACTOR.RUN.RESURRECTED","runId":"a"}`, "resource.stats.resurrectCount"},
		{"unknown type", `{"eventType":"ACTOR.RUN.PAUSED","runId":"a"}`, "identity.without_generation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, dispatchID := range []string{"", "{{dispatch.id}}", "a b", strings.Repeat("x", 129)} {
				in := newSource(t).Identify(request(c.body, dispatchID))
				message := checkQuarantine(t, in, dedup.ReasonNoIdentity)
				if !strings.Contains(message, c.says) || !strings.Contains(message, "X-Apify-Webhook-Dispatch-Id") {
					t.Errorf("does not say %q: %s", c.says, message)
				}
				if in.DispatchID != "" {
					t.Errorf("dispatch id %q was believed", in.DispatchID)
				}
			}
		})
	}
}

func TestDispatchIDThatComesTwice(t *testing.T) {
	t.Parallel()
	src, r := newSource(t), request(`{}`, "D")
	r.Header["X-Apify-Webhook-Dispatch-Id"] = []string{"D", "D"}
	if in := src.Identify(r); in.Key.Event != "d:D" {
		t.Errorf("the same id twice gives %q", in.Key.Event)
	}
	r.Header["X-Apify-Webhook-Dispatch-Id"] = []string{"D", "E"}
	checkQuarantine(t, src.Identify(r), dedup.ReasonNoIdentity)
}

func TestVersionsFollowTheRunsLives(t *testing.T) {
	t.Parallel()
	event := func(eventType, created, finished string, count int) dedup.Inbound {
		body := fmt.Sprintf(`{"eventType":%q,"createdAt":%q,"resource":{"id":"a","finishedAt":%q,"stats":{"resurrectCount":%d}}}`,
			eventType, created, finished, count)
		return newSource(t).Identify(request(body, "D"))
	}
	// The second end was told before the resurrection by the senders' clocks; lives decide first.
	ordered := []dedup.Inbound{
		event("ACTOR.RUN.CREATED", "2026-01-01T10:00:00Z", "", 0),
		event("ACTOR.RUN.FAILED", "2026-01-01T11:00:09Z", "2026-01-01T11:00:00Z", 0),
		event("ACTOR.RUN.SUCCEEDED", "2026-01-01T11:00:08Z", "2026-01-01T11:00:01Z", 0),
		event("ACTOR.RUN.RESURRECTED", "2026-01-01T13:00:00Z", "", 0), // a snapshot taken before the count was raised
		event("ACTOR.RUN.SUCCEEDED", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", 1),
		event("ACTOR.RUN.RESURRECTED", "2026-01-01T14:00:00Z", "", 2),
		event("ACTOR.RUN.SUCCEEDED", "2026-01-01T15:00:00Z", "", 2), // without its end's time: that of the telling
	}
	for i := 1; i < len(ordered); i++ {
		if a, b := ordered[i-1].Version, ordered[i].Version; a.Compare(b) >= 0 {
			t.Errorf("%+v is not below %+v", a, b)
		}
	}
}

func TestEventsThatMoveNoRun(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"unknown type":        `{"eventType":"ACTOR.RUN.PAUSED","runId":"a","createdAt":"2026-01-01T10:00:00Z"}`,
		"no type":             `{"runId":"a","createdAt":"2026-01-01T10:00:00Z"}`,
		"test of a past run":  `{"eventType":"TEST","runId":"a","createdAt":"2026-01-01T10:00:00Z"}`,
		"known type, no id":   `{"eventType":"ACTOR.RUN.CREATED","createdAt":"2026-01-01T10:00:00Z"}`,
		"resurrected a build": `{"eventType":"ACTOR.BUILD.RESURRECTED","buildId":"a","createdAt":"2026-01-01T10:00:00Z"}`,
	} {
		in := newSource(t).Identify(request(body, "D"))
		if in.MovesRun() || in.Status != "" || in.Version != (dedup.Version{}) {
			t.Errorf("%s: status %q, version %+v", name, in.Status, in.Version)
		}
		if want := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC); !in.OccurredAt.Equal(want) {
			t.Errorf("%s: occurred at %v", name, in.OccurredAt)
		}
	}
}

func TestATestSaysWhatItIsAbout(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]dedup.RunRef{
		`{"eventType":"TEST","eventData":null,"resource":{"joke":"…"}}`:                            {},
		`{"eventType":"TEST","eventData":{"actorRunId":"a"},"resource":{"id":"a"}}`:                run("a"),
		`{"eventType":"TEST","eventData":{"actorBuildId":"b"},"resource":{"id":"b","status":"X"}}`: build("b"),
	} {
		if in := newSource(t).Identify(request(body, "D")); in.Run != want || !in.Test || in.Key.Event != "t:D" {
			t.Errorf("%s: run %v, test %v, key %s", body, in.Run, in.Test, in.Key.Event)
		}
	}
}

func TestWhatDoesNotComeFromTheBody(t *testing.T) {
	t.Parallel()
	src := newSource(t, func(o *source.Options) {
		o.ByType = map[string]source.Windows{"ACTOR.RUN.CREATED": {Window: time.Hour}}
	})
	r := request(`{"eventType":"ACTOR.RUN.CREATED","runId":"a"}`, "D")
	r.ReceivedAt = time.Date(2026, 1, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	r.ReceiptID, r.RemoteIP = dedup.NewID(r.ReceivedAt), "192.0.2.1"
	in := src.Identify(r)
	if in.ReceivedAt != time.Date(2026, 1, 1, 11, 0, 0, 123000000, time.UTC) {
		t.Errorf("received at %v: not UTC milliseconds", in.ReceivedAt)
	}
	if in.ReceiptID != r.ReceiptID || in.RemoteIP != "192.0.2.1" || in.Via != dedup.ViaWebhook {
		t.Errorf("receipt %v from %s via %s", in.ReceiptID, in.RemoteIP, in.Via)
	}
	if in.ContentType != "application/json" || in.Window != time.Hour || in.Lease != lease {
		t.Errorf("content type %q, window %v, lease %v", in.ContentType, in.Window, in.Lease)
	}
}

func TestQuarantineKeepsWhatTheHeadersTell(t *testing.T) {
	t.Parallel()
	r := request(`{"eventType":"ACTOR.RUN.CREATED","runId":"a"`, "D")
	r.ReceivedAt = time.UnixMilli(1789373061640)
	in := newSource(t).Quarantine(r, dedup.ReasonTooLarge, "The body has more than 10 bytes.")
	checkQuarantine(t, in, dedup.ReasonTooLarge)
	if in.DispatchID != "D" || in.Key.Source != "apify" || in.ContentType != "application/json" || in.Window != window {
		t.Errorf("lost: %+v", in)
	}
	if string(in.Body) != string(r.Body) || !strings.Contains(string(in.Headers), `"X-Apify-Webhook-Dispatch-Id":"D"`) {
		t.Errorf("body or headers lost: %s %s", in.Body, in.Headers)
	}
}
