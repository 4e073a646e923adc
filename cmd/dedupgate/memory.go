package main

import (
	"os"
	"runtime/debug"
)

const (
	// gcPercent lets garbage grow to four times what is in use before it is collected. A gateway has little in use and throws
	// away a few kilobytes a request, so that Go's default of 100 collects many times a second: a tenth of all processor time.
	gcPercent = 400
	// memoryLimit is where the collector begins to prefer memory to time, in bytes. It is soft: what is in use stays.
	memoryLimit = 512 << 20
)

// tuneCollector sets what GOGC and GOMEMLIMIT leave unset.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
