package config

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"bongsu"
)

var writtenCases = []string{
	`{"id":"a","name":"정문 \"1\" \\ ' # : - [x] {y} &z *w !t %p @q ` + "`" + `","url":"rtsp://h/1?a=b&c=d"}`,
	`{"id":"b","name":"true","username":"null","url":"~","transport":"1.5","model":"0x10"}`,
	`{"id":"c","stall_s":2.5,"ring_bytes":67108864,"infer_per_s":0.5,"allow_basic":true,"all_tracks":false}`,
	`{"id":"d","rules":[{"id":"r","kind":"intrusion","zone":[[0,0],[0.1,0.25],[1,1e-3]],"classes":["person","car"]},{"id":"s","kind":"line-crossing","line":[[0,0],[1,1]],"direction":"both"}]}`,
	`{"id":"e","tls":{"pin_sha256":"0a0a"},"rules":[]}`,
	`{"id":"f","rules":[1,"two",[3],null,{}],"zzz":{"deep":[{"x":1}]},"name":""}`,
	`{"name":"  spaces  ","id":"-","url":"no: yes"}`,
}

// FuzzWritten: what a browser sends is read back from the file as it was, whatever it is, or refused
// before it is written; and it never reaches another camera of the file.
func FuzzWritten(f *testing.F) {
	for _, c := range writtenCases {
		f.Add([]byte(c))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m map[string]any
		if json.Unmarshal(data, &m) != nil || m == nil {
			return
		}
		other := map[string]any{"id": "other", "url": "rtsp://192.0.2.7/x", "model": "m"}
		text, err := writeCameras([]map[string]any{m, other})
		if err != nil {
			if bongsu.CodeOf(err) != bongsu.CodeInvalid {
				t.Errorf("refused with %v", err)
			}
			return
		}
		all, err := parseManaged("cameras.yaml", text, Defaults{Model: "m"})
		if len(all) != 2 || !reflect.DeepEqual(all[1].Written(), other) {
			t.Fatalf("%s\nis read as %+v, %v", text, all, err)
		}
		if err != nil {
			return // it is no camera; what is wrong is said
		}
		if got := all[0].Written(); !same(got, m) {
			t.Errorf("%s\nis read as %v, written was %v", text, got, m)
		}
	})
}

// same compares what was read with what was written: a bare number may have become the text that the
// key wants.
func same(got, want any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k := range w {
			if !same(g[k], w[k]) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !same(g[i], w[i]) {
				return false
			}
		}
		return true
	case float64:
		return got == want || got == plain(w)
	}
	return reflect.DeepEqual(got, want)
}

func TestWrittenIsReadAgain(t *testing.T) {
	for _, c := range writtenCases {
		var m map[string]any
		if err := json.Unmarshal([]byte(c), &m); err != nil {
			t.Fatal(err)
		}
		text, err := writeCameras([]map[string]any{m})
		if err != nil {
			t.Errorf("%s: %v", c, err)
			continue
		}
		r := &reader{file: "x"}
		root, ok := parseTree(r, text)
		if !ok {
			t.Errorf("%s: %v", text, r.errs)
			continue
		}
		items := root.fields("cameras")["cameras"].items()
		if got := written("", items[0].node); len(items) != 1 || !same(got, m) {
			t.Errorf("%s\nis read as %v, written was %v", text, got, m)
		}
	}
}

