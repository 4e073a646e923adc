// Package chaos proves the promises on real processes: gateways built from this tree, real PostgreSQL, real Redis, killed,
// paused, flushed, filled and cut off under load. It holds tests only; nobody imports it.
package chaos
