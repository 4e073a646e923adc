package source

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/signature"
)

// Kind says who sends.
type Kind string

// The kinds of sources.
const (
	Apify   Kind = "apify"
	Generic Kind = "generic" // any sender whose requests carry an identity somewhere
)

// WithoutGeneration says what makes two events of one run and type the same when nothing tells the run's lives apart: a
// payload template that leaves resource out, or an event type this version does not know.
type WithoutGeneration string

// The choices. The zero value is ByDispatch.
const (
	ByDispatch WithoutGeneration = "dispatch" // the dispatch id: retries fold, twins do not, nothing is ever lost
	Single     WithoutGeneration = "single"   // one event per run and type: twins fold, a second end of a run is lost
)

// Windows are the lifetimes of claims: Window of a settled one, Lease of an unsettled one.
type Windows struct {
	Window time.Duration
	Lease  time.Duration
}

// Options describe a source. Only Name, Kind, Tokens or a Guard, and Windows are always required.
type Options struct {
	Name   string // lower-case letters, digits and hyphens, at most 32
	Kind   Kind
	Tokens []signature.Token // any of them opens; several while one is being replaced
	Guard  *signature.Guard  // what requests must show; nil: one of Tokens

	WithoutGeneration WithoutGeneration // kind apify; default ByDispatch
	Keys              []Place           // kind generic: places whose values together name the event
	QuarantineStatus  int               // 200 (default), 400 or 422: answers a request that is quarantined

	Default Windows            // both must be positive
	ByType  map[string]Windows // per event type; a zero field means the default's
}

// maxKeys is more than anybody needs and less than the bits of a reader's memory of names.
const maxKeys = 16

// maxName keeps Redis keys short and metric labels readable.
const maxName = 32

// Source is a configured sender, ready to identify its requests. Its fields are for reading; all methods are safe for
// concurrent use. A changed configuration makes new sources.
type Source struct {
	Options
	fields  []field   // what to read from a body
	headers []string  // allow-listed headers in canonical form, sorted
	queries []string  // allow-listed query parameters, sorted
	readers sync.Pool // of *reader
}

// New checks the options and makes the source. The error names the option and what it must be.
func New(o Options) (*Source, error) {
	if o.WithoutGeneration == "" {
		o.WithoutGeneration = ByDispatch
	}
	if o.QuarantineStatus == 0 {
		o.QuarantineStatus = http.StatusOK
	}
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("source %q: %w", o.Name, err)
	}
	if o.Guard == nil {
		guard, err := signature.NewGuard(signature.GuardOptions{Tokens: o.Tokens})
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", o.Name, err)
		}
		o.Guard = guard
	}
	s := &Source{Options: o, headers: []string{headerContentType, headerUserAgent}}
	if o.Kind == Apify {
		s.fields = apifyFields()
		s.headers = append(s.headers, headerApify, headerDispatchID, headerOrigin)
	} else {
		s.plan(o.Keys)
	}
	slices.Sort(s.headers)
	slices.Sort(s.queries)
	s.headers = slices.Compact(s.headers)
	return s, nil
}

// Windows are the lifetimes for events of this type.
func (s *Source) Windows(eventType string) (window, lease time.Duration) {
	window, lease = s.Default.Window, s.Default.Lease
	if w, ok := s.ByType[eventType]; ok {
		if w.Window > 0 {
			window = w.Window
		}
		if w.Lease > 0 {
			lease = w.Lease
		}
	}
	return window, lease
}

func (o *Options) validate() error {
	switch {
	case !isName(o.Name):
		return fmt.Errorf("name: want 1 to %d lower-case letters, digits and hyphens", maxName)
	case o.WithoutGeneration != ByDispatch && o.WithoutGeneration != Single:
		return fmt.Errorf("without_generation: want %s or %s", ByDispatch, Single)
	case !slices.Contains([]int{http.StatusOK, http.StatusBadRequest, http.StatusUnprocessableEntity}, o.QuarantineStatus):
		return errors.New("quarantine_status: want 200, 400 or 422")
	case o.Default.Window <= 0 || o.Default.Lease <= 0:
		return errors.New("window and lease: both must be positive")
	}
	for t, w := range o.ByType {
		if w.Window < 0 || w.Lease < 0 {
			return fmt.Errorf("window and lease of %q: neither may be negative", t)
		}
	}
	switch o.Kind {
	case Apify:
		if len(o.Keys) > 0 {
			return errors.New("keys: only for kind generic; how Apify's events are told apart is built in")
		}
		return nil
	case Generic:
		return validateKeys(o.Keys)
	default:
		return fmt.Errorf("kind: want %s or %s", Apify, Generic)
	}
}

func validateKeys(keys []Place) error {
	if len(keys) == 0 {
		return errors.New("keys: kind generic needs at least one place, such as header:X-GitHub-Delivery, or body:sha256")
	}
	if len(keys) > maxKeys {
		return fmt.Errorf("keys: at most %d places", maxKeys)
	}
	for i, p := range keys {
		switch {
		case p.in == inNowhere:
			return fmt.Errorf("keys: place %d was not made by ParsePlace", i+1)
		case p.in == inBodyHash && len(keys) > 1:
			return errors.New("keys: body:sha256 names the event alone; remove the other places")
		case slices.Contains(keys[:i], p):
			return fmt.Errorf("keys: %s is listed twice", p)
		}
	}
	return nil
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// read fills out from the body by the source's fields, or says what is wrong with the body.
func (s *Source) read(body []byte, out []scalar) (problem string) {
	r, ok := s.readers.Get().(*reader)
	if !ok {
		r = newReader()
	}
	problem = r.read(body, s.fields, out)
	r.forget()
	s.readers.Put(r)
	return problem
}
