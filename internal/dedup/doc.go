// Package dedup is the core of the gateway: what an inbound webhook is, what makes two of them the same event, and who
// may say so. It imports the standard library only; every adapter imports it and it imports none.
//
// The law: Redis (a [Claimer]) may only shorten the way to "duplicate"; only the database (a [Ledger]) may say "first";
// no verdict that leads to a 2xx leaves [Gate.Admit] before the commit.
//
// States of an event's claim: none → pending (P, for a lease) → settled (C, for a window) → none. A pending claim never
// means duplicate, so nothing has to be released when a process dies: the lease ends and the database is asked again.
//
// Failures. The claimer may be empty, slow, wrong, flushed or gone: the database is asked and the verdict is marked
// degraded. The ledger may be gone: [ErrUnavailable], except for a request whose mark is good, which is a duplicate
// whatever happens. The ledger may be contended: the batch is split so that only the locked key waits. The ledger may
// refuse a row: that one row goes to quarantine. A commit may be unclear: the same batch is recorded again with the same
// ids until the ledger answers or the deadline ends the wait.
package dedup
