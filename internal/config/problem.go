package config

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a configuration, and what to do about it. It holds no secret.
type Problem struct {
	File     string // "" when no file was read
	Line     int    // 1-based, 0 when the place is not known
	Column   int    // 1-based, in characters
	Variable string // the environment variable the value came from, "" when none
	Key      string // such as dedup.window; "" for the file as a whole
	Text     string // what is wrong; what to do

	excerpt string
}

// Error is the problem in one line: file:line:column: key: what is wrong; what to do.
func (p Problem) Error() string {
	var b strings.Builder
	switch {
	case p.Variable != "":
		b.WriteString(p.Variable + ": ")
	case p.File != "" && p.Line > 0:
		fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	case p.File != "":
		b.WriteString(p.File + ": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems is everything that is wrong with a configuration, in the order of the file. As an error it shows the place of
// each problem with a caret; in a log it is a list of lines.
type Problems []Problem

// Error has a line for each problem, followed by the place in the file where it is known.
func (ps Problems) Error() string {
	var lines []string
	for _, p := range ps {
		lines = append(lines, p.Error())
		if p.excerpt != "" {
			lines = append(lines, p.excerpt)
		}
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single problems to errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// LogValue is one line a problem.
func (ps Problems) LogValue() slog.Value {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return slog.AnyValue(lines)
}

// sort puts what has a place in the file first, then what came from the environment, then the rest.
func (ps Problems) sort() {
	group := func(p Problem) int {
		switch {
		case p.Line > 0:
			return 0
		case p.Variable != "":
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(group(a), group(b)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Variable, b.Variable),
		)
	})
}

// origin is where a key's value was written.
type origin struct {
	line, column int
	variable     string
	excerpt      string
}

// hidden stands in an excerpt for what could be a secret.
const hidden = "…"

// excerpt draws a key and its value where they stand in the file, with a caret under the column. It is put together from
// parts that are known to be harmless, never copied from the file: the rest of the line may hold a secret.
func excerpt(line int, at int, text string, caret int) string {
	const widest = 40
	shift := max(0, at-widest)
	number := strconv.Itoa(line)
	return fmt.Sprintf("  %s | %s%s\n  %s | %s^",
		number, strings.Repeat(" ", max(0, at-1-shift)), text,
		strings.Repeat(" ", len(number)), strings.Repeat(" ", max(0, caret-1-shift)))
}

// shown is a value as a message may show it: cut short, and hidden where it is a URL that may carry a secret.
func shown(s string) string {
	if strings.Contains(s, "://") && strings.ContainsAny(s, "@?#") {
		return hidden
	}
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + hidden
	}
	return s
}

// quoted is [shown] in quotes, with control characters made visible.
func quoted(s string) string { return strconv.Quote(shown(s)) }
