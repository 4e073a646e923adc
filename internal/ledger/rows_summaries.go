package ledger

import "time"

type sumRow struct {
	Span    int // in minutes
	Start   time.Time
	Source  string
	Outcome string
	Reason  string
	Repeat  string
	Count   int64
}

func (sumRow) TableName() string { return "rollup_sums" }

type sliceRow struct {
	Start   time.Time `gorm:"primaryKey"`
	Seen    int64
	Repeats int64
	IsFull  bool
}

func (sliceRow) TableName() string { return "repeat_slices" }

type topRow struct {
	Start     time.Time
	Dimension string
	Source    string
	Kind      string
	Name      string
	Count     int64
}

func (topRow) TableName() string { return "repeat_tops" }
