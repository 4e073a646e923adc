package view

import "time"

// Storms are what is repeated faster than it should be, as this process sees it.
type Storms struct {
	Rate  string  `json:"rate" doc:"limits.storm: more repeats of one run or dispatch are a storm, and fifty times as many of one source." example:"100/m"`
	Items []Storm `json:"items"`
}

// Storm is one run, dispatch or source that is repeated too fast.
type Storm struct {
	By      string    `json:"by" enum:"run,dispatch,source"`
	Source  string    `json:"source"`
	Name    string    `json:"name,omitempty" doc:"Id of the run, build or dispatch."`
	Repeats int       `json:"repeats" doc:"Within the rate's period, at least."`
	Since   time.Time `json:"since"`
}

// CredentialUse says when a token or secret of a source last let a request in, as this process knows it.
type CredentialUse struct {
	Name       string     `json:"name" doc:"Recognisable, never the credential itself." example:"token sha256:0a1b2c3d…"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"null: not since the start of the process."`
}

// NewCredentialUse takes a zero time for never.
func NewCredentialUse(name string, last time.Time) CredentialUse {
	u := CredentialUse{Name: name}
	if !last.IsZero() {
		u.LastUsedAt = &last
	}
	return u
}
