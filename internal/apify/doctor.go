package apify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Level says how bad a finding is.
type Level string

// The levels. An error loses events or lets them through twice; a warning may be meant.
const (
	LevelOK      Level = "ok"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Finding is one thing that was looked at.
type Finding struct {
	Level   Level  `json:"level"`
	Check   string `json:"check"` // one word, for programs
	Webhook string `json:"webhook,omitempty"`
	Source  string `json:"source,omitempty"`
	Text    string `json:"text"` // what is so, and what to do; holds no secret
}

// Account is what an examination looks at.
type Account struct {
	Webhooks []Webhook         // with their templates where they point at the gateway
	Actors   map[string]string // the Actor of each task that a webhook names
}

// ReadAccount reads all webhooks, and in full those that may concern the gateway.
func (c *Client) ReadAccount(ctx context.Context, g *Gateway) (Account, error) {
	a := Account{Actors: map[string]string{}}
	for w, err := range c.Webhooks(ctx) {
		if err != nil {
			return a, err
		}
		if g.concerns(w.RequestURL) && !w.IsAdHoc {
			listed := w
			w, err = c.Webhook(ctx, w.ID)
			if errors.Is(err, ErrNotFound) { // deleted in between
				continue
			} else if err != nil {
				return a, err
			}
			if w.IsEnabled == nil {
				w.IsEnabled = listed.IsEnabled
			}
		}
		a.Webhooks = append(a.Webhooks, w)
	}
	return a, c.readTasks(ctx, g, &a)
}

func (c *Client) readTasks(ctx context.Context, g *Gateway, a *Account) error {
	for i := range a.Webhooks {
		task := a.Webhooks[i].Condition.TaskID
		if _, known := a.Actors[task]; known || task == "" || !g.concerns(a.Webhooks[i].RequestURL) {
			continue
		}
		actor, err := c.ActorOfTask(ctx, task)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		a.Actors[task] = actor
	}
	return nil
}

// concerns reports a URL on the gateway's host.
func (g *Gateway) concerns(requestURL string) bool {
	u, err := parseURL(requestURL)
	return err == nil && strings.EqualFold(u.Hostname(), g.public.Hostname())
}

// Examine judges an account's webhooks: those that point at the gateway, and those that seem to be meant to. It asks nobody.
// Findings come in the order of the webhooks, then twins, then sources without a webhook.
func Examine(a Account, g *Gateway) []Finding {
	x := examination{g: g, actors: a.Actors}
	adHoc := 0
	for i := range a.Webhooks {
		w := &a.Webhooks[i]
		switch {
		case !g.concerns(w.RequestURL):
		case w.IsAdHoc:
			adHoc++
		default:
			x.webhook(w)
		}
	}
	if adHoc > 0 {
		x.addf(nil, LevelOK, "ad_hoc", "%d ad-hoc webhooks point here; they belong to single runs and were not looked at", adHoc)
	}
	x.twins()
	x.sources()
	return x.found
}

type examination struct {
	g      *Gateway
	actors map[string]string
	live   []*Webhook // point at a source and are switched on
	found  []Finding
}

func (x *examination) addf(w *Webhook, level Level, check, format string, args ...any) {
	f := Finding{Level: level, Check: check, Text: fmt.Sprintf(format, args...)}
	if w != nil {
		f.Webhook = w.ID
		if target := x.g.Target(w.RequestURL); target != nil {
			f.Source = target.Source.Name
		}
	}
	x.found = append(x.found, f)
}

func (x *examination) webhook(w *Webhook) {
	name, here := x.g.sourceName(w.RequestURL)
	target := x.g.Target(w.RequestURL)
	switch {
	case !here:
		x.addf(w, LevelWarning, "elsewhere", "points at %s, which is this host but no webhook of the gateway; if events are meant to come here, "+
			"change its URL to %s", shown(w.RequestURL), x.g.public.JoinPath("webhooks", "<source>"))
		return
	case target == nil:
		x.addf(w, LevelError, "unknown_source", "points at the source %q, which is not configured as kind apify: each of its requests is answered 401; "+
			"configure the source, or correct the URL", name)
		return
	case w.Off():
		x.addf(w, LevelWarning, "switched_off", "is switched off, so it tells nothing; switch it on, or delete it if that is meant to stay")
	default:
		x.live = append(x.live, w)
	}
	before := len(x.found)
	x.secret(w, target)
	x.template(w, target)
	x.delivery(w)
	if len(x.found) == before && !w.Off() {
		x.addf(w, LevelOK, "webhook", "tells %s of %s", strings.Join(w.EventTypes, ", "), w.Condition)
	}
}

func (x *examination) delivery(w *Webhook) {
	if w.DoNotRetry {
		x.addf(w, LevelWarning, "no_retry", "has retries switched off (doNotRetry): an event that comes while the gateway is away is told never again; "+
			"switch retries on")
	}
	if w.LastDispatch != nil && w.LastDispatch.Status == DispatchFailed {
		x.addf(w, LevelWarning, "last_failed", "Apify has given up on its latest event; `dedupgate reconcile --dry-run` shows what is missing")
	}
}

// String names whose events a webhook tells.
func (c Condition) String() string {
	switch {
	case c.TaskID != "":
		return "task " + c.TaskID
	case c.ActorID != "":
		return "Actor " + c.ActorID
	case c.RunID != "":
		return "run " + c.RunID
	default:
		return "all Actors"
	}
}

// sources warns of those that no webhook serves.
func (x *examination) sources() {
	for i := range x.g.targets {
		name := x.g.targets[i].Source.Name
		served := slices.ContainsFunc(x.live, func(w *Webhook) bool {
			of, _ := x.g.sourceName(w.RequestURL)
			return of == name
		})
		if !served {
			x.addf(nil, LevelWarning, "no_webhook", "no webhook of this account that is switched on points at %s; "+
				"make one in Apify, or give the token of the account that has it", x.g.public.JoinPath("webhooks", name))
			x.found[len(x.found)-1].Source = name
		}
	}
}
