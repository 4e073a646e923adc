package redisfront

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// The form of a hit in its stream, in the single field "h"; the source is the stream's:
//
//	version (1) repeat kind (1) receipt id (16) event id (16)
//	receipt's time as microseconds after the receipt id's, zigzag varint
//	event type, dispatch id, remote address, each with its length as a varint in front
//
// Gateways of two releases may share a stream, and what one can't read it drops: a new version has to be readable a
// release before it is written.
const (
	hitVersion = 1
	hitField   = "h"
	hitFixed   = 2 + 16 + 16
	// maxHit bounds what a sender can make us keep in Redis: a larger hit goes to the ledger.
	maxHit = 4096
)

var errBadHit = errors.New("not a hit of this version")

func appendHit(b []byte, h *dedup.Hit) []byte {
	b = append(b, hitVersion, repeatCode(h.Repeat))
	b = append(append(b, h.ReceiptID[:]...), h.EventID[:]...)
	b = binary.AppendVarint(b, h.ReceivedAt.UnixMicro()-h.ReceiptID.Time().UnixMicro())
	for _, text := range [...]string{h.Type, h.DispatchID, h.RemoteIP} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return b
}

// hitSize is an upper bound of what appendHit appends.
func hitSize(h *dedup.Hit) int {
	return hitFixed + binary.MaxVarintLen64 + 3*binary.MaxVarintLen32 + len(h.Type) + len(h.DispatchID) + len(h.RemoteIP)
}

// parseHit reads what appendHit wrote, to the last byte.
func parseHit(source, s string) (dedup.Hit, error) {
	if len(s) < hitFixed || s[0] != hitVersion {
		return dedup.Hit{}, errBadHit
	}
	h := dedup.Hit{Source: source}
	var ok bool
	if h.Repeat, ok = repeatOf(s[1]); !ok {
		return dedup.Hit{}, fmt.Errorf("%w: repeat kind %d", errBadHit, s[1])
	}
	copy(h.ReceiptID[:], s[2:18])
	copy(h.EventID[:], s[18:34])
	rest := []byte(s[hitFixed:])
	micros, n := binary.Varint(rest)
	if n <= 0 {
		return dedup.Hit{}, fmt.Errorf("%w: cut in its time", errBadHit)
	}
	h.ReceivedAt = time.UnixMicro(h.ReceiptID.Time().UnixMicro() + micros).UTC()
	rest = rest[n:]
	for _, text := range [...]*string{&h.Type, &h.DispatchID, &h.RemoteIP} {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return dedup.Hit{}, fmt.Errorf("%w: cut in its texts", errBadHit)
		}
		end := n + int(size)
		*text, rest = string(rest[n:end]), rest[end:]
	}
	if len(rest) > 0 {
		return dedup.Hit{}, fmt.Errorf("%w: %d bytes too many", errBadHit, len(rest))
	}
	return h, nil
}

// repeatCodes is the order of the codes; only ever append to it.
func repeatCodes() [4]dedup.Repeat {
	return [...]dedup.Repeat{dedup.RepeatNone, dedup.RepeatRetry, dedup.RepeatTwin, dedup.RepeatUnknown}
}

func repeatCode(r dedup.Repeat) byte {
	for code, known := range repeatCodes() {
		if r == known {
			return byte(code)
		}
	}
	return 0
}

func repeatOf(code byte) (dedup.Repeat, bool) {
	known := repeatCodes()
	if int(code) >= len(known) {
		return "", false
	}
	return known[code], true
}
