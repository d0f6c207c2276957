package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/streams/streamstest"
)

// cameraSecret is a password that may stand in its own file and nowhere else.
const cameraSecret = "canary-비밀-7f3a \"quoted\\"

// ask sends a request of an admin and gives the status and the body.
func (c *liveCloud) ask(method, path string, body any) (int, map[string]any) {
	c.t.Helper()
	var b bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&b).Encode(body); err != nil {
			c.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+path, &b)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	out := map[string]any{}
	if err != nil || json.Unmarshal(text, &out) != nil {
		c.t.Fatalf("%s %s: %d, %v: %s", method, path, resp.StatusCode, err, text)
	}
	if len(text) > 3000 {
		text = append(text[:3000], "..."...)
	}
	if strings.Contains(string(text), cameraSecret) {
		c.t.Errorf("%s %s answers with the password", method, path)
	}
	c.t.Logf("%s %s\n%d %s", method, path, resp.StatusCode, text)
	return resp.StatusCode, out
}

// code is the code of an error, and the paths of its fields.
func code(body map[string]any) string {
	e, _ := body["error"].(map[string]any)
	out, _ := e["code"].(string)
	fields, _ := e["fields"].([]any)
	for _, f := range fields {
		path, _ := f.(map[string]any)["path"].(string)
		out += " " + path
	}
	return out
}

// Known edges of the cloud.
func (c *liveCloud) knownEdges() edgeList { return edgeList{{ID: "e1"}, {ID: "e2"}} }

func newCamera(url string) map[string]any {
	return map[string]any{"name": "정문", "url": url, "username": "viewer",
		"rules": []any{map[string]any{"id": "all", "kind": "intrusion", "zone": [][]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}}}}}
}

// TestSetUp sets a camera up as a browser does: it is looked at, drawn on, saved, changed and taken
// away again, while another camera goes on untouched.
func TestSetUp(t *testing.T) {
	dir := t.TempDir()
	film := video(t, dir, "libx264", 6)
	guarded, err := streamstest.FilePath("gate", film)
	if err != nil {
		t.Fatal(err)
	}
	guarded.Loop = true
	gate := streamstest.Start(t, streamstest.ServerOptions{Users: map[string]string{"viewer": cameraSecret}, Paths: []*streamstest.Path{guarded}})
	yard, _ := camera(t, "", film)
	c := startLiveCloud(t)
	r := startRun(t, liveEdge(t, c, dir, yard.URL("gate"), yard.URL("gate")))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.stderr.String())
		}
	})
	streamstest.Eventually(t, "the control connection", func() bool { return c.metric("bongsu_live_edges") == "1" && r.cameras()["yard"] == "live" })
	s := &setUpTest{c: c, r: r, base: "/api/v1/edges/e1", dir: dir, url: gate.URL("gate")}
	s.probes(t)
	s.saves(t)
	untouched := r.site()["yard"]
	s.changes(t, gate)
	if now := r.site()["yard"]; now.PID != untouched.PID || connections(yard) != 2 {
		t.Errorf("the other cameras were touched: %+v, before %+v, %d connections", now, untouched, connections(yard))
	}
	s.removes(t)
	if status, b := c.ask("GET", "/api/v1/edges/e2/setup", nil); status != 503 || code(b) != "edge-offline" {
		t.Errorf("an edge that is away: %d %v", status, b)
	}
	if status, b := c.ask("GET", "/api/v1/edges/nobody/setup", nil); status != 404 {
		t.Errorf("an edge that is not: %d %v", status, b)
	}
	if code := r.end(); code != ExitOK {
		t.Fatalf("the edge ended with %d", code)
	}
	s.silent(t)
}

type setUpTest struct {
	c         *liveCloud
	r         *running
	base, dir string
	url       string
	revision  string
}

