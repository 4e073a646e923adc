package config

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// variablePrefix begins every variable that sets a key.
const variablePrefix = "DEDUPGATE_"

// foreign are variables with our prefix that set no key and are none of our business: those of the command line and of
// the tests, and those that Kubernetes puts into every pod for a service that is called dedupgate or dedupgate-something.
var foreign = regexp.MustCompile(`^DEDUPGATE_(?:CONFIG|API_URL|API_TOKEN|TEST_.*|` +
	`(?:.*_)?SERVICE_(?:HOST|PORT)(?:_.*)?|(?:.*_)?PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$`)

// overlay sets keys from the environment, over what the file said. A variable without a value sets nothing. The problems
// name the variable.
func overlay(c *Config, environ []string, origins map[string]origin) Problems {
	var problems Problems
	byVariable := map[string]setting{}
	for _, s := range settings(c) {
		byVariable[s.variable()] = s
	}
	written := map[string]bool{}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if text == "" || !strings.HasPrefix(name, variablePrefix) || foreign.MatchString(name) {
			continue
		}
		s, ok := byVariable[name]
		if !ok || slices.Contains(fileOnly, s.key) {
			problems = append(problems, Problem{Variable: name, Text: noSuchVariable(name, byVariable)})
			continue
		}
		maps.DeleteFunc(origins, func(key string, _ origin) bool { return strings.HasPrefix(key, s.key+"[") })
		origins[s.key] = origin{variable: name}
		written[s.key] = true
		if err := setVariable(s.value, text); err != nil {
			problems = append(problems, Problem{Variable: name, Key: s.key, Text: err.Error()})
		}
	}
	preferWritten(c, written)
	return problems
}

// setVariable sets a scalar, or a list from a text with commas.
func setVariable(v reflect.Value, text string) error {
	if isScalar(v.Type()) {
		return setText(v, text)
	}
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	v.Set(reflect.ValueOf(items))
	return nil
}

// preferWritten lets a variable replace the other way of giving the same secret: DEDUPGATE_DATABASE_URL also sets aside
// a database.url_file of the file.
func preferWritten(c *Config, written map[string]bool) {
	for _, p := range secretPairs(c) {
		switch {
		case written[p.key] && !written[p.fileKey]:
			p.file.SetString("")
		case written[p.fileKey] && !written[p.key]:
			p.value.SetString("")
		}
	}
}

// fileOnly are the lists that have too many parts for a variable.
var fileOnly = []string{"sources", "destinations", "admin.tokens"}

func noSuchVariable(name string, known map[string]setting) string {
	for _, key := range fileOnly {
		variable := variablePrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		if name == variable || strings.HasPrefix(name, variable+"_") {
			return key + " can't be set from the environment; write them in the configuration file"
		}
	}
	names := make([]string, 0, len(known))
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	if n, ok := nearest(name, names); ok {
		return "sets no key; did you mean " + n + "?"
	}
	return "sets no key; unset it, or correct it to DEDUPGATE_ and the key in capitals, as in DEDUPGATE_HTTP_LISTEN"
}
