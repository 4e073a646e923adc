package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
)

// told is what a receiver reads of a request.
type told struct{ dispatch, eventRun, resourceRun string }

func read(t *testing.T, raw []byte) told {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatalf("not a request: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read the body: %v", err)
	}
	var v map[string]any
	if err = json.Unmarshal(body, &v); err != nil {
		t.Fatalf("the body is not JSON: %v", err)
	}
	return told{r.Header.Get("X-Apify-Webhook-Dispatch-Id"), text(v, "eventData", "actorRunId"), text(v, "resource", "id")}
}

func text(v map[string]any, object, name string) string {
	inner, _ := v[object].(map[string]any)
	s, _ := inner[name].(string)
	return s
}

func TestRequestTellsAnotherEventForEveryNumberAndTheSameForTheSame(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"small", "large"} {
		body, err := Body(size)
		if err != nil {
			t.Fatal(err)
		}
		r := newRequest(Target{Addr: "127.0.0.1:1", Path: "/webhooks/apify?token=t"}, body)
		seen := map[string]bool{sampleRunID: true}
		for n := range uint64(1000) {
			r.tell(n)
			got := read(t, r.bytes)
			if got.eventRun != got.resourceRun || seen[got.eventRun] || seen[got.dispatch] || len(got.dispatch) != idLength {
				t.Fatalf("%s, number %d: %+v is no event of its own", size, n, got)
			}
			seen[got.eventRun], seen[got.dispatch] = true, true
		}
		first := bytes.Clone(r.bytes)
		r.tell(5)
		r.tell(999)
		if !bytes.Equal(first, r.bytes) {
			t.Errorf("%s: the same number told other bytes", size)
		}
	}
}

func TestBodiesHaveTheirSizes(t *testing.T) {
	t.Parallel()
	for size, want := range map[string]int{"small": 1640, "large": 3519} {
		if body, err := Body(size); err != nil || len(body) != want {
			t.Errorf("%s: %d bytes, %v; want %d", size, len(body), err, want)
		}
	}
	if _, err := Body("huge"); err == nil {
		t.Error("a size that does not exist was found")
	}
}

func TestPicks(t *testing.T) {
	t.Parallel()
	if From(7)(3) != 10 {
		t.Errorf("From(7)(3) = %d", From(7)(3))
	}
	counts := map[uint64]int{}
	for i := range uint64(10_000) {
		counts[Among(100, 10)(i)]++
	}
	for n := range uint64(10) {
		if c := counts[100+n]; c < 800 || c > 1200 {
			t.Errorf("event %d was picked %d times of 10000", 100+n, c)
		}
	}
	if len(counts) != 10 {
		t.Errorf("%d events were picked, want 10", len(counts))
	}
}
