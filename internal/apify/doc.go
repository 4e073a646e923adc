// Package apify asks Apify: what it tried to tell, what happened without a word, and whether what a request told is true.
// Only internal/app and cmd import it; it imports the pure core and the standard library.
//
// Authority: Apify's API, read only. Nothing is ever changed there. What is found missing goes through the gate like any
// request, so that nothing here can make an event happen twice: the ledger's unique index decides, as always.
//
// A [Client] makes the calls: one token, sent in the Authorization header to one host and nowhere else, no redirects, a bound
// on every answer, a pace of its own, and patience with 429 and 5xx. [Examine] judges an account's webhooks. A [Reconciler]
// looks for events that never came. A [Verifier] looks up what a request has told.
//
// Failures: [ErrNotFound] is an answer; [ErrRefused] needs an operator; [ErrUnavailable] passes. No error and no log line
// holds the token, nor a webhook's URL with its query, which holds the source's.
package apify
