package link

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"bongsu"
)

var updateCorpus = flag.Bool("update-corpus", false, "write the fuzz corpus from the table cases")

const anEvent = "01890a5d-ac96-774b-bcce-b302099a8057"

// good holds one message of every type.
func good() []Message {
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	ev := &bongsu.Event{ID: anEvent, Revision: 2, Camera: "yard", Rule: "fence", Kind: bongsu.KindIntrusion,
		Priority: bongsu.PriorityHigh, State: bongsu.EventOpen, Start: at, Fired: at, Score: 0.9}
	clip := &bongsu.Clip{Event: anEvent, Part: 0, Camera: "yard", State: bongsu.ClipWriting, Start: at}
	ms := []Message{
		{Type: TypeAssign, Assign: &Assignment{Camera: "yard", Name: "마당", URL: "rtsp://192.0.2.1/1", Password: "s3cret"}},
		{Type: TypeUnassign, Camera: "yard"},
		{Type: TypeOpenEvents, Camera: "yard", Open: []bongsu.Event{*ev}},
		{Type: TypeOpenEvents, Camera: "yard"},
		{Type: TypeAck, Ref: 7},
		{Type: TypeAck, Ref: 8, Path: "/var/lib/bongsu/clips/a.mp4"},
		{Type: TypeNack, Ref: 9, Message: "the disk is full", Code: bongsu.CodeUnavailable},
		{Type: TypeHello, PID: 12, Program: "v1"},
		{Type: TypeEvent, Event: ev, Snapshot: []byte{0xff, 0xd8}},
		{Type: TypeClipOpen, Clip: clip},
		{Type: TypeClipClosed, Clip: clip},
		{Type: TypeHealth, Health: []bongsu.CameraStatus{{ID: "yard", State: bongsu.CameraLive, Since: at}}},
		{Type: TypeCounters, Counters: []Counter{{Name: "bongsu_frames_total", Camera: "yard", Value: 4}}},
		{Type: TypeHealth},
		{Type: TypeLiveStart, Camera: "yard", Session: anEvent, Mode: bongsu.LiveVideo},
		{Type: TypeLiveStop, Session: anEvent},
	}
	for i := range ms {
		ms[i].V, ms[i].Seq = Version, uint64(i+1)
	}
	return ms
}

func TestEncodeDecodeRoundTrip(t *testing.T) {
	for _, want := range good() {
		frame, err := Encode(nil, &want)
		if err != nil {
			t.Fatalf("%s: %v", want.Type, err)
		}
		body, err := readFrame(bytes.NewReader(frame), nil)
		if err != nil {
			t.Fatalf("%s: %v", want.Type, err)
		}
		got, err := Decode(body)
		if err != nil {
			t.Fatalf("%s: %v", want.Type, err)
		}
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: got %+v, want %+v", want.Type, *got, want)
		}
	}
}

// bad holds message bodies that must be refused, and a part of the sentence.
var bad = []struct{ name, body, want string }{
	{"empty object", `{}`, "version 0"},
	{"other version", `{"v":2,"type":"hello","seq":1,"pid":1}`, "version 2"},
	{"unknown type", `{"v":1,"type":"reboot","seq":1}`, `unknown type "reboot"`},
	{"unknown field", `{"v":1,"type":"hello","seq":1,"pid":1,"colour":2}`, `unknown field "colour"`},
	{"unknown inner field", `{"v":1,"type":"unassign","seq":1,"camera":"a","open":[{"x":1}]}`, `unknown field "x"`},
	{"no sequence", `{"v":1,"type":"hello","pid":1}`, "no sequence number"},
	{"missing field", `{"v":1,"type":"event","seq":1}`, "lacks event"},
	{"nack without words", `{"v":1,"type":"nack","seq":1,"ref":3}`, "lacks message"},
	{"field of another type", `{"v":1,"type":"hello","seq":1,"pid":1,"path":"/x"}`, "must not carry path"},
	{"trailing bytes", `{"v":1,"type":"hello","seq":1,"pid":1}{}`, "bytes after"},
	{"half", `{"v":1,"type":"hel`, "ends too early"},
	{"not JSON", `hello`, "JSON syntax"},
	{"wrong kind", `{"v":1,"type":"hello","seq":"1"}`, `field "seq" holds the wrong kind`},
	{"negative number", `{"v":1,"type":"hello","seq":-1,"pid":1}`, "wrong kind"},
	{"null", `null`, "version 0"},
	{"array", `[]`, "wrong kind"},
	{"event without UUID", `{"v":1,"type":"event","seq":1,"event":{"id":"../x","revision":1}}`, "without a UUID"},
	{"event without revision", `{"v":1,"type":"event","seq":1,"event":{"id":"` + anEvent + `"}}`, "revision of 1"},
	{"clip escapes", `{"v":1,"type":"clip_open","seq":1,"clip":{"event":"../../etc/passwd"}}`, "event's UUID"},
	{"clip part", `{"v":1,"type":"clip_open","seq":1,"clip":{"event":"` + anEvent + `","part":-1}}`, "part of 0"},
	{"camera name", `{"v":1,"type":"assign","seq":1,"assign":{"camera":"../x"}}`, "no camera's name"},
	{"live session", `{"v":1,"type":"live_stop","seq":1,"session":"1"}`, "no UUID"},
	{"live mode", `{"v":1,"type":"live_start","seq":1,"camera":"yard","session":"` + anEvent + `","mode":"film"}`, "unknown mode"},
	{"live without mode", `{"v":1,"type":"live_start","seq":1,"camera":"yard","session":"` + anEvent + `"}`, "lacks mode"},
	{"bad time", `{"v":1,"type":"clip_open","seq":1,"clip":{"event":"` + anEvent + `","start":"yesterday"}}`, "cannot be read"},
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.body))
			if !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ErrProtocol with %q", err, c.want)
			}
		})
	}
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	for _, body := range []string{
		`{"v":1,"type":"assign","seq":1,"assign":{"camera":"a","password":["hunter2"]}}`,
		`{"v":1,"type":"assign","seq":1,"assign":{"camera":"a","password":"hunter2","infer_ps":"hunter2"}}`,
		`{"v":1,"type":"assign","seq":1,"assign":{"camera":"A B","password":"hunter2"}}`,
	} {
		if _, err := Decode([]byte(body)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error shows a secret or is missing: %v", err)
		}
	}
}

