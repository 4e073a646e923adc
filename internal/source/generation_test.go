package source_test

import (
	"testing"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func TestEndsAreToldApartByTheirTime(t *testing.T) {
	t.Parallel()
	cases := []struct{ finished, part, text string }{
		{"2026-09-14T08:04:21.640Z", "1789373061640", "2026-09-14T08:04:21.640Z"},
		{"2026-09-14T08:04:21.64Z", "1789373061640", "2026-09-14T08:04:21.640Z"},
		{"2026-09-14T10:04:21.640+02:00", "1789373061640", "2026-09-14T08:04:21.640Z"},
		{"2026-09-14T08:04:21Z", "1789373061000", "2026-09-14T08:04:21.000Z"},
		{"2026-09-14T08:04:21.6401Z", "1789373061640.1", "2026-09-14T08:04:21.6401Z"},
		{"2026-09-14T08:04:21.640001Z", "1789373061640.001", "2026-09-14T08:04:21.640001Z"},
		{"2026-09-14T08:04:21.640000001Z", "1789373061640.000001", "2026-09-14T08:04:21.640000001Z"},
		{"1970-01-01T00:00:00Z", "0", "1970-01-01T00:00:00.000Z"},
		{"1969-12-31T23:59:59.999Z", "-1", "1969-12-31T23:59:59.999Z"},
		{"1969-12-31T23:59:59.9985Z", "-2.5", "1969-12-31T23:59:59.9985Z"}, // 2 ms before the epoch, and half of one more
		{`2026-09-14T08:04:21.640\u005a`, "~D", ""},                        // nobody writes a time with escapes
		{"2026-09-14T08:04:21.6400000001Z", "~D", ""},                      // finer than can be told apart
		{"2026-09-14T08:04:21.640", "~D", ""},                              // whose zone?
		{"2026-09-14 08:04:21Z", "~D", ""},
		{"2026-09-14T8:04:21Z", "~D", ""},
		{"2026-09-14T8:04:21.6400000001Z", "~D", ""},
		{"2026-09-14T08:04:21,640Z", "~D", ""},
		{"2026-09-14T08:04:60Z", "~D", ""},
		{"2026-09-31T08:04:21Z", "~D", ""},
		{"{{resource.finishedAt}}", "~D", ""},
		{"", "~D", ""},
	}
	src := newSource(t)
	for _, c := range cases {
		t.Run(c.finished, func(t *testing.T) {
			t.Parallel()
			in := src.Identify(request(`{"eventType":"ACTOR.RUN.SUCCEEDED","resource":{"id":"a","finishedAt":"`+c.finished+`"}}`, "D"))
			if want := dedup.Compose("r", "a", c.part, "S"); in.Key.Event != want {
				t.Errorf("key %s, want %s", in.Key.Event, want)
			}
			if in.Generation != c.text {
				t.Errorf("generation %s, want %s", in.Generation, c.text)
			}
		})
	}
}
