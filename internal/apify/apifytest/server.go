// Package apifytest plays Apify's API for tests: the GET calls that the gateway makes, in the documented shapes, with paging,
// missing tokens, 429 and errors. It imports the standard library only; test files import it.
package apifytest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Document is an object as Apify would give it.
type Document = map[string]any

// Server is one account. It is safe for concurrent use.
type Server struct {
	token string

	mu         sync.Mutex
	documents  map[string][]Document // by collection
	failures   []failure
	requests   []Request
	beforePage func()
}

// Request is a call that was made.
type Request struct {
	Path, Query, Agent string
}

type failure struct {
	path, retryAfter string
	status           int
}

// UserID is the account's user, whose runs and webhooks all are unless their document says otherwise.
const UserID = "WsjZnQgsy2sQsskLx"

const (
	dispatches = "webhook-dispatches"
	webhooks   = "webhooks"
	runs       = "actor-runs"
	builds     = "actor-builds"
	tasks      = "actor-tasks"
)

// New makes an empty account with one token.
func New(token string) *Server { return &Server{token: token, documents: map[string][]Document{}} }

// Start serves on loopback until the returned server is closed.
func (s *Server) Start() *httptest.Server { return httptest.NewServer(s) }

// RoundTrip answers without a network, so that time can be a bubble's.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result(), nil
}

// PutWebhook adds or replaces a webhook by its id.
func (s *Server) PutWebhook(d Document) { s.put(webhooks, d) }

// PutDispatch adds or replaces a dispatch.
func (s *Server) PutDispatch(d Document) { s.put(dispatches, d) }

// PutRun adds or replaces a run.
func (s *Server) PutRun(d Document) { s.put(runs, d) }

// PutBuild adds or replaces a build.
func (s *Server) PutBuild(d Document) { s.put(builds, d) }

// PutTask adds or replaces a task.
func (s *Server) PutTask(d Document) { s.put(tasks, d) }

func (s *Server) put(collection string, d Document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d["userId"] == nil {
		d["userId"] = UserID
	}
	all := slices.DeleteFunc(s.documents[collection], func(old Document) bool { return old["id"] == d["id"] })
	s.documents[collection] = append(all, d)
}

// Remove takes a run away, as Apify does when its retention is over.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, all := range s.documents {
		s.documents[name] = slices.DeleteFunc(all, func(d Document) bool { return d["id"] == id })
	}
}

// Fail makes the next call whose path has this part fail with a status; retryAfter may be empty. Calls queue up.
func (s *Server) Fail(path string, status int, retryAfter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, failure{path, retryAfter, status})
}

// BeforePage is called before every page of a listing is made; it may add documents.
func (s *Server) BeforePage(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beforePage = f
}

// Requests lists the calls that came, refused ones included.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, Request{r.URL.Path, r.URL.RawQuery, r.UserAgent()})
	before := s.beforePage
	failing := slices.IndexFunc(s.failures, func(f failure) bool { return strings.Contains(r.URL.Path, f.path) })
	var fail failure
	if failing >= 0 {
		fail = s.failures[failing]
		s.failures = slices.Delete(s.failures, failing, failing+1)
	}
	s.mu.Unlock()
	switch {
	case failing >= 0:
		if fail.retryAfter != "" {
			w.Header().Set("Retry-After", fail.retryAfter)
		}
		refuse(w, fail.status, map[int]string{http.StatusTooManyRequests: "rate-limit-exceeded"}[fail.status])
	case r.Method != http.MethodGet:
		refuse(w, http.StatusMethodNotAllowed, "method-not-allowed")
	case r.Header.Get("Authorization") != "Bearer "+s.token:
		refuse(w, http.StatusUnauthorized, "user-or-token-not-found")
	default:
		if before != nil {
			before()
		}
		s.answer(w, r)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
	switch {
	case r.URL.Path == "/v2/users/me":
		give(w, Document{"id": UserID, "username": "tester"})
	case len(parts) == 1 && parts[0] == dispatches:
		s.list(w, r, dispatches, "createdAt", nil, nil)
	case len(parts) == 1 && parts[0] == webhooks:
		s.list(w, r, webhooks, "createdAt", nil, []string{"payloadTemplate", "headersTemplate"})
	case len(parts) == 3 && parts[0] == "actors" && parts[2] == "runs":
		s.listRuns(w, r, "actId", parts[1])
	case len(parts) == 3 && parts[0] == tasks && parts[2] == "runs":
		s.listRuns(w, r, "actorTaskId", parts[1])
	case len(parts) == 2:
		s.one(w, parts[0], parts[1])
	default:
		refuse(w, http.StatusNotFound, "page-not-found")
	}
}

func (s *Server) one(w http.ResponseWriter, collection, id string) {
	s.mu.Lock()
	at := slices.IndexFunc(s.documents[collection], func(d Document) bool { return d["id"] == id })
	var found Document
	if at >= 0 {
		found = maps.Clone(s.documents[collection][at])
	}
	s.mu.Unlock()
	if found == nil {
		refuse(w, http.StatusNotFound, "record-not-found")
		return
	}
	give(w, found)
}

// listRuns gives the short form, which lacks stats among others.
func (s *Server) listRuns(w http.ResponseWriter, r *http.Request, field, id string) {
	q := r.URL.Query()
	statuses := strings.Split(q.Get("status"), ",")
	s.list(w, r, runs, "startedAt", func(d Document) bool {
		started, _ := d["startedAt"].(string)
		status, _ := d["status"].(string)
		return d[field] == id && slices.Contains(statuses, status) && started >= q.Get("startedAfter")
	}, []string{"stats", "options", "containerUrl", "exitCode", "userId"})
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, collection, by string, keep func(Document) bool, without []string) {
	limit, offset := 1000, 0
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && n < limit {
		limit = n
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("offset")); err == nil {
		offset = n
	}
	s.mu.Lock()
	all := slices.Clone(s.documents[collection])
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(d Document) bool { return keep != nil && !keep(d) })
	slices.SortStableFunc(all, func(a, b Document) int { return cmp.Compare(text(a[by]), text(b[by])) })
	if r.URL.Query().Get("desc") == "1" {
		slices.Reverse(all)
	}
	page := all[min(offset, len(all)):min(offset+limit, len(all))]
	items := make([]Document, len(page))
	for i, d := range page {
		items[i] = maps.Clone(d)
		for _, name := range without {
			delete(items[i], name)
		}
	}
	give(w, Document{"total": len(all), "offset": offset, "limit": limit, "count": len(items), "desc": true, "items": items})
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

func give(w http.ResponseWriter, data any) { write(w, http.StatusOK, Document{"data": data}) }

func refuse(w http.ResponseWriter, status int, kind string) {
	write(w, status, Document{"error": Document{"type": kind, "message": "Told by a test."}})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
