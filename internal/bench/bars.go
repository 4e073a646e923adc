package main

import (
	"fmt"
	"time"
)

// The bars. What is a ratio is compared with phases of the same minutes.
const (
	barFirst        = 0.30
	barFirstNaive   = 1.5
	barRepeats      = 0.80
	barReceipts     = 0.50
	barLatency      = 25 * time.Millisecond
	barRedisBytes   = 200
	barLongTables   = 0.90
	barMemoryGrowth = 0.10
	barHandedOn     = 1500 // a second
	barWakeUp       = 30 * time.Millisecond
)

// bar is a promise and what became of it.
type bar struct {
	Name     string
	Measured string
	Limit    string
	Missed   bool
	Left     bool // not measured this time
}

func (b bar) verdict() string {
	switch {
	case b.Left:
		return "not measured"
	case b.Missed:
		return "**MISS**"
	default:
		return "pass"
	}
}

// bars judges the findings.
func (f *findings) bars() []bar {
	return []bar{
		atLeast("first deliveries ÷ bare", newSpread(f.ratios(gatewayFirst, answeredRate, bareRequests)), barFirst),
		atLeast("first deliveries ÷ naive first deliveries", newSpread(f.ratios(gatewayFirst, answeredRate, naiveFirst)), barFirstNaive),
		atLeast("repeats, answered ÷ bare", newSpread(f.ratios(gatewayRepeats, answeredRate, bareRequests)), barRepeats),
		atLeast("repeats, until every one is a receipt row ÷ bare", newSpread(f.ratios(gatewayRepeats, drainedRate, bareRequests)), barReceipts),
		within("p99 of first deliveries at half the maximum", f.p99(halfFirst), barLatency),
		within("p99 of repeats at half the maximum", f.p99(halfRepeats), barLatency),
		within("p99 of first deliveries beside 100,000 repeats a minute", f.p99(firstBesideStorm), barBeside),
		{
			Name: "bytes of Redis a settled event, all told", Measured: fmt.Sprintf("%.0f", f.RedisBytes),
			Limit: fmt.Sprintf("≤ %d", barRedisBytes), Missed: f.RedisBytes > barRedisBytes,
		},
		f.longTables(),
		atLeast("first deliveries while handing on ÷ bare", newSpread(f.ratios(forwardingFirst, answeredRate, bareRequests)), barFirst),
		f.handedOn(),
		within("from receipt to the first attempt, median", f.Forwarding.WakeUp, barWakeUp),
		{
			Name:     "growth of the gateway's memory in a long storm of repeats",
			Measured: fmt.Sprintf("%+.1f %%, to %.0f MB", 100*f.Storm.Growth(), f.Storm.Late/1e6),
			Limit:    fmt.Sprintf("≤ %.0f %%", 100*barMemoryGrowth), Missed: f.Storm.Growth() > barMemoryGrowth,
		},
		f.balanced(),
	}
}

func atLeast(name string, s spread, limit float64) bar {
	return bar{
		Name: name, Measured: fmt.Sprintf("%.2f (%.2f to %.2f)", s.Mean, s.Min, s.Max), Limit: fmt.Sprintf("≥ %.2f", limit),
		Missed: s != spread{} && s.Mean < limit, Left: s == spread{},
	}
}

func within(name string, p99, limit time.Duration) bar {
	return bar{
		Name: name, Measured: round(p99).String(), Limit: fmt.Sprintf("≤ %v", limit), Missed: p99 > limit, Left: p99 == 0,
	}
}

// longTables compares the ratio to bare with long tables to the ratio with short ones.
func (f *findings) longTables() bar {
	long := newSpread(f.ratios(fullFirst, answeredRate, fullBare))
	short := newSpread(f.ratios(gatewayFirst, answeredRate, bareRequests)).Mean
	if short > 0 {
		long = spread{long.Mean / short, long.Min / short, long.Max / short}
	}
	b := atLeast("first deliveries with 10 million events ÷ with few", long, barLongTables)
	if f.Rows > 0 {
		b.Name = fmt.Sprintf("first deliveries with %.1f million events ÷ with few", float64(f.Rows)/1e6)
	} else {
		b.Measured = "–"
	}
	return b
}

func (f *findings) balanced() bar {
	b := bar{Name: "rows of every table, counted after every phase", Measured: "as many as sent", Limit: "as many as sent"}
	if n := len(f.Imbalances); n > 0 {
		b.Missed, b.Measured = true, fmt.Sprintf("%d differences", n)
	}
	return b
}

// handedOn judges the rate of deliveries, and that every event was delivered.
func (f *findings) handedOn() bar {
	h := &f.Forwarding
	b := bar{
		Name: "deliveries a second to a local sink", Measured: fmt.Sprintf("%.0f", h.Rate), Limit: fmt.Sprintf("≥ %d", barHandedOn),
		Missed: h.Events > 0 && h.Rate < barHandedOn, Left: h.Events == 0,
	}
	if h.Delivered != h.Events {
		b.Missed, b.Measured = true, fmt.Sprintf("%d of %d events delivered", h.Delivered, h.Events)
	}
	return b
}
