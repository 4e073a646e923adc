package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// runBody is the body of an event of a run, in the documented shape; the fields that identity does not read are left out.
func runBody(t *testing.T, runID, eventType string, finished time.Time, resurrected int) []byte {
	t.Helper()
	resource := map[string]any{
		"id": runID, "actId": "zdoEemL5RrvCPG8vu", "status": "RUNNING", "finishedAt": nil,
		"stats": map[string]any{"resurrectCount": resurrected},
	}
	if !finished.IsZero() {
		resource["finishedAt"] = finished.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	body, err := json.Marshal(map[string]any{
		"userId": "WsjZnQgsy2sQsskLx", "createdAt": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "eventType": eventType,
		"eventData": map[string]any{"actorId": "zdoEemL5RrvCPG8vu", "actorRunId": runID}, "resource": resource,
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// succeeded is the end of a run.
func succeeded(t *testing.T, runID string) []byte {
	t.Helper()
	return runBody(t, runID, "ACTOR.RUN.SUCCEEDED", time.UnixMilli(1_789_373_061_640), 0)
}

// newRunID makes an id of Apify's form, 17 letters and digits.
func newRunID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 17)
	for i := range id {
		id[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(id)
}

// dispatch makes the dispatch id of a run's n-th webhook.
func dispatch(runID string, n int) string { return fmt.Sprintf("%s%d", runID[:16], n) }
