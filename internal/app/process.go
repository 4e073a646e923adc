package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/advise"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/view"
)

// process answers how this process is set up.
type process struct{ *App }

// Status implements [httpapi.Process]. It answers without the database as well.
func (p process) Status(ctx context.Context) (view.Status, error) {
	now := time.Now()
	s := view.Status{
		Version: p.opts.Build.Version, Revision: p.opts.Build.Revision,
		StartedAt: p.board.started, UptimeSec: int64(now.Sub(p.board.started) / time.Second), Now: now.UTC(),
		Embedded: p.welcome.Embedded, Stopping: p.Stopping(), PublicURL: p.publicURL(),
		Redis: p.redisState(), Database: p.databaseState(),
		Receipts: true, // until it is certain that there are none
	}
	if page, err := p.ledger.Receipts(ctx, view.ReceiptQuery{Paging: view.Paging{Limit: 1}}); err == nil {
		s.Receipts = len(page.Items) > 0
	}
	return s, nil
}

// publicURL is where senders reach the public listener.
func (a *App) publicURL() string { return publicBase(a.watcher.Current(), a.welcome.PublicAddr) }

// Configuration implements [httpapi.Process].
func (p process) Configuration() (view.ConfigState, error) {
	cfg := p.watcher.Current()
	text, err := cfg.YAML(true)
	return view.ConfigState{YAML: string(text), Path: p.opts.Path, Since: p.board.settings.since(), Warnings: cfg.Warnings()}, err
}

// Connect implements [httpapi.Process].
func (p process) Connect() (view.Connect, error) {
	if !p.welcome.Embedded || p.welcome.WebhookURL == "" {
		return view.Connect{}, view.ErrNotFound
	}
	return view.Connect{Source: config.DefaultSource, WebhookURL: p.welcome.WebhookURL}, nil
}

// SourceList implements [httpapi.Process].
func (p process) SourceList(ctx context.Context, r view.Range) (view.SourceList, error) {
	since, until, counts, err := p.ledger.SourceCounts(ctx, r)
	list := view.SourceList{Since: since, Until: until}
	if err != nil {
		return list, err
	}
	cfg := p.watcher.Current()
	for _, s := range cfg.Sources {
		state := p.configured(cfg, &s)
		if i := slices.IndexFunc(counts, func(c ledger.SourceCounts) bool { return c.Source == s.Name }); i >= 0 {
			count(&state, counts[i])
			counts = slices.Delete(counts, i, i+1)
		}
		list.Items = append(list.Items, state)
	}
	for _, c := range counts { // not configured any more
		state := view.SourceState{Name: c.Source, Identity: []string{}}
		count(&state, c)
		list.Items = append(list.Items, state)
	}
	return list, nil
}

func count(s *view.SourceState, c ledger.SourceCounts) {
	s.Receipts, s.Duplicates, s.Quarantined = c.Receipts, c.Duplicates, c.Quarantined
	if !c.LastSeenAt.IsZero() {
		s.LastSeenAt = &c.LastSeenAt
	}
}

func (p process) configured(cfg *config.Config, s *config.Source) view.SourceState {
	window, lease := cfg.Window(*s, "")
	key, own := cfg.WindowSetting(s.Name, "")
	state := view.SourceState{
		Name: s.Name, Kind: s.Kind, WebhookURL: p.publicURL() + "/webhooks/" + s.Name, Headers: headersTemplate(s), Identity: identityOf(s),
		Tokens: len(s.Tokens), Configured: true,
		Setting: view.WindowSetting{
			Window: advise.Span(window), WindowMillis: window.Milliseconds(), Lease: advise.Span(lease), LeaseMillis: lease.Milliseconds(),
			Since: p.board.settings.windowSince(s.Name, ""), Own: own, Key: key,
		},
	}
	if built, ok := p.sources.Lookup(s.Name); ok {
		for _, u := range built.Guard.Uses() {
			state.Credentials = append(state.Credentials, view.NewCredentialUse(u.Credential, u.Last))
		}
	}
	if state.Tokens == 0 && p.madeToken != "" {
		state.Tokens = 1
	}
	return state
}

// headersTemplate is what to put into Apify's field of that name; a source that goes by signatures alone needs none.
func headersTemplate(s *config.Source) string {
	switch {
	case len(s.Tokens) == 0 && len(s.Auth.Signatures) > 0:
		return ""
	case s.Auth.TokenHeader != "":
		return "{\n  \"" + s.Auth.TokenHeader + "\": \"<token>\"\n}"
	default:
		return "{\n  \"Authorization\": \"Bearer <token>\"\n}"
	}
}

// identityOf says what makes two requests of a source the same event.
func identityOf(s *config.Source) []string {
	if s.Kind == config.KindGeneric {
		return slices.Clone(s.Identity.Keys)
	}
	without := "the dispatch id"
	if s.Identity.WithoutGeneration == config.WithoutGenerationSingle {
		without = "nothing (single)"
	}
	return []string{"id of the run or build", "event type", "resource.finishedAt or stats.resurrectCount; without them " + without}
}

// publicBase is the public listener's URL without a slash at its end.
func publicBase(cfg *config.Config, addr string) string {
	if base := strings.TrimSuffix(cfg.HTTP.PublicURL, "/"); base != "" {
		return base
	}
	return "http://" + addr
}
