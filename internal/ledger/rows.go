package ledger

import "time"

// The rows as GORM reads them. Names of columns follow from names of fields.

type runRow struct {
	RunID       string
	Kind        string
	Source      string
	Status      string
	Version     []byte // dedup.Version encoded; empty when no event has moved the run yet
	ActorID     string
	TaskID      string
	OccurredAt  *time.Time
	FirstSeenAt time.Time
	UpdatedAt   time.Time `gorm:"autoUpdateTime:false"`
	Events      int64
	LastSeq     int64
}

func (runRow) TableName() string { return "runs" }

type eventRow struct {
	ID             rowID
	Source         string
	EventKey       string
	Type           string
	Kind           string
	RunID          string
	ActorID        string
	TaskID         string
	Generation     string
	DispatchID     string
	Seq            int64
	Version        []byte // that it gave its run, if no event's was higher; empty when it moves none
	Outcome        string
	Hits           int64
	FirstReceiptID rowID
	ReceivedAt     time.Time
	OccurredAt     *time.Time
	ContentType    string
	Headers        string
	BodyBytes      int64
	Body           []byte // nil when purged; never nil before
}

func (eventRow) TableName() string { return "events" }

type receiptRow struct {
	ReceivedAt   time.Time
	ID           rowID
	Source       string
	Outcome      string
	Reason       string
	Repeat       string
	EventID      *rowID
	QuarantineID *rowID
	Type         string
	DispatchID   string
	LagMillis    *int64 `gorm:"column:lag_ms"`
	Degraded     bool
	RemoteIP     string
	Via          string
}

func (receiptRow) TableName() string { return "receipts" }

type quarantineRow struct {
	ID             rowID
	Source         string
	Reason         string
	BodyHash       []byte
	Message        string
	DispatchID     string
	ContentType    string
	Headers        string
	BodyBytes      int64 // as sent; -1 when the sender did not say
	Truncated      bool
	Body           []byte
	Hits           int64
	FirstReceiptID rowID
	FirstSeenAt    time.Time
	LastSeenAt     time.Time
	ReplayedAt     *time.Time
	ReplayEventID  *rowID
}

func (quarantineRow) TableName() string { return "quarantine" }

type rollupRow struct {
	Minute  time.Time
	Source  string
	Outcome string
	Reason  string
	Repeat  string
	Shard   int
	Count   int64
}

func (rollupRow) TableName() string { return "rollups" }

type lagRow struct {
	Day       time.Time
	Source    string
	EventType string
	Bucket    int
	Shard     int
	Count     int64
	InFlight  int64 // of these
}

func (lagRow) TableName() string { return "repeat_lag" }

type auditRow struct {
	ID     rowID
	At     time.Time
	Actor  string
	Action string
	Target string
	Reason string
	Detail string
}

func (auditRow) TableName() string { return "audit" }

type progressRow struct {
	Job       string `gorm:"primaryKey"`
	DoneUntil time.Time
}

func (progressRow) TableName() string { return "progress" }
