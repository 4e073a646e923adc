package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// The names of the session's cookie. A browser takes __Host- only over TLS, for this very host and every path, so that no
// neighbour can plant one. On loopback without TLS it would not come back.
const (
	secureCookie = "__Host-dedupgate"
	plainCookie  = "dedupgate"
)

func cookieName(secure bool) string {
	if secure {
		return secureCookie
	}
	return plainCookie
}

// sessionOf is the session that a browser shows, "" for none or several.
func sessionOf(r *http.Request, secure bool) string {
	cookies := r.CookiesNamed(cookieName(secure))
	if len(cookies) != 1 {
		return ""
	}
	return cookies[0].Value
}

func newCookie(secure bool, value string, ends time.Time) http.Cookie {
	c := http.Cookie{ //nolint:gosec // without TLS only on loopback, where a Secure cookie would not come back
		Name: cookieName(secure), Value: value, Path: "/", Expires: ends,
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// sessionOperations is the part of the API's table with which a browser logs in and out.
func (a *admin) sessionOperations() []operation {
	login := post(openSessionID, "/session", "Log a browser in: the session's cookie for a token", http.StatusForbidden, http.StatusTooManyRequests)
	login.MaxBodyBytes = 4 << 10
	logout := get("close-session", "/session", "Log a browser out")
	logout.Method, logout.DefaultStatus = http.MethodDelete, http.StatusNoContent
	return []operation{
		{login, ruleOpen, answering(a, a.openSession)},
		{get("get-session", "/session", "Who the caller is"), ruleRead, answering(a, a.session)},
		{logout, ruleOpen, answering(a, a.closeSession)},
	}
}

// openSessionID is the operation that a token is typed for.
const openSessionID = "open-session"

// withoutToken takes out of an answer to a login what was sent: an error quotes the value that it is about, and people paste
// errors.
func withoutToken(ctx huma.Context, _ string, answer any) (any, error) {
	if failure, ok := answer.(*huma.ErrorModel); ok && ctx.Operation().OperationID == openSessionID {
		for _, detail := range failure.Errors {
			detail.Value = nil
		}
	}
	return answer, nil
}

// SessionAnswer says who the caller is. (Exported because its name is the schema's.)
type SessionAnswer struct {
	Name   string     `json:"name" doc:"The token's name in the configuration."`
	Role   string     `json:"role" enum:"read,operate,admin"`
	EndsAt *time.Time `json:"ends_at" doc:"When the session ends; null for a caller who shows the token itself."`
}

type openSessionInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"512"`
	}
}

const misledDetail = "This gateway's admin listener is on loopback, and a page of another site may be what asks for it by this name. " +
	"Log in at localhost or 127.0.0.1 with the same port; where a proxy with TLS stands in front, set admin.behind_proxy."

type openSessionOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      SessionAnswer
}

func (a *admin) openSession(ctx context.Context, in *openSessionInput) (*openSessionOutput, error) {
	v := visitorOf(ctx)
	if v.misled {
		return nil, huma.Error403Forbidden(misledDetail)
	}
	_, wait, ok := a.guard.try(&v, apiPrefix+"/session", in.Body.Token)
	switch {
	case wait > 0:
		return nil, huma.ErrorWithHeaders(huma.Error429TooManyRequests(lockedDetail), http.Header{"Retry-After": {seconds(wait)}})
	case !ok:
		return nil, huma.Error401Unauthorized("This is no admin token.")
	}
	text, caller, ok := a.guard.desk.Open(in.Body.Token, a.guard.now())
	if !ok { // taken out of the configuration just now
		return nil, huma.Error401Unauthorized("This is no admin token any more.")
	}
	a.Log.LogAttrs(ctx, slog.LevelInfo, "admin logged in", slog.String("actor", caller.Name), slog.String("remote_ip", v.address))
	return &openSessionOutput{
		newCookie(v.secure, text, caller.Ends),
		SessionAnswer{caller.Name, caller.Role.String(), &caller.Ends},
	}, nil
}

type sessionOutput struct{ Body SessionAnswer }

func (*admin) session(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
	caller := visitorOf(ctx).caller
	answer := SessionAnswer{Name: caller.Name, Role: caller.Role.String()}
	if !caller.Ends.IsZero() {
		answer.EndsAt = &caller.Ends
	}
	return &sessionOutput{answer}, nil
}

type closeSessionOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (*admin) closeSession(ctx context.Context, _ *struct{}) (*closeSessionOutput, error) {
	return &closeSessionOutput{newCookie(visitorOf(ctx).secure, "", time.Unix(1, 0))}, nil
}
