package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"bongsu"
)

// box is a store in a folder of its own, with an edge.yaml that has one camera.
type box struct {
	t     *testing.T
	dir   string
	store *Store
	disk  *sickDisk
}

const boxYAML = "data_dir: %s\ndefaults: {model: m}\ncameras:\n  - {id: gate, url: rtsp://192.0.2.1/a}\n"

func newBox(t *testing.T) *box {
	t.Helper()
	b := &box{t: t, dir: t.TempDir(), disk: &sickDisk{Disk: OSDisk}}
	b.edge(fmt.Sprintf(boxYAML, b.dir))
	n := byte(0)
	b.store = NewStore(StoreOptions{Path: b.path(), DataDir: b.dir, Disk: b.disk, Random: func(p []byte) { n++; p[0] = n }})
	return b
}

func (b *box) path() string { return filepath.Join(b.dir, "edge.yaml") }

func (b *box) edge(text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path(), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) state() State {
	b.t.Helper()
	st, err := b.store.State()
	if err != nil {
		b.t.Fatal(err)
	}
	return st
}

// put sets the camera door up, and fails when it is refused.
func (b *box) put(host string, password *string) {
	b.t.Helper()
	if _, _, err := b.store.Put(b.change(host, password)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) change(host string, password *string) Change {
	return Change{ID: "door", Revision: b.state().Revision, Password: password,
		Keys: map[string]any{"name": "문", "url": "rtsp://" + host + "/1", "username": "viewer"}}
}

// seen is what an edge that starts now would run: host and password of the camera door.
func (b *box) seen() string {
	b.t.Helper()
	c, err := Load(b.path())
	if err != nil {
		b.t.Fatalf("the edge does not start: %v", err)
	}
	all, errs := c.Assignments(OS)
	if len(errs) > 0 {
		b.t.Fatalf("a camera cannot run: %v", errs)
	}
	for _, a := range all {
		if a.Camera == "door" {
			return strings.TrimPrefix(a.URL, "rtsp://") + " " + a.Password
		}
	}
	return "none"
}

func (b *box) secrets() []string {
	b.t.Helper()
	names, err := OSDisk.List(filepath.Join(b.dir, SecretsName))
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

// errCut is what a disk says after the power was cut.
var errCut = errors.New("the power was cut")

// sickDisk fails from an operation on.
type sickDisk struct {
	Disk
	left int // operations that still work; negative: all
	ops  []string
}

func (d *sickDisk) op(name, path string) error {
	d.ops = append(d.ops, name+" "+filepath.Base(path))
	if d.left == 0 {
		return nil // not armed
	}
	if d.left--; d.left == 0 {
		d.left = -1
		return errCut
	}
	if d.left < 0 {
		d.left = -1
		return errCut
	}
	return nil
}

func (d *sickDisk) MakeDir(p string) error {
	if err := d.op("mkdir", p); err != nil {
		return err
	}
	return d.Disk.MakeDir(p)
}

// Write leaves half of the bytes when the power is cut in it.
func (d *sickDisk) Write(p string, data []byte) error {
	if err := d.op("write", p); err != nil {
		_ = d.Disk.Write(p, data[:len(data)/2])
		return err
	}
	return d.Disk.Write(p, data)
}

func (d *sickDisk) Rename(a, p string) error {
	if err := d.op("rename", p); err != nil {
		return err
	}
	return d.Disk.Rename(a, p)
}

func (d *sickDisk) SyncDir(p string) error {
	if err := d.op("sync", p); err != nil {
		return err
	}
	return d.Disk.SyncDir(p)
}

func TestPutKeepsCameraAndPassword(t *testing.T) {
	b := newBox(t)
	b.put("h1", new("pw 1 \"'\\비밀"))
	if got := b.seen(); got != "h1/1 pw 1 \"'\\비밀" {
		t.Errorf("seen %q", got)
	}
	want := []string{"mkdir secrets", "write door.01000000.password", "sync secrets", "write cameras.yaml.new", "rename cameras.yaml", "sync " + filepath.Base(b.dir)}
	if !reflect.DeepEqual(b.disk.ops, want) {
		t.Errorf("in the order %q, want %q", b.disk.ops, want)
	}
	for _, name := range []string{ManagedName, SecretsName, filepath.Join(SecretsName, "door.01000000.password")} {
		if info, err := os.Stat(filepath.Join(b.dir, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	text, err := os.ReadFile(filepath.Join(b.dir, ManagedName))
	if err != nil || strings.Contains(string(text), "pw 1") {
		t.Errorf("%v\n%s", err, text)
	}
	old := b.state().Revision
	b.put("h1", nil) // the same, without a password
	if got := b.seen(); got != "h1/1 pw 1 \"'\\비밀" || b.state().Revision != old {
		t.Errorf("seen %q", got)
	}
	b.put("h1", new("pw2"))
	if err := b.store.Sweep(); err != nil {
		t.Error(err)
	}
	if got := b.secrets(); b.seen() != "h1/1 pw2" || len(got) != 1 {
		t.Errorf("seen %q, files %v", b.seen(), got)
	}
}

// TestPowerCut cuts the power before every operation of a change: an edge that starts then has the
// camera as it was or as it was to be, with the password that belongs to it, and a sweep leaves
// nothing behind.
func TestPowerCut(t *testing.T) {
	const was, is = "h1/1 old", "h2/1 new"
	for _, c := range []struct {
		name   string
		before bool // there is a camera before
		do     func(b *box) error
		ends   []string
	}{
		{"made", false, func(b *box) error { _, _, err := b.store.Put(b.change("h2", new("new"))); return err }, []string{"none", is}},
		{"changed", true, func(b *box) error { _, _, err := b.store.Put(b.change("h2", new("new"))); return err }, []string{was, is}},
		{"removed", true, func(b *box) error { _, err := b.store.Remove("door", b.state().Revision); return err }, []string{was, "none"}},
	} {
		for at := 1; ; at++ {
			b := newBox(t)
			if c.before {
				b.put("h1", new("old"))
			}
			b.disk.ops, b.disk.left = nil, at
			err := c.do(b)
			if err != nil && bongsu.CodeOf(err) != bongsu.CodeUnavailable {
				t.Errorf("%s, cut at %d: %v", c.name, at, err)
			}
			done := len(b.disk.ops) < at
			if got := b.seen(); got != c.ends[0] && got != c.ends[1] || (err == nil) != done || err == nil && got != c.ends[1] {
				t.Errorf("%s, cut at %d of %v: %q, %v", c.name, at, b.disk.ops, got, err)
			}
			b.disk.left = 0
			if err := b.store.Sweep(); err != nil {
				t.Error(err)
			}
			left, used := b.secrets(), 1
			if b.seen() == "none" {
				used = 0
			}
			if _, err := os.Stat(filepath.Join(b.dir, ManagedName+".new")); len(left) != used || !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s, cut at %d: swept to %v, %v", c.name, at, left, err)
			}
			if done {
				break
			}
		}
	}
}

func TestSweepLeavesWhatIsNotItsOwn(t *testing.T) {
	b := newBox(t)
	b.put("h1", new("pw"))
	for _, name := range []string{"gate.password", "notes.txt", "gate.01234567.password.bak"} {
		if err := os.WriteFile(filepath.Join(b.dir, SecretsName, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := b.store.Sweep(); err != nil {
			t.Error(err)
		}
	}
	if got := b.secrets(); len(got) != 4 {
		t.Errorf("left %v", got)
	}
	if err := os.WriteFile(filepath.Join(b.dir, ManagedName), []byte("cameras: [{id: ???"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.store.Sweep(); err != nil || len(b.secrets()) != 4 {
		t.Errorf("with a file that cannot be read: %v, %v", b.secrets(), err)
	}
}

func TestPutRefuses(t *testing.T) {
	b := newBox(t)
	b.put("h1", new("pw"))
	try := func(change func(*Change)) string {
		c := b.change("h1", nil)
		change(&c)
		_, _, err := b.store.Put(c)
		var fields FieldFaults
		if errors.As(err, &fields) {
			var paths []string
			for _, f := range fields {
				paths = append(paths, f.Path)
			}
			return "fields " + strings.Join(paths, " ")
		}
		return string(bongsu.CodeOf(err))
	}
	key := func(k string, v any) func(*Change) { return func(c *Change) { c.Keys[k] = v } }
	for name, x := range map[string]struct {
		change func(*Change)
		want   string
	}{
		"nothing":                {func(*Change) {}, ""},
		"said by us":             {func(c *Change) { c.Keys["managed"], c.Keys["has_password"], c.Keys["detect_url"] = true, true, nil }, ""},
		"old revision":           {func(c *Change) { c.Revision = "0123" }, "conflict"},
		"old revision, check":    {func(c *Change) { c.Revision, c.Check = "0123", true }, ""},
		"of edge.yaml":           {func(c *Change) { c.ID = "gate" }, "not-managed"},
		"another id":             {key("id", "window"), "fields id"},
		"its own id":             {key("id", "door"), ""},
		"a file as password":     {key("password_file", "/etc/shadow"), "fields password_file"},
		"a file as authority":    {key("tls", map[string]any{"ca_file": "/etc/passwd"}), "fields tls.ca_file tls password"},
		"another host":           {key("url", "rtsp://h2/1"), "fields password"},
		"another port":           {key("url", "rtsp://h1:555/1"), "fields password"},
		"the same port":          {key("url", "rtsp://H1:554/2"), ""},
		"second host":            {key("detect_url", "rtsp://h2/2"), "fields password"},
		"second stream":          {key("detect_url", "rtsp://h1/2"), ""},
		"another user":           {key("username", "root"), "fields password"},
		"readable login":         {key("allow_basic", true), "fields password"},
		"no user any more":       {key("username", nil), ""},
		"password without user":  {func(c *Change) { c.Password = new("x"); delete(c.Keys, "username") }, "fields password"},
		"empty password":         {func(c *Change) { c.Password = new("") }, "fields password"},
		"two lines":              {func(c *Change) { c.Password = new("a\nb") }, "fields password"},
		"long password":          {func(c *Change) { c.Password = new(strings.Repeat("x", 1025)) }, "fields password"},
		"user without password":  {func(c *Change) { c.ID = "new-one" }, "fields password"},
		"unknown key":            {key("colour", "red"), "fields colour"},
		"user in the address":    {key("url", "rtsp://u:p@h1/1"), "fields url"},
		"a hidden character":     {key("name", "a\u202eb"), "fields "},
		"a new line":             {key("name", "a\nb"), "fields "},
		"a number for text":      {key("name", 7.0), ""},
		"a list for text":        {key("name", []any{"a"}), "fields name"},
		"deep":                   {key("zone", []any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{}}}}}}}}}}), "fields "},
		"far too large a number": {key("ring_bytes", 1e300), "fields "},
		"out of range":           {key("stall_s", 1.0), "fields stall_s"},
		"rules of another kind":  {key("rules", []any{"a"}), "fields rules[0]"},
		"a rule of another kind": {key("rules", []any{map[string]any{"id": "a", "kind": "dance"}}), "fields rules[0].kind"},
		"pixels for a zone":      {key("rules", []any{map[string]any{"id": "a", "kind": "intrusion", "zone": []any{[]any{1.0, 200.0}}}}), "fields rules[0].zone[0][1]"},
		"an id that is no name":  {func(c *Change) { c.ID = "문" }, "fields password id"},
		"something else that's wrong": {func(c *Change) {
			c.Also = func(Camera) []bongsu.FieldFault { return []bongsu.FieldFault{{Path: "model"}} }
		}, "fields model"},
	} {
		if got := try(x.change); got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
		if got := b.seen(); name != "no user any more" && !strings.HasSuffix(got, " pw") && got != "h1/1 " {
			t.Errorf("%s has changed the camera: %q", name, got)
		}
		if x.want == "" {
			b.put("h1", new("pw"))
		}
	}
	if _, err := b.store.Remove("nobody", b.state().Revision); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Error(err)
	}
	b.edge("data_dir: " + b.dir + "\ncloud: {sets_up_cameras: false}\ndefaults: {model: m}\ncameras: []\n")
	if got := try(func(*Change) {}); got != "not-allowed" {
		t.Errorf("switched off: %q", got)
	}
	if _, err := b.store.Remove("door", b.state().Revision); bongsu.CodeOf(err) != bongsu.CodeNotAllowed {
		t.Error(err)
	}
	b.edge("cameras: [\n")
	if _, _, err := b.store.Put(Change{ID: "door"}); bongsu.CodeOf(err) != bongsu.CodeBoxConfig {
		t.Error(err)
	}
}

