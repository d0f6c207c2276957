package auth

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// passed is what every handler of the walk answers: nothing else may.
const passed = 299

// walk is a rig with the whole table in front of handlers that only say that they were reached.
type walk struct {
	*rig
	h       http.Handler
	callers map[string]caller
}

// caller is somebody who asks.
type caller struct {
	kind   string // what it is at best: "", "operator", "admin", "edge"
	header map[string]string
	remote string
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{rig: newRig(t)}
	handlers := map[string]http.Handler{}
	for _, r := range Routes() {
		handlers[r.Name] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(passed) })
	}
	h, err := NewGuard(w.Service, GuardOptions{Secure: true, Log: slog.New(slog.NewTextHandler(w.log, nil))}).Mux(handlers)
	if err != nil {
		t.Fatal(err)
	}
	w.h = h
	w.makeCallers(t)
	return w
}

func (w *walk) makeCallers(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	w.add(t, "boss", archive.RoleAdmin)
	for _, name := range []string{"kim", "gone", "late"} {
		w.add(t, name, archive.RoleOperator)
	}
	token := func(user string, d time.Duration) string {
		s, err := w.UserToken(ctx, CLI, user, "walk", d)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	edge := func(name string) bongsu.EnrolResponse {
		enrol, _, err := w.EdgeToken(ctx, CLI, name)
		if err != nil {
			t.Fatal(err)
		}
		e, err := w.Enrol(ctx, "192.0.2.1", bongsu.EnrolRequest{Token: enrol, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	good, bad := edge("gate"), edge("stolen")
	unused, _, err := w.EdgeToken(ctx, CLI, "new")
	if err != nil {
		t.Fatal(err)
	}
	goneSession, goneToken := w.login(t, "gone"), token("gone", 0)
	old, oldToken := w.login(t, "late"), token("late", time.Minute)
	w.clock.add(time.Hour)
	if err := w.DisableUser(ctx, CLI, "gone"); err != nil {
		t.Fatal(err)
	}
	if err := w.RevokeEdge(ctx, CLI, bad.Edge); err != nil {
		t.Fatal(err)
	}
	cookie := func(s string) map[string]string { return map[string]string{"Cookie": CookieName + "=" + s} }
	console := func(s string) map[string]string {
		return map[string]string{"Cookie": CookieName + "=" + s, RequestHeader: "1", "Origin": "https://cloud.example", "Sec-Fetch-Site": "same-origin"}
	}
	bearer := func(s string) map[string]string { return map[string]string{"Authorization": "Bearer " + s} }
	w.callers = map[string]caller{
		"nobody":                {"", nil, ""},
		"nobody on loopback":    {"local", nil, "127.0.0.1:5"},
		"a proxy on loopback":   {"", map[string]string{"X-Forwarded-For": "192.0.2.7"}, "127.0.0.1:5"},
		"garbage cookie":        {"", cookie("garbage"), ""},
		"garbage token":         {"", bearer("garbage"), ""},
		"basic":                 {"", map[string]string{"Authorization": "Basic Ym9zczpib3Nz"}, ""},
		"operator":              {"operator", console(w.login(t, "kim")), ""},
		"operator's token":      {"operator", bearer(token("kim", 0)), ""},
		"admin":                 {"admin", console(w.login(t, "boss")), ""},
		"admin's token":         {"admin", bearer(token("boss", 0)), ""},
		"admin's bare cookie":   {"reading admin", cookie(w.login(t, "boss")), ""},
		"edge":                  {"edge", bearer(good.Credential), ""},
		"revoked edge":          {"", bearer(bad.Credential), ""},
		"enrol token":           {"", bearer(unused), ""},
		"edge in a cookie":      {"", cookie(good.Credential), ""},
		"token in a cookie":     {"", cookie(token("boss", 0)), ""},
		"session as a token":    {"", bearer(w.login(t, "boss")), ""},
		"disabled user":         {"", console(goneSession), ""},
		"disabled user's token": {"", bearer(goneToken), ""},
		"ended session":         {"", console(old), ""},
		"ended token":           {"", bearer(oldToken), ""},
	}
}

func (w *walk) ask(method, path string, c caller) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://cloud.example"+path, nil)
	r.RemoteAddr = "192.0.2.1:1234"
	if c.remote != "" {
		r.RemoteAddr = c.remote
	}
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	return rec
}

// example is an address that the route's pattern fits.
func example(r Route) string {
	return strings.NewReplacer("{id}", "0193a5f0-0000-7000-8000-000000000000", "{part}", "0",
		"{edge}", "gate", "{camera}", "cam1", "{username}", "kim").Replace(r.Pattern)
}

// public is the allow-list, written out: a route that is added as public must be added here.
var public = []string{"healthz", "openapi", "setup.state", "setup.do", "login", "edge.enrol", "static"}

// reaches says, apart from the code, who must reach what.
func reaches(kind string, r Route) bool {
	if slices.Contains(public, r.Name) {
		return true
	}
	edges := strings.HasPrefix(r.Pattern, "/api/v1/edge/")
	switch kind {
	case "local":
		return r.Name == "metrics"
	case "edge":
		return edges
	case "reading admin":
		return !edges && r.Method == "GET"
	case "admin":
		return !edges
	case "operator":
		admins := strings.HasPrefix(r.Pattern, "/api/v1/users") || strings.HasPrefix(r.Pattern, "/api/v1/edges") || r.Pattern == "/api/v1/audit" || strings.HasPrefix(r.Pattern, "/api/v1/deadletters") || r.Name == "metrics"
		look := r.Pattern == "/api/v1/edges/{edge}/setup" // operators may look at it
		return !edges && (!admins || look)
	}
	return false
}

// TestWalk asks every route as every kind of caller.
func TestWalk(t *testing.T) {
	w := newWalk(t)
	for _, r := range Routes() {
		for name, c := range w.callers {
			method := r.Method
			if method == "" {
				method = "GET"
			}
			rec := w.ask(method, example(r), c)
			if want := reaches(c.kind, r); want != (rec.Code == passed) {
				t.Errorf("%s as %s: %d, want through: %t", r.pattern(), name, rec.Code, want)
			}
			if rec.Code != passed {
				checkRefusal(t, r, name, c, rec)
			}
		}
	}
}

func checkRefusal(t *testing.T, r Route, name string, c caller, rec *httptest.ResponseRecorder) {
	t.Helper()
	var e bongsu.WireError
	if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil || e.Error.Code == "" || e.Error.Message == "" {
		t.Errorf("%s as %s: body %q is no WireError (%v)", r.pattern(), name, rec.Body, err)
	}
	want := http.StatusUnauthorized
	if c.kind == "operator" || c.kind == "admin" || c.kind == "edge" || c.kind == "reading admin" {
		want = http.StatusForbidden
	}
	if rec.Code != want {
		t.Errorf("%s as %s: %d, want %d", r.pattern(), name, rec.Code, want)
	}
	for _, h := range c.header {
		if _, secret, ok := strings.Cut(h, " "); ok && strings.Contains(rec.Body.String(), secret) {
			t.Errorf("%s as %s: the answer repeats the credential", r.pattern(), name)
		}
	}
}

// TestOtherMethods asks every address with every method that the table does not name.
func TestOtherMethods(t *testing.T) {
	w := newWalk(t)
	named := map[string]bool{}
	for _, r := range Routes() {
		named[r.Method+" "+r.Pattern] = true
	}
	for _, r := range Routes() {
		for _, m := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BONGSU"} {
			if named[m+" "+r.Pattern] || r.Method == "" && m == "GET" {
				continue
			}
			rec := w.ask(m, example(r), w.callers["admin"])
			want := http.StatusMethodNotAllowed
			if r.Method == "" || !strings.HasPrefix(r.Pattern, "/api/") && m == "GET" {
				want = http.StatusNotFound
			}
			if rec.Code != want && rec.Code != passed || rec.Code == passed && !strings.Contains(fmt.Sprint(named), m+" "+r.Pattern) {
				t.Errorf("%s %s: %d, want %d", m, r.Pattern, rec.Code, want)
			}
			if rec.Code == http.StatusMethodNotAllowed && !strings.Contains(rec.Header().Get("Allow"), r.Method) {
				t.Errorf("%s %s: Allow is %q", m, r.Pattern, rec.Header().Get("Allow"))
			}
		}
	}
	for _, path := range []string{"/api/", "/api/v1/nothing", "/api/v2/events", "/api/v1/events/x/y/z"} {
		if rec := w.ask("GET", path, w.callers["admin"]); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

// TestOtherSites sends what a page of another origin could make a browser send.
func TestOtherSites(t *testing.T) {
	w := newWalk(t)
	base := w.callers["admin"]
	for name, change := range map[string]map[string]string{
		"no request header":   {RequestHeader: ""},
		"another value":       {RequestHeader: "0"},
		"another origin":      {"Origin": "https://evil.example"},
		"no origin at all":    {"Origin": "null"},
		"cross-site":          {"Sec-Fetch-Site": "cross-site"},
		"same-site":           {"Sec-Fetch-Site": "same-site"},
		"another port's page": {"Origin": "https://cloud.example:8443"},
	} {
		c := caller{kind: "admin", header: map[string]string{}}
		for k, v := range base.header {
			c.header[k] = v
		}
		for k, v := range change {
			c.header[k] = v
		}
		for _, r := range Routes() {
			reading := !r.Unsafe() && strings.HasSuffix(name, "header") || !r.Unsafe() && name == "another value"
			credentials := r.Access == AccessOperator || r.Access == AccessAdmin || r.Unsafe()
			if r.Access == AccessEdge || reading || !credentials {
				continue
			}
			public := r.Access == AccessPublic && (strings.HasSuffix(name, "header") || name == "another value")
			if rec := w.ask(r.Method, example(r), c); rec.Code != http.StatusForbidden && !public {
				t.Errorf("%s with %s: %d", r.pattern(), name, rec.Code)
			}
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	w := newWalk(t)
	for _, path := range []string{"/", "/console", "/api/v1/events", "/api/v1/nothing", "/healthz"} {
		h := w.ask("GET", path, w.callers["nobody"]).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Strict-Transport-Security": "max-age=31536000", "Cache-Control": "no-store",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, h.Get(name), want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'self';") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: Content-Security-Policy is %q", path, policy)
		}
	}
}

func TestMuxIsExact(t *testing.T) {
	w := newRig(t)
	g := NewGuard(w.Service, GuardOptions{})
	handlers := map[string]http.Handler{}
	for _, r := range Routes() {
		handlers[r.Name] = http.NotFoundHandler()
	}
	handlers["extra"] = http.NotFoundHandler()
	if _, err := g.Mux(handlers); err == nil || !strings.Contains(err.Error(), "extra") {
		t.Errorf("a handler without a route: %v", err)
	}
	delete(handlers, "extra")
	delete(handlers, "stream")
	if _, err := g.Mux(handlers); err == nil || !strings.Contains(err.Error(), `"stream"`) {
		t.Errorf("a route without a handler: %v", err)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	w := newRig(t)
	handlers := map[string]http.Handler{}
	for _, r := range Routes() {
		handlers[r.Name] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("inner word") })
	}
	h, err := NewGuard(w.Service, GuardOptions{Log: slog.New(slog.NewTextHandler(w.log, nil))}).Mux(handlers)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/healthz", nil))
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "inner word") || !strings.Contains(w.log.String(), "inner word") {
		t.Errorf("%d %s\nlog: %s", rec.Code, rec.Body, w.log)
	}
}

func TestClientAddress(t *testing.T) {
	for _, tc := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "203.0.113.9", "192.0.2.1"}, // not ours: not believed
		{"127.0.0.1:5", "", "127.0.0.1"},
		{"127.0.0.1:5", "203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:5", "10.0.0.1, 203.0.113.9", "203.0.113.9"}, // what the proxy itself saw is last
		{"[::1]:5", "2001:db8::1", "2001:db8::1"},
		{"127.0.0.1:5", "nonsense", "127.0.0.1"},
		{"odd", "", "odd"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tc.remote
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		if got := clientAddress(r); got != tc.want {
			t.Errorf("%s via %q: %s, want %s", tc.remote, tc.forwarded, got, tc.want)
		}
	}
}

func TestWriteError(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for _, tc := range []struct {
		err    error
		status int
		text   string
		header string
	}{
		{bongsu.Errorf(bongsu.CodeInvalid, "limit: wrong"), 400, "limit: wrong", ""},
		{fmt.Errorf("secret detail"), 500, "a defect of the server; it is in its log", ""},
		{bongsu.Wrap(bongsu.CodeUnavailable, fmt.Errorf("secret detail"), "try again"), 503, "try again", "Retry-After"},
		{&RetryError{bongsu.Errorf(bongsu.CodeThrottled, "too many"), 90 * time.Second}, 429, "too many", "Retry-After"},
		{bongsu.Errorf(bongsu.CodeUnauthorized, "log in"), 401, "log in", "WWW-Authenticate"},
	} {
		rec := httptest.NewRecorder()
		WriteError(rec, tc.err, log)
		var e bongsu.WireError
		if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil || rec.Code != tc.status || e.Error.Message != tc.text {
			t.Errorf("%v: %d %s (%v)", tc.err, rec.Code, rec.Body, err)
		}
		if tc.header != "" && rec.Header().Get(tc.header) == "" {
			t.Errorf("%v: no %s", tc.err, tc.header)
		}
	}
}

// A proxy may ask us by an inner name; the origin is then the public one.
func TestOriginBehindAProxy(t *testing.T) {
	g := NewGuard(newRig(t).Service, GuardOptions{PublicURL: "https://bongsu.example"})
	for origin, want := range map[string]bool{
		"https://bongsu.example": true, "http://inner:8080": true, "": true,
		"https://evil.example": false, "null": false, "https://bongsu.example.evil.example": false, "://": false,
	} {
		r := httptest.NewRequest("POST", "http://inner:8080/api/v1/login", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if err := g.sameSite(r); (err == nil) != want {
			t.Errorf("%q: %v", origin, err)
		}
	}
	without := NewGuard(newRig(t).Service, GuardOptions{})
	r := httptest.NewRequest("POST", "http://inner:8080/api/v1/login", nil)
	r.Header.Set("Origin", "null")
	if without.sameSite(r) == nil {
		t.Error("an opaque origin passed where there is no public address")
	}
}