func (s *setUpTest) probes(t *testing.T) {
	for name, p := range map[string]struct {
		with   map[string]any
		status int
		code   string
	}{
		"wrong password":  {map[string]any{"url": s.url, "username": "viewer", "password": "wrong"}, 422, "auth-failed"},
		"no RTSP":         {map[string]any{"url": strings.Replace(s.c.server.URL, "http://", "rtsp://", 1) + "/x"}, 422, "not-rtsp"},
		"password in url": {map[string]any{"url": "rtsp://u:p@127.0.0.1/gate"}, 422, "invalid url"},
		"no password":     {map[string]any{"url": s.url, "username": "viewer"}, 422, "invalid password"},
		"a file":          {map[string]any{"url": "rtsps://127.0.0.1/x", "tls": map[string]any{"ca_file": "/etc/passwd"}}, 422, "invalid tls.ca_file"},
		"unknown key":     {map[string]any{"url": s.url, "colour": 1}, 400, "invalid"},
	} {
		if status, b := s.c.ask("POST", s.base+"/probe", p.with); status != p.status || code(b) != p.code {
			t.Errorf("%s: %d %s", name, status, code(b))
		}
	}
	status, b := s.c.ask("POST", s.base+"/probe", map[string]any{"url": s.url, "username": "viewer", "password": cameraSecret})
	var got bongsu.ProbeResult
	if again, err := json.Marshal(b); status != 200 || err != nil || json.Unmarshal(again, &got) != nil {
		t.Fatalf("%d %v", status, b)
	}
	if got.Codec != "h264" || got.Width != 320 || got.Height != 240 || got.FPS < 8 || got.FPS > 12 || len(got.Tracks) == 0 ||
		!bytes.HasPrefix(got.Still, []byte{0xff, 0xd8}) || got.TookMS <= 0 {
		t.Errorf("%+v", got)
	}
}

func (s *setUpTest) saves(t *testing.T) {
	_, view := s.c.ask("GET", s.base+"/setup", nil)
	s.revision, _ = view["revision"].(string)
	if all := view["cameras"].([]any); len(all) != 2 || all[0].(map[string]any)["managed"] != false || view["allowed"] != true {
		t.Errorf("cameras %v", all)
	}
	wrong := newCamera(s.url)
	wrong["rules"].([]any)[0].(map[string]any)["zone"] = [][]float64{{0, 0}, {1, 1}, {1, 0}, {0, 1}}
	wrong["stall_s"], wrong["model"], wrong["colour"] = 1, "none", "red"
	put := func(query string, body map[string]any) (int, string) {
		status, b := s.c.ask("PUT", s.base+"/setup/door"+query, body)
		if status == 200 && query == "" {
			s.revision = b["revision"].(string)
			if cam := b["camera"].(map[string]any); cam["has_password"] != true || cam["managed"] != true || cam["password_file"] != nil || cam["name"] != "정문" {
				t.Errorf("camera %v", cam)
			}
		}
		return status, code(b)
	}
	if status, got := put("?check=1", map[string]any{"revision": "", "camera": wrong, "password": cameraSecret}); status != 422 || got != "invalid stall_s rules[0].zone colour" {
		t.Errorf("%d %s", status, got)
	}
	if status, got := put("", map[string]any{"revision": s.revision, "camera": newCamera(s.url)}); status != 422 || got != "invalid password" {
		t.Errorf("%d %s", status, got)
	}
	if status, got := put("?check=1", map[string]any{"revision": "", "camera": newCamera(s.url), "password": cameraSecret}); status != 200 {
		t.Errorf("%d %s", status, got)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "data", "cameras.yaml")); err == nil {
		t.Error("a check has written something")
	}
	if status, got := put("", map[string]any{"revision": "another", "camera": newCamera(s.url), "password": cameraSecret}); status != 409 || got != "conflict" {
		t.Errorf("%d %s", status, got)
	}
	if status, got := put("", map[string]any{"revision": s.revision, "camera": newCamera(s.url), "password": cameraSecret}); status != 200 {
		t.Fatalf("%d %s", status, got)
	}
	streamstest.Eventually(t, "the new camera is live", func() bool { return s.r.cameras()["door"] == "live" })
	if status, b := s.c.ask("PUT", s.base+"/setup/yard", map[string]any{"revision": s.revision, "camera": newCamera(s.url), "password": cameraSecret}); status != 409 || code(b) != "not-managed" {
		t.Errorf("a camera of edge.yaml: %d %s", status, code(b))
	}
}

