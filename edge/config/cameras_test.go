package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"bongsu"
)

func TestAddresses(t *testing.T) {
	for url, want := range map[string]string{
		"rtsp://192.0.2.10":                                       "",
		"rtsp://192.0.2.10:8554/Streaming/Channels/101":           "",
		"rtsp://[2001:db8::10]:554/s":                             "",
		"RTSP://gate.example/s":                                   "",
		"rtsp://gate.example/cam/realmonitor?channel=1&subtype=0": "",
		"rtsp://gate.example/a@b":                                 "", // an @ in the path is no login
		"rtsp://user@gate.example/s":                              "user and password do not belong into the url",
		"rtsp://:s3cret@gate.example/s":                           "user and password do not belong into the url",
		"rtsp://user:s3cret@[2001:db8::10]/s":                     "user and password do not belong into the url",
		"rtsp://user:s3#cret@gate.example/s":                      "it seems to hold a password",
		"rtsp://user:s3/cret@gate.example/s":                      "it seems to hold a password",
		"":                                                        "the address must begin with rtsp://",
		"gate.example":                                            "the address must begin with rtsp://",
		"/dev/video0":                                             "the address must begin with rtsp://",
		"exec:ffmpeg -i x":                                        "the address must begin with rtsp://",
		"file:///etc/passwd":                                      "the address must begin with rtsp://",
		"rtsp:192.0.2.10/s":                                       "the address names no host",
		"rtsp://:554/s":                                           "the address names no host",
		"rtsp://gate example/s":                                   "this is not an address that can be read: write it as",
		"rtsp://gate:port/s":                                      "this is not an address that can be read: write it as",
		"rtsp://gate/\x7f":                                        "not valid",
	} {
		file := fmt.Sprintf("defaults: {model: m}\ncameras:\n  - id: a\n    url: %q\n  - id: b\n    url: rtsp://h\n    detect_url: %q\n", url, url)
		_, err := Parse("edge.yaml", []byte(file))
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", url, err)
		case want != "" && err == nil:
			t.Errorf("%q is accepted", url)
		case want != "" && want != "not valid" && !strings.Contains(err.Error(), "cameras[0].url: "+want) && !strings.Contains(err.Error(), want):
			t.Errorf("%q: %v", url, err)
		}
		if err != nil && (strings.Contains(err.Error(), "s3") || strings.Contains(err.Error(), "cret")) {
			t.Errorf("%q: a secret stands in %v", url, err)
		}
	}
}

