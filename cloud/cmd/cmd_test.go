package cmd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/config"
	"bongsu/deploy/faults/witness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "canary-Pa55word-봉수"

// buffer is an output that many may write.
type buffer = witness.Output

func noEnv(string) string { return "" }

// tool runs one command line to its end.
func tool(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var m Main
	var out, errOut buffer
	code = m.Run(t.Context(), args, strings.NewReader(stdin), &out, &errOut, noEnv)
	return code, out.String(), errOut.String()
}

// must is tool for what has to succeed; it gives standard output.
func must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	code, out, errOut := tool(t, stdin, args...)
	if code != ExitOK {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, out, errOut)
	}
	return strings.TrimSpace(out)
}

// running is a started `serve`.
type running struct {
	t      *testing.T
	data   string
	url    string
	code   string // set-up code, "" when none was printed
	stderr *buffer
	stop   func() int
}

var setupLine = regexp.MustCompile(`^set-up code ([A-Z2-7-]{29}): `)

// start runs `serve` on a free port and waits for its ready line.
func start(t *testing.T, data string, args ...string) *running {
	t.Helper()
	r := &running{t: t, data: data, stderr: &buffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		var m Main
		exit <- m.Run(ctx, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, args...), strings.NewReader(""), in, r.stderr, noEnv)
		in.Close()
	}()
	r.stop = sync.OnceValue(func() int {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		go io.Copy(io.Discard, out)
		return <-exit
	})
	t.Cleanup(func() { r.stop() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := setupLine.FindStringSubmatch(lines.Text()); m != nil {
			r.code = m[1]
		}
		if url, ready := strings.CutPrefix(lines.Text(), "ready "); ready {
			r.url = url
			return r
		}
	}
	t.Fatalf("serve ended with %d before it was ready\n%s", <-exit, r.stderr)
	return nil
}

// ask sends JSON with a bearer token, if any, and decodes a 2xx answer into out, if any.
func (r *running) ask(method, path, token string, in, out any) int {
	r.t.Helper()
	var body io.Reader
	if raw, ok := in.([]byte); ok {
		body = bytes.NewReader(raw)
	} else if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			r.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = b
	} else if out != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(b, out); err != nil {
			r.t.Fatalf("%s: %v in %s", path, err, b)
		}
	}
	if resp.StatusCode >= 300 {
		r.t.Logf("%s %s: %d %s", method, path, resp.StatusCode, b)
	}
	return resp.StatusCode
}

func (r *running) must(method, path, token string, in, out any) {
	r.t.Helper()
	if status := r.ask(method, path, token, in, out); status >= 300 {
		r.t.Fatalf("%s %s: %d\n%s", method, path, status, r.stderr)
	}
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("in vain: %s", what)
		}
	}
}

func event(at time.Time) bongsu.Event {
	return bongsu.Event{
		ID: bongsu.NewEventID(at), Revision: 1, Camera: "cam1", CameraName: "정문", Rule: "zone1", Kind: bongsu.KindIntrusion,
		Priority: bongsu.PriorityHigh, State: bongsu.EventOpen, Start: at, Fired: at, Clock: bongsu.Clock{WallQuality: "synchronised"},
		Class: "person", Score: 0.9, Track: 1, Box: bongsu.Box{X0: 0.1, Y0: 0.1, X1: 0.2, Y1: 0.4},
		Zone: []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}}, Model: bongsu.ModelRef{Name: "yolox-s", Version: "1"},
	}
}

