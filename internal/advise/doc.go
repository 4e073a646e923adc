// Package advise says what a dedup window is worth: which share of repeats it catches, what it costs in Redis memory and in
// questions to the database, and which window would do. It computes from the histogram of repeat lags (repeat − first) and
// does no I/O. It imports the core and the standard library only; anyone may import it.
//
// Every share it gives is a lower bound. A window is counted to catch a repeat only if the whole bucket of the repeat's lag
// lies within it, and the lag is that to the first request although a repeat that only the database caught begins the
// window anew. Repeats that came while the first was still being decided are caught by no window; they are taken off.
package advise
