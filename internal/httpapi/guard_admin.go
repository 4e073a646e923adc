package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/access"
	"github.com/dedupgate/dedupgate/internal/quota"
	"github.com/dedupgate/dedupgate/internal/signature"
)

const (
	// wrongTokens is how often an address may be wrong at once; it gets one more try each minute.
	wrongTokens = 10
	// knownAddresses is how many addresses are remembered, at least, for having been wrong.
	knownAddresses = 10_000
)

// guard keeps strangers from the admin listener.
type guard struct {
	desk        *access.Desk
	overTLS     bool // a proxy in front speaks TLS
	crossOrigin *http.CrossOriginProtection
	wrong       *quota.Local // tokens, by address
	now         func() time.Time
	log         *slog.Logger
}

func newGuard(o *AdminOptions) *guard {
	return &guard{
		desk: o.Desk, overTLS: o.BehindProxy, crossOrigin: http.NewCrossOriginProtection(),
		wrong: quota.NewLocal(knownAddresses), now: time.Now, log: o.Log,
	}
}

// role is what a rule asks of a caller; Nobody for the rules that ask nothing and for routes without one.
func (r rule) role() access.Role {
	switch r {
	case ruleRead, ruleAdminBrowser, ruleMetrics:
		return access.Read
	case ruleOperate:
		return access.Operate
	case ruleAdmin:
		return access.Admin
	default:
		return access.Nobody
	}
}

// visitor is who has sent a request of the admin listener, as far as known.
type visitor struct {
	caller  access.Caller // zero where nobody had to be known
	address string        // as quotas know it
	secure  bool          // the browser speaks TLS
	misled  bool          // it has asked this machine by a name that is not its own; see [AdminOptions.OnLoopback]
}

// account is what wrong tokens are charged to. A page that has its own name lead here comes from loopback, like this machine's
// programs; it shall not lock them out.
func (v *visitor) account() string {
	if v.misled {
		return v.address + " by another name"
	}
	return v.address
}

type visitorKey struct{}

func visitorOf(ctx context.Context) visitor {
	v, _ := ctx.Value(visitorKey{}).(visitor)
	return v
}

// actorKey holds the caller's name, for the audit.
type actorKey struct{}

// authorize lets a request through when its route's rule allows it. A route without a rule is closed, and changes are
// refused when a page of another site has asked for them.
func (a *admin) authorize(c *gin.Context) {
	if c.FullPath() == "" { // no such route: said to everybody
		return
	}
	v := visitor{
		address: quota.Address(c.ClientIP()), secure: c.Request.TLS != nil || a.guard.overTLS,
		misled: a.OnLoopback && !asksLoopback(c.Request),
	}
	r := a.rules[ruleKey(c.Request.Method, c.FullPath())]
	open := r == ruleOpen || r == ruleMetrics && a.OnLoopback && !v.misled
	switch {
	case !open && r.role() == access.Nobody:
		deny(c, http.StatusForbidden, "This address is closed.")
		return
	case a.guard.crossOrigin.Check(c.Request) != nil:
		deny(c, http.StatusForbidden, "A page of another site has asked for this. Changes are taken from the gateway's own pages and from programs only.")
		return
	case !open:
		caller, ok := a.guard.recognise(c, r, v)
		if !ok {
			return
		}
		if !caller.Role.Allows(r.role()) {
			deny(c, http.StatusForbidden, "This takes the role "+r.role().String()+"; your token has the role "+caller.Role.String()+".")
			return
		}
		v.caller = caller
	}
	ctx := context.WithValue(c.Request.Context(), visitorKey{}, v)
	c.Request = c.Request.WithContext(context.WithValue(ctx, actorKey{}, v.caller.Name))
}

// asksLoopback reports a request for this machine by its own name. A page of another site can have its own name lead here, and
// a browser lets it read the answers then; but the name stays in the request.
func asksLoopback(r *http.Request) bool {
	host := (&url.URL{Host: r.Host}).Hostname()
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

func deny(c *gin.Context, status int, detail string) {
	c.Abort()
	writeProblem(c, status, detail)
}

// recognise says who the caller is, or answers that it is not known. A token goes before a session. An address that was
// wrong too often is not told whether it is right now, but sessions go on.
func (g *guard) recognise(c *gin.Context, r rule, v visitor) (access.Caller, bool) {
	given := shownToken(c.Request, r)
	if given == "" {
		if caller, ok := g.desk.BySession(sessionOf(c.Request, v.secure), g.now()); ok {
			return caller, true
		}
		g.unknown(c, r)
		return access.Caller{}, false
	}
	caller, wait, ok := g.try(&v, c.FullPath(), given)
	switch {
	case wait > 0:
		c.Abort()
		writeLocked(c, wait)
	case !ok:
		g.unknown(c, r)
	}
	return caller, ok && wait == 0
}

// try compares a token, unless the visitor has to wait; a wrong one is charged and logged.
func (g *guard) try(v *visitor, route, given string) (caller access.Caller, wait time.Duration, ok bool) {
	limit, account := quota.Quota{Count: wrongTokens, Per: wrongTokens * time.Minute}, v.account()
	if wait := g.wrong.Wait(account, limit, g.now()); wait > 0 {
		return access.Caller{}, wait, false
	}
	if caller, ok = g.desk.ByToken(given); ok {
		return caller, 0, true
	}
	g.wrong.Take(account, limit, 1, g.now())
	g.log.LogAttrs(context.Background(), slog.LevelWarn, "admin request refused: its token is wrong",
		slog.String("route", route), slog.String("remote_ip", v.address), slog.Bool("locked_out", g.wrong.Wait(account, limit, g.now()) > 0))
	return access.Caller{}, 0, false
}

func (*guard) unknown(c *gin.Context, r rule) {
	c.Header("WWW-Authenticate", "Bearer")
	if r == ruleAdminBrowser {
		c.Writer.Header().Add("WWW-Authenticate", `Basic realm="dedupgate, any user, the admin token as password"`)
	}
	deny(c, http.StatusUnauthorized, "Send an admin token as 'Authorization: Bearer …', or log in with POST /api/v1/session.")
}

const lockedDetail = "Too many wrong tokens came from your address. Wait as long as Retry-After says; a browser that is logged in goes on."

func writeLocked(c *gin.Context, wait time.Duration) {
	c.Header("Retry-After", seconds(wait))
	writeProblem(c, http.StatusTooManyRequests, lockedDetail)
}

// seconds rounds up, as Retry-After wants it.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// shownToken is the token that a request shows. Browsers can't be told to send a bearer token: on the pages made for them
// the token may be the password of Basic authentication.
func shownToken(req *http.Request, r rule) string {
	if _, password, ok := req.BasicAuth(); ok && r == ruleAdminBrowser {
		return password
	}
	return signature.FromRequest(nil, req.Header)
}