// picture is a small JPEG.
var picture = func() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 32, 18)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// deliver sends an event with its clip as an edge does.
func (r *running) deliver(credential string, clip []byte) bongsu.EventID {
	r.t.Helper()
	e := event(time.Now().UTC())
	var stored bongsu.EventsResponse
	r.must("POST", "/api/v1/edge/events", credential, bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: e, Snapshot: picture}}}, &stored)
	if len(stored.Results) != 1 || stored.Results[0].Status != bongsu.EventStored {
		r.t.Fatalf("%+v", stored)
	}
	sum := sha256.Sum256(clip)
	part := bongsu.Clip{
		Event: e.ID, Camera: e.Camera, State: bongsu.ClipReady, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(clip)),
		Codec: "avc1.64001f", Start: e.Start, DurationUS: 5_000_000,
	}
	var where bongsu.ClipResponse
	r.must("POST", "/api/v1/edge/clips", credential, bongsu.ClipRequest{Clip: part}, &where)
	req, err := http.NewRequestWithContext(r.t.Context(), where.Method, r.url+where.URL, bytes.NewReader(clip))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+credential)
	req.Header.Set("Upload-Offset", "0")
	for k, v := range where.Headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 204 {
		r.t.Fatalf("upload: %d\n%s", resp.StatusCode, r.stderr)
	}
	var done bongsu.ClipResponse
	if status := r.ask("POST", "/api/v1/edge/clips/"+where.ID+"/complete", credential, nil, &done); status != 200 || !done.Done || done.Offset != part.Bytes {
		r.t.Fatalf("complete: %d %+v", status, done)
	}
	return e.ID
}

type alertList struct {
	Alerts []struct {
		bongsu.Alert
		SnapshotURL string `json:"snapshot_url"`
		ClipParts   int    `json:"clip_parts"`
	}
}

