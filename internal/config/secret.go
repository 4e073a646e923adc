package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
)

// mask stands for a secret wherever something is printed.
const mask = "***"

// Secret is a token or password. It prints as *** ("" when empty) through every verb of fmt (but %p, which vet refuses), slog,
// JSON and YAML; only
// [Secret.Reveal] gives it out.
type Secret string

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is the mask.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// Format writes the mask for every verb; without it a wrong verb would print the value.
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, s.String()) }

// LogValue is the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is the mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// DatabaseURL is a postgres:// URL. It prints with its passwords masked, as [Secret] does; only [DatabaseURL.Reveal]
// gives them out.
type DatabaseURL string

// Reveal is the URL itself.
func (u DatabaseURL) Reveal() string { return string(u) }

// String is the URL with the password of the user, and of the parameters password and sslpassword, masked. A URL whose
// password can't be told from the rest for certain is masked altogether.
func (u DatabaseURL) String() string {
	if u == "" {
		return ""
	}
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Scheme == "" || parsed.Opaque != "" || parsed.Fragment != "" || u.hasStrayAt(parsed) {
		return mask
	}
	query, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return mask
	}
	hide := false
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query[name] = []string{mask}
			hide = true
		}
	}
	if hide {
		parsed.RawQuery = strings.ReplaceAll(query.Encode(), url.QueryEscape(mask), mask)
	}
	if _, has := parsed.User.Password(); !has {
		return parsed.String()
	}
	user := url.User(parsed.User.Username()).String()
	parsed.User = nil
	return strings.Replace(parsed.String(), "://", "://"+user+":"+mask+"@", 1)
}

// hasStrayAt reports an @ that does not end the user: a password with an unescaped / or ? has leaked into the rest.
func (u DatabaseURL) hasStrayAt(parsed *url.URL) bool {
	n := strings.Count(string(u), "@")
	return n > 1 || (n == 1 && parsed.User == nil)
}

// Format writes the masked URL for every verb.
func (u DatabaseURL) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, u.String()) }

// LogValue is the masked URL.
func (u DatabaseURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText is the masked URL.
func (u DatabaseURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// TargetURL is where events are sent. It prints with its query masked, as [Secret] does; only
// [TargetURL.Reveal] gives them out.
type TargetURL string

// Reveal is the URL itself.
func (u TargetURL) Reveal() string { return string(u) }

// String is the URL with its query masked. One with a user, or that can't be read, is masked altogether.
func (u TargetURL) String() string {
	if u == "" {
		return ""
	}
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Scheme == "" || parsed.Host == "" || parsed.User != nil || parsed.Fragment != "" {
		return mask
	}
	if parsed.RawQuery != "" {
		parsed.RawQuery = mask
	}
	return parsed.String()
}

// Format writes the masked URL for every verb.
func (u TargetURL) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, u.String()) }

// LogValue is the masked URL.
func (u TargetURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText is the masked URL.
func (u TargetURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
