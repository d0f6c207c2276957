package config

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// good is a whole, right camera; cases break one thing of it.
const good = `cameras:
  - id: gate
    url: rtsp://192.0.2.10/s
    model: m
    rules:
      - id: r
        kind: intrusion
        zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
`

func camera(lines string) string {
	return "cameras:\n  - id: gate\n    url: rtsp://192.0.2.10/s\n    model: m\n" + lines
}

func rule(lines string) string { return camera("    rules:\n      - id: r\n" + lines) }

func zone(points string) string {
	return rule("        kind: intrusion\n        zone: " + points + "\n")
}

func line(points string) string {
	return rule("        kind: line-crossing\n        line: " + points + "\n")
}

// wrongFile is a file and every sentence that it must produce, in order.
type wrongFile struct {
	name, file string
	want       []string
}

// wrong holds the wrong files but those with wrong rules of the later kinds, see rules_test.go.
var wrong = []wrongFile{
	{"unknown top key", "camera: []\n", []string{`edge.yaml:1: camera: unknown key; did you mean "cameras"?`}},
	{"unknown key, near", camera("    detect_ulr: rtsp://192.0.2.10/t\n"), []string{`edge.yaml:5: cameras[0].detect_ulr: unknown key; did you mean "detect_url"?`}},
	{"unknown key, far", "workers:\n  colour: 3\n", []string{"edge.yaml:2: workers.colour: unknown key; known here: cameras_per_worker, memory_bytes"}},
	{"unknown key in rule", rule("        kind: intrusion\n        zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n        dwell: 3\n"), []string{`edge.yaml:9: cameras[0].rules[0].dwell: unknown key; did you mean "dwell_s"?`}},
	{"repeated key", "data_dir: a\ndata_dir: b\n", []string{`edge.yaml:2: not valid YAML: mapping key "data_dir" already defined at [1:1]`}},
	{"two cameras of one id", good + "  - id: gate\n    url: rtsp://192.0.2.11/s\n    model: m\n", []string{`edge.yaml:9: cameras[1].id: another camera, on line 2, has the id "gate" already: ids are unique on an edge`}},
	{"two rules of one id", good + "      - id: r\n        kind: intrusion\n        zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n", []string{`edge.yaml:9: cameras[0].rules[1].id: another rule of this camera, on line 6, has the id "r" already`}},
	{"zone crosses itself", zone("[[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]"), []string{"edge.yaml:8: cameras[0].rules[0].zone: polygon crosses itself: the edge after point 1 meets the edge after point 3; list the points in order around the zone"}},
	{"two points", zone("[[0.1, 0.1], [0.9, 0.9]]"), []string{"edge.yaml:8: cameras[0].rules[0].zone: a zone needs at least 3 points, this has 2"}},
	{"pixels", zone("[[10, 0.1], [0.9, 0.1], [0.9, 0.9]]"), []string{"edge.yaml:8: cameras[0].rules[0].zone[0][0]: 10 is out of range: it must be from 0 to 1; coordinates are parts of the picture's width and height, not pixels"}},
	{"not a number", zone("[[0.1, .nan], [0.9, x], [0.9, 0.9]]"), []string{
		"edge.yaml:8: cameras[0].rules[0].zone[0][1]: NaN is out of range: it must be from 0 to 1; coordinates are parts of the picture's width and height, not pixels",
		"edge.yaml:8: cameras[0].rules[0].zone[1][1]: this must be a number from 0 to 1, not text; coordinates are parts of the picture's width and height, not pixels",
	}},
	{"triple", zone("[[0.1, 0.1, 0.5], [0.9, 0.1], [0.9, 0.9]]"), []string{"edge.yaml:8: cameras[0].rules[0].zone[0]: a point is a pair [x, y], this has 3 numbers"}},
	{"closed polygon", zone("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.1]]"), []string{"edge.yaml:8: cameras[0].rules[0].zone: the last point repeats the first: leave it out, a zone closes itself"}},
	{"line without length", line("[[0.5, 0.5], [0.5, 0.5]]"), []string{"edge.yaml:8: cameras[0].rules[0].line: the line has no length: its two points must be at least 0.01 of the picture apart"}},
	{"line of three", line("[[0.5, 0.1], [0.5, 0.5], [0.5, 0.9]]"), []string{"edge.yaml:8: cameras[0].rules[0].line: a line needs exactly 2 points, this has 3"}},
	{"zone for a line rule", line("[[0.5, 0.1], [0.5, 0.9]]\n        zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]"), []string{"edge.yaml:9: cameras[0].rules[0].zone: a line-crossing rule has no zone: give it a line of two points"}},
	{"only a zone for a line rule", rule("        kind: line-crossing\n        zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n"), []string{
		"edge.yaml:6: cameras[0].rules[0].line: a line-crossing rule needs a line: [[x, y], [x, y]], 0..1 of the picture",
		"edge.yaml:8: cameras[0].rules[0].zone: a line-crossing rule has no zone: give it a line of two points",
	}},
	{"line for a zone rule", zone("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n        line: [[0.5, 0.1], [0.5, 0.9]]"), []string{"edge.yaml:9: cameras[0].rules[0].line: a rule of kind intrusion has no line: give it a zone of at least three points"}},
	{"no zone", rule("        kind: intrusion\n"), []string{"edge.yaml:6: cameras[0].rules[0].zone: a rule of kind intrusion needs a zone: a list of [x, y] points, 0..1 of the picture"}},
	{"no dwell", rule("        kind: loitering\n        zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n"), []string{"edge.yaml:6: cameras[0].rules[0].dwell_s: a loitering rule needs dwell_s: the seconds that someone may stay"}},
	{"direction of old", line("[[0.5, 0.1], [0.5, 0.9]]\n        direction: left"), []string{`edge.yaml:9: cameras[0].rules[0].direction: "left" is no direction: use left-to-right, right-to-left or both, as seen by who looks from the line's first point to its second`}},
	{"kind unknown", rule("        kind: loiter\n"), []string{`edge.yaml:7: cameras[0].rules[0].kind: "loiter" is no kind of rule: use intrusion, loitering, abandonment, fall, fire, line-crossing, line-counting, wrong-way, stopped-vehicle, closed-area, fight or crowd`}},
	{"no kind", rule("        classes: [person]\n"), []string{"edge.yaml:6: cameras[0].rules[0].kind: this rule has no kind: use intrusion, loitering, abandonment, fall, fire, line-crossing, line-counting, wrong-way, stopped-vehicle, closed-area, fight or crowd"}},
	{"priority", zone("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n        priority: urgent"), []string{`edge.yaml:9: cameras[0].rules[0].priority: "urgent" is no priority: use critical, high, medium or low`}},
	{"no class", zone("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n        classes: []"), []string{"edge.yaml:9: cameras[0].rules[0].classes: this names no class: list at least one, such as person"}},
	{"name", "cameras:\n  - id: Main Gate\n    url: rtsp://192.0.2.10/s\n    model: m\n", []string{`edge.yaml:2: cameras[0].id: "Main Gate" cannot be a name: use 1 to 64 of a-z, 0-9, '-' and '_', beginning and ending with a letter or digit`}},
	{"empty camera", "cameras:\n  - {}\n", []string{
		"edge.yaml:2: cameras[0].id: this camera has no id: give it one, such as camera-1",
		"edge.yaml:2: cameras[0].url: this camera has no url: give its RTSP address, such as rtsp://192.0.2.10/stream1",
		"edge.yaml:2: cameras[0].model: no model: name one from `bongsu-edge model list` here or in defaults.model",
	}},
	{"dash alone", "cameras:\n  -\n", []string{"edge.yaml:2: cameras[0]: an empty entry: give the camera an id and a url, or remove the dash"}},
	{"scheme", "cameras:\n  - id: a\n    url: http://192.0.2.10/s\n    model: m\n", []string{"edge.yaml:3: cameras[0].url: the address must begin with rtsp:// or rtsps://"}},
	{"transport", camera("    transport: quic\n"), []string{`edge.yaml:5: cameras[0].transport: "quic" is no transport: use tcp or udp`}},
	{"any port without udp", camera("    any_udp_port: true\n"), []string{"edge.yaml:5: cameras[0].any_udp_port: this is for transport: udp only"}},
	{"tls without rtsps", camera("    tls: {ca_file: /ca.pem}\n"), []string{"edge.yaml:5: cameras[0].tls: this is for an address that begins with rtsps:// only"}},
	{"udp beside rtsps", "cameras:\n  - id: a\n    url: rtsps://192.0.2.10/s\n    model: m\n    transport: udp\n", []string{"edge.yaml:5: cameras[0].transport: udp beside rtsps would send the pictures in the clear: use tcp"}},
	{"pin", "cameras:\n  - id: a\n    url: rtsps://192.0.2.10/s\n    model: m\n    tls: {pin_sha256: abc}\n", []string{"edge.yaml:5: cameras[0].tls.pin_sha256: this must be the SHA-256 of the camera's certificate, 64 hex digits: `openssl x509 -fingerprint -sha256` prints it"}},
	{"key in tls", "cameras:\n  - id: a\n    url: rtsps://192.0.2.10/s\n    model: m\n    tls: {ca: x}\n", []string{"edge.yaml:5: cameras[0].tls.ca: unknown key; known here: ca_file, pin_sha256"}},
	{"no host", "cameras:\n  - id: a\n    url: rtsp:///s\n    model: m\n", []string{"edge.yaml:3: cameras[0].url: the address names no host: write it as rtsp://host/path"}},
	{"password in url", "cameras:\n  - id: a\n    url: rtsp://admin:s3cret@192.0.2.10/s\n    model: m\n", []string{"edge.yaml:3: cameras[0].url: user and password do not belong into the url, where logs and process lists show them: put them into username and password_file"}},
	{"odd password in url", "cameras:\n  - id: a\n    url: 'rtsp://admin:s3cret%zz@192.0.2.10/s'\n    model: m\n", []string{"edge.yaml:3: cameras[0].url: this is not an address that can be read, and it seems to hold a password: write rtsp://host/path and put user and password into username and password_file"}},
	{"hash in url", "cameras:\n  - id: a\n    url: 'rtsp://192.0.2.10/s#s3cret'\n    model: m\n", []string{"edge.yaml:3: cameras[0].url: the address has a # in it: a camera never gets what follows; write it as %23 if it belongs to the path"}},
	{"username alone", camera("    username: u\n"), []string{"edge.yaml:5: cameras[0].username: a username without a password_file: name the file that holds the password"}},
	{"password_file alone", camera("    password_file: /p\n"), []string{"edge.yaml:5: cameras[0].password_file: a password_file without a username: name the user of the camera"}},
	{"password as a key", camera("    password: s3cret\n"), []string{`edge.yaml:5: cameras[0].password: unknown key; did you mean "password_file"?`}},
	{"model with a slash", "defaults:\n  model: ../m\n", []string{`edge.yaml:2: defaults.model: "../m" cannot be a model's name: ` + "`bongsu-edge model list`" + ` shows those that are installed`}},
	{"infer rate", camera("    infer_per_s: 100\n"), []string{"edge.yaml:5: cameras[0].infer_per_s: 100 is out of range: it must be from 0.5 to 60"}},
	{"whole number", "workers:\n  cameras_per_worker: 2.5\n", []string{"edge.yaml:2: workers.cameras_per_worker: 2.5 must be a whole number"}},
	{"text for number", "defaults:\n  stall_s: soon\n", []string{"edge.yaml:2: defaults.stall_s: this must be a number from 2 to 300, not text"}},
	{"yes for true", camera("    allow_basic: 1\n"), []string{"edge.yaml:5: cameras[0].allow_basic: this must be true or false, not a number"}},
	{"list for text", "data_dir: [a]\n", []string{"edge.yaml:1: data_dir: this must be text, not a list"}},
	{"empty data_dir", "data_dir: \"\"\n", []string{"edge.yaml:1: data_dir: this must name a folder"}},
	{"mapping for list", "cameras:\n  gate: {}\n", []string{"edge.yaml:1: cameras: this must be a list, not keys with values"}},
	{"list for mapping", "- a\n", []string{"edge.yaml:1: this must be keys with values (edge, data_dir, models_dir, cloud, debug, workers, outbox, defaults, cameras), not a list"}},
	{"alias", "edge: &e {name: a}\n", []string{"edge.yaml:1: edge: this must be keys with values (name, timezone), not an anchor or alias (write the value out)"}},
	{"two documents", "edge: {name: a}\n---\nedge: {name: b}\n", []string{"edge.yaml:3: a second YAML document: keep everything in one, without `---` between"}},
	{"debug for all", "debug: {listen: '0.0.0.0:9090'}\n", []string{"edge.yaml:1: debug.listen: the debug port shows pictures without a login: it listens on loopback only, such as 127.0.0.1:9090"}},
	{"debug without port", "debug: {listen: localhost}\n", []string{`edge.yaml:1: debug.listen: this must be an address and a port, such as 127.0.0.1:9090, or "" for none`}},
	{"plain cloud", "cloud: {url: 'http://cloud.example'}\n", []string{"edge.yaml:1: cloud.url: plain http would show the credential and pictures to the network: use https (http is allowed to 127.0.0.1 and localhost only)"}},
	{"cloud with password", "cloud: {url: 'https://u:s3cret@cloud.example'}\n", []string{"edge.yaml:1: cloud.url: user and password do not belong into an address: the edge logs in with cloud.credential_file"}},
	{"cloud with path", "cloud: {url: 'https://cloud.example/api'}\n", []string{"edge.yaml:1: cloud.url: give the cloud's address without a path: the edge adds /api/v1/edge itself"}},
	{"cloud scheme", "cloud: {url: 'ftp://cloud.example'}\n", []string{"edge.yaml:1: cloud.url: the address must begin with https://"}},
	{"cloud no address", "cloud: {url: 'cloud.example'}\n", []string{"edge.yaml:1: cloud.url: this is not an address: write it as https://host or https://host:port"}},
	{"all at once, by line", "edge: {name: 'A B'}\nworkers: {cameras_per_worker: 0}\ncameras:\n  - id: a\n    url: rtmp://h/s\n    model: m\n", []string{
		`edge.yaml:1: edge.name: "A B" cannot be a name: use 1 to 64 of a-z, 0-9, '-' and '_', beginning and ending with a letter or digit`,
		"edge.yaml:2: workers.cameras_per_worker: 0 is out of range: it must be from 1 to 1000",
		"edge.yaml:5: cameras[0].url: the address must begin with rtsp:// or rtsps://",
	}},
}

