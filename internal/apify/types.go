package apify

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// The documents of Apify's API, as far as they are looked at.

// Condition says whose events a webhook tells. One of the fields is set, as a rule.
type Condition struct {
	ActorID string `json:"actorId"`
	TaskID  string `json:"actorTaskId"`
	RunID   string `json:"actorRunId"`
}

// Webhook is a webhook of the account. Lists leave the two templates out.
type Webhook struct {
	ID              string     `json:"id"`
	IsAdHoc         bool       `json:"isAdHoc"`
	IsEnabled       *bool      `json:"isEnabled"` // nil: not told, so it is
	ActionType      string     `json:"actionType"`
	Interpolates    bool       `json:"shouldInterpolateStrings"`
	EventTypes      []string   `json:"eventTypes"`
	Condition       Condition  `json:"condition"`
	DoNotRetry      bool       `json:"doNotRetry"`
	IgnoreSSLErrors bool       `json:"ignoreSslErrors"`
	RequestURL      string     `json:"requestUrl"` // holds the secret; never shown
	PayloadTemplate string     `json:"payloadTemplate"`
	HeadersTemplate string     `json:"headersTemplate"` // may hold the secret; never shown
	Description     string     `json:"description"`
	LastDispatch    *LastTried `json:"lastDispatch"`
}

// LastTried is how a webhook's latest dispatch went.
type LastTried struct {
	Status     string     `json:"status"`
	FinishedAt *time.Time `json:"finishedAt"`
}

// Off reports a webhook that is switched off.
func (w *Webhook) Off() bool { return w.IsEnabled != nil && !*w.IsEnabled }

// The statuses of a dispatch.
const (
	DispatchActive    = "ACTIVE"    // Apify is still trying
	DispatchSucceeded = "SUCCEEDED" // an attempt was answered 2xx
	DispatchFailed    = "FAILED"    // Apify has given up
)

// Dispatch is one event that one webhook had to tell.
type Dispatch struct {
	ID        string          `json:"id"`
	UserID    string          `json:"userId"`
	WebhookID string          `json:"webhookId"`
	CreatedAt time.Time       `json:"createdAt"`
	Status    string          `json:"status"`
	EventType string          `json:"eventType"`
	EventData json.RawMessage `json:"eventData"`
	Webhook   *struct {
		RequestURL string `json:"requestUrl"`
		IsAdHoc    bool   `json:"isAdHoc"`
	} `json:"webhook"`
	Calls Calls `json:"calls"`
}

// Run is the run or build that the dispatch speaks of, by its event data; zero when it names none.
func (d *Dispatch) Run() dedup.RunRef {
	var data struct {
		RunID   string `json:"actorRunId"`
		BuildID string `json:"actorBuildId"`
	}
	_ = json.Unmarshal(d.EventData, &data) // null for a TEST
	switch {
	case dedup.IsPlainID(data.RunID):
		return dedup.RunRef{Kind: dedup.KindRun, ID: data.RunID}
	case dedup.IsPlainID(data.BuildID):
		return dedup.RunRef{Kind: dedup.KindBuild, ID: data.BuildID}
	default:
		return dedup.RunRef{}
	}
}

// Call is one HTTP attempt of a dispatch.
type Call struct {
	ResponseStatus int `json:"responseStatus"` // 0 when there was no answer
}

// Calls are the attempts of a dispatch, oldest first. Apify has described them as one object, too.
type Calls []Call

// UnmarshalJSON takes a list, an object or null.
func (c *Calls) UnmarshalJSON(text []byte) error {
	var many []Call
	if err := json.Unmarshal(text, &many); err == nil {
		*c = many
		return nil
	}
	var one Call
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	*c = Calls{one}
	return nil
}

// Job is a run or build, short or in full. Document is as Apify gave it.
type Job struct {
	ID         string     `json:"id"`
	ActorID    string     `json:"actId"`
	TaskID     string     `json:"actorTaskId"`
	UserID     string     `json:"userId"`
	Status     string     `json:"status"`
	StartedAt  time.Time  `json:"startedAt"`
	FinishedAt *time.Time `json:"finishedAt"`
	Stats      struct {
		Resurrections int `json:"resurrectCount"`
	} `json:"stats"` // zero in lists

	Document json.RawMessage `json:"-"`
}

// UnmarshalJSON keeps the document beside what is read from it.
func (j *Job) UnmarshalJSON(text []byte) error {
	type plain Job
	if err := json.Unmarshal(text, (*plain)(j)); err != nil {
		return err
	}
	j.Document = append(json.RawMessage(nil), text...)
	return nil
}

// End is the status with which the run or build has ended; "" while it has not.
func (j *Job) End() dedup.Status {
	if s := dedup.Status(strings.ReplaceAll(j.Status, "-", "_")); s.IsEnd() {
		return s
	}
	return ""
}
