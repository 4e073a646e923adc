// Package metrics counts what the gateway does, for Prometheus. It implements the observers that the core and the HTTP
// handlers declare; internal/app wires it to them. It may import dedup and delivery and nothing else of
// the project.
//
// Every label set is closed: sources and destinations are the configured names, all other labels come from the core's lists. Nothing that
// a sender writes becomes a label, so a hostile sender can't grow the number of series.
//
// There are no package variables: each [Metrics] has its own registry. All methods are safe for concurrent use and none
// of them blocks.
package metrics
