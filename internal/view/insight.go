package view

import "time"

// What the dashboard shows beside the listings. Shares are between 0 and 1; names of outcomes, reasons and repeats are those
// of the core.

// Overview is how a time range went, read from rollups: whole steps, so that Since and Until may lie a little outside of
// what was asked for.
type Overview struct {
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until"`
	StepSeconds int64     `json:"step_seconds"`

	Receipts   int64   `json:"receipts" doc:"Authenticated requests."`
	LetThrough int64   `json:"let_through" doc:"Events: new, updated, late and test."`
	Duplicates int64   `json:"duplicates"`
	Saved      float64 `json:"saved" doc:"Duplicates as a share of all receipts: what the application was spared."`

	Outcomes map[string]int64 `json:"outcomes" doc:"Receipts by outcome; all outcomes are there."`
	Reasons  map[string]int64 `json:"reasons" doc:"Receipts by reason; all reasons are there. window_hit, race_lost and ledger_hit say which layer caught a duplicate."`
	Repeats  map[string]int64 `json:"repeats" doc:"Duplicates by kind: retry, twin, unknown."`
	Series   Series           `json:"series"`

	Latency     Latency    `json:"latency"`
	Redis       StoreState `json:"redis"`
	Database    StoreState `json:"database"`
	HitsWaiting int64      `json:"hits_waiting" doc:"Duplicates told by Redis whose receipts are not in the database yet; -1 when Redis can't tell."`
	Unrecorded  int64      `json:"unrecorded" doc:"Duplicates whose receipt could be stored nowhere since this process started."`
	Forwarding  Forwarding `json:"forwarding"`
	Advice      []Advice   `json:"advice" nullable:"false" doc:"What an operator might want to change."`
}

// Series is one column a line of a chart: a value for each time.
type Series struct {
	Times    []int64            `json:"times" nullable:"false" doc:"Start of each step, Unix seconds."`
	Outcomes map[string][]int64 `json:"outcomes" doc:"Receipts by outcome; outcomes that never occurred are left out."`
	Reasons  map[string][]int64 `json:"reasons" doc:"Receipts by reason; reasons that never occurred are left out."`
}

// Latency is how long one process took from a request's last byte to its verdict.
type Latency struct {
	Answers       int64   `json:"answers" doc:"Verdicts within the window; with none, the times are 0."`
	P50Millis     float64 `json:"p50_ms"`
	P99Millis     float64 `json:"p99_ms"`
	WindowSeconds int64   `json:"window_seconds"`
	Scope         string  `json:"scope" doc:"Whose answers: those of the process that was asked, not of its replicas."`
}

// StoreState is how a process sees Redis or the database.
type StoreState struct {
	Kind   string    `json:"kind" enum:"redis,embedded,postgres,sqlite"`
	Up     bool      `json:"up"`
	Since  time.Time `json:"since" doc:"Of the last change, or of the start of the process."`
	Detail string    `json:"detail,omitempty" doc:"When it is not up: what that means."`
	Error  string    `json:"error,omitempty" doc:"When it is not up: the last failure."`
}

// Forwarding sums the deliveries of all destinations.
type Forwarding struct {
	Waiting  int64      `json:"waiting" doc:"Deliveries that are not over: pending, delivering or retrying."`
	Held     int64      `json:"held"`
	Dead     int64      `json:"dead"`
	OldestAt *time.Time `json:"oldest_at,omitempty" doc:"Creation of the oldest waiting delivery."`
}

// Advice is a sentence for an operator.
type Advice struct {
	Kind   string `json:"kind" enum:"twins,unknown_repeats,redis_down,database_down,ledger_hits,quarantine,hits_waiting"`
	Source string `json:"source,omitempty"`
	Text   string `json:"text"`
}

// TopQuery selects what was repeated most often.
type TopQuery struct {
	Range
	By     string // actor, run or dispatch
	Source string
	Limit  int
}

// Top lists what was repeated most often in a range, from summaries of ten minutes (of days, for what is older than two).
type Top struct {
	By           string    `json:"by" enum:"actor,run,dispatch"`
	Since        time.Time `json:"since" doc:"Widened to whole summaries."`
	Until        time.Time `json:"until"`
	CountedUntil time.Time `json:"counted_until" doc:"Receipts are counted until then; summaries are renewed every few seconds."`
	Repeats      int64     `json:"repeats" doc:"Duplicates of the range that were counted."`
	Items        []TopItem `json:"items" nullable:"false"`
	// AtLeast says that summaries keep their greatest names only and some of them were full.
	AtLeast bool `json:"at_least" doc:"Counts are lower bounds: some summaries had more names than they keep."`
}

