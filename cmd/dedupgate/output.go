package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// streams are a command's standard streams.
type streams struct{ in, out, err *os.File }

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// operator names who uses the command line, for the audit.
func operator() string {
	name := cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER"))
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	return "cli:" + cmp.Or(name, "unknown")
}

// printable makes text that strangers wrote safe for a terminal: what is no printable character, such as an escape sequence
// or a change of writing direction, is shown as an escape.
func printable(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unprintable(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// clip shortens text to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// table aligns columns. Cells may hold anything; they are made printable.
type table struct{ w *tabwriter.Writer }

func newTable(out io.Writer, header ...string) table {
	t := table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	if len(header) > 0 {
		t.row(header...)
	}
	return t
}

func (t table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = printable(c)
	}
	fmt.Fprintln(t.w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

func (t table) flush() error { return t.w.Flush() }

// printJSON writes one line. Times in it are UTC, as the gateway gives them. Text that strangers wrote is safe for a
// terminal here too: JSON has escapes for everything.
func printJSON(out io.Writer, v any) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	var b strings.Builder
	for _, r := range strings.TrimSuffix(line.String(), "\n") {
		if r >= utf8.RuneSelf && unprintable(r) || r == 0x7f {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
			continue
		}
		b.WriteRune(r)
	}
	_, err := io.WriteString(out, b.String()+"\n")
	return err
}

const localTime = "2006-01-02 15:04:05"

// local shows a time in the operator's zone; "-" for none.
func local(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(localTime)
}

func localMillis(t time.Time) string { return t.Local().Format(localTime + ".000") }

func localOf(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return local(*t)
}

// lasting shows a duration as people say it.
func lasting(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < 48*time.Hour:
		text := d.Round(time.Second).String()
		if whole, ok := strings.CutSuffix(text, "m0s"); ok {
			text = whole + "m"
		}
		return text
	default:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
}

func number[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// plural is "1 event" or "3 events".
func plural[N int | int64](n N, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return number(n) + " " + word + "s"
}
