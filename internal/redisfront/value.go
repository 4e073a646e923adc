package redisfront

import "github.com/dedupgate/dedupgate/internal/dedup"

// The forms of a claim's value:
//
//	'P' token (16)                                        pending
//	'C' incarnation (8) event id (16) dispatch tag (0-19) settled
const (
	pendingByte = 'P'
	settledByte = 'C'

	pendingSize = 1 + 16
	markSize    = 1 + 8 + 16 // without the tag
	maxTag      = 19         // as dedup.DispatchTag makes them

	maxValue = markSize + maxTag
)

func appendPending(b []byte, token dedup.ID) []byte {
	return append(append(b, pendingByte), token[:]...)
}

func appendMark(b []byte, m *dedup.Mark) []byte {
	b = append(append(b, settledByte), m.Incarnation[:]...)
	return append(append(b, m.EventID[:]...), m.Tag...)
}

// storable reports whether a mark can be written and read back as it is. One without incarnation or event would prove
// nothing, and a longer tag was not made by the core.
func storable(m *dedup.Mark) bool {
	return !m.Incarnation.IsZero() && isV7(m.EventID) && len(m.Tag) <= maxTag
}

// parseValue reads what a claim found under its key. Whatever this package did not write is unknown and degraded: never
// an error, never a mark.
func parseValue(v string, token dedup.ID) dedup.ClaimReply {
	switch {
	case len(v) == pendingSize && v[0] == pendingByte:
		if v[1:] == string(token[:]) {
			return dedup.ClaimReply{State: dedup.ClaimFirst} // we were first: the reply that said so was lost
		}
		return dedup.ClaimReply{State: dedup.ClaimPending}
	case len(v) >= markSize && len(v) <= maxValue && v[0] == settledByte:
		var m dedup.Mark
		copy(m.Incarnation[:], v[1:9])
		copy(m.EventID[:], v[9:markSize])
		m.Tag = v[markSize:] // of a reply that is hardly longer
		if storable(&m) {
			return dedup.ClaimReply{State: dedup.ClaimSettled, Mark: m}
		}
	}
	return unknown
}

// unknown is the answer when Redis can't be asked or can't be understood.
var unknown = dedup.ClaimReply{State: dedup.ClaimUnknown, Degraded: true}

// isV7 reports whether an id is a UUID of version 7, as all of ours are.
func isV7(id dedup.ID) bool { return id[6]>>4 == 7 && id[8]>>6 == 2 }
