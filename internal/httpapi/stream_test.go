package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// fakeLive holds receipts and counts how often it is looked at.
type fakeLive struct {
	mu       sync.Mutex
	receipts []view.LiveReceipt
	marks    []view.ReceiptMark
	looks    int
	err      error
}

// add makes a receipt received at a time.
func (f *fakeLive) add(at time.Time, r view.LiveReceipt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := dedup.NewID(at)
	r.ID, r.ReceivedAt = id.String(), at
	f.receipts = append(f.receipts, r)
	f.marks = append(f.marks, view.ReceiptMark{ReceivedAt: at, ID: id})
}

func (f *fakeLive) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeLive) looked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.looks
}

func (f *fakeLive) ReceiptMarks(_ context.Context, since time.Time, limit int) ([]view.ReceiptMark, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	var list []view.ReceiptMark
	for _, m := range f.marks {
		if !m.ReceivedAt.Before(since) {
			list = append(list, m)
		}
	}
	slices.SortStableFunc(list, func(a, b view.ReceiptMark) int { return b.ReceivedAt.Compare(a.ReceivedAt) })
	return list[:min(len(list), limit)], f.err
}

func (f *fakeLive) LiveReceipts(_ context.Context, marks []view.ReceiptMark) ([]view.LiveReceipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []view.LiveReceipt
	for _, m := range marks {
		i := slices.Index(f.marks, m)
		list = append(list, f.receipts[i])
	}
	slices.SortStableFunc(list, func(a, b view.LiveReceipt) int { return a.ReceivedAt.Compare(b.ReceivedAt) })
	return list, f.err
}

// live runs a test on a tail in a bubble of its own time.
func live(t *testing.T, test func(t *testing.T, f *fakeLive, tl *tail)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ending := make(chan struct{})
		f := &fakeLive{}
		test(t, f, newTail(&Dashboard{Live: f, Ending: ending}))
		close(ending)
	})
}

func mustListen(t *testing.T, tl *tail, f liveFilter, last string) (*listener, []*batch, bool) {
	t.Helper()
	l, missed, resumed, err := tl.listen(f, last)
	if err != nil {
		t.Fatal(err)
	}
	return l, missed, resumed
}

// took is what a listener has got since.
func took(l *listener) (all []*batch) {
	synctest.Wait()
	for {
		select {
		case b := <-l.batches:
			all = append(all, b)
		default:
			return all
		}
	}
}