func TestFromSetupToVerdictAndRestart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := start(t, data)
	if r.code == "" {
		t.Fatal("no set-up code at the first start")
	}
	if info, err := os.Stat(filepath.Join(data, setupFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the code's file: %v, %v", info, err)
	}
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data folder: %v, %v", info, err)
	}
	var needed struct{ Needed bool }
	if r.must("GET", "/api/v1/setup", "", nil, &needed); !needed.Needed {
		t.Error("set-up is not needed at the first start")
	}
	r.must("POST", "/api/v1/setup", "", map[string]string{"code": r.code, "username": "boss", "name": "관리자", "password": password}, nil)
	// the command line works beside the running server
	token := must(t, "", "user", "token", "--data", data, "boss")
	enrol := must(t, "", "edge", "token", "--data", data, "gate")
	var edge bongsu.EnrolResponse
	r.must("POST", "/api/v1/edge/enrol", "", bongsu.EnrolRequest{Token: enrol, Name: "gate"}, &edge)

	clip := bytes.Repeat([]byte("moving picture "), 1000)
	id := r.deliver(edge.Credential, clip)
	var alerts alertList
	until(t, "the alert with its clip", func() bool {
		r.must("GET", "/api/v1/alerts", token, nil, &alerts)
		return len(alerts.Alerts) == 1 && alerts.Alerts[0].ClipParts == 1
	})
	var got []byte
	if r.must("GET", alerts.Alerts[0].SnapshotURL, token, nil, &got); !bytes.Equal(got, picture) {
		t.Error("another picture came back")
	}
	if r.must("GET", "/api/v1/events/"+string(id)+"/clips/0", token, nil, &got); !bytes.Equal(got, clip) {
		t.Error("another clip came back")
	}
	path := "/api/v1/alerts/" + string(alerts.Alerts[0].ID)
	r.must("POST", path+"/claim", token, nil, nil)
	r.must("POST", path+"/evidence", token, nil, nil)
	r.must("POST", path+"/verdict", token, map[string]string{"verdict": "false-animal"}, nil)
	if code := r.stop(); code != ExitOK {
		t.Fatalf("exit code %d\n%s", code, r.stderr)
	}

	again := start(t, data)
	if again.code != "" {
		t.Error("a set-up code after set-up")
	}
	again.must("GET", "/api/v1/alerts?state=closed", token, nil, &alerts)
	if len(alerts.Alerts) != 1 || alerts.Alerts[0].Verdict != bongsu.VerdictFalseAnimal {
		t.Errorf("after a restart: %+v", alerts)
	}
	var metrics []byte
	again.must("GET", "/metrics", "", nil, &metrics)
	if !strings.Contains(string(metrics), "bongsu_cloud_events_applied_total") || !strings.Contains(string(metrics), "bongsu_cloud_ingest_clips_total 0") {
		t.Errorf("metrics: %s", metrics)
	}
	again.stop()
	for _, secret := range []string{r.code, password, token, enrol, edge.Credential} {
		if strings.Contains(r.stderr.String()+again.stderr.String(), secret) {
			t.Errorf("the log holds the secret %q", secret)
		}
	}
	if code, out, errOut := tool(t, "", "check", "--data", data); code != ExitOK || !strings.Contains(out, "ok 2 pictures and clips") {
		t.Errorf("check: %d\n%s%s", code, out, errOut)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	data := t.TempDir()
	r := start(t, data)
	must(t, password+"\n", "user", "add", "--data", data, "--role", "admin", "boss")
	token := must(t, "", "user", "token", "--data", data, "boss")
	enrol := must(t, "", "edge", "token", "--data", data, "gate")
	var edge bongsu.EnrolResponse
	r.must("POST", "/api/v1/edge/enrol", "", bongsu.EnrolRequest{Token: enrol, Name: "gate"}, &edge)
	clip := []byte("moving pictures that will be damaged")
	r.deliver(edge.Credential, clip)
	var alerts alertList
	until(t, "the alert with its clip", func() bool {
		r.must("GET", "/api/v1/alerts", token, nil, &alerts)
		return len(alerts.Alerts) == 1 && alerts.Alerts[0].ClipParts == 1
	})
	out := must(t, "", "check", "--data", data) // beside the running server
	head := regexp.MustCompile(`head (\d+:[0-9a-f]{64})`).FindStringSubmatch(out)
	if head == nil {
		t.Fatalf("check: %s", out)
	}
	r.stop()
	must(t, "", "check", "--data", data, "--audit-head", head[1])
	if code, out, _ := tool(t, "", "check", "--data", data, "--audit-head", "1:00"); code != ExitViolations || !strings.Contains(out, "VIOLATION C9, audit chain: audit: the noted head 1:00 is not in the chain") {
		t.Errorf("a wrong head: %d %s", code, out)
	}
	damaged := 0
	filepath.Walk(filepath.Join(data, objectsDir), func(p string, info os.FileInfo, err error) error {
		if b, _ := os.ReadFile(p); err == nil && bytes.Equal(b, clip) {
			damaged++
			return os.WriteFile(p, bytes.ToUpper(b), 0o600)
		}
		return err
	})
	code, out, errOut := tool(t, "", "check", "--data", data)
	if damaged != 1 || code != ExitViolations || !strings.Contains(out, "VIOLATION C11, clip part 0 of event") || !strings.Contains(out, "1 violations") {
		t.Errorf("%d damaged: exit code %d\n%s%s", damaged, code, out, errOut)
	}
}