// TestTwinNamesBothPlaces: an id in both files is told with both places.
func TestTwinNamesBothPlaces(t *testing.T) {
	b := newBox(t)
	b.put("h1", new("pw"))
	b.edge("data_dir: " + b.dir + "\ndefaults: {model: m}\ncameras:\n  - {id: gate, url: rtsp://h/1}\n  - {id: door, url: rtsp://h/2}\n")
	_, err := Load(b.path())
	want := regexp.MustCompile(`cameras\.yaml:4: cameras\[0\]\.id: camera "door" stands in .*edge\.yaml, line 5, too: remove one of the two`)
	if err == nil || !want.MatchString(err.Error()) {
		t.Errorf("%v", err)
	}
	if _, err := b.store.State(); bongsu.CodeOf(err) != bongsu.CodeBoxConfig || !want.MatchString(err.Error()) {
		t.Errorf("%v", err)
	}
}

func TestManagedFileIsStrict(t *testing.T) {
	b := newBox(t)
	for text, want := range map[string]string{
		"":                                  "looks cut off",
		"cameras:\n":                        "looks cut off",
		"# nothing\n":                       "looks cut off",
		"cameras: []\n":                     "",
		"edge: {name: x}\ncameras: []\n":    "cameras.yaml:1: edge: unknown key",
		"cameras:\n  - {id: a}\n":           "cameras.yaml:2: cameras[0].url: this camera has no url",
		"cameras: [\n":                      "not valid YAML",
		strings.Repeat("#", MaxFileBytes+1): "the file has 1048577 bytes",
		"cameras:\n" + strings.Repeat("  - {id: a, url: rtsp://h/1}\n", 257): "at most 256",
	} {
		if err := os.WriteFile(filepath.Join(b.dir, ManagedName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(b.path()); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %.200v, want %q", text, err, want)
		}
	}
}
