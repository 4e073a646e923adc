// Package forward hands events on. For deliveries the ledger makes jobs in the transaction that stores them;
// River carries the job, this package's worker makes the attempts, and the [Store] keeps what is true of deliveries.
// It is the only package that knows River; internal/app puts it together with the ledger.
//
// What it promises:
//   - An event that was committed is attempted until it is delivered, dead or cancelled, whatever process dies meanwhile.
//     A job whose process has gone is replaced by another process, or by the next one, within about RescueAfter.
//   - One attempt of a delivery at a time: only the newest job begins one, and not while another's is under way.
//   - At least once: the id of the webhook is the id of the event in every attempt. After a receiver's 2xx there is no
//     further attempt on purpose: the result is told to the store until it has it. Only a process that dies, or must stop,
//     between the two lets an event arrive again.
//   - Each destination has a queue of its own: a slow or dead receiver holds up nobody else. Waiting for a breaker, a rate,
//     an earlier event or the end of a pause burns no attempt.
//   - Only public addresses are dialed, whatever a name resolves to, unless a destination allows a range.
//
// When things fail: without the database nothing moves, results are kept in memory and stored when it is back; without
// LISTEN (a pooler in between, SQLite) jobs are found by polling; a job without a deliverable delivery ends silently.
package forward
