package config

import (
	"reflect"
	"slices"
)

// merge is next with the values of old for every key that can't change in a running process. It names the keys that
// change and those that keep their old value although next has another.
func merge(old, next *Config) (merged *Config, changed, kept []string) {
	copied := *next
	before, after := settings(old), settings(&copied)
	for i, s := range after {
		if reflect.DeepEqual(before[i].value.Interface(), s.value.Interface()) {
			continue
		}
		if s.reload {
			changed = append(changed, s.key)
			continue
		}
		s.value.Set(before[i].value)
		kept = append(kept, s.key)
	}
	return &copied, changed, kept
}

// newWarnings is what merged is warned of and old was not.
func newWarnings(old, merged *Config) []string {
	before := old.Warnings()
	return slices.DeleteFunc(merged.Warnings(), func(w string) bool { return slices.Contains(before, w) })
}
