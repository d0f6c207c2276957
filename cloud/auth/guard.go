package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// Names that cross the API.
const (
	CookieName    = "bongsu_session"
	RequestHeader = "X-Bongsu-Request" // set to 1 on whatever changes something with a cookie
)

// csp lets the console load its own files, open its own streams and WebSockets ('self' matches
// those too: Content Security Policy Level 3, section 6.7.2.8), play what it fetched, and nothing
// else.
const csp = "default-src 'self'; connect-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Guard stands before every handler: it finds out who asks and refuses what the table does not
// allow. It is safe for many goroutines.
type Guard struct {
	service *Service
	secure  bool
	host    string // by which browsers know the server, besides the one they ask for; "" without
	log     *slog.Logger
}

// GuardOptions of a Guard.
type GuardOptions struct {
	Secure    bool         // browsers reach the server over HTTPS
	PublicURL string       // how they reach it, where a proxy asks us by another name; "" without
	Log       *slog.Logger // nil: discard
}

// NewGuard makes a guard.
func NewGuard(s *Service, o GuardOptions) *Guard {
	g := &Guard{service: s, secure: o.Secure, log: o.Log}
	if u, err := url.Parse(o.PublicURL); err == nil {
		g.host = u.Host
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	return g
}

// wrap puts the checks of one row in front of its handler.
func (g *Guard) wrap(route Route, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := g.principal(r, route)
		if err == nil {
			err = g.allow(r, route, p)
		}
		if err != nil {
			WriteError(w, err, g.log)
			return
		}
		h.ServeHTTP(w, r.WithContext(With(r.Context(), p)))
	})
}

// principal finds out who asks. On public routes wrong credentials are ignored, so that a
// browser with an old cookie can log in.
func (g *Guard) principal(r *http.Request, route Route) (*Principal, error) {
	p, err := g.credentials(r, route)
	if err != nil && bongsu.CodeOf(err) == bongsu.CodeUnauthorized && route.Access == AccessPublic {
		p, err = &Principal{}, nil
	}
	if err != nil {
		return nil, err
	}
	p.client = clientAddress(r)
	return p, nil
}

func (g *Guard) credentials(r *http.Request, route Route) (*Principal, error) {
	if route.Access == AccessPublic && route.Unsafe() {
		return &Principal{}, nil // login, set-up and enrolment bring their own proof
	}
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, secret, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, bongsu.Errorf(bongsu.CodeUnauthorized, "Authorization: only Bearer is understood")
		}
		return g.service.bearer(r.Context(), strings.TrimSpace(secret))
	}
	c, err := r.Cookie(CookieName)
	if err != nil {
		return &Principal{}, nil
	}
	return g.service.session(r.Context(), c.Value)
}

// allow applies the table's row, then what protects browsers from other sites.
func (g *Guard) allow(r *http.Request, route Route, p *Principal) error {
	if err := permit(r, route, p); err != nil {
		return err
	}
	if p.session != "" || route.Unsafe() {
		if err := g.sameSite(r); err != nil {
			return err
		}
	}
	if p.session != "" && route.Unsafe() && r.Header.Get(RequestHeader) != "1" {
		return bongsu.Errorf(bongsu.CodeForbidden, "the header %s: 1 is missing: a request that changes something needs it beside the cookie", RequestHeader)
	}
	return nil
}

func permit(r *http.Request, route Route, p *Principal) error {
	known := p.User.Username != ""
	switch route.Access {
	case AccessPublic:
		return nil
	case AccessLocal:
		if p.Admin() || local(r) {
			return nil
		}
	case AccessEdge:
		known = p.Edge != ""
		if known {
			return nil
		}
		if p.User.Username != "" {
			return bongsu.Errorf(bongsu.CodeForbidden, "this is for edges: a user's credential does not open it")
		}
	case AccessOperator:
		if known && (p.Admin() || p.User.Role == archive.RoleOperator) {
			return nil
		}
	case AccessAdmin:
		if p.Admin() {
			return nil
		}
	}
	if known {
		return bongsu.Errorf(bongsu.CodeForbidden, "this needs the role admin: ask one")
	}
	if p.Edge != "" {
		return bongsu.Errorf(bongsu.CodeForbidden, "an edge's credential opens the routes of edges only")
	}
	return bongsu.Errorf(bongsu.CodeUnauthorized, "log in first, or send a token as \"Authorization: Bearer ...\"")
}