// changes draws another zone: the stream goes on.
func (s *setUpTest) changes(t *testing.T, gate *streamstest.Server) {
	before, pid := connections(gate), s.r.site()["door"].PID
	cam := newCamera(s.url)
	cam["name"] = "정문 2"
	cam["rules"] = append(cam["rules"].([]any), map[string]any{"id": "slow", "kind": "loitering", "zone": [][]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}}, "dwell_s": 2})
	status, b := s.c.ask("PUT", s.base+"/setup/door", map[string]any{"revision": s.revision, "camera": cam})
	if status != 200 {
		t.Fatalf("%d %v", status, b)
	}
	s.revision = b["revision"].(string)
	streamstest.Eventually(t, "the new rules are used", func() bool { return strings.Contains(s.r.get("/debug/cameras"), "정문 2") })
	s.boxes(t)
	if now := s.r.site()["door"]; now.PID != pid || now.State != "live" || connections(gate) != before {
		t.Errorf("other rules: %+v in place of process %d, %d connections in place of %d", now, pid, connections(gate), before)
	}
	if status, b := s.c.ask("POST", s.base+"/probe", map[string]any{"url": s.url, "username": "viewer", "camera": "door"}); status != 200 {
		t.Errorf("with the stored password: %d %v", status, code(b))
	}
	if status, b := s.c.ask("POST", s.base+"/probe", map[string]any{"url": "rtsp://127.0.0.1:1/", "username": "viewer", "camera": "door"}); code(b) != "invalid password" {
		t.Errorf("the stored password for another host: %d %v", status, code(b))
	}
}

// boxes looks at the camera with and without what is found in its pictures.
func (s *setUpTest) boxes(t *testing.T) {
	plain, boxed := s.c.look("door", "video"), s.c.look("door", "video&boxes=1")
	streamstest.Eventually(t, "pictures for both, and boxes", func() bool {
		boxed.mu.Lock()
		defer boxed.mu.Unlock()
		return len(boxed.boxes) > 5 && plain.count() > 5
	})
	if s.c.metric("bongsu_live_pulls") != "1" {
		t.Errorf("%s pulls", s.c.metric("bongsu_live_pulls"))
	}
	plain.close()
	boxed.close()
	if len(plain.boxes) > 0 || plain.wrong != "" || boxed.wrong != "" {
		t.Errorf("%d boxes for who asked for none; %s; %s", len(plain.boxes), plain.wrong, boxed.wrong)
	}
	full := 0
	for i, b := range boxed.boxes {
		if b.Width != 320 || b.Height != 240 || b.Media == nil || b.WallUS == 0 || i > 0 && b.Seq <= boxed.boxes[i-1].Seq {
			t.Errorf("boxes %+v", b)
		}
		if len(b.Boxes) > 0 && len(b.Boxes[0].Rules) == 2 && b.Boxes[0].Class == "person" {
			full++
		}
	}
	if full == 0 {
		t.Errorf("nobody is in any of %d pictures: %+v", len(boxed.boxes), boxed.boxes[0])
	}
	t.Logf("%s", boxed.boxes[len(boxed.boxes)-1].Encode())
}

func (s *setUpTest) removes(t *testing.T) {
	if status, b := s.c.ask("DELETE", s.base+"/setup/door?revision=old", nil); status != 409 || code(b) != "conflict" {
		t.Errorf("%d %v", status, b)
	}
	for _, file := range []string{"cameras.yaml", "secrets/*.password"} {
		found, err := filepath.Glob(filepath.Join(s.dir, "data", file))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", file, found, err)
		}
		if info, err := os.Stat(found[0]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", found[0], info, err)
		}
	}
	status, b := s.c.ask("DELETE", s.base+"/setup/door?revision="+s.revision, nil)
	if status != 200 {
		t.Fatalf("%d %v", status, b)
	}
	streamstest.Eventually(t, "the camera is gone, and its password", func() bool {
		_, there := s.r.cameras()["door"]
		left, _ := filepath.Glob(filepath.Join(s.dir, "data", "secrets", "*"))
		return !there && len(left) == 0
	})
}

// silent looks for the password everywhere it must not be, and at the records.
func (s *setUpTest) silent(t *testing.T) {
	for _, secret := range []string{cameraSecret, "7f3a"} {
		if strings.Contains(s.r.stderr.String(), secret) {
			t.Error("the password is in the log")
		}
	}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("7f3a \"quoted")) {
			t.Errorf("the password is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	count := map[string]int{}
	for _, e := range s.c.records {
		count[e.Action]++
		if strings.Contains(e.Detail+e.Target, "7f3a") || e.Actor != "kim" {
			t.Errorf("record %+v", e)
		}
	}
	if count[audit.CameraProbe] < 8 || count[audit.StillView] != 2 || count[audit.CameraSetup] != 5 || count[audit.CameraSetupFailed] != 4 || count[audit.CameraRemove] != 2 {
		t.Errorf("records %v", count)
	}
}

// edgeList implements setup.EdgeList.
type edgeList []archive.Edge

// ListEdges implements setup.EdgeList.
func (l edgeList) ListEdges(context.Context) ([]archive.Edge, error) { return l, nil }
