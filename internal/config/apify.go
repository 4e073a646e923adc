package config

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// Apify is how Apify itself is asked. Without a token it never is.
type Apify struct {
	// API token of the account whose webhooks point here; it only has to read. Empty: Apify is never asked. Default
	// empty.
	Token Secret `yaml:"token" reload:"yes"`
	// File that holds the token, instead of `token`. Default empty.
	TokenFile string `yaml:"token_file" reload:"yes"`
	// URL of Apify's API. Default https://api.apify.com.
	URL string `yaml:"url" validate:"api_url" reload:"yes"`
	// How often Apify is asked for events that never came, see `sources[].reconcile`; 0: only by `dedupgate reconcile`.
	// Default 15m.
	ReconcileEvery Duration `yaml:"reconcile_every" validate:"omitempty,min=1m,max=24h" reload:"yes"`
	// Longest time that a run takes: ends that nobody has told are looked for among runs started so long before. Default
	// 1d.
	LongestRun Duration `yaml:"longest_run" validate:"min=1m,max=8784h" reload:"yes"`
}

// What [Source.Verify] can be.
const (
	VerifyOff      = "off"
	VerifyDispatch = "dispatch"
	VerifyRun      = "run"
)

// What [Source.Reconcile] can be.
const (
	ReconcileOff        = "off"
	ReconcileDispatches = "dispatches"
	ReconcileRuns       = "runs"
)

// completeApify fills in what a source of kind apify does by default.
func (s *Source) completeApify() {
	if s.Kind != KindApify {
		return
	}
	if s.Identity.WithoutGeneration == "" {
		s.Identity.WithoutGeneration = WithoutGenerationDispatch
	}
	if s.Reconcile == "" {
		s.Reconcile = ReconcileDispatches
	}
	if s.Verify == "" {
		s.Verify = VerifyOff
	}
}

// apify checks what has to do with asking Apify.
func (k *checker) apify() {
	if k.c.Apify.Token != "" && k.c.HTTP.PublicURL == "" {
		k.addf("http.public_url", "is empty, but apify.token is set, and only this address tells which of the account's webhooks point here; set it")
	}
}

func (k *checker) askingApify(path string, s Source) {
	if s.Kind != KindApify {
		for _, key := range []struct {
			name string
			set  bool
		}{
			{"reconcile", s.Reconcile != ""}, {"reconcile_also", len(s.ReconcileAlso) > 0}, {"verify", s.Verify != ""}, {"hold", s.Hold},
		} {
			if key.set {
				k.addf(path+"."+key.name, "is for kind apify only; delete it")
			}
		}
		return
	}
	verifies := s.Verify != "" && s.Verify != VerifyOff
	switch {
	case verifies && k.c.Apify.Token == "":
		k.addf(path+".verify", "needs an API token to ask with; set apify.token, or set this to off")
	case s.Hold && !verifies:
		k.addf(path+".hold", "would hold deliveries for ever, as nothing verifies them; set verify to dispatch or run, or this to false")
	}
	switch {
	case s.Reconcile == ReconcileRuns && k.c.Apify.Token == "":
		k.addf(path+".reconcile", "needs an API token to ask with; set apify.token, or set this to off")
	case len(s.ReconcileAlso) > 0 && s.Reconcile != ReconcileRuns:
		k.addf(path+".reconcile_also", "is for reconcile: runs only; set that, or delete this")
	}
}

// reconcileAlso is an Actor or a task.
var reconcileAlso = regexp.MustCompile(`^(actor|task):[A-Za-z0-9_-]{1,128}$`)

// isAPIURL takes https, and http on loopback: the token travels with every request.
func isAPIURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// ReconciledToo are the ids of the Actors and tasks named by [Source.ReconcileAlso].
func (s *Source) ReconciledToo() (actors, tasks []string) {
	for _, text := range s.ReconcileAlso {
		if id, ok := strings.CutPrefix(text, "task:"); ok {
			tasks = append(tasks, id)
		} else {
			actors = append(actors, strings.TrimPrefix(text, "actor:"))
		}
	}
	return actors, tasks
}
