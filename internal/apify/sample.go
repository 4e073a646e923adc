package apify

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/source"
)

// The event that templates are tried with.
const (
	sampleRun  = "ojue2pKvaKRjkewuJ"
	sampleData = `{"actorId":"zdoEemL5RrvCPG8vu","actorTaskId":"8cQzyJaY4Zvr7EcNH","`
	sampleRest = `","actId":"zdoEemL5RrvCPG8vu","userId":"WsjZnQgsy2sQsskLx","startedAt":"2026-09-14T08:00:03.117Z",` +
		`"finishedAt":"2026-09-14T08:04:21.640Z","stats":{"resurrectCount":1},"status":"`
)

// telling is one way in which one event may be told: by another webhook it has another dispatch and another time.
type telling struct{ dispatchID, createdAt string }

func tellings() [2]telling {
	return [2]telling{{"SExv8QzmugdNukKjN", "2026-09-14T08:04:27.811Z"}, {"bQdYfLhPJ2nT6cWmA", "2026-09-14T08:04:27.817Z"}}
}

// sampleVariables are those of the event that a type names.
func sampleVariables(eventType string, told telling) Variables {
	id := "actorRunId"
	if strings.HasPrefix(eventType, "ACTOR.BUILD.") {
		id = "actorBuildId"
	}
	status := eventType[strings.LastIndexByte(eventType, '.')+1:]
	return Variables{
		UserID: json.RawMessage(`"WsjZnQgsy2sQsskLx"`), CreatedAt: quote(told.createdAt), EventType: quote(eventType),
		EventData: json.RawMessage(sampleData + id + `":"` + sampleRun + `"}`),
		Resource:  json.RawMessage(`{"id":"` + sampleRun + sampleRest + status + `"}`),
		Globals:   json.RawMessage(`{"dateISO":"2026-09-14T08:04:27.811Z","dateUnix":1789373067}`),
	}
}

// sampleInbound is what a source makes of a webhook's request for an event of a type.
func sampleInbound(w *Webhook, src *source.Source, eventType string, told telling) (dedup.Inbound, error) {
	body, err := Render(w.PayloadTemplate, w.Interpolates, sampleVariables(eventType, told))
	if err != nil {
		return dedup.Inbound{}, err
	}
	return identify(src, body, told.dispatchID, time.Unix(1789373067, 0)), nil
}

// userAgent marks requests that no sender has sent.
const userAgent = "dedupgate reconcile"

// identify makes the inbound of a body as if Apify had sent it.
func identify(src *source.Source, body []byte, dispatchID string, at time.Time) dedup.Inbound {
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {userAgent}}
	if dispatchID != "" {
		header.Set("X-Apify-Webhook-Dispatch-Id", dispatchID)
	}
	in := src.Identify(source.Request{Header: header, Body: body, ReceiptID: dedup.NewID(at), ReceivedAt: at})
	in.Via = dedup.ViaReconciled
	return in
}

// quote writes a text as JSON.
func quote(text string) json.RawMessage {
	b, err := encode(text)
	if err != nil { // texts can always be written
		return nil
	}
	return b
}