func TestFrameLimits(t *testing.T) {
	long := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"end between frames": {nil, io.EOF},
		"half a length":      {[]byte{0, 0}, ErrProtocol},
		"nothing":            {long(0), ErrProtocol},
		"too long":           {long(bongsu.MaxMessageBytes + 1), ErrProtocol},
		"huge":               {long(1<<32 - 1), ErrProtocol},
		"cut":                {append(long(5), "abc"...), ErrProtocol},
		"cut at once":        {long(5), ErrProtocol},
	} {
		if _, err := readFrame(bytes.NewReader(c.in), nil); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestEncodeRefusesWhatIsTooLong(t *testing.T) {
	m := Message{V: Version, Type: TypeNack, Seq: 1, Ref: 1, Message: strings.Repeat("x", bongsu.MaxMessageBytes)}
	if _, err := Encode(nil, &m); err == nil || !strings.Contains(err.Error(), "the limit is") {
		t.Errorf("got %v", err)
	}
	m = Message{V: Version, Type: TypeEvent, Seq: 1, Event: good()[8].Event, Snapshot: make([]byte, bongsu.MaxSnapshotBytes+1)}
	if _, err := Encode(nil, &m); !errors.Is(err, ErrProtocol) {
		t.Errorf("got %v", err)
	}
}

func TestSplitOpen(t *testing.T) {
	var open []bongsu.Event
	for i := range 200 {
		ev := *good()[8].Event
		ev.ID = bongsu.EventID(fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", i))
		ev.Trail = make([]bongsu.TrailPoint, bongsu.MaxTrail)
		open = append(open, ev)
	}
	ms := SplitOpen("yard", open)
	if len(ms) < 2 {
		t.Fatalf("200 events with full trails fit into %d message", len(ms))
	}
	var got []bongsu.Event
	for i, m := range ms {
		m.V, m.Seq = Version, uint64(i+1)
		if _, err := Encode(nil, &m); err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Open...)
	}
	if !reflect.DeepEqual(got, open) {
		t.Error("events were lost or changed order")
	}
	if ms := SplitOpen("yard", nil); len(ms) != 1 || ms[0].Camera != "yard" {
		t.Errorf("no open events: got %v", ms)
	}
}

// FuzzDecode: whatever arrives, Decode does not panic, and what it accepts can be sent on
// and means the same.
func FuzzDecode(f *testing.F) {
	for _, m := range good() {
		b, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, c := range bad {
		f.Add([]byte(c.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Decode(body)
		if err != nil {
			if !errors.Is(err, ErrProtocol) {
				t.Fatalf("error without ErrProtocol: %v", err)
			}
			return
		}
		frame, err := Encode(nil, m)
		if err != nil {
			if strings.Contains(err.Error(), "the limit is") || strings.Contains(err.Error(), "as JSON") {
				return
			}
			t.Fatalf("accepted but cannot be sent: %v", err)
		}
		again, err := Decode(frame[headerBytes:])
		if err != nil {
			t.Fatalf("own frame refused: %v", err)
		}
		a, _ := json.Marshal(m)
		b, _ := json.Marshal(again)
		if !bytes.Equal(a, b) {
			t.Fatalf("changed on the way:\n%s\n%s", a, b)
		}
	})
}

// FuzzFrame: a stream of any bytes ends in an error, without a panic and without reading past
// a frame.
func FuzzFrame(f *testing.F) {
	for _, m := range good() {
		b, err := Encode(nil, &m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0, 0, 0, 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		for {
			before := r.Len()
			body, err := readFrame(r, nil)
			if err != nil {
				return
			}
			if before-r.Len() != len(body)+headerBytes {
				t.Fatal("read another number of bytes than the frame has")
			}
		}
	})
}

// TestCommittedCorpus keeps testdata/fuzz in step with the table cases.
func TestCommittedCorpus(t *testing.T) {
	dir := filepath.Join("testdata", "fuzz", "FuzzDecode")
	cases := map[string]string{}
	for _, c := range bad {
		cases["bad-"+strings.ReplaceAll(c.name, " ", "-")] = c.body
	}
	for _, m := range good() {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		cases[fmt.Sprintf("good-%02d-%s", m.Seq, m.Type)] = string(b)
	}
	for name, body := range cases {
		path, text := filepath.Join(dir, name), fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", body)
		if *updateCorpus {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("%s is not what the table says (%v): run go test ./edge/link -update-corpus", path, err)
		}
	}
}
