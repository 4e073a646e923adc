package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// setting is one key of a configuration with its value. What is inside the lists of sources and destinations is
// not a setting: each list changes as a whole.
type setting struct {
	key    string
	value  reflect.Value
	reload bool
}

// variable is the environment variable that sets the key.
func (s setting) variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// settings lists every key of c in the order of the types; the values can be set.
func settings(c *Config) []setting {
	var all []setting
	top := reflect.ValueOf(c).Elem()
	for i := range top.NumField() {
		field, name := top.Field(i), yamlName(top.Type().Field(i))
		if field.Kind() != reflect.Struct {
			all = append(all, newSetting(name, field, top.Type().Field(i)))
			continue
		}
		for j := range field.NumField() {
			sf := field.Type().Field(j)
			all = append(all, newSetting(name+"."+yamlName(sf), field.Field(j), sf))
		}
	}
	return all
}

func newSetting(key string, v reflect.Value, sf reflect.StructField) setting {
	return setting{key: key, value: v, reload: sf.Tag.Get("reload") == "yes"}
}

// yamlName is the field's key within its section.
func yamlName(sf reflect.StructField) string {
	name, _, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
	return name
}

// isScalar reports whether values of the type are written as one text.
func isScalar(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	return slices.Contains([]reflect.Kind{reflect.String, reflect.Int, reflect.Bool}, t.Kind())
}

// isSecret reports whether values of the type must not be shown.
func isSecret(t reflect.Type) bool {
	return t == reflect.TypeFor[Secret]() || t == reflect.TypeFor[DatabaseURL]() || t == reflect.TypeFor[TargetURL]()
}

var errControl = errors.New("contains a line break or another control character; write it in one line")

// setText sets a scalar from its text, the same way for the file and the environment. The error never quotes a secret.
func setText(v reflect.Value, text string) error {
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%s is no whole number", quoted(text))
		}
		v.SetInt(int64(n))
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%s is neither true nor false", quoted(text))
		}
		v.SetBool(text == "true")
	default:
		if strings.ContainsFunc(text, unicode.IsControl) {
			return errControl
		}
		v.SetString(text)
	}
	return nil
}
