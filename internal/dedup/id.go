package dedup

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ID is a UUIDv7 (RFC 9562, section 5.7): it sorts by the millisecond in which it was made.
type ID [16]byte

// NewID makes an ID that carries t's millisecond and 74 random bits. It is safe for concurrent use.
func NewID(t time.Time) ID {
	var id ID
	_, _ = rand.Read(id[6:]) // documented never to fail
	ms := uint64(t.UnixMilli())
	binary.BigEndian.PutUint16(id[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(id[2:], uint32(ms))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Time is the millisecond the ID was made in, UTC.
func (id ID) Time() time.Time {
	ms := int64(binary.BigEndian.Uint16(id[0:]))<<32 | int64(binary.BigEndian.Uint32(id[2:]))
	return time.UnixMilli(ms).UTC()
}

// IsZero reports whether the ID was never made.
func (id ID) IsZero() bool { return id == ID{} }

// String is the canonical form: 36 characters, lower case, hyphens.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

var errNotAnID = errors.New("not an id: want 36 characters like 0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10")

// ParseID reads the canonical form back.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, errNotAnID
	}
	at := 0
	for _, part := range [...]string{s[0:8], s[9:13], s[14:18], s[19:23], s[24:36]} {
		n, err := hex.Decode(id[at:], []byte(part))
		if err != nil {
			return ID{}, errNotAnID
		}
		at += n
	}
	return id, nil
}
