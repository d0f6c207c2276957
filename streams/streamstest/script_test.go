package streamstest_test

import (
	"strings"
	"testing"
	"time"

	"bongsu/streams/streamstest"
)

func TestScriptsAreStrict(t *testing.T) {
	for text, says := range map[string]string{
		"id: Q1\ntitle: x\n":                                       "",
		"title: x\n":                                               "id and title",
		"id: Q1\ntitle: x\nvideo: {unit: 3}\n":                     "unit",
		"id: Q1\ntitle: x\nvideo: {units: -1}\n":                   "bounds",
		"id: Q1\ntitle: x\nvideo: {codec: mpeg}\n":                 "neither h264 nor h265",
		"id: Q1\ntitle: x\nmedia: {changes: [{do: dance}]}\n":      "dance",
		"id: Q1\ntitle: x\nmedia: {changes: [{do: drop, hex: x}]}": "hex",
		"id: Q1\ntitle: x\nmedia: {path: {loss: 2}}\n":             "bounds",
		"id: Q1\ntitle: x\nsessions: {timeout: 2s, limit: 1}\n":    "",
		"id: [\n": "",
		"id: Q1\ntitle: x\nexpect: {units: 3, quirks: [a], end: b}": "",
	} {
		_, err := streamstest.ParseScript([]byte(text))
		if says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: %v does not say %q", text, err, says)
		}
		if says == "" && err != nil && text != "id: [\n" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCorpusIsWhole(t *testing.T) {
	scripts, err := streamstest.Quirks()
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]bool{}
	for _, s := range scripts {
		if len(s.Seen) == 0 || titles[s.Title] {
			t.Errorf("%s: seen nowhere, or its title is there twice", s.ID)
		}
		titles[s.Title] = true
	}
}

// TestNetworkTellsTheTruth: the fate of packets is what happened to them.
func TestNetworkTellsTheTruth(t *testing.T) {
	s := &streamstest.Script{ID: "n", Title: "n", Ingest: streamstest.Ingest{Transport: "udp"},
		Media: streamstest.Media{Path: streamstest.Network{Loss: 0.1, Reorder: 20, Share: 0.1, Duplicate: 0.1, Seed: 9}}}
	cam := streamstest.StartCamera(t, s, streamstest.CameraOptions{})
	first := cam.Fate()
	if first.Sent != 0 {
		t.Fatalf("nothing was asked for, and %d packets were sent", first.Sent)
	}
	if cam.Opened() != 0 || cam.Sessions() != 0 || !cam.Began().IsZero() || len(cam.Asked()) != 0 {
		t.Fatal("a camera that nobody asked has a past")
	}
}

func TestJoin(t *testing.T) {
	a := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 10})
	b := streamstest.Join(a, streamstest.Synthetic(streamstest.SyntheticOptions{Units: 10}))
	if len(b) != 20 {
		t.Fatalf("%d units", len(b))
	}
	for i := 1; i < 20; i++ {
		if b[i].DTS-b[i-1].DTS != 40*time.Millisecond || b[i].Seq != uint64(i) {
			t.Fatalf("unit %d: %v after %v", i, b[i].DTS, b[i-1].DTS)
		}
	}
}

func FuzzParseScript(f *testing.F) {
	f.Add([]byte("id: Q1\ntitle: x\nmedia: {changes: [{do: stamp, at: [1], value: -3, hex: \"00\"}]}\n"))
	f.Add([]byte("id: Q2\ntitle: y\nanswers: {PLAY: [{raw: 'a', close: true}]}\nsessions: {timeout: 1s}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := streamstest.ParseScript(data)
		if err == nil && (s.ID == "" || s.Title == "") {
			t.Fatal("a script without a name was taken")
		}
	})
}
