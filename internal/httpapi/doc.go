// Package httpapi is the gateway's HTTP surface: the public listener that receives webhooks, and the admin listener that
// shows what became of them. It is the only package that knows gin and huma. It may import dedup, delivery, source,
// signature and view; what else it needs it declares as small interfaces, which internal/app fills.
//
// A webhook goes straight down: receipt id and time, source and token, what kind of body, the body, its identity, the
// gate, the answer, one log line. The gate is called once, with a context that the client can't cancel.
//
// What it promises:
//   - A 2xx is written only after the gate gave a verdict. Every other end is in one table, [refusals], and says what to do.
//   - An unknown source and a wrong token can't be told apart: same answer, same work.
//   - Bodies, tokens and query strings are in no log line, no metric and no answer. Text of a sender's in a log line is
//     cut to a bounded length.
//   - A route without a declared rule of access answers nobody.
package httpapi