// sameSite refuses requests that a page of another origin made a browser send: by
// Fetch-Metadata where the browser has it, by Origin otherwise.
func (g *Guard) sameSite(r *http.Request) error {
	foreign := bongsu.Errorf(bongsu.CodeForbidden, "this request comes from another site: open the console itself")
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return foreign
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) && !strings.EqualFold(u.Host, g.host) {
			return foreign
		}
	}
	return nil
}

// unmatched answers what no row of the table fits, and sets the headers that all answers have.
func (g *Guard) unmatched(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.headers(w.Header())
		defer g.recover(w, r)
		_, pattern := mux.Handler(r)
		if api := strings.HasPrefix(r.URL.Path, "/api/"); pattern == "/" && (api || r.Method != http.MethodGet && r.Method != http.MethodHead) {
			noRoute(mux, w, r, g.log)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (g *Guard) headers(h http.Header) {
	h.Set("Content-Security-Policy", csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store")
	if g.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// recover turns a panic of a handler into an answer and a log record; the server goes on.
func (g *Guard) recover(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v) //nolint:forbidigo // net/http's own way to cut an answer off; it is meant for net/http
	}
	g.log.Error("a handler panicked", "method", r.Method, "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
	WriteError(w, bongsu.Errorf(bongsu.CodeInternal, "a defect of the server; it is in its log"), g.log)
}

// noRoute answers 405 with Allow when another method would do, else 404.
func noRoute(mux *http.ServeMux, w http.ResponseWriter, r *http.Request, log *slog.Logger) {
	var allow []string
	for _, m := range []string{"GET", "POST", "PUT", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := mux.Handler(other); pattern != "/" && pattern != "" {
			allow = append(allow, m)
		}
	}
	if len(allow) == 0 {
		WriteError(w, bongsu.Errorf(bongsu.CodeNotFound, "there is nothing at this address: see /api/openapi.json"), log)
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	writeBody(w, http.StatusMethodNotAllowed, wireError(bongsu.CodeInvalid, "this address takes "+strings.Join(allow, ", ")+" only"))
}

// RetryError is a throttled error that knows when to try again.
type RetryError struct {
	Cause *bongsu.Error
	After time.Duration
}

// Error gives the sentence.
func (e *RetryError) Error() string { return e.Cause.Error() }

// Unwrap gives the bongsu.Error.
func (e *RetryError) Unwrap() error { return e.Cause }

// WriteError answers with err as a bongsu.WireError and its status. Causes inside are logged
// when they are defects or outages, never sent. log may not be nil.
func WriteError(w http.ResponseWriter, err error, log *slog.Logger) {
	code, message := bongsu.CodeOf(err), "a defect of the server; it is in its log"
	var be *bongsu.Error
	if errors.As(err, &be) {
		message = be.Message
	}
	status := bongsu.HTTPStatus(code)
	if errors.Is(err, context.Canceled) {
		log.Debug("the caller went away", "err", err)
	} else if status >= 500 {
		log.Error("request failed", "code", code, "err", err)
	}
	var re *RetryError
	if errors.As(err, &re) {
		w.Header().Set("Retry-After", strconv.Itoa(int(re.After/time.Second)+1))
	} else if code == bongsu.CodeUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	if code == bongsu.CodeUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="bongsu"`)
	}
	writeBody(w, status, wireError(code, message))
}

func wireError(code bongsu.Code, message string) bongsu.WireError {
	var e bongsu.WireError
	e.Error.Code, e.Error.Message = code, message
	return e
}

func writeBody(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Del("Content-Length")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // what fails here is the caller's connection
}
