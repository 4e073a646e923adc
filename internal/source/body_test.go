package source_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

const created = `{"eventType":"ACTOR.RUN.CREATED","runId":"a"}`

func TestBodiesThatAreRead(t *testing.T) {
	t.Parallel()
	src := newSource(t)
	for name, body := range map[string]string{
		"white space around":           " \r\n\t" + created + "\n ",
		"byte order mark":              "\ufeff" + created,
		"invalid UTF-8 elsewhere":      `{"message":"` + "\xff\xfe" + `",` + created[1:],
		"lone surrogate elsewhere":     `{"message":"\ud83d \udc00",` + created[1:],
		"NUL elsewhere":                `{"message":"\u0000",` + created[1:],
		"other names twice":            `{"x":1,"x":2,"resource":{"meta":{"a":1,"a":1}},` + created[1:],
		"one name on different levels": `{"resource":{"actorTaskId":"x"},"eventData":{"actorTaskId":"x"},` + created[1:],
		"numbers that no float holds":  `{"x":[1e999,-0,123456789012345678901234567890],` + created[1:],
		"9 000 levels":                 `{"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "," + created[1:],
	} {
		in := src.Identify(request(body, ""))
		if in.Quarantine != nil || in.Key.Event != "r:a::C" {
			t.Errorf("%s: key %q, %+v", name, in.Key.Event, in.Quarantine)
		}
	}
}

func TestBodiesThatAreNotJSON(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, body, says string }{
		{"empty", "", "empty"},
		{"white space", " \r\n", "empty"},
		{"byte order mark alone", "\ufeff", "empty"},
		{"cut off", created[:len(created)-1], "ends in the middle"},
		{"cut off in a text", `{"eventType":"ACT`, "ends in the middle"},
		{"a second value", created + created, "goes on after its JSON value (byte 45)"},
		{"a second value, after a byte order mark", "\ufeff" + created + created, "(byte 48)"},
		{"garbage after the value", created + " x", "goes on"},
		{"text", `hello`, "not JSON (byte 0)"},
		{"form", `payload=%7B%7D`, "not JSON"},
		{"single quotes", `{'runId':'a'}`, "not JSON (byte 1)"},
		{"trailing comma", `{"runId":"a",}`, "not JSON"},
		{"comment", `{/**/"runId":"a"}`, "not JSON"},
		{"name that is no text", `{1:2}`, "not JSON"},
		{"raw control character", "{\"runId\":\"a\n\"}", "not JSON"},
		{"bad escape", `{"runId":"\x"}`, "not JSON"},
		{"broken deep inside what nobody reads", `{"x":{"y":[1,{"z":tru}]},` + created[1:], "not JSON"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "not JSON"},
		{"too deep", strings.Repeat("[", 20000) + strings.Repeat("]", 20000), "not JSON"},
		{"too deep in an object", `{"resource":` + strings.Repeat(`{"x":`, 20000), "not JSON"},
		{"id twice", `{"runId":"a","runId":"b"}`, "twice"},
		{"id twice, once escaped", `{"runId":"a","\u0072unId":"b"}`, "twice"},
		{"id twice, once of another type", `{"runId":null,"runId":"b"}`, "twice"},
		{"resource twice", `{"resource":{"id":"a"},"resource":{"id":"b"}}`, "twice"},
	}
	src := newSource(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := src.Identify(request(c.body, "D"))
			message := checkQuarantine(t, in, dedup.ReasonNotJSON)
			if !strings.Contains(message, c.says) {
				t.Errorf("does not say %q: %s", c.says, message)
			}
			if in.DispatchID != "D" || string(in.Body) != c.body {
				t.Errorf("dispatch id %q or the body is lost", in.DispatchID)
			}
		})
	}
}

func TestMessagesHoldNoPayload(t *testing.T) {
	t.Parallel()
	src := newSource(t)
	for _, body := range []string{
		`{"hunter2":hunter2}`, `{"runId":"hunter2","runId":"hunter2"}`, `{"eventType":"hunter2","runId":"hunter2"}`,
		`{"runId":"{{hunter2}}"}`, `hunter2`, `{"x":1}hunter2`, `{"hunter2":"`,
	} {
		in := src.Identify(request(body, ""))
		if in.Quarantine == nil || strings.Contains(in.Quarantine.Message, "hunter2") {
			t.Errorf("%s: %+v", body, in.Quarantine)
		}
	}
}

// What one body leaves behind in a reader must not be seen by the next.
func TestReadersForgetTheirBodies(t *testing.T) {
	t.Parallel()
	src := newSource(t)
	bodies := map[string]string{created: "r:a::C", `{"runId":"b"}`: "r:b:~D:", `{}`: "d:D", `{"runId":"c"`: "", `{"x":[`: ""}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				for body, want := range bodies {
					if in := src.Identify(request(body, "D")); in.Key.Event != want {
						t.Errorf("%s: key %q, want %q", body, in.Key.Event, want)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}
