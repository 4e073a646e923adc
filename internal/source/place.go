package source

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

type where uint8

const (
	inNowhere where = iota
	inHeader
	inQuery
	inBody
	inBodyHash
)

// Place is where a part of a generic event's identity stands. Made by [ParsePlace]; comparable.
type Place struct {
	in   where
	name string // header in canonical form, query parameter, or dotted path of names in the body
}

// ParsePlace reads "header:X-GitHub-Delivery", "query:id", "body:data.id" or "body:sha256".
//
// A path in the body goes through objects by their exact names; arrays and names with dots can't be reached. A number or
// boolean at its end counts as its text. body:sha256 is the hash of the whole body, for senders that give an event no id and
// repeat it byte for byte. Places that carry secrets are refused, since their values would be stored.
func ParsePlace(text string) (Place, error) {
	in, name, ok := strings.Cut(text, ":")
	switch {
	case !ok || name == "" || strings.TrimSpace(name) != name:
		return Place{}, fmt.Errorf("%q: want header:<name>, query:<name>, body:<path> or body:sha256", text)
	case in == "header":
		return headerPlace(name)
	case in == "query" && strings.EqualFold(name, "token"):
		return Place{}, errors.New("query:token holds the source's secret; it can't name an event")
	case in == "query":
		return Place{inQuery, name}, nil
	case in == "body" && name == "sha256":
		return Place{in: inBodyHash}, nil
	case in == "body":
		for part := range strings.SplitSeq(name, ".") {
			if part == "" {
				return Place{}, fmt.Errorf("%q: a path is names joined by single dots", text)
			}
		}
		return Place{inBody, name}, nil
	default:
		return Place{}, fmt.Errorf("%q: want header:<name>, query:<name>, body:<path> or body:sha256", text)
	}
}

func headerPlace(name string) (Place, error) {
	if !dedup.IsPlainID(name) {
		return Place{}, fmt.Errorf("header:%s: not a header's name", name)
	}
	name = http.CanonicalHeaderKey(name)
	switch name {
	case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie":
		return Place{}, fmt.Errorf("header:%s holds a secret; it can't name an event", name)
	}
	return Place{inHeader, name}, nil
}

// String is the form that [ParsePlace] reads.
func (p Place) String() string {
	switch p.in {
	case inHeader:
		return "header:" + p.name
	case inQuery:
		return "query:" + p.name
	case inBody:
		return "body:" + p.name
	case inBodyHash:
		return "body:sha256"
	default:
		return "nowhere"
	}
}
