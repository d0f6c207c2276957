package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/models/manifest"
	"bongsu/models/modelstest"
)

// web serves one file, which a test exchanges.
type web struct {
	*httptest.Server
	file  atomic.Pointer[[]byte]
	asked atomic.Int64
}

func serve(t *testing.T, data []byte) *web {
	t.Helper()
	w := &web{}
	w.file.Store(&data)
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		data := *w.file.Load()
		rw.Header().Set("ETag", `"`+hashOf(data)+`"`)
		rw.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(w.Close)
	return w
}

// user is who installs: what was asked and told.
type user struct {
	refuse   error
	licences []Licence
	seen     []string
}

func (u *user) options(source, manifest string) InstallOptions {
	return InstallOptions{Source: source, Manifest: manifest,
		Accept: func(l Licence) error {
			u.licences = append(u.licences, l)
			return u.refuse
		},
		Seen: func(_, sum string, _ int64) { u.seen = append(u.seen, sum) }}
}

// offer puts a made-up public detector into the catalogue for the length of a test.
func offer(t *testing.T, p Public) {
	t.Helper()
	old := publics
	publics = append(slices.Clone(publics), p)
	t.Cleanup(func() { publics = old })
}

// public is the tiny model as a public one of the yolox family.
func public(t *testing.T, address string) modelstest.Package {
	t.Helper()
	all := modelstest.Tiny{Width: 64, Height: 32, Classes: 80, Things: tiny.Things}
	offer(t, Public{Name: "tiny_64", Family: "yolox", Width: 64, Height: 32, Licence: "MIT", LicenceText: "https://example.com/LICENSE",
		Address: address, Version: "3", like: "yolox_nano_416", outputs: []manifest.Output{{Name: "output", Shape: []int64{1, 42, 85}}}})
	return all.YOLOXPackage("tiny_64")
}

func TestInstallPublic(t *testing.T) {
	c, _ := open(t)
	w := serve(t, nil)
	p := public(t, w.URL+"/tiny.onnx")
	w.file.Store(&p.Model)
	u := &user{refuse: errors.New("no")}
	if _, err := c.Install(t.Context(), u.options("tiny", "")); !errors.Is(err, u.refuse) || w.asked.Load() != 0 {
		t.Errorf("refused: %v after %d requests", err, w.asked.Load())
	}
	u.refuse = nil
	m, err := c.Install(t.Context(), u.options("tiny", ""))
	if err != nil {
		t.Fatal(err)
	}
	if len(u.licences) != 2 || u.licences[1] != (Licence{"tiny_64", "MIT", "https://example.com/LICENSE"}) {
		t.Errorf("licences %v", u.licences)
	}
	sum := hashOf(p.Model)
	if !slices.Equal(u.seen, []string{sum}) {
		t.Errorf("told of %v", u.seen)
	}
	f := m.Manifest
	if f.SHA256 != sum || f.Version != "3" || f.Licence != "MIT" || f.Origin != w.URL+"/tiny.onnx" || f.Input.Width != 64 || len(f.Labels) != 80 || f.Labels[0].Class != bongsu.ClassPerson {
		t.Errorf("%+v", f)
	}
	if err := c.Verify(t.Context(), "tiny_64"); err != nil {
		t.Error(err)
	}
	if got := entries(t, filepath.Join(c.o.Dir, downloads)); len(got) != 0 {
		t.Errorf("left in the downloads: %v", got)
	}
	// Installed: nothing is asked or loaded.
	n := w.asked.Load()
	if _, err := c.Install(t.Context(), u.options("tiny-64", "")); bongsu.CodeOf(err) != bongsu.CodeConflict || len(u.licences) != 2 || w.asked.Load() != n {
		t.Errorf("again: %v", err)
	}
}