func TestWrongFiles(t *testing.T) {
	for _, c := range slices.Concat(wrong, wrongRules) {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("edge.yaml", []byte(c.file))
			var es Errors
			if !errors.As(err, &es) {
				t.Fatalf("no Errors but %v, file:\n%s", err, c.file)
			}
			if got := strings.Split(es.Error(), "\n"); !slices.Equal(got, c.want) {
				t.Errorf("file:\n%s\ngot:\n%s\nwant:\n%s", c.file, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Error("a secret of the file stands in the error")
			}
			var one *bongsu.FieldError
			if !errors.As(err, &one) {
				t.Error("the single mistakes cannot be reached through errors.As")
			}
		})
	}
}

func TestNotYAML(t *testing.T) {
	for _, file := range []string{"a: [1, 2\n", "a: b: c\n", "\t- x\n", "edge: {name: \"x}\n"} {
		_, err := Parse("edge.yaml", []byte(file))
		if err == nil || !strings.Contains(err.Error(), "not valid YAML: ") {
			t.Errorf("%q: %v", file, err)
		}
	}
	_, err := Parse("edge.yaml", make([]byte, MaxFileBytes+1))
	if err == nil || err.Error() != "edge.yaml: the file has 1048577 bytes: an edge.yaml has at most 1048576" {
		t.Error(err)
	}
}