// TopItem is an actor, a run or a dispatch with its duplicates.
type TopItem struct {
	Source string  `json:"source"`
	Kind   string  `json:"kind,omitempty" enum:"run,build," doc:"Of a run."`
	Name   string  `json:"name" doc:"The actor's, the run's or the dispatch's id."`
	Count  int64   `json:"count"`
	Share  float64 `json:"share" doc:"Of all duplicates of the range."`
}

// WindowQuery asks about the window of a source, or of one of its event types.
type WindowQuery struct {
	Range
	Source string
	Type   string        // "" is all types of the source together
	Window time.Duration // 0 for none
}

// WindowSummary is how well the window of a source and event type does.
type WindowSummary struct {
	Source    string        `json:"source"`
	Type      string        `json:"type" doc:"Event type; empty for all of the source together."`
	Repeats   int64         `json:"repeats"`
	Setting   WindowSetting `json:"setting"`
	Caught    float64       `json:"caught" doc:"Share of the repeats that the window in force catches, as a lower bound."`
	Suggested string        `json:"suggested,omitempty" doc:"A window that would do better or as well with less memory; absent when the present one is right or too little is known."`
	Text      string        `json:"text" doc:"The advice as a sentence."`

	Verdict        string `json:"verdict" enum:"unknown,right,change,too_early" doc:"unknown: too few repeats to say. too_early: the window looks too long, but repeats were not watched for long enough to suggest a shorter one."`
	WatchedMillis  int64  `json:"watched_ms" doc:"For how long repeats were watched for: since the day of the first, within the range. 0 without repeats."`
	WatchForMillis int64  `json:"watch_for_ms" doc:"For how long they have to be before a shorter window is suggested: the window in force, and for Apify no less than its 43 hours of retries."`
}

// WindowSetting is what is in force.
type WindowSetting struct {
	Window       string    `json:"window" example:"3d"`
	WindowMillis int64     `json:"window_ms"`
	Lease        string    `json:"lease" example:"15s"`
	LeaseMillis  int64     `json:"lease_ms"`
	Since        time.Time `json:"since" doc:"In force since; the start of the process, when it has not changed after."`
	Own          bool      `json:"own" doc:"Set for just this source or event type, not inherited."`
	Key          string    `json:"key" doc:"The key of the configuration to change." example:"sources[apify].window"`
}

// WindowAdvice is all that is known for choosing a window.
type WindowAdvice struct {
	WindowSummary
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until" doc:"The histogram is kept by the day (UTC): the range is widened to whole days."`
	InFlight int64     `json:"in_flight" doc:"Repeats that came while the first was still being decided: no window catches those."`

	Histogram []LagBucket   `json:"histogram" nullable:"false" doc:"Repeats by lag, from the first that is not empty to the last."`
	Curve     WindowCurve   `json:"curve"`
	Now       WindowFigures `json:"now" doc:"For the window in force."`
	// Chosen answers the query's window.
	Chosen   *WindowFigures `json:"chosen,omitempty" doc:"For the window that was asked for."`
	Cost     WindowCost     `json:"cost"`
	Schedule []RetryTime    `json:"schedule" nullable:"false" doc:"When Apify tries again, counted from the first failed attempt; empty for other senders."`
	LateHits []Receipt      `json:"late_hits" nullable:"false" doc:"The latest repeats that only the database caught, newest first."`
	Notes    []string       `json:"notes" nullable:"false" doc:"What the figures do and do not say."`
}

// LagBucket is a bar of the histogram.
type LagBucket struct {
	FromMillis float64 `json:"from_ms"`
	ToMillis   float64 `json:"to_ms"`
	Count      int64   `json:"count"`
}

// WindowCurve is a step function: a window of windows_ms[i] would have caught at least caught[i] of the repeats, and so
// would every longer one.
type WindowCurve struct {
	WindowsMillis []float64 `json:"windows_ms" nullable:"false"`
	Caught        []float64 `json:"caught" nullable:"false"`
}

// WindowFigures is what a window would do.
type WindowFigures struct {
	Window             string  `json:"window" example:"36h"`
	WindowMillis       int64   `json:"window_ms"`
	Caught             float64 `json:"caught" doc:"Share of the repeats, as a lower bound."`
	DatabaseHitsPerDay float64 `json:"database_hits_per_day" doc:"Repeats a day that the database has to catch, as an upper bound."`
	RedisBytes         int64   `json:"redis_bytes" doc:"Memory that the settled claims take: bytes_per_key × events_per_second × window."`
	YAML               string  `json:"yaml" doc:"The source's block of the configuration with this window. Tokens that stand in the file in clear are shown by their SHA-256."`
	Text               string  `json:"text"`
}

