package main

import (
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/view"
)

func TestAnEventShowsWhatItsRepeatsTold(t *testing.T) {
	t.Parallel()
	const id, receipt = "01994721-0000-7000-8000-000000000001", "01994721-0000-7000-8000-000000000002"
	flags := adminAPI(t, map[string]any{
		"GET /events/" + id: view.Event{ID: id, Source: "apify", Type: "ACTOR.RUN.SUCCEEDED", OtherBodies: 1},
		"GET /events/" + id + "/other-bodies": view.Page[view.OtherBody]{Items: []view.OtherBody{
			{ReceiptID: receipt, ContentType: "text/plain" + hostile, BodyBytes: 7, DispatchID: "D1"},
		}},
		"GET /events/" + id + "/other-bodies/" + receipt: []byte("\x00raw" + hostile),
	})
	events := func(args ...string) result {
		return execute(t, "", append(append([]string{"events"}, args...), flags...)...)
	}
	r := events(id)
	r.expect(t, 0, "other body", "7 bytes, text/plain", "dispatch D1", "receipt "+receipt)
	if strings.ContainsAny(r.out, "\x1b\a\r\u202e\u009b") {
		t.Errorf("%q", r.out)
	}
	if r := events(id, "--body", "--receipt", receipt); r.out != "\x00raw"+hostile || r.code != 0 {
		t.Errorf("%q", r.out)
	}
	for _, args := range [][]string{{id, "--receipt", receipt}, {"--body", "--receipt", receipt}} {
		events(args...).expect(t, 1, "give the event's id and --body too")
	}
}