func TestByteOrderMark(t *testing.T) {
	for _, src := range []string{"\ufeffdata_dir: /d\n", "\ufeff# a comment\r\ndata_dir: /d\r\n"} {
		if c, err := Parse("edge.yaml", []byte(src)); err != nil || c.DataDir != "/d" {
			t.Errorf("%q: %q, %v", src, c.DataDir, err)
		}
	}
}

func TestEmptyFileIsDefault(t *testing.T) {
	for _, file := range []string{"", "# nothing\n", "---\n", "cameras:\n", "cameras: []\n", "edge: {}\n"} {
		c, err := Parse("edge.yaml", []byte(file))
		if err != nil {
			t.Errorf("%q: %v", file, err)
		}
		if got := anonymous(c); !reflect.DeepEqual(got, Default()) {
			t.Errorf("%q gives %+v", file, got)
		}
	}
}

// anonymous takes away where a configuration came from.
func anonymous(c Config) Config {
	c.file, c.digest, c.edgeDigest, c.listed = "", [32]byte{}, [32]byte{}, false
	return c
}

const shipped = "../../deploy/edge.yaml"

func TestShippedFileEqualsDefaults(t *testing.T) {
	c, err := Load(shipped)
	if err != nil {
		t.Fatal(err)
	}
	if got := anonymous(c); !reflect.DeepEqual(got, Default()) {
		t.Errorf("got  %+v\nwant %+v", got, Default())
	}
}