// TestWrittenOfEdgeYAML: what a person wrote is shown as it was written, without what was not.
func TestWrittenOfEdgeYAML(t *testing.T) {
	c, err := Parse("edge.yaml", []byte("defaults: {model: m}\ncameras:\n  - id: gate\n    name: 0101\n    url: rtsp://h/1\n    username: 007\n    password_file: /p\n"+
		"    stall_s: 9\n    rules:\n      - {id: r, kind: loitering, zone: [[0, 0], [1, 0], [.5, 1]], dwell_s: 60}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"id": "gate", "name": "0101", "url": "rtsp://h/1", "username": "007", "password_file": "/p", "stall_s": 9.0,
		"rules": []any{map[string]any{"id": "r", "kind": "loitering", "zone": []any{[]any{0.0, 0.0}, []any{1.0, 0.0}, []any{0.5, 1.0}}, "dwell_s": 60.0}}}
	got := c.Cameras[0].Written()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	delete(got, "url")
	if c.Cameras[0].Written()["url"] == nil {
		t.Error("who looks at it has changed it")
	}
}

// TestRangesAreThoseOfTheReader holds what browsers are told of keys against what is accepted.
func TestRangesAreThoseOfTheReader(t *testing.T) {
	d := baseline().Defaults
	d.Model = "m"
	try := func(k bongsu.SetupRuleKind, key string, v any) error {
		rule := map[string]any{"id": "r", "kind": string(k.Kind), "zone": []any{[]any{0.0, 0.0}, []any{1.0, 0.0}, []any{0.5, 1.0}}}
		if k.Geometry == "line" {
			delete(rule, "zone")
			rule["line"] = []any{[]any{0.0, 0.0}, []any{1.0, 1.0}}
		}
		for _, other := range k.Keys {
			if other.Required {
				rule[other.Name] = map[string]any{"dwell_s": 5.0, "schedule": []any{"22:00-06:00"}, "line": []any{[]any{0.0, 0.0}, []any{1.0, 1.0}}}[other.Name]
			}
		}
		if rule[key] = v; v == nil {
			delete(rule, key)
		}
		ground := map[string]any{"height_m": 5.0, "tilt_deg": 30.0, "hfov_deg": 60.0}
		text, err := writeCameras([]map[string]any{{"id": "a", "url": "rtsp://h/1", "ground": ground, "rules": []any{rule}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = parseManaged("cameras.yaml", text, d)
		return err
	}
	usual := func(k bongsu.EventKind) Rule {
		return Rule{Kind: k, Classes: []bongsu.Class{"person"}, MinScore: 0.4, Dwell: 20 * time.Second, Near: 2, Owner: time.Minute, Count: 12, Period: time.Minute, Linger: time.Second}
	}
	forms := map[string][]any{
		"schedule": {[]any{"mon-fri 08:00-18:00"}, []any{"sat,sun 00:00-24:00", "22:00-06:00"}},
		"numbers":  {[]any{2.0, 3.0, 5.0}, []any{0.1}},
		"arrow":    {[]any{[]any{0.5, 0.9}, []any{0.5, 0.1}}},
		"polygons": {[]any{}, []any{[]any{[]any{0.1, 0.1}, []any{0.2, 0.1}, []any{0.2, 0.3}}}},
	}
	for _, k := range d.RuleKinds(usual) {
		named := map[string]bool{"id": true, "kind": true, k.Geometry: true}
		for _, key := range k.Keys {
			named[key.Name] = true
			good, bad := forms[key.Form], []any{[]any{[]any{}}}
			if key.Default != nil {
				good = append(good, key.Default)
			}
			if key.Min != nil && key.Form == "" {
				good, bad = append(good, *key.Min, *key.Max), append(bad, *key.Min-0.01, *key.Max+0.01, "many")
			}
			for _, v := range key.Values {
				good = append(good, v)
			}
			for _, v := range good {
				if err := try(k, key.Name, v); err != nil {
					t.Errorf("%s: %s: %v is refused: %v", k.Kind, key.Name, v, err)
				}
			}
			for _, v := range bad {
				if try(k, key.Name, v) == nil {
					t.Errorf("%s: %s: %v is accepted", k.Kind, key.Name, v)
				}
			}
			if missing := try(k, key.Name, nil); (missing != nil) != key.Required {
				t.Errorf("%s without %s: %v", k.Kind, key.Name, missing)
			}
		}
		for _, key := range ruleKeys {
			if !named[key] && try(k, key, 1.0) == nil {
				t.Errorf("%s takes %s too", k.Kind, key)
			}
		}
		if missing := try(k, k.Geometry, nil); (missing == nil) != k.Whole {
			t.Errorf("%s without %s: %v", k.Kind, k.Geometry, missing)
		}
		if k.Experimental != k.Kind.Experimental() || len(k.Purposes) == 0 {
			t.Errorf("%+v", k)
		}
	}
	if len(d.RuleKinds(nil)) != len(bongsu.Kinds()) {
		t.Errorf("%d kinds of rule, the taxonomy has %d", len(ruleForms), len(bongsu.Kinds()))
	}
	keys := d.Keys()
	for _, name := range append(streamKeys, tuningKeys...) {
		if _, ok := keys[name]; !ok {
			t.Errorf("defaults without %s", name)
		}
	}
	if b, _ := json.Marshal(keys); !strings.Contains(string(b), `"min_score":0,`) || keys["stall_s"] != 8.0 || len(keys) != len(streamKeys)+len(tuningKeys) {
		t.Errorf("%s", b)
	}
}

// TestWatchSeesManagedCameras: a camera that is set up is used at once when it is said, and within
// two looks when nobody says so; the file's end is no edge's end.
func TestWatchSeesManagedCameras(t *testing.T) {
	b := newBox(t)
	b.put("h1", new("pw"))
	loaded, err := Load(b.path())
	if err != nil {
		t.Fatal(err)
	}
	poke, clock := make(chan struct{}), make(chan time.Time)
	seen := make(chan string, 10)
	done := make(chan struct{})
	ctx, stop := contextOf(t)
	go func() {
		defer close(done)
		_ = Watch(ctx, WatchOptions{Path: b.path(), Poke: poke, After: func(time.Duration) <-chan time.Time { return clock }}, loaded, func(c Config, err error) {
			if err != nil {
				seen <- "error " + err.Error()
				return
			}
			var ids []string
			for _, cam := range c.Cameras {
				ids = append(ids, fmt.Sprint(cam.ID, cam.Managed))
			}
			seen <- strings.Join(ids, " ")
		})
	}()
	b.put("h1", new("other")) // before the first look of a poke
	poke <- struct{}{}
	if got := <-seen; got != "gatefalse doortrue" {
		t.Errorf("after a poke: %s", got)
	}
	if _, err := b.store.Remove("door", b.state().Revision); err != nil {
		t.Fatal(err)
	}
	clock <- time.Time{}
	clock <- time.Time{}
	if got := <-seen; got != "gatefalse" {
		t.Errorf("after two looks: %s", got)
	}
	b.edge("data_dir: " + b.dir + "\ndefaults: {model: m}\n")
	poke <- struct{}{}
	if got := <-seen; !strings.HasPrefix(got, "error ") || !strings.Contains(got, "looks cut off") {
		t.Errorf("edge.yaml cut off: %s", got)
	}
	stop()
	<-done
	if len(seen) > 0 {
		t.Errorf("once too often: %s", <-seen)
	}
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
