package ledger

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// onBoth runs a test on an empty database of each kind, named in opts and not migrated.
func onBoth(t *testing.T, test func(t *testing.T, opts Options)) {
	t.Helper()
	for name, opts := range map[string]func(t *testing.T) Options{
		"postgres": func(t *testing.T) Options { return Options{URL: testkit.Postgres(t)} },
		"sqlite":   func(t *testing.T) Options { return Options{Path: filepath.Join(t.TempDir(), "ledger.db")} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, opts(t))
		})
	}
}

// expectQuietLog fails when the server has logged a unique violation, or any other error.
func expectQuietLog(t *testing.T, server *testkit.PostgresServer) {
	t.Helper()
	for line := range strings.Lines(server.Log()) {
		if strings.Contains(line, "ERROR") || strings.Contains(line, "duplicate key value") {
			t.Errorf("the server logged: %s", line)
		}
	}
}

// newEntry makes a request received at a time, whose event has the key and moves the run of that id ("" for none).
func newEntry(at time.Time, key, run string) *dedup.Entry {
	at = at.UTC().Truncate(time.Millisecond)
	in := &dedup.Inbound{
		ReceiptID: dedup.NewID(at), ReceivedAt: at, Key: dedup.Key{Source: "apify", Event: key}, Type: "ACTOR.RUN.CREATED",
		DispatchID: "WOa1nBxEJk9MpBiQr", Body: []byte(`{"eventType":"ACTOR.RUN.CREATED"}`), ContentType: "application/json",
		Headers: []byte("{}"), RemoteIP: "192.0.2.7", Via: dedup.ViaWebhook,
	}
	if run != "" {
		in.Run, in.Status = dedup.RunRef{Kind: dedup.KindRun, ID: run}, dedup.StatusCreated
		in.Version = dedup.Version{At: at.UnixMilli(), Type: in.Type}
	}
	return &dedup.Entry{Inbound: in, EventID: dedup.NewID(at), Claim: dedup.ClaimReply{State: dedup.ClaimFirst}}
}

// repeat makes another request for the same event, received later.
func repeat(e *dedup.Entry, after time.Duration) *dedup.Entry {
	in := *e.Inbound
	in.ReceivedAt = in.ReceivedAt.Add(after)
	in.ReceiptID = dedup.NewID(in.ReceivedAt)
	return &dedup.Entry{Inbound: &in, EventID: dedup.NewID(in.ReceivedAt), Claim: e.Claim}
}

func mustRecord(t testing.TB, l *Ledger, batch ...*dedup.Entry) []dedup.Verdict {
	t.Helper()
	verdicts, _, err := l.Record(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return verdicts
}

// background runs a loop until the test ends and waits for its end.
func background(t testing.TB, loop func()) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		loop()
	}()
	t.Cleanup(func() { <-ended })
	return ended
}

// uncontended does what the gate does when a row is locked, as a disk that stalls can do for long: it tries again.
func uncontended(do func() error) error {
	err := do()
	for errors.Is(err, dedup.ErrContended) {
		err = do()
	}
	return err
}
