package config

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long a change may go on before the file is read: editors and mounts make several steps of one.
const settleTime = 100 * time.Millisecond

// WatchOptions is what a [Watcher] needs.
type WatchOptions struct {
	Path    string           // the file, as given to Load; "" when there is none
	Environ []string         // as given to Load
	Hangup  <-chan os.Signal // each signal reads the file again; may be nil
	Logger  *slog.Logger
	// OnChange is called after the swap, with the configuration before and after, never twice at the same time. It must
	// not block for long: nothing is reloaded meanwhile. May be nil.
	OnChange func(old, next *Config)
}

// Watcher keeps the configuration in force and replaces it when the file, or a file with a secret that can be reloaded, changes.
// A configuration that is not good is logged once and changes nothing.
type Watcher struct {
	options WatchOptions
	current atomic.Pointer[Config]

	// Of Run alone: what the file said when it was last good, the last refusal, and what could not be watched.
	loaded    *Config
	refused   string
	unwatched string
}

// NewWatcher begins with c, which [Load] must have made from the same path and environment. Nothing is watched before
// [Watcher.Run].
func NewWatcher(c *Config, o WatchOptions) *Watcher {
	w := &Watcher{options: o, loaded: c}
	w.current.Store(c)
	return w
}

// Current is the configuration in force. It must not be changed. Safe for concurrent use.
func (w *Watcher) Current() *Config { return w.current.Load() }

// Run watches until ctx ends. A change made between Load and Run is found at once. Where the system can't watch files,
// that is logged, and only signals reload.
func (w *Watcher) Run(ctx context.Context) {
	files, err := fsnotify.NewWatcher()
	if err != nil {
		w.options.Logger.Warn("configuration file can't be watched; send SIGHUP after a change", "error", err)
		files = &fsnotify.Watcher{} // its channels are nil and never ready
	} else {
		defer func() { _ = files.Close() }()
	}
	w.follow(files)
	w.reload(false)
	w.loop(ctx, files)
}

func (w *Watcher) loop(ctx context.Context, files *fsnotify.Watcher) {
	var settled <-chan time.Time
	hangup := w.options.Hangup
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-hangup:
			if !open {
				hangup = nil
				continue
			}
			w.reload(true)
			w.follow(files)
		case event := <-files.Events:
			if settled == nil && w.concerns(event.Name) {
				settled = time.After(settleTime)
			}
		case err := <-files.Errors: // events were lost: look
			w.options.Logger.Debug("watching the configuration file", "error", err)
			if settled == nil {
				settled = time.After(settleTime)
			}
		case <-settled:
			settled = nil
			w.reload(false)
			w.follow(files)
		}
	}
}

// reload reads everything again and puts it in force if it is good and differs. asked makes it say so when nothing does.
func (w *Watcher) reload(asked bool) {
	log := w.options.Logger.With("file", w.options.Path)
	next, err := Load(w.options.Path, w.options.Environ)
	if err != nil {
		if asked || err.Error() != w.refused {
			log.Error("configuration refused, the old one stays in force; correct the file", "error", err)
		}
		w.refused = err.Error()
		return
	}
	recovered := w.refused != ""
	w.refused = ""
	if reflect.DeepEqual(next, w.loaded) {
		if asked || recovered {
			log.Info("configuration read again, nothing changed")
		}
		return
	}
	w.loaded = next
	w.apply(next, log)
}

func (w *Watcher) apply(next *Config, log *slog.Logger) {
	old := w.Current()
	merged, changed, kept := merge(old, next)
	if len(kept) > 0 {
		log.Warn("configuration keys changed that need a restart; until then their old values stay in force", "keys", kept)
	}
	if len(changed) == 0 {
		return
	}
	if err := merged.Validate(); err != nil {
		log.Error("configuration refused, the old one stays in force; it needs keys that only change with a restart: restart the gateway", "error", err)
		return
	}
	w.current.Store(merged)
	log.Info("configuration reloaded", "changed", changed)
	for _, text := range newWarnings(old, merged) {
		log.Warn("configuration warning", "warning", text)
	}
	if w.options.OnChange != nil {
		w.options.OnChange(old, merged)
	}
}

// follow watches the folders of all files that a reload reads: folders, because editors and Kubernetes replace files
// instead of writing into them. Folders that are watched already stay so.
func (w *Watcher) follow(files *fsnotify.Watcher) {
	if files.Events == nil {
		return
	}
	folders := map[string]bool{}
	for name := range w.files() {
		folders[filepath.Dir(name)] = true
	}
	var failures []error
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		failures = append(failures, files.Add(folder))
	}
	err := errors.Join(failures...)
	if err != nil && err.Error() != w.unwatched {
		w.unwatched = err.Error()
		w.options.Logger.Warn("folder of a configuration file can't be watched; send SIGHUP after a change", "error", err)
	}
}

// concerns reports whether an event may change what a reload reads: one of its files, or the link through which
// Kubernetes swaps all files of a folder.
func (w *Watcher) concerns(name string) bool {
	return filepath.Base(name) == "..data" || w.files()[filepath.Clean(name)]
}

// files is what a reload reads, each by its name and by what it links to.
func (w *Watcher) files() map[string]bool {
	names := map[string]bool{}
	add := func(name string) {
		if name == "" {
			return
		}
		names[filepath.Clean(name)] = true
		if target, err := filepath.EvalSymlinks(name); err == nil {
			names[target] = true
		}
	}
	add(w.options.Path)
	add(w.loaded.Apify.TokenFile)
	for _, t := range w.loaded.Admin.Tokens {
		add(t.TokenFile)
	}
	for i := range w.loaded.Sources {
		for _, p := range w.loaded.Sources[i].secretPairs("") {
			add(p.file.String())
		}
	}
	for _, d := range w.loaded.Destinations {
		add(d.SecretFile)
		for _, s := range d.Secrets {
			add(s.ValueFile)
		}
		for _, h := range d.Headers {
			add(h.ValueFile)
		}
	}
	return names
}
