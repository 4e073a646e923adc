package source_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/source"
)

// FuzzIdentify: no request makes it fail; it has a key or a quarantine, never both and never neither; saying it again, from
// the store or with more white space, changes nothing; and what goes into text columns is fit for them.
func FuzzIdentify(f *testing.F) {
	for _, s := range samples.All() {
		if len(s.Body) < 10_000 {
			f.Add(s.Compact(), s.Headers.Get("X-Apify-Webhook-Dispatch-Id"), s.Headers.Get("User-Agent"))
		}
	}
	for _, body := range []string{
		"", "[", `{"runId":"a","runId":"b"}`, "\ufeff{}", `{"eventType":"S","runId":"S"}`, `{"id":1e3}`, "\xff", `{"\ud83d":1}`,
	} {
		f.Add([]byte(body), "", "")
	}
	sources := []*source.Source{
		newSource(f), newSource(f, single), newSource(f, generic("body:id", "header:User-Agent")), newSource(f, generic("body:sha256")),
		newSource(f, generic("body:resource.id", "body:resource.stats.x", "body:eventData")),
	}
	f.Fuzz(func(t *testing.T, body []byte, dispatchID, userAgent string) {
		r := request(string(body), dispatchID)
		r.Header["User-Agent"] = []string{userAgent}
		for i, src := range sources {
			in := src.Identify(r)
			if again := src.Identify(r); !reflect.DeepEqual(in, again) {
				t.Fatalf("source %d: once %+v, then %+v", i, in, again)
			}
			checkInbound(t, &in)
			checkAgain(t, src, r)
			if src.Kind == source.Apify && len(body) > 0 {
				spaced := r
				spaced.Body = append(append([]byte{}, body...), '\n')
				if in := src.Identify(spaced); in.Key != src.Identify(r).Key {
					t.Fatalf("source %d: a line's end changes the key to %q", i, in.Key.Event)
				}
			}
		}
	})
}

func checkInbound(t *testing.T, in *dedup.Inbound) {
	t.Helper()
	if in.Key.IsZero() == (in.Quarantine == nil) {
		t.Fatalf("key %q and quarantine %+v", in.Key.Event, in.Quarantine)
	}
	if in.Quarantine != nil {
		checkQuarantine(t, *in, in.Quarantine.Reason)
	}
	if !json.Valid(in.Headers) {
		t.Fatalf("headers are stored as %s", in.Headers)
	}
	if in.MovesRun() && (in.Version.Type != in.Type || in.Version.Rank > dedup.RankEnd) {
		t.Fatalf("version %+v of %q", in.Version, in.Type)
	}
	columns := []string{
		in.Key.Event, in.Type, in.Run.ID, in.ActorID, in.TaskID, in.Generation, in.DispatchID, in.ContentType, string(in.Status),
		string(in.Headers),
	}
	for _, text := range columns {
		for _, r := range text {
			if r < ' ' {
				t.Fatalf("control character in %q", text)
			}
		}
		if !utf8.ValidString(text) || len(text) > 8192 {
			t.Fatalf("no column takes %q", text)
		}
	}
}
