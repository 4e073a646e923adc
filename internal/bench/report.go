package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// report prints the tables and writes the document. With -strict a missed bar is an error; a table that does not balance
// always is.
func (f *findings) report(o options, w io.Writer) error {
	bars := f.bars()
	_, err := fmt.Fprintf(w, "\n%s\n%s\n", table(barRows(bars)), table(f.phaseRows()))
	if err == nil && o.doc != "" {
		err = os.WriteFile(o.doc, []byte(f.document(o, bars)), 0o644) //nolint:gosec // a document for everybody
	}
	for _, difference := range f.Imbalances {
		err = errors.Join(err, errors.New("the books don't balance: "+difference))
	}
	for _, b := range bars {
		if b.Missed && o.strict {
			err = errors.Join(err, fmt.Errorf("bar missed: %s: %s, want %s", b.Name, b.Measured, b.Limit))
		}
	}
	return err
}

func barRows(bars []bar) [][]string {
	rows := [][]string{{"bar", "measured", "limit", ""}}
	for _, b := range bars {
		rows = append(rows, []string{b.Name, b.Measured, b.Limit, b.verdict()})
	}
	return rows
}

func (f *findings) phaseRows() [][]string {
	rows := [][]string{{"phase", "requests/s", "until rows/s", "p50", "p99", "max", "generator", "receiver", "Postgres", "Redis", "others"}}
	for i := range f.Phases {
		p := &f.Phases[i]
		drained := ""
		if p.Drained > 0 {
			drained = fmt.Sprintf("%.0f", p.DrainedRate())
		}
		h, u := &p.Result.Latency, &p.Usage
		row := []string{
			string(p.Kind), fmt.Sprintf("%.0f", p.Result.Rate()), drained,
			round(h.Quantile(0.5)).String(), round(h.Quantile(0.99)).String(), round(h.Max()).String(),
		}
		for _, spent := range []time.Duration{u.generator, u.receiver, u.postgres, u.redis} {
			row = append(row, fmt.Sprintf("%.0f", float64(spent.Microseconds())/float64(max(1, h.Count()))))
		}
		rows = append(rows, append(row, fmt.Sprintf("%.2f", u.others)))
	}
	return rows
}

// table is a Markdown table that is easy to read as it is.
func table(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	write := func(row []string) {
		for i, cell := range row {
			b.WriteString("| " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+1))
		}
		b.WriteString("|\n")
	}
	write(rows[0])
	rule := make([]string, len(widths))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", width)
	}
	write(rule)
	for _, row := range rows[1:] {
		write(row)
	}
	return b.String()
}

// document is docs/benchmarks.md.
func (f *findings) document(o options, bars []bar) string {
	m := &f.Machine
	machine := table([][]string{
		{"", ""},
		{"date", m.Date.Format(time.DateOnly)},
		{"processor", fmt.Sprintf("%s, %d cores, shared by everything below and the load generator", m.CPU, m.Cores)},
		{"memory", m.Memory},
		{"kernel", m.Kernel},
		{"disk", fmt.Sprintf("%s; appending a page of 8 KB and fsync take %v (median)", m.Disk, round(m.Sync))},
		{"Go", m.Go},
		{"gateway", m.Gateway},
		{"PostgreSQL", m.Postgres + "; " + m.Durable + "; " + strings.Join(postgresSettings(), ", ")},
		{"Redis", m.Redis},
	})
	return fmt.Sprintf(documentText, o.connections, len(o.body), o.duration, o.rounds, f.Settled, o.distinct,
		table(barRows(bars)), machine, table(f.phaseRows()))
}

const documentText = `# Benchmarks

Written by ` + "`make bench`" + `; run it to get the figures of your machine. Absolute rates belong to a machine and a minute, so what
is promised is ratios, and each is taken from phases that ran beside each other.

The load generator keeps %d connections busy with webhooks of %d bytes, in phases of %v, %d rounds. It, the receiver,
PostgreSQL and Redis share the machine's cores.

* **bare**: the gateway's server settings and a gin route that reads the body, finds its identity and logs one line, as the
  gateway does, and answers. It keeps nothing: what HTTP alone costs. It is a plain Go program. What the gateway does beyond that
  for speed counts for the gateway: it sets Go's collector (` + "`dedupgate serve --help`" + `), gathers log lines and is compiled with
  a profile (docs/decisions 018 and 019).
* **naive**: bare, then ` + "`SETNX`" + ` with a time to live, then one GORM upsert a request into one table with a unique index.
* **gateway**: production mode with the defaults. *First* deliveries tell events that nobody told before; *repeats* are the
  sender's retries of %[6]d events, out of %[5]d told before anything was measured. While senders wait the gateway lets the receipts of
  repeats gather in Redis, up to a quarter of their cap: *answered* counts without them, *until rows* with them.
* **gateway, handing on**: the same with one destination, a local sink that takes 64 deliveries at once. While 32 senders or more wait,
  deliveries give way to them for up to 5 s at a time; their rate is that of the backlog, once nobody sends.

A gateway's ratio is its rate divided by the mean of the yardstick's phases right before and after it; the range in brackets
is over the rounds. Latencies at half the maximum count from the moment a request was due, so that a stall is charged for
everybody who had to wait. Growth of memory compares the last quarter of the storm with its second one.

## Bars

%[7]s
After every phase the rows of all tables were counted: events, runs, receipts, the sums of the rollups and of the events'
hits are what the requests sent make, and no receipt lies outside its day's partition.

## Machine

%[8]s
## Phases

*Until rows* counts until every repeat was a receipt row. The columns from *generator* to *Redis* are microseconds of
processor time a request; *others* is how many cores everything else on the machine kept busy, which should be next to none.

%[9]s
## Run it again

    make bench

` + "`scripts/bench -help`" + ` lists what can be changed: ` + "`scripts/bench -events 10000000`" + ` measures with long tables too, ` +
	"`scripts/bench -short`" + `
takes a minute and writes nothing. The machine should have nothing else to do. Benchmarks of single parts lie beside their code;
the same command runs them and leaves their results in ` + "`dist/bench/`" + ` for benchstat.
`
