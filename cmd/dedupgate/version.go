package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/dedupgate/dedupgate/internal/metrics"
)

// version is set by the build: -ldflags "-X main.version=…".
var version string

// build says which program this is: as the build has set it, else as Go has recorded it.
func build() metrics.Build {
	b := metrics.Build{Version: version}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "(devel)" {
			b.Version = cmp.Or(b.Version, info.Main.Version)
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Revision = s.Value
			}
		}
	}
	b.Version = cmp.Or(b.Version, "dev")
	return b
}

// versionCmd prints which program this is.
type versionCmd struct {
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run prints one line.
func (c *versionCmd) Run(std streams) error {
	b := build()
	if c.JSON {
		return printJSON(std.out, map[string]string{
			"version": b.Version, "revision": b.Revision, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
		})
	}
	_, err := fmt.Fprintln(std.out, versionLine(b))
	return err
}

func versionLine(b metrics.Build) string {
	revision := ""
	if b.Revision != "" {
		revision = fmt.Sprintf(" (%.12s)", b.Revision)
	}
	return fmt.Sprintf("dedupgate %s%s, %s, %s/%s", b.Version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
