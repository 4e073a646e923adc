package apify

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/source"
)

// Look says what is looked for at Apify for a source.
type Look string

// What can be looked for.
const (
	LookNothing    Look = "off"
	LookDispatches Look = "dispatches" // what a webhook has told in vain
	LookRuns       Look = "runs"       // that, and runs which ended without any webhook telling it
)

// Target is a source that Apify's webhooks point at.
type Target struct {
	Source *source.Source
	Look   Look
	// Actors and Tasks are looked at beside those that webhooks name, for [LookRuns]; all their ends are wanted.
	Actors, Tasks []string
}

// Gateway is the receiving end as its configuration describes it.
type Gateway struct {
	public  *url.URL
	targets []Target
}

// NewGateway takes the URL under which senders reach the public listener, and the sources of kind apify.
func NewGateway(publicURL string, targets []Target) (*Gateway, error) {
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" {
		return nil, errors.New("http.public_url is not set: it tells which of the account's webhooks point at this gateway")
	}
	return &Gateway{public: u, targets: slices.Clone(targets)}, nil
}

// Target finds where a webhook's URL leads; nil when it does not lead here.
func (g *Gateway) Target(requestURL string) *Target {
	name, here := g.sourceName(requestURL)
	if !here {
		return nil
	}
	for i := range g.targets {
		if g.targets[i].Source.Name == name {
			return &g.targets[i]
		}
	}
	return nil
}

// sourceName is the last part of a URL that leads to a webhook of this gateway, whether such a source exists or not.
func (g *Gateway) sourceName(requestURL string) (string, bool) {
	u, err := parseURL(requestURL)
	if err != nil || !strings.EqualFold(u.Scheme, g.public.Scheme) || !sameHost(u, g.public) {
		return "", false
	}
	name, under := strings.CutPrefix(u.Path, strings.TrimRight(g.public.Path, "/")+"/webhooks/")
	name = strings.TrimRight(name, "/")
	return name, under && name != "" && !strings.Contains(name, "/")
}

func sameHost(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case strings.EqualFold(u.Scheme, "https"):
		return "443"
	default:
		return "80"
	}
}

// parseURL reads a webhook's URL. The error does not repeat it.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	return u, nil
}

// shown is a webhook's URL without what it hides: user, query and fragment.
func shown(requestURL string) string {
	u, err := parseURL(requestURL)
	if err != nil {
		return "an unreadable URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// eventType names the event of a run or build that has come to a status.
func eventType(kind dedup.Kind, status dedup.Status) string {
	if kind == dedup.KindBuild {
		return "ACTOR.BUILD." + string(status)
	}
	return "ACTOR.RUN." + string(status)
}
