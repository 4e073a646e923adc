package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReportPrintsTheTablesAndWritesTheDocument(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	o := options{connections: 64, duration: 10 * time.Second, rounds: 2, body: make([]byte, 1640), distinct: 10_000}
	o.doc = filepath.Join(t.TempDir(), "benchmarks.md")
	f := passing()
	f.Settled = 100_000
	f.Machine = machine{Date: time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC), CPU: "a processor", Sync: 1500 * time.Microsecond}
	if err := f.report(o, &out); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(o.doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0.40 (0.40 to 0.40)", "≥ 0.30", "| gateway, repeats "} {
		if !strings.Contains(out.String(), want) || !strings.Contains(string(document), want) {
			t.Errorf("%q is missing in the output or the document", want)
		}
	}
	for _, want := range []string{"2026-09-14", "a processor", "1.5ms", "retries of 10000 events, out of 100000 told", "64 connections", "1640 bytes"} {
		if !strings.Contains(string(document), want) {
			t.Errorf("%q is missing in the document", want)
		}
	}
	if strings.Contains(string(document), "%!") {
		t.Errorf("the document has a hole:\n%s", document)
	}
}

func TestReportFailsForAMissedBarOnlyWhenStrictAndForBooksAlways(t *testing.T) {
	t.Parallel()
	f := passing()
	f.RedisBytes = 500
	var out strings.Builder
	if err := f.report(options{}, &out); err != nil {
		t.Errorf("a missed bar failed a run that is not strict: %v", err)
	}
	if err := f.report(options{strict: true}, &out); err == nil || !strings.Contains(err.Error(), "bytes of Redis") {
		t.Errorf("a missed bar with -strict: error %v", err)
	}
	f.Imbalances = []string{"one row is missing"}
	if err := f.report(options{}, &out); err == nil || !strings.Contains(err.Error(), "one row is missing") {
		t.Errorf("books that don't balance: error %v", err)
	}
}

func TestOptionsAreCheckedAndShortIsShort(t *testing.T) {
	t.Parallel()
	o, err := parseOptions([]string{"-gateway", "g", "-short", "-doc", "d"})
	if err != nil || o.rounds != 1 || o.duration > 5*time.Second || o.doc != "" || len(o.body) != 1640 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{
		{},
		{"-gateway", "g", "rest"},
		{"-gateway", "g", "-rounds", "0"},
		{"-gateway", "g", "-body", "huge"},
		{"-gateway", "g", "-distinct", "200000"},
		{"-gateway", "g", "-events", "-1"},
	} {
		if _, err := parseOptions(args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

func TestInfoFieldFindsWholeNames(t *testing.T) {
	t.Parallel()
	const info = "# Memory\r\nused_memory:1234\r\nused_memory_human:1K\r\n"
	if got := infoField(info, "used_memory"); got != "1234" {
		t.Errorf("used_memory is %q", got)
	}
	if got := infoField(info, "memory"); got != "" {
		t.Errorf("memory is %q", got)
	}
}