// WindowCost is what memory is computed from.
type WindowCost struct {
	BytesPerKey     float64 `json:"bytes_per_key"`
	BytesMeasured   string  `json:"bytes_measured" enum:"live,benchmark" doc:"live: asked of Redis for keys in use; benchmark: as measured by make bench."`
	KeysMeasured    int     `json:"keys_measured"`
	EventsPerSecond float64 `json:"events_per_second" doc:"Mean of first deliveries over the range."`
	RateEstimated   bool    `json:"rate_estimated" doc:"The event type's share of the rate is that among the source's latest events."`
}

// RetryTime is one of Apify's retries.
type RetryTime struct {
	Retry          int   `json:"retry"`
	NominalMillis  int64 `json:"nominal_ms"`
	EarliestMillis int64 `json:"earliest_ms"`
	LatestMillis   int64 `json:"latest_ms"`
}

// SourceState is a configured source and what came of it.
type SourceState struct {
	Name        string          `json:"name"`
	Kind        string          `json:"kind" enum:"apify,generic"`
	WebhookURL  string          `json:"webhook_url" doc:"Where to send, without a token."`
	Headers     string          `json:"headers_template" doc:"For the sender's headers, with a place for the token."`
	Identity    []string        `json:"identity" nullable:"false" doc:"What makes two requests the same event."`
	Tokens      int             `json:"tokens" doc:"How many tokens the source takes."`
	Credentials []CredentialUse `json:"credentials,omitempty" doc:"The tokens and secrets that let requests in, and their last use by this process."`
	LastSeenAt  *time.Time      `json:"last_seen_at,omitempty" doc:"Minute of the last authenticated request; absent when there was none."`
	Receipts    int64           `json:"receipts" doc:"Of the range."`
	Duplicates  int64           `json:"duplicates"`
	// Quarantined counts requests, not entries.
	Quarantined int64         `json:"quarantined"`
	Configured  bool          `json:"configured" doc:"False for a source that is only known from receipts."`
	Setting     WindowSetting `json:"setting"`
}

// SourceList is all sources with their counts in a range.
type SourceList struct {
	Since time.Time     `json:"since"`
	Until time.Time     `json:"until"`
	Items []SourceState `json:"items" nullable:"false"`
}

// AuditQuery selects entries of the audit; empty fields don't restrict.
type AuditQuery struct {
	Range
	Paging
	Actor, Action, Target string
}

// AuditEntry says who changed what, and why.
type AuditEntry struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action" example:"quarantine.replay"`
	Target string    `json:"target"`
	Reason string    `json:"reason"`
	Detail string    `json:"detail,omitempty"`
}

// ConfigState is the configuration in force.
type ConfigState struct {
	YAML     string    `json:"yaml" doc:"Every key; secrets are ***."`
	Path     string    `json:"path,omitempty" doc:"Of the file; absent when there is none."`
	Since    time.Time `json:"since" doc:"In force since: the start, or the last reload that changed something."`
	Warnings []string  `json:"warnings" nullable:"false"`
}

// Status is what a process says of itself.
type Status struct {
	Version   string     `json:"version"`
	Revision  string     `json:"revision,omitempty"`
	StartedAt time.Time  `json:"started_at"`
	UptimeSec int64      `json:"uptime_seconds"`
	Now       time.Time  `json:"now" doc:"The gateway's clock."`
	Embedded  bool       `json:"embedded" doc:"Runs without services, for trying out."`
	Stopping  bool       `json:"stopping"`
	PublicURL string     `json:"public_url" doc:"Where senders reach the public listener."`
	Redis     StoreState `json:"redis"`
	Database  StoreState `json:"database"`
	Receipts  bool       `json:"receipts" doc:"Whether anything was ever received; false only when that is certain."`
}

// Connect is how to make the embedded gateway's first webhook.
type Connect struct {
	Source     string `json:"source"`
	WebhookURL string `json:"webhook_url" doc:"With the token that the gateway made for itself."`
}

// SentSample is what became of a sample.
type SentSample struct {
	Status    int    `json:"status" doc:"Of the answer that the sender would have got."`
	Outcome   string `json:"outcome,omitempty"`
	RunID     string `json:"run_id,omitempty"`
	EventID   string `json:"event_id,omitempty"`
	ReceiptID string `json:"receipt_id,omitempty"`
	Message   string `json:"message,omitempty"`
}

// LiveReceipt is a receipt with what its event says of the run.
type LiveReceipt struct {
	Receipt
	Kind    string `json:"kind,omitempty" enum:"run,build,"`
	RunID   string `json:"run_id,omitempty"`
	ActorID string `json:"actor_id,omitempty"`
	TaskID  string `json:"task_id,omitempty"`
}

// ReceiptMark is where a receipt stands in the order of all.
type ReceiptMark struct {
	ReceivedAt time.Time
	ID         [16]byte
}
