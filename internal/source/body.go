package source

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// field is a name to look for in an object of the body. The fields of one source make a tree, so that one pass over the
// body finds them all.
type field struct {
	name  string
	slot  int     // where a string, number or boolean goes; noSlot when only inner matters
	inner []field // looked for when the value is an object
}

const noSlot = -1

// scalar is a string, number or boolean as it stands in the body; nil when the body has none at that place.
type scalar []byte

// text decodes a JSON string. Anything else is "": a value of the wrong type counts as missing.
func (s scalar) text() string {
	if len(s) < 2 || s[0] != '"' {
		return ""
	}
	if bytes.IndexByte(s, '\\') < 0 {
		return string(s[1 : len(s)-1])
	}
	plain, _ := jsontext.AppendUnquote(nil, s) // only lone surrogates can be wrong here: they become U+FFFD
	return string(plain)
}

// anyText is text for strings and the literal for numbers and booleans, so that large numbers keep every digit.
func (s scalar) anyText() string {
	if len(s) > 0 && s[0] != '"' {
		return string(s)
	}
	return s.text()
}

// reader walks one body at a time. It is kept for the next body because most of a decoder's memory can be used again.
type reader struct {
	dec   *jsontext.Decoder
	input bytes.Buffer
	lax   []jsontext.Options
	text  []byte
}

func newReader() *reader {
	return &reader{dec: jsontext.NewDecoder(bytes.NewReader(nil)), lax: []jsontext.Options{
		jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true),
	}}
}

// read reads the one JSON value that the body must be and fills out by the fields' slots. The whole body is checked, not
// only what is looked for. Names match exactly. A name that is looked for and occurs twice is an error, because two readers
// of such a body may see different ids; other names may. Invalid UTF-8 and lone surrogates are let through, as is a byte
// order mark. The problem says what else is wrong, without any of the body's text; it is "" when nothing is.
func (r *reader) read(body []byte, fields []field, out []scalar) (problem string) {
	r.text = bytes.TrimPrefix(body, []byte("\ufeff"))
	r.input = *bytes.NewBuffer(r.text)
	r.dec.Reset(&r.input, r.lax...)
	skipped := len(body) - len(r.text)
	if len(bytes.TrimSpace(r.text)) == 0 {
		return "The body is empty; it must be one JSON value."
	}
	if err := r.value(fields, out); err != nil {
		return r.describe(err, skipped)
	}
	end := int(r.dec.InputOffset()) + skipped
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return "The body goes on after its JSON value (byte " + strconv.Itoa(end) + "); send one value."
	}
	return ""
}

// forget lets go of the body.
func (r *reader) forget() {
	r.text, r.input = nil, bytes.Buffer{}
	r.dec.Reset(&r.input)
}

var errTwice = errors.New("a name that is looked for occurs twice")

// value reads the next value: an object's fields are looked for, everything else is passed over.
func (r *reader) value(fields []field, out []scalar) error {
	if len(fields) == 0 || r.dec.PeekKind() != '{' {
		_, err := r.dec.ReadValue() // checks more cheaply than SkipValue; nothing is copied, the body is in memory
		return err
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	seen := uint64(0) // bit i: fields[i] has been here
	for r.dec.PeekKind() != '}' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		switch i := find(fields, name); {
		case i < 0:
			err = r.value(nil, nil)
		case seen&(1<<i) != 0:
			err = errTwice
		default:
			seen |= 1 << i
			err = r.member(&fields[i], out)
		}
		if err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// member reads the value of the name just read.
func (r *reader) member(f *field, out []scalar) error {
	switch r.dec.PeekKind() {
	case '{':
		return r.value(f.inner, out)
	case '"', '0', 't', 'f':
		v, err := r.dec.ReadValue()
		if err == nil && f.slot != noSlot {
			// v is the decoder's until it reads on; the same bytes of the body are ours.
			end := int(r.dec.InputOffset())
			out[f.slot] = r.text[end-len(v) : end]
		}
		return err
	default:
		return r.value(nil, nil)
	}
}

// find gives the index of a quoted name, or -1. There are few fields on a level: going through them beats hashing.
func find(fields []field, quoted []byte) int {
	name := quoted[1 : len(quoted)-1]
	for i := range fields {
		if fields[i].name == string(name) {
			return i
		}
	}
	if bytes.IndexByte(name, '\\') < 0 {
		return -1
	}
	plain, _ := jsontext.AppendUnquote(nil, quoted)
	return slices.IndexFunc(fields, func(f field) bool { return f.name == string(plain) })
}

// describe says what is wrong without the body's text, which the decoder's own errors quote.
func (r *reader) describe(err error, skipped int) string {
	at := r.dec.InputOffset()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = syntax.ByteOffset
	}
	where := " (byte " + strconv.FormatInt(at+int64(skipped), 10) + ")"
	switch {
	case errors.Is(err, errTwice):
		return "The body has a name twice that tells what the event is" + where + "; make its names unique."
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "The body ends in the middle of its JSON value" + where + "; send it whole."
	default:
		return "The body is not JSON" + where + "; check the payload template."
	}
}
