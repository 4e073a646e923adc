package source

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// class is what is known of an event type by its name.
type class struct {
	kind   dedup.Kind
	status dedup.Status // "" for a type that this version does not know
}

// classify reads an Apify event type. Unknown ones speak of a build when they say so, else of a run.
func classify(eventType string) class {
	kind := dedup.KindRun
	verb, isRun := strings.CutPrefix(eventType, "ACTOR.RUN.")
	if !isRun {
		var isBuild bool
		if verb, isBuild = strings.CutPrefix(eventType, "ACTOR.BUILD."); !isBuild {
			return class{kind: kind}
		}
		kind = dedup.KindBuild
	}
	status := dedup.Status(verb)
	if status == dedup.StatusCreated || status.IsEnd() || (status == dedup.StatusResurrected && isRun) {
		return class{kind, status}
	}
	return class{kind: kind}
}

// code is the letter that stands for a known type in a key.
func (c class) code() string { return string(c.status[:1]) }

// generation tells one life of a run from the next: its part of the key and the same for people. The zero value is right
// for types that need none.
type generation struct {
	part string
	text string
}

// generationOf is the generation of a known type, and false when the body does not tell the one it needs.
func (c class) generationOf(finished moment, resurrections scalar) (generation, bool) {
	switch {
	case c.status == dedup.StatusCreated:
		return generation{}, true
	case c.status == dedup.StatusResurrected:
		n, ok := count(resurrections)
		part := strconv.FormatUint(uint64(n), 10)
		return generation{part, part}, ok
	case c.status.IsEnd():
		return generation{finished.part(), finished.text()}, finished.known
	default:
		return generation{}, false
	}
}

// version places a known type among the events of its run.
func (c class) version(eventType string, at moment, resurrections scalar) dedup.Version {
	life, _ := count(resurrections)
	v := dedup.Version{Life: life, At: at.millis(), Type: eventType}
	switch {
	case c.status == dedup.StatusResurrected:
		v.Life, v.Rank = max(1, life), dedup.RankResurrected
	case c.status.IsEnd():
		v.Rank = dedup.RankEnd
	}
	return v
}

// count reads a number that is a plain non-negative integer; anything else is missing.
func count(s scalar) (uint32, bool) {
	n, err := strconv.ParseUint(string(s), 10, 32)
	return uint32(n), err == nil
}

// moment is a point in time as the sender told it, or the lack of one.
type moment struct {
	at    time.Time
	known bool
}

// parseMoment reads RFC 3339. Anything else is missing, and so is what has more digits than a nanosecond: a time that was
// cut would let two moments pass for one.
func parseMoment(s scalar) moment {
	if len(s) < 2 || s[0] != '"' {
		return moment{}
	}
	text := []byte(s[1 : len(s)-1])
	// What the standard library lets through beyond RFC 3339: an hour of one digit, and a decimal comma.
	if len(text) < len("2006-01-02T15:04:05Z") || text[13] != ':' || text[19] == ',' || decimals(text[19:]) > 9 {
		return moment{}
	}
	var t time.Time
	if t.UnmarshalText(text) != nil {
		return moment{}
	}
	return moment{t.UTC(), true}
}

// decimals counts the digits after the point that the text starts with.
func decimals(text []byte) int {
	digits, fraction := bytes.CutPrefix(text, []byte("."))
	if !fraction {
		return 0
	}
	return len(digits) - len(bytes.TrimLeft(digits, "0123456789"))
}

// millis is 0 for an unknown moment.
func (m moment) millis() int64 {
	if !m.known {
		return 0
	}
	return m.at.UnixMilli()
}

// part is Unix milliseconds, with decimals when the moment lies between two of them.
func (m moment) part() string {
	if !m.known {
		return ""
	}
	b := strconv.AppendInt(make([]byte, 0, 24), m.at.UnixMilli(), 10)
	if rest := m.at.Nanosecond() % int(time.Millisecond); rest != 0 {
		digits := strconv.Itoa(int(time.Millisecond) + rest) // a leading 1 keeps the zeros
		b = append(append(b, '.'), strings.TrimRight(digits[1:], "0")...)
	}
	return string(b)
}

// text is RFC 3339 in UTC, with the milliseconds that Apify writes and more where there are more.
func (m moment) text() string {
	switch {
	case !m.known:
		return ""
	case m.at.Nanosecond()%int(time.Millisecond) == 0:
		return m.at.Format("2006-01-02T15:04:05.000Z07:00")
	default:
		return m.at.Format(time.RFC3339Nano)
	}
}