func TestAccountsOnTheCommandLine(t *testing.T) {
	data := t.TempDir()
	add := func(user, pw string, more ...string) (int, string) {
		code, _, errOut := tool(t, pw, append([]string{"user", "add", "--data", data, user}, more...)...)
		return code, errOut
	}
	if code, errOut := add("boss", password+"\r\n", "--role", "admin", "--name", "관리자"); code != ExitOK {
		t.Fatal(errOut)
	}
	if code, errOut := add("kim", password); code != ExitOK {
		t.Fatal(errOut)
	}
	for _, tc := range []struct {
		code int
		err  string
		args []string
		in   string
	}{
		{ExitFailure, `username: "kim" is taken`, []string{"user", "add", "--data", data, "kim"}, password},
		{ExitFailure, "password: is too short", []string{"user", "add", "--data", data, "lee"}, "short"},
		{ExitUsage, "give the password as the first line of standard input", []string{"user", "add", "--data", data, "lee"}, "\n"},
		{ExitFailure, `role: must be operator or admin, not "god"`, []string{"user", "add", "--data", data, "--role", "god", "lee"}, password},
		{ExitFailure, `there is no user "lee"`, []string{"user", "token", "--data", data, "lee"}, ""},
		{ExitFailure, `there is no user "lee"`, []string{"user", "passwd", "--data", data, "lee"}, password},
		{ExitFailure, "boss is the last admin", []string{"user", "disable", "--data", data, "boss"}, ""},
		{ExitFailure, `there is no edge "x"`, []string{"edge", "revoke", "--data", data, "x"}, ""},
		{ExitUsage, "--days must be 0 or more", []string{"user", "token", "--data", data, "--days", "-1", "kim"}, ""},
		{ExitUsage, "user token takes one username", []string{"user", "token", "--data", data}, ""},
		{ExitUsage, `user add: flag provided but not defined: -password: see`, []string{"user", "add", "--password", "x", "lee"}, ""},
	} {
		code, _, errOut := tool(t, tc.in, tc.args...)
		if code != tc.code || !strings.HasPrefix(errOut, "bongsu-cloud: "+tc.err) {
			t.Errorf("%v: exit code %d, %s", tc.args, code, errOut)
		}
	}
	must(t, "", "user", "token", "--data", data, "--name", "report", "--days", "30", "kim")
	if out := must(t, "", "user", "list", "--data", data); !regexp.MustCompile(`(?m)^boss +관리자 +admin +active `).MatchString(out) || !regexp.MustCompile(`(?m)^kim +kim +operator +active .* report$`).MatchString(out) {
		t.Errorf("list:\n%s", out)
	}
	must(t, "another password\n", "user", "passwd", "--data", data, "kim")
	must(t, "", "user", "disable", "--data", data, "kim")
	if out := must(t, "", "user", "list", "--data", data); !regexp.MustCompile(`(?m)^kim +kim +operator +disabled `).MatchString(out) || strings.Contains(out, "report") {
		t.Errorf("list:\n%s", out)
	}
	if out := must(t, "", "edge", "list", "--data", data); !strings.HasPrefix(out, "ID ") {
		t.Errorf("edges:\n%s", out)
	}
}

