package apify

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// DefaultTemplate is the payload of a webhook that has no template of its own.
const DefaultTemplate = `{"userId":{{userId}},"createdAt":{{createdAt}},"eventType":{{eventType}},"eventData":{{eventData}},"resource":{{resource}}}`

// Variables are what a payload template can use. Each holds JSON; an empty one is null.
type Variables struct {
	UserID    json.RawMessage
	CreatedAt json.RawMessage
	EventType json.RawMessage
	EventData json.RawMessage
	Resource  json.RawMessage
	Globals   json.RawMessage
}

var errTemplate = errors.New("the payload template does not give JSON")

// Render fills a payload template the way Apify does, so that a body made here is identified like the one that was sent.
// Outside of quotes a variable gives its JSON value, and null when it is missing, 0, "" or false. Inside of quotes it stays as
// it is unless strings are interpolated; then a text that is nothing but a variable gives the value itself, or vanishes with
// its key, and any other takes the value as text.
func Render(template string, interpolate bool, vars Variables) ([]byte, error) {
	if strings.TrimSpace(template) == "" {
		template = DefaultTemplate
	}
	values, err := vars.decode()
	if err != nil {
		return nil, err
	}
	text, err := values.fillBare(template, vars.byName())
	if err != nil {
		return nil, err
	}
	if !interpolate || !variable.Match(text) {
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			return nil, errTemplate
		}
		return compact.Bytes(), nil
	}
	tree, err := decode(text)
	if err != nil {
		return nil, errTemplate
	}
	filled, _ := values.fillStrings(tree)
	return encode(filled)
}

// values are the variables as a tree: objects are maps, numbers stay as they were written.
type values map[string]any

func (v *Variables) decode() (values, error) {
	all := values{}
	for name, text := range v.byName() {
		if len(text) == 0 {
			all[name] = nil
			continue
		}
		value, err := decode(text)
		if err != nil {
			return nil, err
		}
		all[name] = value
	}
	return all, nil
}

func (v *Variables) byName() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"userId": v.UserID, "createdAt": v.CreatedAt, "eventType": v.EventType, "eventData": v.EventData,
		"resource": v.Resource, "globals": v.Globals,
	}
}

var (
	variable     = regexp.MustCompile(`\{\{([a-zA-Z0-9_.]+)\}\}`)
	variableHere = regexp.MustCompile(`^` + variable.String())
	onlyVariable = regexp.MustCompile(`^` + variable.String() + `$`)
)

// fillBare puts values in where a variable stands outside of a string. A whole variable is put in as it was told, so that
// no number, escape or order of keys changes on the way.
func (v values) fillBare(template string, told map[string]json.RawMessage) ([]byte, error) {
	var out bytes.Buffer
	inString := false
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case inString && c == '\\' && i+1 < len(template):
			out.WriteByte(c)
			i++
		case c == '"':
			inString = !inString
		case !inString && c == '{':
			m := variableHere.FindStringSubmatch(template[i:])
			if m == nil {
				break
			}
			text, err := v.bare(m[1], told)
			if err != nil {
				return nil, err
			}
			out.Write(text)
			i += len(m[0]) - 1
			continue
		}
		out.WriteByte(template[i])
	}
	return out.Bytes(), nil
}

func (v values) bare(path string, told map[string]json.RawMessage) ([]byte, error) {
	value := orNull(v.at(path))
	if value != nil && len(told[path]) > 0 {
		return told[path], nil
	}
	return encode(value)
}

// orNull is the value unless JavaScript takes it for false.
func orNull(value any, found bool) any {
	if number, ok := value.(json.Number); ok {
		if n, err := number.Float64(); err == nil && n == 0 {
			return nil
		}
	}
	if !found || value == "" || value == false {
		return nil
	}
	return value
}

// at follows a dotted path.
func (v values) at(path string) (value any, found bool) {
	value = map[string]any(v)
	for name := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, found = object[name]; !found {
			return nil, false
		}
	}
	return value, true
}

// fillStrings interpolates every string of a tree; kept is false for a value that vanishes.
func (v values) fillStrings(tree any) (filled any, kept bool) {
	switch t := tree.(type) {
	case map[string]any:
		for name, inner := range t {
			if value, kept := v.fillStrings(inner); kept {
				t[name] = value
			} else {
				delete(t, name)
			}
		}
	case []any:
		for i := range t {
			t[i], _ = v.fillStrings(t[i])
		}
	case string:
		return v.fillString(t)
	}
	return tree, true
}

func (v values) fillString(text string) (filled any, kept bool) {
	if m := onlyVariable.FindStringSubmatch(text); m != nil {
		return v.at(m[1])
	}
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		value, ok := v.at(strings.Trim(found, "{}"))
		if !ok {
			return "undefined"
		}
		switch t := value.(type) {
		case string:
			return t
		case map[string]any:
			return "[object Object]"
		default:
			text, err := encode(value)
			if err != nil {
				return ""
			}
			return string(text)
		}
	}), true
}

func decode(text []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err = d.Decode(&value); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errTemplate
	}
	return value, nil
}

func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimRight(out.Bytes(), "\n"), err
}
