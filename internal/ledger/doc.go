// Package ledger is the source of truth: events, receipts, runs, quarantine and counters in PostgreSQL, or in SQLite for
// trying out. Only internal/app and tests import it; gorm, pgx, SQLite and goose are known nowhere else.
//
// Authority: only this package says "first". A unique index decides, and the row that it gives back says who was first:
// the receipt id in events.first_receipt_id. No unique violation is ever raised, and none is ever caught.
//
// One [Ledger.Record] is one transaction: run rows, events, runs again, deliveries and their jobs, quarantine, receipts,
// counters, in that order, each sorted. Two batches never wait for each other in a circle. A batch recorded again after an
// unclear commit finds its own receipts and gives the same verdicts.
//
// A delivery is made with its event and gets its job only if its row was not there, in the same transaction ([Outbox]). Its
// row is the truth: jobs only say when to look at it. [Ledger.Begin] and [Ledger.Finish] move it on, operators retry, cancel,
// release and replay; the last two lines of every change are its jobs and its audit entry.
//
// Failures, by error code, never by text: what the server did not answer is [dedup.ErrUnavailable], or [dedup.ErrUnclear]
// when COMMIT had been sent; a lock not had in time is [dedup.ErrContended]; data that the database refuses is
// [dedup.ErrRejected]. No error and no log line holds a value of a row.
//
// Everything goes through GORM. Inserts, upserts and counters are Raw statements whose rows travel as one array a column
// on PostgreSQL and as VALUES on SQLite (see table): the text stays the same for every batch size, so the server plans it
// once. Everything else is GORM's builder.
package ledger