// uncommented is the shipped file with its example camera in force.
func uncommented(t testing.TB) string {
	data, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	before, example, found := strings.Cut(string(data), "cameras: []\n")
	if !found {
		t.Fatal("no `cameras: []` in the shipped file")
	}
	var b strings.Builder
	b.WriteString(before)
	for l := range strings.Lines(example) {
		b.WriteString(strings.TrimPrefix(l, "# "))
	}
	return b.String()
}

func TestShippedExampleIsRightAndWhole(t *testing.T) {
	file := uncommented(t)
	c, err := Parse("edge.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Cameras) != 1 || len(c.Cameras[0].Rules) != len(ruleForms) {
		t.Fatalf("%+v", c.Cameras)
	}
	for i, r := range c.Cameras[0].Rules {
		if r.Kind != ruleForms[i].kind {
			t.Errorf("rule %d is of kind %s, want %s", i, r.Kind, ruleForms[i].kind)
		}
		for _, key := range ruleForms[i].keys {
			if _, shown := c.Cameras[0].Written()["rules"].([]any)[i].(map[string]any)[key]; !shown {
				t.Errorf("the example of %s does not show %s", r.Kind, key)
			}
		}
	}
	for _, key := range slices.Concat(cameraKeys, ruleKeys) {
		if !strings.Contains(file, " "+key+":") {
			t.Errorf("key %s is not shown in the example of deploy/edge.yaml", key)
		}
	}
	want := Default().Defaults
	cam := c.Cameras[0]
	if cam.PreRoll != want.PreRoll || cam.PostRoll != want.PostRoll || cam.InferPerS != want.InferPerS || cam.Stall != want.Stall ||
		cam.MaxClip != want.MaxClip || cam.RingBytes != want.RingBytes || cam.MaxPixels != want.MaxPixels {
		t.Errorf("the example's camera differs from the defaults: %+v", cam)
	}
}

