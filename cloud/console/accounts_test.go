package console

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"testing/fstest"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
)

// browser is somebody who talks to the site with a cookie, as the console does.
type browser struct {
	*site
	client *http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s, &http.Client{Jar: jar}}
}

func (b *browser) ask(method, path, body string) answer {
	b.t.Helper()
	r, err := http.NewRequest(method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != "GET" {
		r.Header.Set(auth.RequestHeader, "1")
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, got}
}

func TestFirstLoginInABrowser(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Secure = false })
	code, err := s.auth.PrepareSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	if a := b.ask("GET", "/api/v1/setup", ""); string(a.body) != "{\"needed\":true}\n" {
		t.Errorf("before: %s", a.body)
	}
	if a := b.ask("GET", "/api/v1/me", ""); a.status != 401 {
		t.Errorf("me before: %d", a.status)
	}
	body := fmt.Sprintf(`{"code":%q,"username":"boss","name":"관리자","password":%q}`, code, password)
	if a := b.ask("POST", "/api/v1/setup", strings.Replace(body, code[:3], "AAA", 1)); a.status != 403 {
		t.Errorf("a wrong code: %s", a.sentence())
	}
	a := b.ask("POST", "/api/v1/setup", body)
	cookie := a.header.Get("Set-Cookie")
	if a.status != 204 || !strings.HasPrefix(cookie, "bongsu_session=bgs_") || !strings.HasSuffix(cookie, "; Path=/; HttpOnly; SameSite=Strict") {
		t.Errorf("%d, cookie %q", a.status, cookie)
	}
	if a := b.ask("GET", "/api/v1/setup", ""); string(a.body) != "{\"needed\":false}\n" {
		t.Errorf("after: %s", a.body)
	}
	if a := b.ask("GET", "/api/v1/me", ""); string(a.body) != `{"user":{"username":"boss","name":"관리자","role":"admin"},"version":"1.2.3"}`+"\n" {
		t.Errorf("me: %s", a.body)
	}
	if a := b.ask("POST", "/api/v1/users", fmt.Sprintf(`{"username":"kim","role":"operator","password":%q}`, password)); a.status != 200 || strings.Contains(string(a.body), "password") {
		t.Errorf("a user: %d %s", a.status, a.body)
	}
	if a := b.ask("POST", "/api/v1/logout", ""); a.status != 204 || !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("logout: %d %v", a.status, a.header)
	}
	if a := b.ask("GET", "/api/v1/me", ""); a.status != 401 {
		t.Errorf("me after logout: %d", a.status)
	}
	if a := b.ask("POST", "/api/v1/login", `{"username":"kim","password":"wrong password"}`); a.sentence() != "401 unauthorized: the username or the password is wrong" {
		t.Errorf("wrong: %s", a.sentence())
	}
	if a := b.ask("POST", "/api/v1/login", fmt.Sprintf(`{"username":"kim","password":%q}`, password)); a.status != 200 || string(a.body) != `{"user":{"username":"kim","name":"kim","role":"operator"}}`+"\n" {
		t.Errorf("login: %d %s", a.status, a.body)
	}
	if a := b.ask("GET", "/api/v1/users", ""); a.status != 403 {
		t.Errorf("an operator lists users: %d", a.status)
	}
}

func TestCookieInsistsOnHTTPS(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Secure = true })
	s.user("kim", archive.RoleOperator)
	a := s.browser().ask("POST", "/api/v1/login", fmt.Sprintf(`{"username":"kim","password":%q}`, password))
	if !strings.Contains(a.header.Get("Set-Cookie"), "; Secure") || a.header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%v", a.header)
	}
}

func TestThrottledLoginSaysWhen(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	for range 50 {
		a := b.ask("POST", "/api/v1/login", `{"username":"kim","password":"wrong"}`)
		if a.status == 429 {
			if a.header.Get("Retry-After") == "" || !strings.HasPrefix(a.sentence(), "429 throttled: too many wrong attempts: try again in ") {
				t.Errorf("%s %v", a.sentence(), a.header)
			}
			return
		}
	}
	t.Error("fifty wrong logins were never throttled")
}