func TestNewReceiptsAreHandedOnOnceWhateverTheirOrder(t *testing.T) {
	t.Parallel()
	live(t, func(t *testing.T, f *fakeLive, tl *tail) {
		l, _, _ := mustListen(t, tl, liveFilter{}, "")
		f.add(time.Now(), view.LiveReceipt{RunID: "R1"})
		time.Sleep(tailEvery + time.Millisecond)
		f.add(time.Now().Add(-time.Second), view.LiveReceipt{RunID: "late"}) // committed after a later one
		f.add(time.Now(), view.LiveReceipt{RunID: "R2"})
		time.Sleep(5 * time.Second)
		var got []string
		for _, b := range took(l) {
			for _, r := range b.items {
				got = append(got, r.RunID)
			}
		}
		if want := []string{"R1", "late", "R2"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestNobodyLooksWhileNobodyListens(t *testing.T) {
	t.Parallel()
	live(t, func(t *testing.T, f *fakeLive, tl *tail) {
		time.Sleep(time.Minute)
		if n := f.looked(); n != 0 {
			t.Fatalf("looked %d times", n)
		}
		a, _, _ := mustListen(t, tl, liveFilter{}, "")
		b, _, _ := mustListen(t, tl, liveFilter{source: "x"}, "")
		time.Sleep(10 * time.Second)
		if n := f.looked(); n < 19 || n > 22 {
			t.Errorf("looked %d times in ten seconds for two streams", n)
		}
		tl.leave(a)
		tl.leave(b)
		time.Sleep(tailLinger + time.Second)
		n := f.looked()
		time.Sleep(time.Minute)
		if more := f.looked(); more != n {
			t.Errorf("looked %d times for nobody", more-n)
		}
		l, _, _ := mustListen(t, tl, liveFilter{}, "")
		f.add(time.Now(), view.LiveReceipt{})
		time.Sleep(time.Second)
		if got := took(l); len(got) != 1 {
			t.Errorf("%d batches after it began again", len(got))
		}
	})
}

func TestAStreamIsResumedWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	live(t, func(t *testing.T, f *fakeLive, tl *tail) {
		l, _, resumed := mustListen(t, tl, liveFilter{}, "")
		if resumed {
			t.Error("resumed from nothing")
		}
		f.add(time.Now(), view.LiveReceipt{RunID: "R1"})
		time.Sleep(time.Second)
		last := took(l)[0].id
		tl.leave(l)
		f.add(time.Now(), view.LiveReceipt{RunID: "R2"})
		time.Sleep(5 * time.Second)
		_, missed, resumed := mustListen(t, tl, liveFilter{}, last)
		if !resumed || len(missed) != 1 || missed[0].items[0].RunID != "R2" {
			t.Errorf("resumed %v, missed %+v", resumed, missed)
		}
		for _, unknown := range []string{"other-1", tl.life + "-99", "nonsense", "-1"} {
			if _, _, resumed := mustListen(t, tl, liveFilter{}, unknown); resumed {
				t.Errorf("resumed from %q", unknown)
			}
		}
	})
}

func TestOnlySoMuchIsKeptForResuming(t *testing.T) {
	t.Parallel()
	tl := newTail(&Dashboard{})
	for range 30 {
		tl.publish(&batch{items: make([]view.LiveReceipt, tailBatch)})
	}
	if len(tl.kept) != tailKept/tailBatch {
		t.Errorf("%d batches are kept", len(tl.kept))
	}
}

func TestStreamsAreFewAndASlowOneLosesItsOwnOnly(t *testing.T) {
	t.Parallel()
	live(t, func(t *testing.T, f *fakeLive, tl *tail) {
		slow, _, _ := mustListen(t, tl, liveFilter{}, "")
		for range maxStreams - 1 {
			mustListen(t, tl, liveFilter{}, "")
		}
		if _, _, _, err := tl.listen(liveFilter{}, ""); !errors.Is(err, errTooManyStreams) {
			t.Errorf("one more: %v", err)
		}
		time.Sleep(tailEvery / 2) // between two looks
		for range streamBacklog + 3 {
			f.add(time.Now(), view.LiveReceipt{})
			time.Sleep(tailEvery)
		}
		if got := took(slow); len(got) != streamBacklog || tl.takeDropped(slow) < 2 || tl.takeDropped(slow) != 0 {
			t.Errorf("%d events waited", len(got))
		}
	})
}

func TestAnOutageIsToldOnceAndItsReceiptsCome(t *testing.T) {
	t.Parallel()
	live(t, func(t *testing.T, f *fakeLive, tl *tail) {
		l, _, _ := mustListen(t, tl, liveFilter{}, "")
		f.fail(dedup.ErrUnavailable)
		time.Sleep(5 * time.Second)
		f.add(time.Now().Add(-4*time.Second), view.LiveReceipt{RunID: "meanwhile"})
		f.fail(nil)
		time.Sleep(5 * time.Second)
		got := took(l)
		if len(got) != 3 || got[0].trouble == "" || !got[1].recovered || got[2].items[0].RunID != "meanwhile" {
			t.Errorf("%+v", got)
		}
	})
}

func TestAFloodIsSampled(t *testing.T) {
	t.Parallel()
	live(t, func(t *testing.T, f *fakeLive, tl *tail) {
		l, _, _ := mustListen(t, tl, liveFilter{}, "")
		took(l)
		for n := range 2000 {
			r := view.LiveReceipt{RunID: "flood"}
			if n%100 == 0 {
				r.RunID = "rare"
			}
			f.add(time.Now(), r)
		}
		time.Sleep(time.Second)
		got := took(l)
		if len(got) != 1 || len(got[0].items) != tailSample || got[0].of != 2000 {
			t.Fatalf("%d batches", len(got))
		}
		choosy, _, _ := mustListen(t, tl, liveFilter{runID: "rare"}, "")
		for n := range 2000 {
			r := view.LiveReceipt{RunID: "flood"}
			if n%100 == 0 {
				r.RunID = "rare"
			}
			f.add(time.Now(), r)
		}
		time.Sleep(time.Second)
		rare := 0
		for _, b := range took(choosy) {
			for i := range b.items {
				if choosy.filter.matches(&b.items[i]) {
					rare++
				}
			}
		}
		if rare != 20 {
			t.Errorf("%d of 20 rare ones came through", rare)
		}
	})
}

func TestFiltersOfAStream(t *testing.T) {
	t.Parallel()
	r := view.LiveReceipt{Receipt: view.Receipt{Source: "s", Outcome: "new"}, ActorID: "a", RunID: "r"}
	for f, want := range map[liveFilter]bool{
		{}: true, {source: "s"}: true, {source: "x"}: false, {outcome: "new"}: true, {outcome: "late"}: false,
		{actorID: "a"}: true, {actorID: "b"}: false, {runID: "r"}: true, {runID: "q"}: false, {"s", "new", "a", "r"}: true,
	} {
		if got := f.matches(&r); got != want {
			t.Errorf("%+v: %v", f, got)
		}
	}
}

// sse is an event as a browser reads it.
type sse struct{ name, id, data string }

// readEvents reads n events off a stream.
func readEvents(t *testing.T, in *bufio.Scanner, n int) []sse {
	t.Helper()
	var all []sse
	var e sse
	for len(all) < n && in.Scan() {
		name, value, _ := strings.Cut(in.Text(), ": ")
		switch {
		case in.Text() == "" && e.name != "":
			all = append(all, e)
			e = sse{}
		case name == "event":
			e.name = value
		case name == "id":
			e.id = value
		case name == "data":
			e.data = value
		}
	}
	if len(all) < n {
		t.Fatalf("the stream ended after %+v: %v", all, in.Err())
	}
	return all
}

// openStream asks a real server, whose timeouts for requests are far shorter than a stream lives.
func openStream(t *testing.T, h http.Handler, target, last string) *bufio.Scanner {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+apiPrefix+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminTestToken)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Content-Encoding") != "" ||
		res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	return bufio.NewScanner(res.Body)
}

func TestAStreamOutlivesTheTimeoutsOfRequests(t *testing.T) {
	t.Parallel()
	r, _ := newInsightRig()
	ending := make(chan struct{})
	f := &fakeLive{}
	r.opts.Dashboard.Live, r.opts.Dashboard.Ending = f, ending
	h, err := NewAdmin(r.opts)
	if err != nil {
		t.Fatal(err)
	}
	in := openStream(t, h, "/stream?source=mine", "unknown-1")
	if e := readEvents(t, in, 1)[0]; e.name != "gap" || !strings.Contains(e.data, "load the page") {
		t.Errorf("%+v", e)
	}
	for n := range 3 { // each look is later than the server's timeouts
		f.add(time.Now(), view.LiveReceipt{Receipt: view.Receipt{Source: "other"}})
		f.add(time.Now(), view.LiveReceipt{Receipt: view.Receipt{Source: "mine", DispatchID: "</script>\n"}, RunID: "R"})
		e := readEvents(t, in, 1)[0]
		var data struct{ Items []view.LiveReceipt }
		if err := json.Unmarshal([]byte(e.data), &data); err != nil || e.name != "receipts" || e.id == "" || len(data.Items) != 1 || data.Items[0].RunID != "R" {
			t.Fatalf("event %d: %+v, %v", n, e, err)
		}
	}
	close(ending)
	for in.Scan() {
	}
	if in.Err() != nil {
		t.Error(in.Err())
	}
}

func TestANewStreamBeginsWithTheLatestReceipts(t *testing.T) {
	t.Parallel()
	r, _ := newInsightRig()
	ending := make(chan struct{})
	f := &fakeLive{}
	r.opts.Dashboard.Live, r.opts.Dashboard.Ending = f, ending
	t.Cleanup(func() { close(ending) })
	h, err := NewAdmin(r.opts)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 * tailLatest {
		source := "mine"
		if n%2 == 0 {
			source = "other"
		}
		f.add(time.Now().Add(time.Duration(n-24*60)*time.Minute), view.LiveReceipt{Receipt: view.Receipt{Source: source}, RunID: fmt.Sprint(n)})
	}
	f.add(time.Now().Add(-2*tailBack), view.LiveReceipt{RunID: "long ago"})
	for target, want := range map[string][2]string{
		"/stream":             {"100", "149"},
		"/stream?source=mine": {"51", "149"},
		"/stream?run_id=17":   {"17", "17"},
	} {
		e := readEvents(t, openStream(t, h, target, ""), 1)[0]
		var data struct{ Items []view.LiveReceipt }
		if err := json.Unmarshal([]byte(e.data), &data); err != nil || e.name != "latest" || e.id != "" || len(data.Items) == 0 {
			t.Fatalf("%s: %+v, %v", target, e, err)
		}
		if got := [2]string{data.Items[0].RunID, data.Items[len(data.Items)-1].RunID}; got != want {
			t.Errorf("%s: from %s to %s, want %v", target, got[0], got[1], want)
		}
	}
	if e := readEvents(t, openStream(t, h, "/stream", "unknown-1"), 2); e[0].name != "gap" || e[1].name != "latest" {
		t.Errorf("after a gap: %+v", e)
	}
	f.fail(dedup.ErrUnavailable)
	if e := readEvents(t, openStream(t, h, "/stream", ""), 1)[0]; e.name != "trouble" {
		t.Errorf("without a database: %+v", e)
	}
}

func TestAFloodSaysThatItIsSampled(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	s := stream{tail: newTail(&Dashboard{}), listener: &listener{}, out: deadlines{w}}
	s.batch(&batch{id: "x-1", items: make([]view.LiveReceipt, tailSample), of: 2000, perSecond: 4000})
	if s.failed != nil || !strings.Contains(w.Body.String(), "event: sampled\ndata: {\"shown\":100,\"of\":2000,\"per_second\":4000}\n\nevent: receipts\nid: x-1\ndata: ") {
		t.Errorf("%v %.300s", s.failed, w.Body)
	}
}

// deadlines lets a recorder take deadlines as a connection does.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetWriteDeadline(time.Time) error { return nil }
func (deadlines) SetReadDeadline(time.Time) error  { return nil }