func TestValues(t *testing.T) {
	_, err := Parse("edge.yaml", []byte(`
edge: {name: box-1}
data_dir: /d
cloud: {url: "https://cloud.example:8443", enrol_token_file: /t, ca_file: /ca}
debug: {listen: ""}
workers: {cameras_per_worker: 3}
outbox: {max_bytes: 1000000000, reserve_bytes: 0}
defaults: {model: yolox-nano_1.0, infer_per_s: 5, classes: [person, car], min_score: 0.3, linger_s: 1.5, pre_roll_s: 2}
cameras:
  - id: "7"
    name: 정문
    url: rtsp://192.0.2.10:8554/a%23b?x=1
    detect_url: rtsp://192.0.2.10/2
    username: u
    password_file: /p
    allow_basic: true
    post_roll_s: 1
    rules:
      - {id: a, kind: intrusion, zone: [[0, 0], [1, 0], [1, 1], [0, 1]], confirm_s: 1}
      - {id: b, kind: line-crossing, line: [[0.5, 0], [0.5, 1]], classes: [car], priority: critical}
      - {id: c, kind: loitering, zone: [[0, 0], [1, 0], [1, 1]], dwell_s: 90, linger_s: 20, direction_: 1}
`))
	if err == nil || !strings.Contains(err.Error(), `cameras[0].rules[2].direction_: unknown key; did you mean "direction"?`) {
		t.Fatalf("%v", err)
	}
	c, err := Parse("edge.yaml", []byte(strings.TrimSpace(`
data_dir: /d
defaults: {model: yolox-nano_1.0, infer_per_s: 5, classes: [person, car], min_score: 0.3, linger_s: 1.5, pre_roll_s: 2}
cameras:
  - id: 7
    name: 101
    url: rtsp://192.0.2.10:8554/a%23b?x=1
    post_roll_s: 1
    rules:
      - {id: a, kind: intrusion, zone: [[0, 0], [1, 0], [1, 1], [0, 1]], confirm_s: 1}
      - {id: b, kind: line-crossing, line: [[0.5, 0], [0.5, 1]], classes: [car], priority: critical}
      - {id: c, kind: loitering, zone: [[0, 0], [1, 0], [1, 1]], dwell_s: 90, linger_s: 20}
`)))
	if err != nil {
		t.Fatal(err)
	}
	if c.ModelsDir != "/d/models" || c.Cloud.CredentialFile != "/d/credential" {
		t.Errorf("paths do not follow data_dir: %q %q", c.ModelsDir, c.Cloud.CredentialFile)
	}
	cam := c.Cameras[0]
	if cam.ID != "7" || cam.Name != "101" || cam.Model != "yolox-nano_1.0" || cam.InferPerS != 5 || cam.PreRoll != 2*time.Second || cam.PostRoll != time.Second {
		t.Errorf("%+v", cam)
	}
	full := []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}, {X: 0, Y: 1}}
	want := []Rule{
		{ID: "a", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, Zone: full, Classes: []bongsu.Class{"person", "car"}, MinScore: 0.3, Confirm: time.Second, Linger: 1500 * time.Millisecond},
		{ID: "b", Kind: bongsu.KindLineCrossing, Priority: bongsu.PriorityCritical, Line: []bongsu.Point{{X: 0.5}, {X: 0.5, Y: 1}}, Direction: bongsu.DirectionBoth, Classes: []bongsu.Class{"car"}, MinScore: 0.3, Linger: 1500 * time.Millisecond},
		{ID: "c", Kind: bongsu.KindLoitering, Priority: bongsu.PriorityMedium, Zone: full[:3], Classes: []bongsu.Class{"person", "car"}, MinScore: 0.3, Dwell: 90 * time.Second, Linger: 20 * time.Second},
	}
	if !reflect.DeepEqual(cam.Rules, want) {
		t.Errorf("got  %+v\nwant %+v", cam.Rules, want)
	}
}