// What an address gave the first time is what it must give for ever, also when the model was
// removed in between.
func TestTrustOnFirstUse(t *testing.T) {
	c, _ := open(t)
	w := serve(t, nil)
	p := public(t, w.URL+"/tiny.onnx")
	w.file.Store(&p.Model)
	u := &user{}
	install := func() error { return second(c.Install(t.Context(), u.options("tiny_64", ""))) }
	for range 2 { // the same file is no surprise
		if err := install(); err != nil {
			t.Fatal(err)
		}
		if err := c.Remove(t.Context(), "tiny_64"); err != nil {
			t.Fatal(err)
		}
	}
	if len(u.seen) != 1 {
		t.Errorf("told of %v", u.seen)
	}
	other := modelstest.Tiny{Width: 64, Height: 32, Classes: 80}.YOLOX()
	w.file.Store(&other)
	want := fmt.Sprintf("the file at %s/tiny.onnx has SHA-256 %s, but on 2026-03-01 it had %s: it was changed at its source, and nothing was installed. If the change is known to be good, remove the entry from %s and install again",
		w.URL, hashOf(other), hashOf(p.Model), filepath.Join(c.o.Dir, TrustFile))
	if err := install(); err == nil || err.Error() != want || bongsu.CodeOf(err) != bongsu.CodeHashMismatch {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if got := entries(t, c.o.Dir); !slices.Equal(got, []string{downloads, ".lock", TrustFile}) || len(entries(t, filepath.Join(c.o.Dir, downloads))) != 0 {
		t.Errorf("left: %v", got)
	}
	// A list that nobody can read is no list of nothing.
	path := filepath.Join(c.o.Dir, TrustFile)
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), `"sha256": `) != 1 {
		t.Fatalf("%s, %v", text, err)
	}
	for _, broken := range []string{"", `{"schema": 1, "files": [`, `{"schema": 2}`, `{"schema": 1, "files": [{"id": "x", "sha256": "y"}]}`, `{"schema": 1, "file": []}`} {
		if err := os.WriteFile(path, []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := install(); err == nil || !strings.HasPrefix(err.Error(), path+" cannot be read, so nobody knows which files were installed before") {
			t.Errorf("%q: %v", broken, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := install(); err != nil {
		t.Errorf("trusted anew: %v", err)
	}
}

// A file that failed is not trusted: the right one can be installed after it.
func TestFailuresAreNotTrusted(t *testing.T) {
	c, l := open(t)
	w := serve(t, nil)
	p := public(t, w.URL+"/tiny.onnx")
	other := modelstest.Tiny{Width: 32, Height: 32, Classes: 80}.YOLOX()
	for name, c2 := range map[string]struct {
		data []byte
		try  error
		says string
	}{
		"page":            {[]byte("<!DOCTYPE html><html>"), nil, "/tiny.onnx cannot be added: it is a web page, not an ONNX model"},
		"cut model":       {p.Model[:200], nil, "/tiny.onnx cannot be added: it is not an ONNX model, or damaged"},
		"another model":   {other, nil, "/tiny.onnx cannot be added: "},
		"does not run":    {p.Model, errors.New("it does not run"), `model "tiny_64": it does not run`},
		"an empty answer": {nil, nil, "/tiny.onnx cannot be added: "},
	} {
		w.file.Store(&c2.data)
		l.err = c2.try
		if _, err := c.Install(t.Context(), (&user{}).options("tiny_64", "")); err == nil || !strings.Contains(err.Error(), c2.says) {
			t.Errorf("%s: %v", name, err)
		}
		for _, e := range entries(t, c.o.Dir) {
			if e != ".lock" && e != downloads {
				t.Errorf("%s left %s", name, e)
			}
		}
		if got := entries(t, filepath.Join(c.o.Dir, downloads)); len(got) != 0 {
			t.Errorf("%s left %v", name, got)
		}
	}
	l.err = nil
	w.file.Store(&p.Model)
	if _, err := c.Install(t.Context(), (&user{}).options("tiny_64", "")); err != nil {
		t.Error(err)
	}
}

func TestPinnedHash(t *testing.T) {
	c, _ := open(t)
	w := serve(t, nil)
	p := public(t, w.URL+"/tiny.onnx")
	w.file.Store(&p.Model)
	publics[len(publics)-1].SHA256 = strings.Repeat("0", 64)
	_, err := c.Install(t.Context(), (&user{}).options("tiny_64", ""))
	want := fmt.Sprintf("the file at %s/tiny.onnx has SHA-256 %s, but the manifest knows it with %064d: it was changed at its source or on the way, and nothing was installed. Get the right file and install that", w.URL, hashOf(p.Model), 0)
	if err == nil || err.Error() != want || bongsu.CodeOf(err) != bongsu.CodeHashMismatch {
		t.Errorf("got %v\nwant %s", err, want)
	}
	publics[len(publics)-1].SHA256 = hashOf(p.Model)
	u := &user{}
	if _, err := c.Install(t.Context(), u.options("tiny_64", "")); err != nil || len(u.seen) != 0 {
		t.Errorf("%v; told of %v", err, u.seen)
	}
}

func TestInstallAddress(t *testing.T) {
	c, _ := open(t)
	p := tiny.YOLOXPackage("tiny")
	path := write(t, p)
	text := filepath.Join(filepath.Dir(path), ManifestFile)
	w := serve(t, p.Model)
	address := w.URL + "/some.onnx?token=secret"
	u := &user{}
	// Without a manifest nobody knows what the file is; it is kept for the next call.
	_, err := c.Install(t.Context(), u.options(address, ""))
	if err == nil || !strings.HasPrefix(err.Error(), w.URL+"/some.onnx has no manifest and is not a model that comes known") {
		t.Errorf("%v", err)
	}
	if got := entries(t, filepath.Join(c.o.Dir, downloads)); len(got) != 2 {
		t.Errorf("kept: %v", got)
	}
	u.refuse = errors.New("no")
	if _, err := c.Install(t.Context(), u.options(address, text)); !errors.Is(err, u.refuse) {
		t.Errorf("%v", err)
	}
	u.refuse = nil
	loaded := false
	o := u.options(address, text)
	o.Progress = func(int64, int64) { loaded = true }
	m, err := c.Install(t.Context(), o)
	if err != nil || m.Manifest.Name != "tiny" || loaded {
		t.Errorf("%+v, %v, loaded again %v", m, err, loaded)
	}
	if len(u.licences) != 2 || u.licences[1] != (Licence{"tiny", "Apache-2.0", "made by a test"}) {
		t.Errorf("%v", u.licences)
	}
	list, err := os.ReadFile(filepath.Join(c.o.Dir, TrustFile))
	if err != nil || strings.Contains(string(list), "secret") {
		t.Errorf("%s, %v", list, err)
	}
	forged := p
	forged.Change = func(s string) string {
		return strings.Replace(strings.Replace(s, "name: tiny", "name: other", 1), hashOf(p.Model), strings.Repeat("1", 64), 1)
	}
	if _, err := c.Install(t.Context(), u.options(address, filepath.Join(filepath.Dir(write(t, forged)), ManifestFile))); bongsu.CodeOf(err) != bongsu.CodeHashMismatch {
		t.Errorf("%v", err)
	}
}

func TestInstallRefuses(t *testing.T) {
	c, _ := open(t)
	for _, r := range []struct{ source, manifest, says string }{
		{"no-such-model", "", `no public model is called "no-such-model", and there is no such file: the names are yolox_nano_416, yolox_tiny_416, yolox_s_640, yolox_m_640, nanodet_m_416`},
		{"yolox", "", `no public model is called "yolox"`}, // which one?
		{"dfine-n", "", "dfine_n_640 cannot be installed yet: there is no head for DETR's outputs yet"},
		{"yolox-nano", "m.yaml", "the manifest of yolox_nano_416 is known: leave --manifest out"},
		{"./none.onnx", "", "model file ./none.onnx cannot be read"},
		{"none.onnx", "", "model file none.onnx cannot be read"},
		{"http://example.com/m.onnx", "", "is no https address"},
		{"https://example.com/m.onnx", "/none.yaml", "manifest /none.yaml cannot be read"},
	} {
		u := &user{}
		if _, err := c.Install(t.Context(), u.options(r.source, r.manifest)); err == nil || !strings.Contains(err.Error(), r.says) {
			t.Errorf("%s: %v", r.source, err)
		}
		if len(u.licences) != 0 {
			t.Errorf("%s: a licence was asked for", r.source)
		}
	}
}

func TestInstallFile(t *testing.T) {
	c, _ := open(t)
	m, err := c.Install(t.Context(), (&user{}).options(write(t, tiny.YOLOXPackage("tiny")), ""))
	if err != nil || m.Manifest.Name != "tiny" {
		t.Errorf("%v", err)
	}
	if got := entries(t, c.o.Dir); !slices.Equal(got, []string{".lock", "tiny"}) {
		t.Errorf("%v", got)
	}
}

// A process that ends in the middle of a download leaves nothing that can be seen, and the next
// one goes on.
func TestInstallGoesOn(t *testing.T) {
	c, _ := open(t)
	w := serve(t, nil)
	p := public(t, w.URL+"/tiny.onnx")
	w.file.Store(&p.Model)
	ctx, cancel := context.WithCancel(t.Context())
	o := (&user{}).options("tiny_64", "")
	n := int64(0)
	o.Progress = func(done, _ int64) {
		n = done
		cancel()
	}
	_, err := c.Install(ctx, o)
	if err != nil && !strings.Contains(err.Error(), "the same command goes on from there") {
		t.Errorf("%v", err)
	}
	if list, err := c.List(); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	first := int64(0)
	o.Progress = func(done, _ int64) {
		if first == 0 {
			first = done
		}
	}
	if _, err := c.Install(t.Context(), o); err != nil || first != 0 && first <= n {
		t.Errorf("%v; began at %d after %d", err, first, n)
	}
}

// Each entry that can be installed has a manifest that is right in itself and an address; a
// hash stands only where a known manifest says the same.
func TestPublics(t *testing.T) {
	names := map[string]bool{}
	for _, p := range Publics() {
		if names[p.Name] || bongsu.CheckName(p.Name) != nil || p.Licence == "" || p.LicenceText == "" || p.Home == "" || p.Layout == "" {
			t.Errorf("%+v", p)
		}
		names[p.Name] = true
		if p.Family == "" {
			if p.Why == "" || p.Address != "" {
				t.Errorf("%+v", p)
			}
			continue
		}
		if !strings.HasPrefix(p.Address, "https://") || p.Why != "" {
			t.Errorf("%+v", p)
		}
		if p.SHA256 != "" {
			if m, _, err := known(p.SHA256); err != nil || m == nil || m.Name != p.Name || m.Family != p.Family || m.Input.Width != p.Width {
				t.Errorf("%s: its hash belongs to %+v, %v", p.Name, m, err)
			}
			continue
		}
		text, err := p.manifestText(strings.Repeat("a", 64))
		if err != nil {
			t.Error(err)
			continue
		}
		m, err := manifest.Parse(p.Name, text)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if _, err := NewHead(m); err != nil {
			t.Error(err)
		}
	}
	if p, err := FindPublic("YOLOX-tiny"); err != nil || p.Name != "yolox_tiny_416" {
		t.Errorf("%s, %v", p.Name, err)
	}
}

// FuzzInstalled: whatever became of installed.yaml.
func FuzzInstalled(f *testing.F) {
	f.Add((&Catalog{o: Options{Tool: "test", Now: time.Now}}).record(&manifest.Manifest{SHA256: strings.Repeat("0", 64)}, nil))
	f.Add([]byte("schema: 1\noriginal_sha256: !0 "))
	f.Add([]byte("schema: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if in, err := parseInstalled(data); err == nil && (in.Schema != 1 || len(in.OriginalSHA256) != 64) {
			t.Errorf("%+v", in)
		}
	})
}

func FuzzTrust(f *testing.F) {
	f.Add([]byte(`{"schema": 1, "files": []}`))
	f.Add([]byte(`{"schema": 1, "files": [{"id": "a", "address": "b", "model": "c", "sha256": "` + strings.Repeat("0", 64) + `", "bytes": 1, "first": "2026-03-01T00:00:00Z"}]}`))
	f.Add([]byte(`{"schema": 1, "files": [{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseTrust(data)
		if err != nil {
			return
		}
		for _, file := range list.Files {
			if len(file.SHA256) != 64 || file.ID == "" {
				t.Errorf("%+v", file)
			}
		}
	})
}
