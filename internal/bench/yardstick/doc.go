// Package yardstick has the two receivers that the gateway is measured against, and the sink that it hands events to. It is
// the bench's own: only internal/bench imports it.
//
// Bare is what HTTP alone costs: the gateway's server settings, a gin route that reads the body and finds its identity as
// the gateway does, one log line, and an answer of the same size. It keeps nothing, so nothing that keeps something can be
// faster.
//
// Naive is what a team would write in an afternoon: the same, then SETNX with a time to live, then one GORM upsert a
// request into one table with a unique index. It is no gateway: it forgets an event when it dies between the two, calls a
// repeat new when Redis forgets, keeps no receipts and has no runs.
package yardstick
