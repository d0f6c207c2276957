package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/models"
	"bongsu/models/manifest"
	"bongsu/models/modelstest"
	"bongsu/models/onnx"
	"bongsu/models/ort"
)

var tiny = modelstest.Tiny{Width: 32, Height: 32, Classes: 2, Things: []modelstest.Thing{{X: 12, Y: 12, W: 8, H: 8, Score: 1}}}

// looker stands in for the trial run: it checks that the files are whole when it is called.
type looker struct {
	paths []string
	err   error
}

func (l *looker) try(path string, specs []models.OutputSpec) error {
	l.paths = append(l.paths, path)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := onnx.Read(data)
	if err != nil {
		return err
	}
	if info.Inputs[0].Elem != onnx.Uint8 || len(specs) != 1 || specs[0].Name != "output" {
		return fmt.Errorf("input %+v, specs %+v", info.Inputs, specs)
	}
	return l.err
}

func open(t *testing.T) (*Catalog, *looker) {
	t.Helper()
	l := &looker{}
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.FixedZone("KST", 9*3600))
	return Open(Options{Dir: filepath.Join(t.TempDir(), "models"), Try: l.try, Tool: "bongsu-edge test", Now: func() time.Time { return at }}), l
}

// write writes a package into a folder of its own.
func write(t *testing.T, p modelstest.Package) string {
	t.Helper()
	path, err := p.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func add(t *testing.T, c *Catalog, p modelstest.Package) *Model {
	t.Helper()
	m, err := c.Add(t.Context(), write(t, p), "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestAddListVerifyRemove(t *testing.T) {
	c, l := open(t)
	if list, err := c.List(); err != nil || len(list) != 0 {
		t.Errorf("an empty folder: %v, %v", list, err)
	}
	p := tiny.YOLOXPackage("tiny")
	m := add(t, c, p)
	if got := entries(t, m.Dir); !slices.Equal(got, []string{DerivedFile, InstalledFile, ManifestFile, "tiny.onnx"}) {
		t.Errorf("files %v", got)
	}
	original, err := os.ReadFile(filepath.Join(m.Dir, "tiny.onnx"))
	if err != nil || !slices.Equal(original, p.Model) {
		t.Errorf("the original was changed: %v", err)
	}
	in := m.Installed
	if in.OriginalSHA256 != m.Manifest.SHA256 || in.DerivedSHA256 == in.OriginalSHA256 || in.Tool != "bongsu-edge test" || in.At.Format(time.RFC3339) != "2026-03-01T00:00:00Z" {
		t.Errorf("%+v", in)
	}
	if len(l.paths) != 1 || filepath.Base(filepath.Dir(l.paths[0])) != ".new-tiny" {
		t.Errorf("tried at %v: a model must be tried before it can be seen", l.paths)
	}
	add(t, c, tiny.YOLOPackage("another", 5))
	list, err := c.List()
	if err != nil || len(list) != 2 || list[0].Manifest.Name != "another" || list[1].Manifest.Name != "tiny" {
		t.Errorf("%v, %v", list, err)
	}
	if err := c.Verify(t.Context(), "tiny"); err != nil {
		t.Error(err)
	}
	if len(l.paths) != 3 || l.paths[2] != m.Path() {
		t.Errorf("Verify tried %v", l.paths)
	}
	if err := c.Remove(t.Context(), "tiny"); err != nil {
		t.Error(err)
	}
	if got := entries(t, c.o.Dir); !slices.Equal(got, []string{".lock", "another"}) {
		t.Errorf("left: %v", got)
	}
	want := fmt.Sprintf(`model "tiny" is not installed in %s: installed are another`, c.o.Dir)
	for _, err := range []error{c.Remove(t.Context(), "tiny"), c.Verify(t.Context(), "tiny"), second(c.Get("tiny"))} {
		if err == nil || err.Error() != want || bongsu.CodeOf(err) != bongsu.CodeNotFound {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func second(_ *Model, err error) error { return err }

func TestAddRefuses(t *testing.T) {
	replace := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	edit := func(f func(*modelstest.Package)) modelstest.Package {
		p := tiny.YOLOXPackage("tiny")
		f(&p)
		return p
	}
	external := tiny
	external.Extra = modelstest.ExternalWeights()
	old := tiny
	old.Opset = 5
	for name, c := range map[string]struct {
		p    modelstest.Package
		want string
		code bongsu.Code
	}{
		"text": {edit(func(p *modelstest.Package) { p.Model = []byte("weights come later\n") }),
			"PATH cannot be added: it is a text file, not an ONNX model: give the file that the export wrote", bongsu.CodeInvalid},
		"damaged": {edit(func(p *modelstest.Package) { p.Model = p.Model[:100] }),
			"PATH cannot be added: it is not an ONNX model, or damaged (byte 20 of a message of 100: it ends in the middle of a field)", bongsu.CodeInvalid},
		"other hash": {edit(func(p *modelstest.Package) {
			p.Change = func(s string) string {
				i := strings.Index(s, "sha256: ") + len("sha256: ")
				return s[:i] + strings.Repeat("0", 64) + s[i+64:]
			}
		}), "MANIFEST: sha256 says 0000000000000000000000000000000000000000000000000000000000000000, but PATH has HASH: it is another file or damaged; get the right one or correct the manifest", bongsu.CodeHashMismatch},
		"external weights": {external.YOLOXPackage("tiny"),
			"PATH cannot be added: its weights stand in other files (ONNX external data): save the model as one file and add that", bongsu.CodeInvalid},
		"old opset": {old.YOLOXPackage("tiny"), "PATH cannot be added: it uses ONNX opset 5: export it with opset 7 or later", bongsu.CodeInvalid},
		"input name": {edit(func(p *modelstest.Package) { p.Change = replace("name: images", "name: image") }),
			`PATH cannot be added: its input is called "images", the manifest says "image": write input.name: images`, bongsu.CodeInvalid},
		"input type": {edit(func(p *modelstest.Package) { p.Change = replace("type: float32", "type: float16") }),
			"PATH cannot be added: its input takes float32, the manifest's input.type says float16", bongsu.CodeInvalid},
		"output name": {edit(func(p *modelstest.Package) { p.Change = replace("{name: output", "{name: boxes") }),
			`PATH cannot be added: it has no output "boxes" (outputs[0] of the manifest): its outputs are [output]`, bongsu.CodeInvalid},
		"output shape": {edit(func(p *modelstest.Package) { p.Change = replace("[1, 21, 7]", "[1, 21, 85]") }),
			`PATH cannot be added: its output "output" has shape [1 21 7], the manifest's outputs[0].shape says [1 21 85]`, bongsu.CodeInvalid},
		"family": {edit(func(p *modelstest.Package) { p.Change = replace("family: yolox", "family: yolo") }),
			"", ""}, // [1, 21, 7] may as well be 17 classes and 7 anchors: only a person can tell
		"family that cannot be": {edit(func(p *modelstest.Package) {
			p.Model, p.Shape = tiny.YOLO(21), []int64{1, 6, 21}
		}), `PATH cannot be added: yolox: output "output" has shape [1 6 21]: an input of 32×32 pixels demands [1, 21, 5 + classes]`, bongsu.CodeInvalid},
		"manifest": {edit(func(p *modelstest.Package) { p.Change = replace("pad: 0", "pad: -1") }),
			"manifest.yaml:18: input.pad: -1 is no 8-bit grey: write 0 to 255", bongsu.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			cat, _ := open(t)
			path := write(t, c.p)
			_, err := cat.Add(t.Context(), path, "")
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := strings.NewReplacer("PATH", path, "MANIFEST", filepath.Join(filepath.Dir(path), "manifest.yaml"), "HASH", hashOf(c.p.Model)).Replace(c.want)
			if err == nil || err.Error() != want || bongsu.CodeOf(err) != c.code {
				t.Errorf("got %s %v\nwant %s %s", bongsu.CodeOf(err), err, c.code, want)
			}
			if got := entries(t, cat.o.Dir); len(got) != 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

func TestTrialRunDecides(t *testing.T) {
	c, l := open(t)
	l.err = errors.New("it does not run")
	if _, err := c.Add(t.Context(), write(t, tiny.YOLOXPackage("tiny")), ""); err == nil || err.Error() != `model "tiny": it does not run` {
		t.Errorf("%v", err)
	}
	if got := entries(t, c.o.Dir); !slices.Equal(got, []string{".lock"}) {
		t.Errorf("left behind: %v", got)
	}
	none := Open(Options{Dir: c.o.Dir})
	if _, err := none.Add(t.Context(), write(t, tiny.YOLOXPackage("tiny")), ""); err == nil || !strings.Contains(err.Error(), "without a runner") {
		t.Errorf("%v", err)
	}
}

func TestAddTwice(t *testing.T) {
	c, _ := open(t)
	add(t, c, tiny.YOLOXPackage("tiny"))
	_, err := c.Add(t.Context(), write(t, tiny.YOLOXPackage("tiny")), "")
	want := fmt.Sprintf("model \"tiny\" is already in %s: remove it first (`bongsu-edge model remove tiny`)", c.o.Dir)
	if err == nil || err.Error() != want || bongsu.CodeOf(err) != bongsu.CodeConflict {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := c.Verify(t.Context(), "tiny"); err != nil {
		t.Error(err)
	}
}

func TestWhereTheManifestIs(t *testing.T) {
	c, _ := open(t)
	p := tiny.YOLOXPackage("tiny")
	path := write(t, p)
	shared := filepath.Join(filepath.Dir(path), ManifestFile)
	elsewhere := filepath.Join(t.TempDir(), "my.yaml")
	if err := os.Rename(shared, elsewhere); err != nil {
		t.Fatal(err)
	}
	_, err := c.Add(t.Context(), path, "")
	want := path + " has no manifest and is not a model that comes known: write manifest.yaml beside it (docs/design/models.md) or name one with --manifest"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := c.Add(t.Context(), path, elsewhere); err != nil {
		t.Errorf("named: %v", err)
	}
	// The manifest.yaml of another file is passed over.
	other := p
	other.Name = "other"
	if err := os.WriteFile(shared, []byte(other.Manifest()), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Add(t.Context(), path, ""); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := os.WriteFile(path+".yaml", []byte(other.Manifest()), 0o644); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Add(t.Context(), path, ""); err != nil || m.Manifest.Name != "other" {
		t.Errorf("FILE.onnx.yaml: %v", err)
	}
}

func TestVerifyFindsEveryChange(t *testing.T) {
	flip := func(t *testing.T, path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, m *Model)
		want   string
	}{
		"original": {func(t *testing.T, m *Model) { flip(t, filepath.Join(m.Dir, "tiny.onnx")) }, "tiny.onnx has SHA-256"},
		"derived":  {func(t *testing.T, m *Model) { flip(t, m.Path()) }, "installed.onnx has SHA-256"},
		"manifest": {func(t *testing.T, m *Model) {
			path := filepath.Join(m.Dir, ManifestFile)
			data, _ := os.ReadFile(path)
			if err := os.WriteFile(path, []byte(strings.Replace(string(data), "scale: 1", "scale: 2", 1)), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "was derived by bongsu-edge test in another way than this program would, or with another manifest"},
		"record": {func(t *testing.T, m *Model) {
			if err := os.WriteFile(filepath.Join(m.Dir, InstalledFile), []byte("schema: 1\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "is damaged: remove it and add it again"},
		"no record":   {func(t *testing.T, m *Model) { os.Remove(filepath.Join(m.Dir, InstalledFile)) }, "is damaged: remove it and add it again"},
		"no manifest": {func(t *testing.T, m *Model) { os.Remove(filepath.Join(m.Dir, ManifestFile)) }, "is damaged: remove it and add it again"},
		"no original": {func(t *testing.T, m *Model) { os.Remove(filepath.Join(m.Dir, "tiny.onnx")) }, "cannot be read"},
		"renamed": {func(t *testing.T, m *Model) {
			path := filepath.Join(m.Dir, ManifestFile)
			data, _ := os.ReadFile(path)
			if err := os.WriteFile(path, []byte(strings.Replace(string(data), "name: tiny", "name: tony", 1)), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "its files belong to different models"},
	} {
		t.Run(name, func(t *testing.T) {
			cat, _ := open(t)
			m := add(t, cat, tiny.YOLOXPackage("tiny"))
			other := add(t, cat, tiny.YOLOXPackage("other"))
			c.damage(t, m)
			if err := cat.Verify(t.Context(), "tiny"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if err := cat.Verify(t.Context(), other.Manifest.Name); err != nil {
				t.Errorf("the other model: %v", err)
			}
			list, _ := cat.List()
			if len(list) == 0 || list[0].Manifest.Name != "other" {
				t.Errorf("the other model is not listed: %v", list)
			}
		})
	}
}

// What a process left that died in the middle is never seen, and goes with the next change.
func TestLeftoversAreSwept(t *testing.T) {
	c, _ := open(t)
	for _, dir := range []string{".new-half", ".gone-old"} {
		if err := os.MkdirAll(filepath.Join(c.o.Dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := c.List(); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	add(t, c, tiny.YOLOXPackage("tiny"))
	if got := entries(t, c.o.Dir); !slices.Equal(got, []string{".lock", "tiny"}) {
		t.Errorf("left: %v", got)
	}
}

// A process that dies in the middle of adding leaves nothing that can be seen, wherever it
// dies; the next one adds the model as if nothing had been.
func TestDyingWhileAdding(t *testing.T) {
	for _, where := range []string{"before the trial run", "after the trial run"} {
		t.Run(where, func(t *testing.T) {
			c, _ := open(t)
			path := write(t, tiny.YOLOXPackage("tiny"))
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "BONGSU_TEST_DIE="+where, "BONGSU_TEST_DIR="+c.o.Dir, "BONGSU_TEST_MODEL="+path)
			if out, err := cmd.CombinedOutput(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 137 {
				t.Fatalf("the child did not die: %v: %s", err, out)
			}
			if got := entries(t, c.o.Dir); !slices.Equal(got, []string{".lock", ".new-tiny"}) {
				t.Errorf("the child left %v", got)
			}
			if list, err := c.List(); err != nil || len(list) != 0 {
				t.Errorf("half a model is listed: %v, %v", list, err)
			}
			if _, err := c.Get("tiny"); bongsu.CodeOf(err) != bongsu.CodeNotFound {
				t.Errorf("half a model is given: %v", err)
			}
			if _, err := c.Add(t.Context(), path, ""); err != nil {
				t.Error(err)
			}
			if got := entries(t, c.o.Dir); !slices.Equal(got, []string{".lock", "tiny"}) {
				t.Errorf("afterwards: %v", got)
			}
		})
	}
}

// die is the child of TestDyingWhileAdding.
func die(where string) {
	l := &looker{}
	c := Open(Options{Dir: os.Getenv("BONGSU_TEST_DIR"), Try: func(path string, specs []models.OutputSpec) error {
		if where == "after the trial run" {
			if err := l.try(path, specs); err != nil {
				return err
			}
		}
		os.Exit(137)
		return nil
	}})
	_, err := c.Add(context.Background(), os.Getenv("BONGSU_TEST_MODEL"), "")
	fmt.Println(err)
	os.Exit(1)
}

func TestMain(m *testing.M) {
	if where := os.Getenv("BONGSU_TEST_DIE"); where != "" {
		die(where)
	}
	os.Exit(m.Run())
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		got, want []int64
		ok        bool
	}{
		{nil, []int64{1, 5}, true},
		{[]int64{1, 5}, []int64{1, 5}, true},
		{[]int64{-1, 5}, []int64{1, 5}, true},
		{[]int64{1, 5}, []int64{-1, 5}, true},
		{[]int64{1, -1}, []int64{1, 5}, true},
		{[]int64{1, 6}, []int64{1, 5}, false},
		{[]int64{1, 5, 1}, []int64{1, 5}, false},
	} {
		if fits(c.got, c.want) != c.ok {
			t.Errorf("%v against %v: %v", c.got, c.want, !c.ok)
		}
	}
	if _, err := NewHead(&manifest.Manifest{Family: "rcnn"}); err == nil {
		t.Error("an unknown family has a head")
	}
}

func TestOnlyOneChangesTheFolder(t *testing.T) {
	c, _ := open(t)
	unlock, err := c.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Add(ctx, write(t, tiny.YOLOXPackage("tiny")), "")
	if want := "another program is changing the model folder " + c.o.Dir + ": context deadline exceeded"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	unlock()
	// Many at once: one wins, the others say why not.
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 4 {
		path := write(t, tiny.YOLOXPackage("tiny"))
		cat := Open(Options{Dir: c.o.Dir, Try: (&looker{}).try})
		wg.Go(func() {
			_, err := cat.Add(t.Context(), path, "")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if bongsu.CodeOf(err) != bongsu.CodeConflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d of 4 added the model", won)
	}
}

func TestPlacesThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := Open(Options{Dir: filepath.Join(file, "models"), Try: (&looker{}).try})
	if _, err := c.Add(t.Context(), write(t, tiny.YOLOXPackage("tiny")), ""); err == nil || !strings.Contains(err.Error(), "cannot be made") {
		t.Errorf("%v", err)
	}
	ok, _ := open(t)
	if _, err := ok.Add(t.Context(), filepath.Join(t.TempDir(), "none.onnx"), ""); bongsu.CodeOf(err) != bongsu.CodeInvalid {
		t.Errorf("%v", err)
	}
	dir := t.TempDir()
	if _, err := ok.Add(t.Context(), dir, ""); err == nil || err.Error() != "model file "+dir+" is a folder: give the .onnx file" {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"../etc", ".new-x", ""} {
		for _, err := range []error{second(ok.Get(name)), ok.Remove(t.Context(), name), ok.Verify(t.Context(), name)} {
			if bongsu.CodeOf(err) != bongsu.CodeInvalid {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

func TestKnownManifests(t *testing.T) {
	files, err := knownFiles.ReadDir("known")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	hashes := map[string]bool{}
	for _, f := range files {
		data, err := knownFiles.ReadFile("known/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		m, err := manifest.Parse(f.Name(), data)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := NewHead(m); err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
		if m.Name+".yaml" != f.Name() || hashes[m.SHA256] {
			t.Errorf("%s: name %s, hash seen before %v", f.Name(), m.Name, hashes[m.SHA256])
		}
		hashes[m.SHA256] = true
	}
	m, _, err := known("695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14")
	if err != nil || m == nil {
		t.Fatalf("%v, %v", m, err)
	}
	words := map[string]bongsu.Class{"person": bongsu.ClassPerson, "backpack": bongsu.ClassBag, "handbag": bongsu.ClassBag, "suitcase": bongsu.ClassBag,
		"dog": bongsu.ClassAnimal, "zebra": bongsu.ClassAnimal, "truck": bongsu.ClassTruck, "traffic light": "traffic-light", "bottle": "bottle"}
	for _, l := range m.Labels {
		if want, ok := words[l.En]; ok && l.Class != want {
			t.Errorf("%s is %s, want %s", l.En, l.Class, want)
		}
		delete(words, l.En)
	}
	if len(m.Labels) != 80 || len(words) != 0 {
		t.Errorf("%d labels, without %v", len(m.Labels), words)
	}
}

// With the real runtime, and with the real files where they are.
func TestWithRuntime(t *testing.T) {
	lib, err := ort.Locate("")
	if err == nil {
		err = ort.Load(lib)
	}
	if err != nil {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	c := Open(Options{Dir: t.TempDir(), Try: ort.Try, Tool: "test"})
	add(t, c, tiny.YOLOXPackage("tiny"))
	if err := c.Verify(t.Context(), "tiny"); err != nil {
		t.Error(err)
	}
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("the real files need BONGSU_DATA")
	}
	for file, name := range map[string]string{"yolox_nano_416.onnx": "yolox_nano_416", "light_person_detector.onnx": "light_person_detector", "nanodet_m_416.onnx": "nanodet_m_416"} {
		m, err := c.Add(t.Context(), filepath.Join(data, "models", file), "")
		if err != nil || m.Manifest.Name != name {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if err := c.Verify(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	_, err = c.Add(t.Context(), filepath.Join(data, "models", "face_detection_yunet_120x160.onnx"), "")
	if err == nil || !strings.Contains(err.Error(), "has no manifest and is not a model that comes known") {
		t.Errorf("%v", err)
	}
}
