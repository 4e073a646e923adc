package view

// DestinationStatus is a destination with how it is: what the configuration says, what the database counts, and what this
// process knows.
type DestinationStatus struct {
	DestinationStats
	Configured bool   `json:"configured" doc:"False for one that is not in the configuration any more; its deliveries wait until it is back, or are cancelled."`
	URL        string `json:"url,omitempty" doc:"Where to, without its query."`
	Ordered    bool   `json:"ordered"`
	Paused     bool   `json:"paused" doc:"Paused by an operator, for all replicas."`
	Breaker    string `json:"breaker,omitempty" enum:"closed,half_open,open," doc:"State of the circuit breaker in the process that answers."`
	BacklogAge int64  `json:"backlog_age_ms" doc:"Age of the oldest delivery that is pending, delivering or retrying; 0 when there is none."`
}
