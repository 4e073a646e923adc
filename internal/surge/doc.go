// Package surge notices storms: one run, one dispatch or one source whose repeats come faster than they should. It only
// looks: every repeat is answered as a duplicate whatever is found here.
//
// It counts in bounded memory whatever is sent (space-saving counters over a sliding window, in slices), so that the
// largest are found among any number of names. What it says is never too much: a count leaves out what may have been
// another name's.
//
// It is pure, has no clock of its own, and may be imported by anyone. Apify tells no webhook's id in its requests, so that
// a storm of one webhook shows as one of its source, and of the runs it speaks of.
package surge
