package config

import (
	"reflect"
	"slices"
	"strings"
)

// suggestKey says what to do about an unknown key: the sibling that is spelled nearly so, a section that has it, or what
// keys there are.
func suggestKey(section reflect.Type, path, name string) string {
	var siblings []string
	for field := range section.Fields() {
		siblings = append(siblings, yamlName(field))
	}
	if near, ok := nearest(name, siblings); ok {
		return "did you mean " + join(path, near) + "?"
	}
	elsewhere := map[string]string{}
	var names []string
	for _, s := range settings(Default()) {
		last := s.key[strings.LastIndex(s.key, ".")+1:]
		if elsewhere[last] == "" {
			elsewhere[last] = s.key
			names = append(names, last)
		}
	}
	if near, ok := nearest(name, names); ok {
		return "did you mean " + elsewhere[near] + "?"
	}
	return "the keys here are " + strings.Join(siblings, ", ")
}

// nearest is the candidate with the fewest edits, if they are few enough to be a slip.
func nearest(name string, candidates []string) (string, bool) {
	best, fewest := "", 1+min(max(2, len(name)/5), len(name)/3)
	for _, c := range candidates {
		if d := distance(name, c); d < fewest {
			best, fewest = c, d
		}
	}
	return best, best != ""
}

// distance counts the letters to insert, delete or replace to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			replace := previous[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, previous[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
