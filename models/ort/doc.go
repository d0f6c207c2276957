// Package ort runs models on ONNX Runtime. It is one of the four places with C inside: it calls
// the library through github.com/yalue/onnxruntime_go and keeps the memory of inputs and
// outputs outside the Go heap, because the library keeps pointers into it.
//
// A Session is made once per model; a Binding is made once per buffer and batch size, and
// running it allocates nothing. Built without cgo, everything returns bongsu.ErrNoCgo.
package ort

import (
	"os"
	"path/filepath"

	"bongsu"
	"bongsu/models"
)

// LibraryEnv is the environment variable that may name the library.
const LibraryEnv = "BONGSU_ORT_LIB"

// libraryInTree is where `make deps` puts the library, from the repository's root.
const libraryInTree = ".deps/onnxruntime/libonnxruntime.so.1"

// Options of a Session.
type Options struct {
	Path    string              // of an installed model: uint8 NCHW input, see models/catalog
	Threads int                 // that one run may use; 0 means 1
	Outputs []models.OutputSpec // to be delivered, in this order; empty means all of the graph's
}

// Value describes an input or output of a model.
type Value struct {
	Name  string
	Type  string  // "float32", "uint8", ...
	Shape []int64 // -1 for an open axis
}

// Locate finds the library: explicit, if that is not empty; then what LibraryEnv names; then
// lib/libonnxruntime.so.1 beside the program and .deps in a folder above it or above the
// working directory, as `make deps` leaves it. The path it returns exists, or the error says
// what to do.
func Locate(explicit string) (string, error) {
	if explicit == "" {
		explicit = os.Getenv(LibraryEnv)
	}
	if explicit != "" {
		return explicit, checkLibrary(explicit)
	}
	var starts []string
	if exe, err := os.Executable(); err == nil {
		dir := filepath.Dir(exe)
		if p := filepath.Join(dir, "lib", "libonnxruntime.so.1"); checkLibrary(p) == nil {
			return p, nil
		}
		starts = append(starts, dir)
	}
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	for _, dir := range starts {
		for {
			if p := filepath.Join(dir, libraryInTree); checkLibrary(p) == nil {
				return p, nil
			}
			up := filepath.Dir(dir)
			if up == dir {
				break
			}
			dir = up
		}
	}
	return "", bongsu.Errorf(bongsu.CodeUnavailable,
		"ONNX Runtime (libonnxruntime.so.1) was not found: run `make deps`, or name the file in %s", LibraryEnv)
}

func checkLibrary(path string) error {
	if st, err := os.Stat(path); err != nil || st.IsDir() {
		return bongsu.Errorf(bongsu.CodeUnavailable,
			"ONNX Runtime is not at %s: run `make deps`, or name the file in %s", path, LibraryEnv)
	}
	return nil
}
