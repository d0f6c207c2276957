package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
)

const secret = "canary-Pa55word-비밀"

// office is set-up behind the real guard, accounts and audit, over an edge that is a function.
type office struct {
	t       *testing.T
	archive *sqlite.Archive
	auth    *auth.Service
	server  *httptest.Server
	log     bytes.Buffer
	edge    bongsu.EdgeID
	mute    bool // audit is down

	asked  []string // operations, with their bodies
	answer func(op string) (bongsu.Answer, error)
}

// Command implements Edges.
func (o *office) Command(_ context.Context, edge bongsu.EdgeID, op string, body any) (bongsu.Answer, error) {
	b, err := json.Marshal(body)
	if err != nil || edge != o.edge {
		o.t.Errorf("edge %s is asked for %s: %v", edge, op, err)
	}
	o.asked = append(o.asked, op+" "+string(b))
	return o.answer(op)
}

// Record implements Auditor.
func (o *office) Record(ctx context.Context, e audit.Entry) error {
	if o.mute {
		return bongsu.Errorf(bongsu.CodeUnavailable, "the audit record cannot be written")
	}
	return audit.New(audit.Options{Store: o.archive}).Record(ctx, e)
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, answer: func(string) (bongsu.Answer, error) { return bongsu.Done(struct{}{}), nil }}
	dir := t.TempDir()
	var err error
	if o.archive, err = sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "cloud.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.archive.Close() })
	o.auth = auth.New(auth.Options{Store: o.archive, Audit: audit.New(audit.Options{Store: o.archive}), SetupFile: filepath.Join(dir, "code"),
		Hasher: auth.NewHasher(auth.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}, 4)})
	handlers := New(Options{Edges: o, Known: o.archive, Audit: o, Log: slog.New(slog.NewTextHandler(&o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}).Handlers()
	for _, r := range auth.Routes() {
		if handlers[r.Name] == nil {
			handlers[r.Name] = http.NotFoundHandler()
		}
	}
	guarded, err := auth.NewGuard(o.auth, auth.GuardOptions{}).Mux(handlers)
	if err != nil {
		t.Fatal(err)
	}
	o.server = httptest.NewServer(guarded)
	t.Cleanup(o.server.Close)
	token, _, err := o.auth.EdgeToken(t.Context(), auth.CLI, "정문")
	if err != nil {
		t.Fatal(err)
	}
	e, err := o.auth.Enrol(t.Context(), "192.0.2.1", bongsu.EnrolRequest{Token: token, Name: "정문"})
	if err != nil {
		t.Fatal(err)
	}
	o.edge = e.Edge
	return o
}

// user makes a user and logs in; it gives the cookie's value.
func (o *office) user(name string, role archive.Role) string {
	o.t.Helper()
	if _, err := o.auth.AddUser(o.t.Context(), auth.CLI, auth.NewUser{Username: name, Name: name, Role: role, Password: secret}); err != nil {
		o.t.Fatal(err)
	}
	_, cookie, err := o.auth.Login(o.t.Context(), "192.0.2.1", name, secret)
	if err != nil {
		o.t.Fatal(err)
	}
	return cookie
}

// ask sends what a browser would and gives status and body.
func (o *office) ask(cookie, method, path, body string) (int, string) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, o.server.URL+"/api/v1/edges/"+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: auth.CookieName, Value: cookie})
	r.Header.Set(auth.RequestHeader, "1")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || strings.Contains(string(text)+o.log.String(), secret) {
		o.t.Errorf("%s %s: the password is in the answer or the log, or %v", method, path, err)
	}
	return resp.StatusCode, string(text)
}

func (o *office) records() (out []string) {
	o.t.Helper()
	rows, err := o.archive.ListAudit(o.t.Context(), archive.AuditQuery{Limit: archive.MaxPage})
	if err != nil {
		o.t.Fatal(err)
	}
	for _, r := range rows {
		if strings.Contains(r.Target+r.Detail, secret) {
			o.t.Errorf("a record with the password: %+v", r)
		}
		if strings.HasPrefix(r.Action, "camera.") || r.Action == audit.StillView {
			out = append(out, strings.TrimSpace(strings.ReplaceAll(r.Actor+" "+r.Action+" "+r.Target+" "+r.Detail, string(o.edge), "E")))
		}
	}
	return out
}