func TestModelNames(t *testing.T) {
	for name, good := range map[string]bool{
		"yolox_nano_416": true, "a": true, "v1.2": true, "yolo11n-1.0.3": true,
		"..": false, ".": false, "../m": false, "a/b": false, ".hidden": false, "M": false, "a b": false, "한글": false,
	} {
		_, err := Parse("edge.yaml", fmt.Appendf(nil, "defaults: {model: %q}\n", name))
		if (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestDefaultsReachCamerasAndRules sets each default and finds it where nothing else is said, and
// not where something is.
func TestDefaultsReachCamerasAndRules(t *testing.T) {
	c, err := Parse("edge.yaml", []byte(`
defaults:
  model: m
  infer_per_s: 3
  pre_roll_s: 1.5
  post_roll_s: 2.5
  max_clip_s: 61
  stall_s: 7
  ring_bytes: 2000000
  max_pixels: 1000000
  classes: [car]
  min_score: 0.25
  confirm_s: 0.9
  linger_s: 9
cameras:
  - id: plain
    url: rtsp://h/1
    rules:
      - {id: r, kind: intrusion, zone: [[0, 0], [1, 0], [1, 1]]}
  - id: own
    url: rtsp://h/2
    model: other
    infer_per_s: 4
    pre_roll_s: 0
    post_roll_s: 0
    max_clip_s: 30
    stall_s: 8
    ring_bytes: 3000000
    max_pixels: 2000000
    classes: [bus]
    min_score: 0.6
    confirm_s: 0.1
    linger_s: 5
    rules:
      - {id: r, kind: intrusion, zone: [[0, 0], [1, 0], [1, 1]], classes: [person, animal], min_score: 0, confirm_s: 0, linger_s: 1}
      - {id: quiet, kind: intrusion, zone: [[0, 0], [1, 0], [1, 1]]}
      - {id: smoke, kind: fire, zone: [[0, 0], [1, 0], [1, 1]]}
`))
	if err != nil {
		t.Fatal(err)
	}
	zone := []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}}
	want := []Camera{
		{ID: "plain", Name: "plain", URL: "rtsp://h/1", Transport: TransportTCP, Model: "m", InferPerS: 3, PreRoll: 1500 * time.Millisecond, PostRoll: 2500 * time.Millisecond,
			MaxClip: 61 * time.Second, Stall: 7 * time.Second, RingBytes: 2000000, MaxPixels: 1000000,
			Tuning: Tuning{Classes: []bongsu.Class{"car"}, MinScore: 0.25, Confirm: 900 * time.Millisecond, Linger: 9 * time.Second},
			Rules:  []Rule{{ID: "r", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, Zone: zone, Classes: []bongsu.Class{"car"}, MinScore: 0.25, Confirm: 900 * time.Millisecond, Linger: 9 * time.Second}}},
		{ID: "own", Name: "own", URL: "rtsp://h/2", Transport: TransportTCP, Model: "other", InferPerS: 4,
			MaxClip: 30 * time.Second, Stall: 8 * time.Second, RingBytes: 3000000, MaxPixels: 2000000,
			Tuning: Tuning{Classes: []bongsu.Class{"bus"}, MinScore: 0.6, Confirm: 100 * time.Millisecond, Linger: 5 * time.Second},
			Rules: []Rule{
				{ID: "r", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, Zone: zone, Classes: []bongsu.Class{"person", "animal"}, Linger: time.Second},
				{ID: "quiet", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, Zone: zone, Classes: []bongsu.Class{"bus"}, MinScore: 0.6, Confirm: 100 * time.Millisecond, Linger: 5 * time.Second},
				{ID: "smoke", Kind: bongsu.KindFire, Priority: bongsu.PriorityCritical, Zone: zone, MinScore: 0.6}, // whom a camera watches for and how long is not meant for a fire
			}},
	}
	for i := range c.Cameras {
		c.Cameras[i].origin = origin{}
	}
	if !reflect.DeepEqual(c.Cameras, want) {
		t.Errorf("got  %+v\nwant %+v", c.Cameras, want)
	}
}

// TestEveryCameraAndRuleIsReported has one mistake in each of many.
func TestEveryCameraAndRuleIsReported(t *testing.T) {
	var b strings.Builder
	b.WriteString("cameras:\n")
	const n = 25
	for i := range n {
		fmt.Fprintf(&b, "  - id: c%d\n    url: rtsp://h/%d\n    model: m\n    rules:\n      - id: r\n        kind: collapse\n", i, i)
	}
	_, err := Parse("edge.yaml", []byte(b.String()))
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != n {
		t.Fatalf("%d mistakes of %d:\n%v", len(lines), n, err)
	}
	for i, l := range lines {
		want := fmt.Sprintf(`edge.yaml:%d: cameras[%d].rules[0].kind: "collapse" is no kind of rule: use intrusion, loitering, abandonment, fall, fire, line-crossing, line-counting, wrong-way, stopped-vehicle, closed-area, fight or crowd`, 7+6*i, i)
		if l != want {
			t.Errorf("got  %s\nwant %s", l, want)
		}
	}
}

// TestPasswordOnDisk reads a real file: what this machine's permissions say is what counts.
func TestPasswordOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, good := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: true, 0o644: false, 0o604: false, 0o602: false, 0o777: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		password, err := readPassword(OS, path)
		if (err == nil) != good || good && password != "s3cret" {
			t.Errorf("mode %#o: %q, %v", mode, password, err)
		}
	}
	if _, err := readPassword(OS, filepath.Dir(path)); err == nil {
		t.Error("a folder is a password")
	}
	if password, err := readPassword(OS, ""); password != "" || err != nil {
		t.Errorf("no file: %q, %v", password, err)
	}
}
