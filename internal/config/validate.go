package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/dedupgate/dedupgate/internal/quota"
)

// finding is a key whose value can't stand, and why.
type finding struct{ key, text string }

// Validate checks each value by itself and all of them together and returns [Problems] without places, nil when there
// are none. [Load] has done so already; it is for configurations put together by code, and changes nothing.
func (c *Config) Validate() error {
	var problems Problems
	for _, f := range c.findings(map[string]bool{}) {
		problems = append(problems, Problem{Key: f.key, Text: f.text})
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// findings is everything that is wrong but what is told already of the keys in bad. A key that can't stand by itself is
// not compared with others; bad then holds it too.
func (c *Config) findings(bad map[string]bool) []finding {
	all := slices.DeleteFunc(c.fieldFindings(), func(f finding) bool { return bad[f.key] })
	for _, f := range all {
		bad[f.key] = true
	}
	for _, f := range c.crossFindings() {
		if !bad[f.key] && !f.names(bad) {
			all = append(all, f)
		}
	}
	return all
}

// names reports whether the text speaks of one of the keys.
func (f finding) names(keys map[string]bool) bool {
	for key := range keys {
		if strings.Contains(key, ".") && strings.Contains(f.text, key) {
			return true
		}
	}
	return false
}

// fieldFindings checks every value by its validate tag.
func (c *Config) fieldFindings() []finding {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(yamlName)
	v.RegisterCustomTypeFunc(func(d reflect.Value) any { return time.Duration(d.Int()) }, Duration(0))
	texts := map[string]string{}
	for _, r := range rules() {
		texts[r.tag] = r.text
		err := v.RegisterValidation(r.tag, func(fl validator.FieldLevel) bool { return r.holds(fl.Field().String()) })
		if err != nil {
			return []finding{{text: "the rule " + r.tag + " can't be registered: " + err.Error()}}
		}
	}
	var failures validator.ValidationErrors
	if !errors.As(v.Struct(c), &failures) {
		return nil
	}
	all := make([]finding, len(failures))
	for i, f := range failures {
		_, key, _ := strings.Cut(f.Namespace(), ".")
		all[i] = finding{key: key, text: explain(f, texts)}
	}
	return all
}

// explain turns a failed rule into what is wrong and what to do.
func explain(f validator.FieldError, texts map[string]string) string {
	if text, ok := texts[f.Tag()]; ok {
		if isSecret(f.Type()) {
			return text
		}
		return quoted(fmt.Sprint(f.Value())) + " " + text
	}
	switch f.Tag() {
	case "required":
		return "is empty; give it a value, or delete the line for the default"
	case "oneof":
		return quoted(fmt.Sprint(f.Value())) + " is none of " + strings.ReplaceAll(f.Param(), " ", ", ")
	case "cidr":
		return quoted(fmt.Sprint(f.Value())) + " is no network; write it like 10.0.0.0/8, a single address like 10.1.2.3/32"
	case "len", "hexadecimal": // of a token
		return "is no SHA-256; write the 64 hexadecimal digits that `printf %s \"$TOKEN\" | sha256sum` prints"
	}
	if f.Kind() == reflect.Slice {
		return "has " + strconv.Itoa(reflect.ValueOf(f.Value()).Len()) + " items; at most " + f.Param() + " are allowed"
	}
	value, bound := bounds(f)
	if f.Tag() == "min" {
		return value + " is too little; the least is " + bound
	}
	return value + " is too much; the most is " + bound
}

// bounds gives a value that is out of its range, and the bound it broke, in the units they are written in.
func bounds(f validator.FieldError) (value, bound string) {
	switch v := f.Value().(type) {
	case time.Duration:
		limit, _ := time.ParseDuration(f.Param())
		return Duration(v).String(), Duration(limit).String()
	case Bytes:
		limit, _ := strconv.ParseInt(f.Param(), 10, 64)
		return v.String(), Bytes(limit).String()
	default:
		return fmt.Sprint(v), f.Param()
	}
}

// rule is a check of our own for one text.
type rule struct {
	tag   string
	holds func(string) bool
	text  string
}

func rules() []rule {
	return []rule{
		{"listen", isListen, "is no address to listen on; write host:port, or :port for all interfaces"},
		{"hostport", isHostPort, "is no address; write host:port, without redis:// and without a password"},
		{"public_url", isPublicURL, "is no address of a web server; write it like https://hooks.example.com, without user, query and fragment"},
		{"database_url", isDatabaseURL, "is no PostgreSQL URL; write it like postgres://user:password@host:5432/name, " +
			"with special characters percent-encoded"},
		{"api_url", isAPIURL, "is no address of an API; write it like https://api.apify.com, without user, query and fragment, http on loopback only"},
		{"reconcile_also", reconcileAlso.MatchString, "names no Actor or task; write actor: or task: and the id"},
		{"rate", isRate, "is no rate; write off, or a count and a unit, like 50/s, 600/m or 10000/h"},
		{"source_name", sourceName.MatchString, "is no name for a source; use up to 32 lower-case letters, digits and hyphens, " +
			"beginning with a letter or digit"},
		{"destination_name", isDestinationName, "is no name for a destination; use up to 32 lower-case letters and digits, " +
			"in words joined by single hyphens"},
		{"target_url", isTargetURL, "is no address that events can be sent to; write it like https://app.example.com/hooks/apify, without fragment"},
		{"signing_secret", isSigningSecret, "is no signing secret; write whsec_ and the base64 of 24 to 64 random bytes, as " + makeSecret + " makes one"},
		{"header_name", headerName.MatchString, "is no name of a header; write one like Authorization, without colon"},
		{"header_value", isHeaderValue, "is no value of a header; use visible ASCII characters, at most 8 KiB, without space at either end"},
	}
}

var (
	sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	hostName   = regexp.MustCompile(`^[A-Za-z0-9_.:%-]+$`)
)

func isListen(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || (host != "" && !hostName.MatchString(host)) {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || !hostName.MatchString(host) {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func isPublicURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == ""
}

func isDatabaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Opaque == ""
}

func isRate(s string) bool {
	_, err := quota.Parse(s)
	return err == nil
}
