package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// maxValue is the longest header, query or body value that is believed to name an event, in bytes.
const maxValue = 1024

// plan notes what to read and what to keep for the places.
func (s *Source) plan(keys []Place) {
	for i, p := range keys {
		switch p.in {
		case inHeader:
			s.headers = append(s.headers, p.name)
		case inQuery:
			s.queries = append(s.queries, p.name)
		case inBody:
			s.fields = graft(s.fields, strings.Split(p.name, "."), i)
		case inNowhere, inBodyHash: // no place that is read or kept
		}
	}
}

// graft adds a path to the tree of fields.
func graft(fields []field, path []string, slot int) []field {
	i := 0
	for i < len(fields) && fields[i].name != path[0] {
		i++
	}
	if i == len(fields) {
		fields = append(fields, field{name: path[0], slot: noSlot})
	}
	if len(path) == 1 {
		fields[i].slot = slot
	} else {
		fields[i].inner = graft(fields[i].inner, path[1:], slot)
	}
	return fields
}

// identifyGeneric reads the body only when a place is in it: a sender that names its events in a header may send anything.
func (s *Source) identifyGeneric(r *Request, in *dedup.Inbound) {
	if s.Keys[0].in == inBodyHash {
		s.identifyByHash(in)
		return
	}
	found := make([]scalar, len(s.Keys))
	if len(s.fields) > 0 {
		if problem := s.read(in.Body, found); problem != "" {
			in.Quarantine = &dedup.Quarantine{Reason: dedup.ReasonNotJSON, Message: problem}
			return
		}
	}
	values, missing := make([]string, len(s.Keys)), ""
	for i, p := range s.Keys {
		var ok bool
		switch p.in {
		case inHeader:
			values[i], ok = one(r.Header[p.name])
		case inQuery:
			values[i], ok = one(r.Query[p.name])
		default:
			values[i], ok = found[i].anyText(), true
		}
		if !ok || !isValue(values[i]) {
			missing += ", " + p.String()
		}
	}
	if missing != "" {
		in.Quarantine = &dedup.Quarantine{Reason: dedup.ReasonNoIdentity, Message: fmt.Sprintf(
			"This request can't be told from others: it lacks a usable value of %s. Each must be there once and be plain text of at most %d bytes.",
			missing[2:], maxValue)}
		return
	}
	in.Key.Event = dedup.Compose(tagGeneric, values...)
}

func (s *Source) identifyByHash(in *dedup.Inbound) {
	if len(bytes.TrimSpace(in.Body)) == 0 {
		in.Quarantine = &dedup.Quarantine{
			Reason:  dedup.ReasonNoIdentity,
			Message: "This request can't be told from others: its body is empty, and this source's events are told apart by their bodies.",
		}
		return
	}
	sum := sha256.Sum256(in.Body)
	in.Key.Event = dedup.Compose(tagHash, hex.EncodeToString(sum[:]))
}

// isValue reports whether the text can name an event.
func isValue(s string) bool {
	return s != "" && len(s) <= maxValue && !isTemplate(s) && isFaithful(s)
}