func TestEdgesAndTheirEnrolment(t *testing.T) {
	s := newSite(t)
	boss := s.user("boss", archive.RoleAdmin)
	var made struct{ Token string }
	if err := json.Unmarshal(boss.ask("POST", "/api/v1/edges/tokens", map[string]string{"name": "후문"}).body, &made); err != nil {
		t.Fatal(err)
	}
	nobody := &user{s, "none"}
	var e bongsu.EnrolResponse
	a := nobody.ask("POST", "/api/v1/edge/enrol", bongsu.EnrolRequest{Token: made.Token, Name: "back gate"})
	if err := json.Unmarshal(a.body, &e); err != nil || a.status != 200 || !strings.HasPrefix(string(e.Edge), "back-gate-") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := nobody.ask("POST", "/api/v1/edge/enrol", bongsu.EnrolRequest{Token: made.Token, Name: "back gate"}); a.status != 401 {
		t.Errorf("twice: %s", a.sentence())
	}
	edge := &user{s, e.Credential}
	if a := edge.ask("GET", "/api/v1/events", nil); a.status != 403 {
		t.Errorf("an edge reads events: %s", a.sentence())
	}
	if a := edge.ask("POST", "/api/v1/edge/events", nil); a.status != 404 { // this site's ingest is a stub
		t.Errorf("an edge at its own route: %d", a.status)
	}
	if a := boss.ask("POST", "/api/v1/edges/"+string(e.Edge)+"/revoke", nil); a.status != 204 {
		t.Fatal(a.sentence())
	}
	if a := edge.ask("POST", "/api/v1/edge/events", nil); a.status != 401 {
		t.Errorf("after revocation: %d", a.status)
	}
	var list edgesAnswer
	boss.get("/api/v1/edges", &list)
	disabled := map[bongsu.EdgeID]bool{}
	for _, v := range list.Edges {
		disabled[v.ID] = v.Disabled
	}
	if len(list.Edges) != 2 || !disabled[e.Edge] || disabled[s.edge] {
		t.Errorf("list: %+v", list)
	}
	got := strings.Join(s.records(), "|")
	for _, want := range []string{"boss edge.token edge 후문", "boss edge.revoke edge " + string(e.Edge), audit.EdgeEnrolFailed} {
		if !strings.Contains(got, want) {
			t.Errorf("no record %q in %s", want, got)
		}
	}
}

func TestAuditPages(t *testing.T) {
	s := newSite(t)
	boss := s.user("boss", archive.RoleAdmin)
	for range 7 {
		s.clock.add(1e9)
		boss.ask("GET", "/api/v1/events.csv", nil)
	}
	var whole, page auditAnswer
	boss.get("/api/v1/audit", &whole)
	all := whole.Records
	if len(all) < 10 || all[0].Seq != int64(len(all)) || whole.Next != "" {
		t.Fatalf("%d records, the first is %d, next %q", len(all), all[0].Seq, whole.Next)
	}
	var paged []archive.AuditRecord
	for after := ""; after != "&after="; after = "&after=" + page.Next {
		page = auditAnswer{}
		boss.get("/api/v1/audit?limit=4"+after, &page)
		paged = append(paged, page.Records...)
	}
	if len(paged) != len(all) {
		t.Fatalf("%d records by pages, %d at once", len(paged), len(all))
	}
	for i := range all {
		if paged[i].Hash != all[i].Hash {
			t.Errorf("row %d differs", i)
		}
	}
	if _, err := audit.Verify(t.Context(), s.archive, fmt.Sprintf("%d:%s", all[0].Seq, all[0].Hash)); err != nil {
		t.Error(err)
	}
}

func TestHealth(t *testing.T) {
	s := newSite(t)
	nobody := &user{s, ""}
	if a := nobody.ask("GET", "/healthz", nil); a.status != 200 || string(a.body) != `{"status":"ok","version":"1.2.3"}`+"\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	boss := s.user("boss", archive.RoleAdmin)
	boss.ask("GET", "/api/v1/events?x=1", nil)
	boss.ask("GET", "/api/v1/events", nil)
	a := boss.ask("GET", "/metrics", nil)
	for _, want := range []string{
		"# TYPE bongsu_cloud_streams gauge\nbongsu_cloud_streams 0\n", `bongsu_cloud_requests_total{handler="events.list",code="invalid"} 1`,
		`bongsu_cloud_requests_total{handler="events.list",code="ok"} 1`,
	} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("no %q in\n%s", want, a.body)
		}
	}
	s.archive.Close()
	s.clock.add(healthFor + 1)
	if a := nobody.ask("GET", "/healthz", nil); a.status != 503 || !strings.HasPrefix(a.sentence(), "503 unavailable: the archive cannot be written to") {
		t.Errorf("without an archive: %s", a.sentence())
	}
}