var putBody = fmt.Sprintf(`{"revision":"1","camera":{"url":"rtsp://192.0.2.9:8554/secret-path?token=%s","rules":[{},{}]},"password":%q}`, secret, secret)

func TestWhoMaySetUp(t *testing.T) {
	o := newOffice(t)
	boss, kim := o.user("boss", archive.RoleAdmin), o.user("kim", archive.RoleOperator)
	at := string(o.edge)
	for _, x := range []struct {
		method, path, body string
		admin, operator    int
	}{
		{"GET", at + "/setup", "", 200, 200},
		{"POST", at + "/probe", `{"url":"rtsp://h/1"}`, 200, 403},
		{"PUT", at + "/setup/door", putBody, 200, 403},
		{"PUT", at + "/setup/door?check=1", putBody, 200, 403},
		{"DELETE", at + "/setup/door?revision=1", "", 200, 403},
		{"GET", "nobody/setup", "", 404, 404},
		{"GET", at + "/setup?x=1", "", 400, 400},
		{"POST", at + "/probe?x=1", `{"url":"rtsp://h/1"}`, 400, 403},
		{"PUT", at + "/setup/door?check=2", putBody, 400, 403},
		{"PUT", at + "/setup/door?x=1", putBody, 400, 403},
		{"PUT", at + "/setup/Door", putBody, 400, 403},
		{"PUT", at + "/setup/door", `{"revision":"1"}`, 400, 403},
		{"PUT", at + "/setup/door", `{"revision":"1","camera":{},"colour":1}`, 400, 403},
		{"PUT", at + "/setup/door", `{"revision":1,"camera":{}}`, 400, 403},
		{"PUT", at + "/setup/door", putBody + "{}", 400, 403},
		{"PUT", at + "/setup/door", `{"password":"` + secret, 400, 403},
		{"PUT", at + "/setup/door", strings.Repeat(" ", maxBody+1), 413, 403},
		{"DELETE", at + "/setup/door", "", 400, 403},
		{"DELETE", at + "/setup/door?revision=1&x=1", "", 400, 403},
		{"PATCH", at + "/setup/door", "", 405, 405},
	} {
		for cookie, want := range map[string]int{boss: x.admin, kim: x.operator, "none": 401} {
			if x.method == "PATCH" {
				want = 405
			}
			if status, body := o.ask(cookie, x.method, x.path, x.body); status != want {
				t.Errorf("%s %s: %d, want %d: %s", x.method, x.path, status, want, body)
			}
		}
	}
	// Without the header that only our own page sends nothing is changed.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, o.server.URL+"/api/v1/edges/"+at+"/setup/door?revision=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: auth.CookieName, Value: boss})
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("without the header: %d", resp.StatusCode)
	}
}

