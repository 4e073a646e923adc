package source_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/source"
)

// telling is what a request says, and so all that may make it the same event as another.
type telling struct {
	eventType, id, finished, dispatch string
	count                             int // -1 for none
}

// identity is what must make two requests the same event, by the words of the design and without any encoding.
type identity struct {
	about      string // run, build, dispatch or test
	id         string
	generation string
	eventType  string
	dispatch   string
}

// identity is nil for a request that has none.
func (t telling) identity(policy source.WithoutGeneration) *identity {
	type needs struct{ about, generation string }
	known := map[string]needs{
		"ACTOR.RUN.CREATED": {"run", ""}, "ACTOR.RUN.SUCCEEDED": {"run", "end"}, "ACTOR.RUN.RESURRECTED": {"run", "count"},
		"ACTOR.RUN.TIMED_OUT": {"run", "end"}, "ACTOR.BUILD.CREATED": {"build", ""}, "ACTOR.BUILD.SUCCEEDED": {"build", "end"},
	}
	orNone := func(i identity) *identity {
		if i.dispatch == "" {
			return nil
		}
		return &i
	}
	k, isKnown := known[t.eventType]
	i := identity{about: "run", id: t.id, eventType: t.eventType}
	if isKnown {
		i.about = k.about
	}
	if t.eventType == "ACTOR.BUILD.PAUSED" {
		i.about = "build"
	}
	switch {
	case t.eventType == "TEST":
		return orNone(identity{about: "test", dispatch: t.dispatch})
	case t.id == "":
		return orNone(identity{about: "dispatch", dispatch: t.dispatch})
	case isKnown && k.generation == "":
		return &i
	case isKnown && k.generation == "end" && t.finished != "":
		i.generation = t.finished
		return &i
	case isKnown && k.generation == "count" && t.count >= 0:
		i.generation = string(rune('0' + t.count))
		return &i
	case t.eventType != "" && policy == source.Single:
		return &i
	default:
		i.dispatch = t.dispatch
		return orNone(i)
	}
}

func (t telling) request(tb rapid.TB) source.Request {
	resource := map[string]any{"id": t.id, "stats": map[string]any{}}
	if t.finished != "" {
		resource["finishedAt"] = t.finished
	}
	if t.count >= 0 {
		resource["stats"] = map[string]any{"resurrectCount": t.count}
	}
	body, err := json.Marshal(map[string]any{"eventType": t.eventType, "resource": resource})
	if err != nil {
		tb.Fatal(err)
	}
	return request(string(body), t.dispatch)
}

// tellings are few values that try to pass for one another.
func tellings() *rapid.Generator[telling] {
	return rapid.Custom(func(t *rapid.T) telling {
		return telling{
			eventType: rapid.SampledFrom([]string{
				"", "TEST", "ACTOR.RUN.CREATED", "ACTOR.RUN.SUCCEEDED", "ACTOR.RUN.RESURRECTED", "ACTOR.RUN.TIMED_OUT", "ACTOR.BUILD.CREATED",
				"ACTOR.BUILD.SUCCEEDED", "ACTOR.BUILD.PAUSED", "ACTOR.RUN.PAUSED", "C", "S", "R", "T", ":S", "S:", "%53", "~1", "*",
			}).Draw(t, "type"),
			id:       rapid.SampledFrom([]string{"", "1", "~1", "S", "a", "~a", "r", "-", "0"}).Draw(t, "id"),
			finished: rapid.SampledFrom([]string{"", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00.0011Z"}).Draw(t, "finished"),
			dispatch: rapid.SampledFrom([]string{"", "1", "~1", "0", "a", "S", "-"}).Draw(t, "dispatch"),
			count:    rapid.IntRange(-1, 2).Draw(t, "count"),
		}
	})
}

func TestSameKeyMeansSameIdentity(t *testing.T) {
	t.Parallel()
	for _, policy := range []source.WithoutGeneration{source.ByDispatch, source.Single} {
		src := newSource(t, func(o *source.Options) { o.WithoutGeneration = policy })
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			// All that was ever seen is compared with each other, not only neighbours.
			identities, keys := map[string]identity{}, map[identity]string{}
			rapid.Check(t, func(t *rapid.T) {
				for _, told := range rapid.SliceOfN(tellings(), 1, 50).Draw(t, "tellings") {
					want, in := told.identity(policy), src.Identify(told.request(t))
					if want == nil {
						if in.Quarantine == nil || in.Quarantine.Reason != dedup.ReasonNoIdentity {
							t.Fatalf("%+v has no identity, yet its key is %q", told, in.Key.Event)
						}
						continue
					}
					key := in.Key.Event
					if other, taken := identities[key]; key == "" || (taken && other != *want) {
						t.Fatalf("key %q is that of %+v, and of %+v", key, other, *want)
					}
					if other, has := keys[*want]; has && other != key {
						t.Fatalf("%+v has the keys %q and %q", *want, other, key)
					}
					identities[key], keys[*want] = *want, key
				}
			})
		})
	}
}

func TestGenericValuesNeverRunTogether(t *testing.T) {
	t.Parallel()
	src := newSource(t, generic("body:a", "body:b"))
	value := rapid.OneOf(rapid.StringMatching(`[a:%*~ 2A]{1,4}`), rapid.StringMatching(`[a-z :éß]{1,60}`))
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (a, b string) { return value.Draw(t, label+" a"), value.Draw(t, label+" b") }
		key := func(a, b string) string {
			body, err := json.Marshal(map[string]string{"a": a, "b": b})
			if err != nil {
				t.Fatal(err)
			}
			in := src.Identify(request(string(body), ""))
			if in.Quarantine != nil {
				t.Fatal(in.Quarantine.Message)
			}
			return in.Key.Event
		}
		a1, b1 := draw("one")
		a2, b2 := draw("two")
		if same := a1 == a2 && b1 == b2; (key(a1, b1) == key(a2, b2)) != same {
			t.Fatalf("%q %q and %q %q: key %q", a1, b1, a2, b2, key(a1, b1))
		}
	})
}