func TestFiles(t *testing.T) {
	f := readFiles(fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>")}, "app.js": {Data: []byte("let a")}, "fonts/a.woff2": {Data: []byte("x")}, ".keep": {},
	})
	s := newSite(t, func(*Options) {})
	s.handlers["static"] = f
	s.server.Config.Handler = mustMux(t, s)
	nobody := &user{s, ""}
	for path, want := range map[string]string{
		"/": "text/html; charset=utf-8", "/console": "text/html; charset=utf-8", "/events": "text/html; charset=utf-8", "/login": "text/html; charset=utf-8",
		"/app.js": "text/javascript; charset=utf-8", "/fonts/a.woff2": "font/woff2",
	} {
		a := nobody.ask("GET", path, nil)
		if a.status != 200 || a.header.Get("Content-Type") != want || a.header.Get("Cache-Control") != "no-cache" || a.header.Get("ETag") == "" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		if b := nobody.ask("GET", path, nil, "If-None-Match", a.header.Get("ETag")); b.status != 304 {
			t.Errorf("%s again: %d", path, b.status)
		}
	}
	for path, want := range map[string]string{"/app.js": "let a", "/console": "<!doctype html>"} {
		if a := nobody.ask("GET", path, nil); string(a.body) != want {
			t.Errorf("%s: %q", path, a.body)
		}
	}
	for _, path := range []string{"/none.js", "/.keep", "/..%2f..%2fetc%2fpasswd.txt", "/fonts/none.woff2"} {
		if a := nobody.ask("GET", path, nil); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func mustMux(t *testing.T, s *site) http.Handler {
	t.Helper()
	h, err := auth.NewGuard(s.auth, auth.GuardOptions{}).Mux(s.handlers)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWithoutTheWebApplication(t *testing.T) {
	s := newSite(t)
	s.handlers["static"] = readFiles(fstest.MapFS{".keep": {}})
	s.server.Config.Handler = mustMux(t, s)
	if a := (&user{s, ""}).ask("GET", "/console", nil); a.status != 404 || string(a.body) != noConsole {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Whatever is asked, well or badly, no secret comes to the log or back in an answer.
func TestSecretsStaySecret(t *testing.T) {
	s := newSite(t)
	code, err := s.auth.PrepareSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	secrets := []string{code, password, "canary-wrong-password", "canary-in-a-url"}
	var answers []string
	keep := func(a answer) answer { answers = append(answers, string(a.body)); return a }
	keep(b.ask("POST", "/api/v1/login", `{"username":"canary-in-a-url","password":"canary-wrong-password"}`))
	keep(b.ask("POST", "/api/v1/login", `{"username":"x","password":"canary-wrong-password"`))
	keep(b.ask("POST", "/api/v1/login", `{"username":"x","password":{"canary-wrong-password":1}}`))
	keep(b.ask("POST", "/api/v1/setup", fmt.Sprintf(`{"code":%q,"username":"boss","password":"short"}`, code)))
	a := keep(b.ask("POST", "/api/v1/setup", fmt.Sprintf(`{"code":%q,"username":"boss","name":"","password":%q}`, code, password)))
	cookie, _, _ := strings.Cut(strings.TrimPrefix(a.header.Get("Set-Cookie"), "bongsu_session="), ";")
	keep(b.ask("GET", "/api/v1/audit", ""))
	keep(b.ask("GET", "/api/v1/users", ""))
	keep(b.ask("GET", "/api/v1/edges", ""))
	kim := s.user("kim", archive.RoleAdmin)
	secrets = append(secrets, cookie, kim.token)
	bad := &user{s, "bgt_canary-wrong-token"}
	keep(bad.ask("GET", "/api/v1/events?token=canary-in-a-url", nil))
	keep(kim.ask("GET", "/api/v1/me", nil))
	keep(kim.ask("GET", "/metrics", nil))
	for _, secret := range append(secrets, "canary-wrong-token") {
		if secret == "" {
			t.Fatal("an empty secret")
		}
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
		for _, body := range answers {
			if strings.Contains(body, secret) {
				t.Errorf("an answer holds %q: %s", secret, body)
			}
		}
	}
}
