package source

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	headerContentType = "Content-Type"
	headerUserAgent   = "User-Agent"
	queryPrefix       = "query:" // no header's name has a colon
)

// maxContentType is the longest content type that is kept.
const maxContentType = 255

// store writes the allow-listed headers and query parameters as a JSON object in fixed order: name → value, or → two values
// where a place came with different ones. It keeps all that [Source.Identify] looks at: a value longer than any that is
// believed is cut to one byte more, so that it is not believed later either.
func (s *Source) store(header http.Header, query url.Values) []byte {
	b := append(make([]byte, 0, 256), '{')
	for _, name := range s.headers {
		b = appendMember(b, "", name, header[name])
	}
	for _, name := range s.queries {
		b = appendMember(b, queryPrefix, name, query[name])
	}
	return append(b, '}')
}

func appendMember(b []byte, prefix, name string, values []string) []byte {
	if len(values) == 0 {
		return b
	}
	if len(b) > 1 {
		b = append(b, ',')
	}
	b = appendText(b, prefix+name)
	b = append(b, ':')
	if _, single := one(values); single {
		return appendValue(b, values[0])
	}
	b = append(b, '[')
	b = appendValue(b, values[0])
	for _, v := range values[1:] {
		if v != values[0] {
			b = append(b, ',')
			b = appendValue(b, v)
			break
		}
	}
	return append(b, ']')
}

func appendValue(b []byte, v string) []byte {
	if len(v) > maxValue {
		v = v[:maxValue+1]
	}
	return appendText(b, v)
}

func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, strings.ToValidUTF8(s, string(utf8.RuneError))) // valid text can always be quoted
	return b
}

// RequestFromStored is the request that an inbound's Headers, Body and ContentType were made from, as far as identity goes:
// [Source.Identify] gives it the same key. The caller sets receipt, time and address. A body that was cut when it was
// stored has another identity: don't replay it.
func RequestFromStored(headers, body []byte, contentType string) Request {
	r := Request{Header: http.Header{}, Query: url.Values{}, Body: body}
	if contentType != "" {
		r.Header[headerContentType] = []string{contentType}
	}
	var members map[string]any
	_ = json.Unmarshal(headers, &members) // written by store; of anything else what can be read is taken
	for name, value := range members {
		values := texts(value)
		if param, isQuery := strings.CutPrefix(name, queryPrefix); isQuery {
			r.Query[param] = values
		} else {
			r.Header[name] = values
		}
	}
	return r
}

func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, inner := range v {
			all = append(all, texts(inner)...)
		}
		return all
	default:
		return nil
	}
}

// printable cuts a header's value to what a column and a log line take.
func printable(s string) string {
	if len(s) > maxContentType {
		s = s[:maxContentType]
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}
