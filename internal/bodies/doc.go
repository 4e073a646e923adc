// Package bodies keeps what the repeats of an event told where it differs from the event's own body, so that an operator can
// compare them: two webhooks with different templates tell one event in different words.
//
// It decides nothing, and nobody waits for it. A [Keeper] is offered a body when its request is decided, holds a bounded
// number of them, and writes them behind the senders' backs. What finds no place, what the database does not take, and what
// waits when the process dies is lost: the receipts, which are the record, are not affected.
package bodies