func TestWhatIsAskedIsPassedOnAndRecorded(t *testing.T) {
	o := newOffice(t)
	boss, at := o.user("boss", archive.RoleAdmin), string(o.edge)
	o.answer = func(op string) (bongsu.Answer, error) {
		if op == bongsu.OpProbe {
			return bongsu.Done(bongsu.ProbeResult{Codec: "h265", Still: []byte("\xff\xd8pixels"), Tracks: []string{"video H265"}}), nil
		}
		return bongsu.Answer{Status: 200, Body: []byte(`{"revision":"2","camera":{"id":"door"}}`)}, nil
	}
	if status, body := o.ask(boss, "POST", at+"/probe", `{"url":"rtsp://192.0.2.9/x?`+secret+`","username":"u","password":"`+secret+`"}`); status != 200 || !strings.Contains(body, `"still":"/9hwaXhlbHM="`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := o.ask(boss, "PUT", at+"/setup/door", putBody); status != 200 || body != `{"revision":"2","camera":{"id":"door"}}`+"\n" {
		t.Errorf("%d %s", status, body)
	}
	if status, body := o.ask(boss, "PUT", at+"/setup/door?check=1", putBody); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if status, body := o.ask(boss, "DELETE", at+"/setup/door?revision=2", ""); status != 200 || body != `{"revision":"2"}`+"\n" {
		t.Errorf("%d %s", status, body)
	}
	want := []string{"boss camera.probe edge E address 192.0.2.9", "boss still.view edge E probe of 192.0.2.9",
		"boss camera.setup camera E/door address 192.0.2.9:8554, 2 rules, with a new password", "boss camera.remove camera E/door"}
	if got := o.records(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("records\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(o.asked) != 4 || !strings.Contains(o.asked[1], `"password":"`+secret+`"`) || strings.Contains(o.asked[1], `"check"`) || !strings.Contains(o.asked[2], `"check":true`) {
		t.Errorf("asked %q", o.asked)
	}
	o.mute = true
	for path, method := range map[string]string{at + "/probe": "POST", at + "/setup/door": "PUT", at + "/setup/door?revision=2": "DELETE"} {
		body := map[string]string{"POST": `{"url":"rtsp://h/1"}`, "PUT": putBody}[method]
		if status, _ := o.ask(boss, method, path, body); status != 503 {
			t.Errorf("%s without a record: %d", method, status)
		}
	}
	if len(o.asked) != 4 {
		t.Errorf("the edge was asked all the same: %q", o.asked[4:])
	}
}

func TestWhatTheBoxSaysIsPassedOn(t *testing.T) {
	o := newOffice(t)
	boss, at := o.user("boss", archive.RoleAdmin), string(o.edge)
	for name, x := range map[string]struct {
		a      bongsu.Answer
		err    error
		status int
		has    string
	}{
		"fields":   {bongsu.Refuse(422, "invalid", "no", bongsu.FieldFault{Path: "rules[0].zone", Message: "crosses itself"}), nil, 422, `"fields":[{"path":"rules[0].zone","message":"crosses itself"}]`},
		"old":      {bongsu.Refuse(409, "conflict", "changed meanwhile"), nil, 409, `"code":"conflict"`},
		"offline":  {bongsu.Answer{}, bongsu.Errorf(bongsu.CodeEdgeOffline, "the box is not connected"), 503, `"code":"edge-offline","message":"the box is not connected"`},
		"silent":   {bongsu.Answer{}, bongsu.Errorf(bongsu.CodeEdgeSilent, "no answer"), 504, `"code":"edge-silent"`},
		"of old":   {bongsu.Answer{}, bongsu.Errorf(bongsu.CodeEdgeOld, "update it"), 501, `"code":"edge-too-old"`},
		"another":  {bongsu.Answer{Status: 200, Body: []byte(`{"revision":7}`)}, nil, 501, `"code":"edge-too-old"`},
		"too many": {bongsu.Answer{}, bongsu.Errorf(bongsu.CodeThrottled, "busy"), 429, `"code":"throttled"`},
	} {
		o.answer = func(string) (bongsu.Answer, error) { return x.a, x.err }
		before := len(o.records())
		status, body := o.ask(boss, "PUT", at+"/setup/door", putBody)
		if status != x.status || !strings.Contains(body, x.has) {
			t.Errorf("%s: %d %s", name, status, body)
		}
		got := o.records()[before:]
		if len(got) != 2 || !strings.HasPrefix(got[1], "boss camera.setup.failed camera E/door camera.setup: ") {
			t.Errorf("%s: records %q", name, got)
		}
	}
	if !strings.Contains(o.log.String(), "edge-offline") || strings.Contains(o.log.String(), "level=ERROR") {
		t.Errorf("log\n%s", o.log.String())
	}
	for name, still := range map[string][]byte{"large": append([]byte("\xff\xd8"), make([]byte, bongsu.MaxLiveJPEGBytes)...), "no JPEG": []byte("<svg>")} {
		o.answer = func(string) (bongsu.Answer, error) { return bongsu.Done(bongsu.ProbeResult{Still: still}), nil }
		if status, body := o.ask(boss, "POST", at+"/probe", `{"url":"rtsp://h/1"}`); status != 501 || strings.Contains(body, "still") {
			t.Errorf("%s: %d %.200s", name, status, body)
		}
	}
}

func TestNothingOfAnAddressButItsHostIsRecorded(t *testing.T) {
	for address, want := range map[string]string{
		"rtsp://u:canary@h:1/p?q#f": "h:1", "rtsp://h": "h", "": "unreadable", "no address " + secret: "unreadable",
		"rtsp://[::1]:554/x": "[::1]:554", "rtsp://u:" + secret + "@%zz/": "unreadable", "rtsp://" + strings.Repeat("h", 300): strings.Repeat("h", 120),
	} {
		if got := hostOf(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}
