// Package source knows the configured senders and what identifies their requests: Apify's webhooks, and any other sender
// that names its events in a header, a query parameter or the body.
//
// It is pure: no I/O, no clock, nothing that a request leaves behind. It imports dedup, signature and a JSON tokenizer; the
// adapters of the gateway may import it, it imports none of them.
//
// What it promises:
//   - The same request gets the same key, now, after a restart, and when it is taken out of the quarantine again
//     ([RequestFromStored]).
//   - Different identities never get the same key: parts are composed injectively, and what can't be kept faithfully
//     (an unfilled template variable, a lone surrogate, an overlong value) counts as missing, never as a value.
//   - No request makes it fail. What has no identity comes back with a quarantine that tells its sender what to do.
//   - No secret is kept: of the headers and query parameters only those of an allow-list are, and no token may be on it.
//
// An Apify event is named by run or build, id, generation and type. The generation tells one life of a run from the next:
// a run can be resurrected from any end and then end again, so (id, type) would drop real events. Where the body does not
// tell the generation, the dispatch id stands in, which every retry repeats.
package source
