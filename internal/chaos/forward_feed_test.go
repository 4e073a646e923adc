package chaos

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// told is an event that a gateway has answered for.
type told struct {
	id     string
	failed bool // it says that its run has failed
	body   []byte
}

// odd is the end of a run in bytes that no encoder would write: whatever comes has to be what goes.
func odd(runID, eventType string) []byte {
	return fmt.Appendf(nil, "{ \"eventType\":%q,\t\"eventData\":{\"actorRunId\":%q},\"resource\":{\"finishedAt\":\"2026-09-14T08:04:21.640Z\"}, \"ä\":\"\\u0000\\/\" }\n",
		eventType, runID)
}

// feed sends the ends of n runs, every other one failed, each again and again until it is answered, as Apify does.
func feed(t *testing.T, n int, send func(dispatchID string, body []byte) (answer, error)) map[string]told {
	t.Helper()
	const senders = 16
	var (
		mu   sync.Mutex
		sent = make(map[string]told, n)
		wg   sync.WaitGroup
	)
	for first := range senders {
		wg.Go(func() {
			for i := first; i < n; i += senders {
				runID, failed, eventType := newRunID(), i%2 == 1, "ACTOR.RUN.SUCCEEDED"
				if failed {
					eventType = "ACTOR.RUN.FAILED"
				}
				body := odd(runID, eventType)
				id, err := sendUntilAnswered(func() (answer, error) { return send(dispatch(runID, 1), body) })
				if err != nil {
					t.Errorf("run %s: %v", runID, err)
					return
				}
				mu.Lock()
				sent[runID] = told{id, failed, body}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return sent
}

// sendUntilAnswered gives the event id of the first answer that is 200.
func sendUntilAnswered(send func() (answer, error)) (string, error) {
	deadline := time.Now().Add(time.Minute)
	for {
		a, err := send()
		switch {
		case err == nil && a.Code == http.StatusOK:
			return a.EventID, nil
		case time.Now().After(deadline):
			return "", fmt.Errorf("no answer within a minute, the last: %d %s, %w", a.Code, a.Message, err)
		}
		pause(20 * time.Millisecond)
	}
}