func TestWrongCommandLines(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cloud.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\nlisten_on: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(dir, "none")
	for _, tc := range []struct {
		code int
		err  string
		args []string
	}{
		{ExitUsage, "name a verb", nil},
		{ExitUsage, "there is no verb \"dance\": see `bongsu-cloud help`", []string{"dance"}},
		{ExitUsage, `"user" needs one of: user add, user list, user token, user passwd, user disable`, []string{"user"}},
		{ExitUsage, `"edge" needs one of: edge token, edge list, edge revoke`, []string{"edge", "dance"}},
		{ExitUsage, "serve takes no arguments", []string{"serve", "now"}},
		{ExitUsage, "version takes nothing", []string{"version", "2"}},
		{ExitFailure, "cloud.yaml:2: listen_on: unknown key", []string{"serve", "--config", file}},
		{ExitFailure, none + ": cannot be read: no such file or directory", []string{"check", "--config", none}},
		{ExitFailure, "there is no database in " + none, []string{"check", "--data", none}},
		{ExitFailure, "there is no database in " + none, []string{"user", "list", "--data", none}},
		{ExitFailure, "--listen: listen: 0.0.0.0:1 without tls", []string{"serve", "--data", none, "--listen", "0.0.0.0:1"}},
		{ExitFailure, "the data folder /dev/null/x cannot be made", []string{"serve", "--data", "/dev/null/x"}},
	} {
		code, _, errOut := tool(t, "", tc.args...)
		if code != tc.code || !strings.Contains(errOut, "bongsu-cloud: "+tc.err) {
			t.Errorf("%v: exit code %d, %s", tc.args, code, errOut)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a verb that only reads made a folder")
	}
}

func TestHelp(t *testing.T) {
	out := must(t, "", "help")
	for _, v := range verbs() {
		if !strings.Contains(out, "  "+v.name) {
			t.Errorf("help does not list %s", v.name)
		}
		one := must(t, "", append(strings.Fields(v.name), "--help")...)
		if !strings.Contains(one, "example: ") || !strings.Contains(one, "bongsu-cloud "+v.name) || !strings.Contains(one, v.about) {
			t.Errorf("%s --help:\n%s", v.name, one)
		}
	}
	if out := must(t, "", "version"); out != "bongsu-cloud "+Version {
		t.Errorf("version: %s", out)
	}
}

func TestMigrate(t *testing.T) {
	data := filepath.Join(t.TempDir(), "new")
	if out := must(t, "", "migrate", "--data", data); !strings.Contains(out, "is up to date") {
		t.Errorf("migrate: %s", out)
	}
	if out := must(t, "", "check", "--data", data); !strings.Contains(out, "ok database") || !strings.Contains(out, "ok audit chain: 0 records") {
		t.Errorf("check: %s", out)
	}
}

func TestOneServerForOneFolder(t *testing.T) {
	data := t.TempDir()
	r := start(t, data)
	if code, _, errOut := tool(t, "", "serve", "--data", data, "--listen", "127.0.0.1:0"); code != ExitFailure || !strings.Contains(errOut, "another bongsu-cloud serves the data folder") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
	address := strings.TrimPrefix(r.url, "http://")
	if code, _, errOut := tool(t, "", "serve", "--data", t.TempDir(), "--listen", address); code != ExitFailure || !strings.Contains(errOut, "cannot listen on "+address) {
		t.Errorf("exit code %d, %s", code, errOut)
	}
}

// The code waits in its file until it is used; it is printed once.
func TestSetupCodeIsPrintedOnce(t *testing.T) {
	data := t.TempDir()
	first := start(t, data)
	first.stop()
	second := start(t, data)
	if first.code == "" || second.code != "" {
		t.Errorf("codes %q and %q", first.code, second.code)
	}
	second.must("POST", "/api/v1/setup", "", map[string]string{"code": first.code, "username": "boss", "password": password, "name": ""}, nil)
	if _, err := os.Stat(filepath.Join(data, setupFile)); !os.IsNotExist(err) {
		t.Errorf("the code's file: %v", err)
	}
}

// A server that stops ends its live streams first, so that stopping does not take long.
func TestStopsWithOpenStreams(t *testing.T) {
	data := t.TempDir()
	r := start(t, data)
	must(t, password, "user", "add", "--data", data, "kim")
	token := must(t, "", "user", "token", "--data", data, "kim")
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Scan()
	began := time.Now()
	if code := r.stop(); code != ExitOK || strings.Contains(r.stderr.String(), "requests were cut off") {
		t.Errorf("exit code %d\n%s", code, r.stderr)
	}
	t.Logf("stopped after %v", time.Since(began).Round(time.Millisecond))
	for lines.Scan() {
	}
}

func TestJSONLog(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cloud.yaml")
	text := fmt.Sprintf("listen: 127.0.0.1:0\ndata_dir: %s\nlog: {format: json, level: debug}\n", filepath.Join(dir, "data"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, filepath.Join(dir, "data"), "--config", file)
	r.stop()
	for _, line := range strings.Split(strings.TrimSpace(r.stderr.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

func TestConfigFromTheEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cloud.yaml")
	if err := os.WriteFile(file, []byte("retention_days: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &call{env: func(name string) string {
		if name == configEnv {
			return file
		}
		return ""
	}}
	if cfg, err := c.config(); err != nil || cfg.RetentionDays != 7 {
		t.Errorf("%+v, %v", cfg, err)
	}
	c = &call{env: noEnv}
	if cfg, err := c.config(); err != nil || cfg != config.Default() {
		t.Errorf("%+v, %v", cfg, err)
	}
}
