package ort

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/models"
)

func TestLocate(t *testing.T) {
	dir := t.TempDir()
	lib := filepath.Join(dir, filepath.FromSlash(libraryInTree))
	if err := os.MkdirAll(filepath.Dir(lib), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lib, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(LibraryEnv, "")
	t.Chdir(deep)
	got, err := Locate("")
	if real, _ := filepath.EvalSymlinks(got); err != nil || filepath.Base(real) != "libonnxruntime.so.1" {
		t.Errorf("from below: %q, %v", got, err)
	}
	if got, err := Locate(lib); err != nil || got != lib {
		t.Errorf("explicit: %q, %v", got, err)
	}
	t.Setenv(LibraryEnv, lib)
	if got, err := Locate(""); err != nil || got != lib {
		t.Errorf("by environment: %q, %v", got, err)
	}
	t.Setenv(LibraryEnv, "/nowhere/lib.so")
	want := "ONNX Runtime is not at /nowhere/lib.so: run `make deps`, or name the file in BONGSU_ORT_LIB"
	if _, err := Locate(""); err == nil || err.Error() != want || bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := Locate(dir); err == nil {
		t.Error("a folder was taken for the library")
	}
	t.Setenv(LibraryEnv, "")
	t.Chdir(string(filepath.Separator))
	if _, err := Locate(""); err != nil && !strings.Contains(err.Error(), "run `make deps`") {
		t.Errorf("%v", err)
	}
}

func TestPick(t *testing.T) {
	all := []Value{
		{Name: "a", Type: "float32", Shape: []int64{-1, 5, -1}},
		{Name: "b", Type: "int64", Shape: []int64{1, 5}},
		{Name: "c", Type: "float32"},
		{Name: "d", Type: "float32", Shape: []int64{1, 7}},
	}
	good := []models.OutputSpec{{Name: "d", Shape: []int64{-1, 7}}, {Name: "a", Shape: []int64{1, 5, 6}}, {Name: "c", Shape: []int64{1, 2, 3}}}
	vs, err := pick(all, good)
	if err != nil || len(vs) != 3 {
		t.Fatalf("%v, %v", vs, err)
	}
	for i, want := range [][]int64{{1, 7}, {-1, 5, 6}, {1, 2, 3}} {
		if volume(vs[i].Shape) != volume(want) || vs[i].Shape[0] != want[0] {
			t.Errorf("%s: %v, want %v", vs[i].Name, vs[i].Shape, want)
		}
	}
	for want, spec := range map[string]models.OutputSpec{
		`it has no output "x": its outputs are "a", "b", "c", "d"`:                      {Name: "x", Shape: []int64{1, 2}},
		`its output "b" is int64: only float32 outputs can be read`:                     {Name: "b", Shape: []int64{1, 5}},
		`its output "a" has shape [-1 5 -1], not [1 5] as the manifest says`:            {Name: "a", Shape: []int64{1, 5}},
		`its output "a" has shape [-1 5 -1], not [1 4 6] as the manifest says`:          {Name: "a", Shape: []int64{1, 4, 6}},
		`its output "a" leaves axis 2 open ([-1 5 -1]): the manifest must say its size`: {Name: "a", Shape: []int64{1, 5, -1}},
	} {
		if _, err := pick(all, []models.OutputSpec{spec}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := pick(all[:1], nil); err == nil {
		t.Error("an open axis was accepted without a size")
	}
}
