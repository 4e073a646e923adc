// Package load plays many senders at once against one address and measures what comes back. It is the bench's own: only
// internal/bench imports it.
//
// It is light on purpose, since it shares the machine with what it measures: requests are built once and only their ids
// are patched, answers are read for their status, length and outcome and nothing else. It speaks just enough HTTP/1.1 for
// that: keep-alive, one request in flight a connection, answers with a Content-Length.
//
// Without a rate every connection sends as soon as it has its answer (closed loop), which finds the maximum. With a rate
// requests are due at fixed times and latency counts from the time a request was due, not from when it could at last be
// sent (open loop): a server that stalls is charged for everybody who had to wait.
package load