// FuzzParse looks for panics and for results that break what Config promises.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(uncommented(f)))
	for _, c := range slices.Concat(wrong, wrongRules) {
		f.Add([]byte(c.file))
	}
	f.Add([]byte(everyKind))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("edge.yaml", data)
		if err != nil {
			if err.Error() == "" {
				t.Error("a mistake without a sentence")
			}
			return
		}
		ids := map[bongsu.CameraID]bool{}
		for _, cam := range c.Cameras {
			if ids[cam.ID] || !bongsu.ValidName(string(cam.ID)) || cam.Model == "" || !strings.HasPrefix(strings.ToLower(cam.URL), "rtsp") {
				t.Errorf("accepted camera %+v", cam)
			}
			ids[cam.ID] = true
			if err := cam.Ground.Check(); err != nil {
				t.Errorf("accepted ground: %v", err)
			}
			for _, r := range cam.Rules {
				form := formOf(r.Kind)
				if form == nil || form.zone == must && bongsu.CheckZone(r.Zone) != nil || form.line == must && bongsu.CheckLine(r.Line) != nil ||
					!bongsu.Covers(cam.Purposes, r.Kind) || len(r.Exclude) < len(cam.Exclude) || (len(r.PerM2) > 0 || r.MinPXPerM > 0) && cam.Ground == nil {
					t.Errorf("accepted rule %+v", r)
				}
				for _, x := range r.Exclude {
					if err := bongsu.CheckZone(x); err != nil {
						t.Errorf("accepted exclusion: %v", err)
					}
				}
			}
		}
	})
}
