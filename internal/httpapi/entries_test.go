package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

func TestStoredBodiesAreHandedOutAsFiles(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/events/" + someID + "/body", "/events/" + firstSeen.EventID.String() + "/other-bodies/" + someID, "/quarantine/" + someID + "/body"} {
		r := newAdminRig()
		r.reader.body = view.Body{ContentType: "text/html\r\nX-Evil: 1", Bytes: []byte("<script>\x00\xff")}
		w := r.get(t, apiPrefix+target)
		if w.Code != http.StatusOK || w.Body.String() != "<script>\x00\xff" {
			t.Errorf("%s: %d %q", target, w.Code, w.Body)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="` + someID + `.bin"`,
			"X-Content-Type-Options": "nosniff", "X-Sent-Content-Type": "text/htmlX-Evil: 1", "X-Evil": "",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", target, name, got, want)
			}
		}
	}
}

func TestOtherBodiesAreListedAndNamedByTheirReceipts(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	event := firstSeen.EventID.String()
	for want, others := range map[string][]view.OtherBody{
		`{"items":[]}`: nil,
		`{"items":[{"receipt_id":"` + someID + `","received_at":"2026-09-14T10:00:00Z","dispatch_id":"d","content_type":"text/html","body_bytes":3}]}`: {
			{ReceiptID: someID, ReceivedAt: time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC), DispatchID: "d", ContentType: "text/html", BodyBytes: 3},
		},
	} {
		r.reader.others = others
		if w := r.get(t, apiPrefix+"/events/"+event+"/other-bodies"); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != want || r.reader.query != event {
			t.Errorf("%d %s of %v, want %s", w.Code, w.Body, r.reader.query, want)
		}
	}
	if r.get(t, apiPrefix+"/events/"+event+"/other-bodies/"+someID); r.reader.query != [2]string{event, someID} {
		t.Errorf("asked for %v", r.reader.query)
	}
	for _, target := range []string{"/events/x/other-bodies", "/events/x/other-bodies/" + someID, "/events/" + event + "/other-bodies/x"} {
		wantProblem(t, r.get(t, apiPrefix+target), http.StatusUnprocessableEntity, "id")
	}
	r.reader.err = view.ErrNotFound
	for _, target := range []string{"/events/" + event + "/other-bodies", "/events/" + event + "/other-bodies/" + someID} {
		wantProblem(t, r.get(t, apiPrefix+target), http.StatusNotFound, "no such entry")
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	var asked [3]string
	r.opts.Replayer = fakeReplayer(func(ctx context.Context, id, actor, reason string) (dedup.Verdict, error) {
		asked = [3]string{id, actor, reason}
		return dedup.Verdict{Outcome: dedup.OutcomeUpdated, Reason: dedup.ReasonFirstSeen, EventID: firstSeen.EventID}, ctx.Err()
	})
	w := r.send(t, http.MethodPost, apiPrefix+"/quarantine/"+someID+"/replay", `{"reason":"  template fixed "}`)
	want := `{"outcome":"updated","reason":"first_seen","event_id":"` + firstSeen.EventID.String() + `"}` + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	if asked != [3]string{someID, "alice", "template fixed"} {
		t.Errorf("replayed %v", asked)
	}
	if l := r.log.lines(t); len(l) != 1 || l[0]["actor"] != "alice" || l[0]["quarantine_id"] != someID {
		t.Errorf("logged %v", l)
	}
}

func TestReplayWantsAReason(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	r.opts.Replayer = fakeReplayer(nil)
	for _, body := range []string{`{}`, `{"reason":""}`, `{"reason":"   "}`, `{"reason":"` + long(501, "x") + `"}`} {
		wantProblem(t, r.send(t, http.MethodPost, apiPrefix+"/quarantine/"+someID+"/replay", body), http.StatusUnprocessableEntity, "reason")
	}
}

func TestReplayRefusalsAreTold(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err    error
		status int
		text   string
	}{
		{fmt.Errorf("%w: only the first 64 KiB were kept", ErrCantReplay), 409, "only the first 64 KiB"},
		{view.ErrNotFound, 404, "no such entry"},
		{dedup.ErrBusy, 503, "Ask again"},
	} {
		r := newAdminRig()
		r.opts.Replayer = fakeReplayer(func(context.Context, string, string, string) (dedup.Verdict, error) {
			return dedup.Verdict{}, tc.err
		})
		wantProblem(t, r.send(t, http.MethodPost, apiPrefix+"/quarantine/"+someID+"/replay", `{"reason":"x"}`), tc.status, tc.text)
	}
}
