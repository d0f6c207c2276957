package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/edge/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "canary-Pa55word-비밀"

// stage is a Setup over real files, with a camera that is looked at by a function.
type stage struct {
	t       *testing.T
	dir     string
	s       *Setup
	store   *config.Store
	looks   []Look
	probe   func(ctx context.Context) (bongsu.ProbeResult, error)
	changed int
	now     time.Time
	log     strings.Builder
}

func newStage(t *testing.T, change func(*Options)) *stage {
	t.Helper()
	st := &stage{t: t, dir: t.TempDir(), now: time.Unix(1_800_000_000, 0)}
	st.edge("cameras:\n  - {id: gate, url: rtsp://192.0.2.1/a, username: viewer, password_file: /nothing}\n")
	st.store = config.NewStore(config.StoreOptions{Path: filepath.Join(st.dir, "edge.yaml"), DataDir: st.dir})
	st.probe = func(context.Context) (bongsu.ProbeResult, error) {
		return bongsu.ProbeResult{Codec: "h264", Width: 640, Height: 360, Tracks: []string{"video H264"}, Still: []byte("\xff\xd8")}, nil
	}
	o := Options{Cameras: st.store, Now: func() time.Time { return st.now }, Changed: func() { st.changed++ },
		Usual: func(k bongsu.EventKind) bongsu.Rule {
			return bongsu.Rule{Kind: k, Classes: map[bongsu.EventKind][]bongsu.Class{bongsu.KindFire: {"fire", "smoke"}}[k]}
		},
		Log: slog.New(slog.NewTextHandler(&st.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Models: func() []bongsu.SetupModel {
			return []bongsu.SetupModel{{Name: "nano", Classes: []bongsu.Class{"person", "large-vehicle"}}}
		},
		Probe: func(ctx context.Context, l Look) (bongsu.ProbeResult, error) {
			st.looks = append(st.looks, l)
			return st.probe(ctx)
		}}
	if change != nil {
		change(&o)
	}
	st.s = New(o)
	return st
}

func (st *stage) edge(cameras string) {
	st.t.Helper()
	if err := os.WriteFile(filepath.Join(st.dir, "edge.yaml"), []byte("data_dir: "+st.dir+"\ndefaults: {model: nano}\n"+cameras), 0o600); err != nil {
		st.t.Fatal(err)
	}
}

// do does a command and gives its status, code and the paths of its fields.
func (st *stage) do(op string, body any) (string, bongsu.Answer) {
	st.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		st.t.Fatal(err)
	}
	a := st.s.Command(st.t.Context(), bongsu.Command{Type: bongsu.LiveTypeCommand, ID: bongsu.NewUUID(st.now), Op: op, Body: raw})
	text, err := json.Marshal(a)
	if err != nil {
		st.t.Fatal(err)
	}
	if _, err := bongsu.ParseAnswer(text); err != nil {
		st.t.Errorf("the cloud does not take %s: %v", text, err)
	}
	if strings.Contains(string(text), secret) || strings.Contains(st.log.String(), secret) {
		st.t.Errorf("the password is in %s or in the log", text)
	}
	said := fmt.Sprint(a.Status)
	if a.Error != nil {
		said += " " + string(a.Error.Code)
		for _, f := range a.Error.Fields {
			said += " " + f.Path
		}
	}
	return said, a
}

func (st *stage) revision() string {
	st.t.Helper()
	_, a := st.do(bongsu.OpCameras, struct{}{})
	var v bongsu.SetupView
	if err := json.Unmarshal(a.Body, &v); err != nil {
		st.t.Fatal(err)
	}
	return v.Revision
}

func door(revision string, keys map[string]any) bongsu.PutCommand {
	cam := map[string]any{"url": "rtsp://192.0.2.2/1", "username": "viewer"}
	for k, v := range keys {
		cam[k] = v
	}
	return bongsu.PutCommand{ID: "door", PutRequest: bongsu.PutRequest{Revision: revision, Camera: cam, Password: new(secret)}}
}

func TestSetUpLifeOfACamera(t *testing.T) {
	st := newStage(t, nil)
	if said, _ := st.do(bongsu.OpPut, door(st.revision(), nil)); said != "200" || st.changed != 1 {
		t.Fatalf("%s, %d changes", said, st.changed)
	}
	_, a := st.do(bongsu.OpCameras, struct{}{})
	var v bongsu.SetupView
	if err := json.Unmarshal(a.Body, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cameras) != 2 || v.Cameras[0]["managed"] != false || v.Cameras[0]["password_file"] != nil || v.Cameras[0]["has_password"] != true ||
		v.Cameras[1]["managed"] != true || v.Cameras[1]["has_password"] != true || v.Cameras[1]["password_file"] != nil || !v.Allowed || len(v.RuleKinds) != len(bongsu.Kinds()) || len(v.Purposes) != len(bongsu.Purposes()) || v.Models[0].Name != "nano" {
		t.Errorf("%s", a.Body)
	}
	again := door(v.Revision, map[string]any{"name": "문"})
	again.Password = nil
	again.Check = true
	if said, _ := st.do(bongsu.OpPut, again); said != "200" || st.changed != 1 {
		t.Errorf("a check: %s, %d changes", said, st.changed)
	}
	if said, _ := st.do(bongsu.OpRemove, bongsu.RemoveCommand{ID: "door", Revision: "old"}); said != "409 conflict" {
		t.Error(said)
	}
	if said, _ := st.do(bongsu.OpRemove, bongsu.RemoveCommand{ID: "door", Revision: v.Revision}); said != "200" || st.changed != 2 {
		t.Error(said)
	}
	if said, _ := st.do(bongsu.OpRemove, bongsu.RemoveCommand{ID: "door", Revision: st.revision()}); said != "404 not_found" {
		t.Error(said)
	}
	if said, _ := st.do(bongsu.OpRemove, bongsu.RemoveCommand{ID: "gate", Revision: st.revision()}); said != "409 not-managed" {
		t.Error(said)
	}
}

func TestRefusals(t *testing.T) {
	st := newStage(t, nil)
	rule := func(class string) map[string]any {
		return map[string]any{"rules": []any{map[string]any{"id": "r", "kind": "intrusion", "classes": []any{class}, "zone": []any{[]any{0, 0}, []any{1, 0}, []any{1, 1}}}}}
	}
	for name, x := range map[string]struct {
		op   string
		body any
		want string
	}{
		"unknown operation": {"dance", struct{}{}, "501 unknown-op"},
		"no body":           {bongsu.OpPut, nil, "422 invalid id"},
		"a list":            {bongsu.OpProbe, []int{1}, "400 invalid"},
		"no name":           {bongsu.OpPut, bongsu.PutCommand{ID: "문"}, "422 invalid id"},
		"no such model":     {bongsu.OpPut, door("", map[string]any{"model": "other"}), "409 conflict"},
		"model":             {bongsu.OpPut, door(st.revision(), map[string]any{"model": "other"}), "422 invalid model"},
		"class":             {bongsu.OpPut, door(st.revision(), rule("smoke")), "422 invalid rules[0].classes"},
		"kind":              {bongsu.OpPut, door(st.revision(), map[string]any{"rules": []any{map[string]any{"id": "r", "kind": "fire"}}}), "422 invalid rules[0].kind"},
		"purpose":           {bongsu.OpPut, door(st.revision(), map[string]any{"purposes": []any{"traffic-information"}, "rules": []any{map[string]any{"id": "r", "kind": "fight"}}}), "422 invalid rules[0].kind"},
	} {
		if said, _ := st.do(x.op, x.body); said != x.want {
			t.Errorf("%s: %s, want %s", name, said, x.want)
		}
	}
	// A model that knows large vehicles only is no reason against a rule for trucks.
	if said, _ := st.do(bongsu.OpPut, door(st.revision(), rule("truck"))); said != "200" {
		t.Error(said)
	}
	st.edge("cameras: [\n")
	if said, a := st.do(bongsu.OpCameras, struct{}{}); said != "409 box-config" || !strings.Contains(a.Error.Message, "edge.yaml:3") {
		t.Errorf("%s %+v", said, a.Error)
	}
	st.edge("cloud: {sets_up_cameras: false}\ncameras: []\n")
	for op, body := range map[string]any{bongsu.OpPut: door("", nil), bongsu.OpRemove: bongsu.RemoveCommand{ID: "door"}, bongsu.OpProbe: bongsu.ProbeRequest{URL: "rtsp://h/1"}} {
		if said, _ := st.do(op, body); said != "403 not-allowed" {
			t.Errorf("%s: %s", op, said)
		}
	}
	if len(st.looks) > 0 {
		t.Error("a camera was looked at all the same")
	}
}

func TestProbeUsesTheStoredPasswordAtItsOwnAddressOnly(t *testing.T) {
	st := newStage(t, nil)
	if said, _ := st.do(bongsu.OpPut, door(st.revision(), nil)); said != "200" {
		t.Fatal(said)
	}
	for name, x := range map[string]struct {
		q        bongsu.ProbeRequest
		want     string
		password string
	}{
		"given":            {bongsu.ProbeRequest{URL: "rtsp://h/1", Username: "u", Password: new("p")}, "200", "p"},
		"none":             {bongsu.ProbeRequest{URL: "rtsp://h/1"}, "200", ""},
		"stored":           {bongsu.ProbeRequest{URL: "rtsp://192.0.2.2/2", Username: "viewer", Camera: "door"}, "200", secret},
		"another host":     {bongsu.ProbeRequest{URL: "rtsp://192.0.2.3/1", Username: "viewer", Camera: "door"}, "422 invalid password", ""},
		"readable":         {bongsu.ProbeRequest{URL: "rtsp://192.0.2.2/1", Username: "viewer", Camera: "door", AllowBasic: true}, "422 invalid password", ""},
		"another user":     {bongsu.ProbeRequest{URL: "rtsp://192.0.2.2/1", Username: "root", Camera: "door"}, "422 invalid password", ""},
		"another camera":   {bongsu.ProbeRequest{URL: "rtsp://192.0.2.2/1", Username: "viewer", Camera: "none"}, "422 invalid password", ""},
		"not to be read":   {bongsu.ProbeRequest{URL: "rtsp://192.0.2.1/a", Username: "viewer", Camera: "gate"}, "422 invalid password", ""},
		"a file":           {bongsu.ProbeRequest{URL: "rtsps://h/1", TLS: &bongsu.ProbeTLS{CAFile: "/etc/passwd"}}, "422 invalid tls.ca_file", ""},
		"a pin":            {bongsu.ProbeRequest{URL: "rtsps://h/1", TLS: &bongsu.ProbeTLS{PinSHA256: strings.Repeat("0a", 32)}}, "200", ""},
		"half a pin":       {bongsu.ProbeRequest{URL: "rtsps://h/1", TLS: &bongsu.ProbeTLS{PinSHA256: "0a"}}, "422 invalid tls.pin_sha256", ""},
		"no address":       {bongsu.ProbeRequest{URL: "http://h/1"}, "422 invalid url", ""},
		"user in address":  {bongsu.ProbeRequest{URL: "rtsp://u:" + secret + "@h/1"}, "422 invalid url", ""},
		"hidden character": {bongsu.ProbeRequest{URL: "rtsp://h/\u202e"}, "422 invalid ", ""},
	} {
		st.looks, st.now = nil, st.now.Add(time.Hour)
		said, _ := st.do(bongsu.OpProbe, x.q)
		if said != x.want || (len(st.looks) == 1) != (x.want == "200") {
			t.Errorf("%s: %s, want %s", name, said, x.want)
		} else if len(st.looks) == 1 && (st.looks[0].Password != x.password || st.looks[0].MaxPixels == 0 || st.looks[0].Transport != "tcp") {
			t.Errorf("%s: looked with %+v", name, st.looks[0])
		}
	}
}

func TestProbeFails(t *testing.T) {
	st := newStage(t, func(o *Options) { o.ProbeWithin = 20 * time.Millisecond })
	ask := bongsu.ProbeRequest{URL: "rtsp://h/1", Username: "u", Password: new(secret)}
	for name, x := range map[string]struct {
		err  error
		want string
	}{
		"the camera's trouble": {bongsu.Errorf(bongsu.CodeAuthFailed, "it refuses"), "422 auth-failed"},
		"it repeats":           {bongsu.Errorf(bongsu.CodeNotRTSP, "it says %s", secret), "422 not-rtsp"},
		"crash":                {bongsu.Errorf(bongsu.CodeProbeCrashed, "ended"), "422 probe-crashed"},
		"ours":                 {errors.New("no such file " + secret), "500 internal"},
		"late":                 {context.DeadlineExceeded, "422 timeout"},
	} {
		st.probe = func(context.Context) (bongsu.ProbeResult, error) { return bongsu.ProbeResult{}, x.err }
		if said, _ := st.do(bongsu.OpProbe, ask); said != x.want {
			t.Errorf("%s: %s, want %s", name, said, x.want)
		}
	}
	st.probe = func(ctx context.Context) (bongsu.ProbeResult, error) {
		<-ctx.Done()
		return bongsu.ProbeResult{}, errors.New("it hangs")
	}
	if said, _ := st.do(bongsu.OpProbe, ask); said != "422 timeout" {
		t.Errorf("a camera that says nothing: %s", said)
	}
	st.probe = func(context.Context) (bongsu.ProbeResult, error) {
		return bongsu.ProbeResult{Still: make([]byte, bongsu.MaxLiveJPEGBytes+1)}, nil
	}
	if said, _ := st.do(bongsu.OpProbe, ask); said != "422 no-picture" {
		t.Errorf("a large picture: %s", said)
	}
}

func TestProbesAreFewAndOneByOne(t *testing.T) {
	st := newStage(t, func(o *Options) { o.ProbesPerMinute = 3 })
	ask := bongsu.ProbeRequest{URL: "rtsp://h/1"}
	st.probe = func(context.Context) (bongsu.ProbeResult, error) {
		st.probe = func(context.Context) (bongsu.ProbeResult, error) { return bongsu.ProbeResult{}, nil }
		if said, _ := st.do(bongsu.OpProbe, ask); said != "429 throttled" {
			t.Errorf("a second one at once: %s", said)
		}
		return bongsu.ProbeResult{}, nil
	}
	for i, want := range []string{"200", "200", "429 throttled"} {
		if said, _ := st.do(bongsu.OpProbe, ask); said != want {
			t.Errorf("number %d: %s, want %s", i, said, want)
		}
	}
	st.now = st.now.Add(time.Minute + time.Second)
	if said, _ := st.do(bongsu.OpProbe, ask); said != "200" {
		t.Errorf("a minute later: %s", said)
	}
}
