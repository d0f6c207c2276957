// Package catalog keeps the model folder: it checks a model file against its manifest, derives
// the form that is run (8-bit pixels in, see models/onnx), tries it, and puts both into place
// in one step. A model that can be listed was hashed, derived and run once.
//
//	<dir>/<name>/manifest.yaml    as given
//	<dir>/<name>/<file>.onnx      the original, byte for byte
//	<dir>/<name>/installed.onnx   the derived form, which is run
//	<dir>/<name>/installed.yaml   hashes of both and what made them
package catalog

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bongsu"
	"bongsu/models"
	"bongsu/models/manifest"
)

// File names in a model's folder.
const (
	ManifestFile  = "manifest.yaml"
	DerivedFile   = "installed.onnx"
	InstalledFile = "installed.yaml"
	lockFile      = ".lock"
)

// Options of a Catalog.
type Options struct {
	Dir string // the model folder; made when the first model is added

	// Try loads the derived model at path, runs it once and checks that it has the outputs
	// of specs: ort.Try. Add and Verify need it.
	Try func(path string, specs []models.OutputSpec) error
	// Tool names the program and its version in installed.yaml.
	Tool string
	// BuiltIn are the models that come inside the program: Install puts them into the folder
	// by their names, without a network.
	BuiltIn []BuiltIn
	Now     func() time.Time // nil means time.Now
}

// Catalog is the model folder of one machine. Its methods may be used by several processes at
// once; those that change the folder wait for each other.
type Catalog struct {
	o Options
}

// Open gives the catalog of a folder, which need not exist yet.
func Open(o Options) *Catalog {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Catalog{o: o}
}

// Model is an installed model.
type Model struct {
	Manifest  *manifest.Manifest
	Installed Installed
	Dir       string // its folder
}

// Path is the file that is run.
func (m *Model) Path() string { return filepath.Join(m.Dir, DerivedFile) }

// List gives the installed models by name. A folder that cannot be read as a model is left
// out of the list and named in the error, which does not stop the others.
func (c *Catalog) List() ([]*Model, error) {
	entries, err := os.ReadDir(c.o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "the model folder %s cannot be read", c.o.Dir)
	}
	var list []*Model
	var errs []error
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		m, err := c.Get(e.Name())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, m)
	}
	return list, errors.Join(errs...)
}

// Get reads one installed model. It does not hash the files: Verify does.
func (c *Catalog) Get(name string) (*Model, error) {
	if err := bongsu.CheckName(name); err != nil {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "model: %v", err)
	}
	dir := filepath.Join(c.o.Dir, name)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, bongsu.Errorf(bongsu.CodeNotFound, "model %q is not installed in %s: %s", name, c.o.Dir, c.installed())
	}
	m, err := manifest.Load(filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "model %q in %s is damaged: remove it and add it again", name, c.o.Dir)
	}
	in, err := readInstalled(filepath.Join(dir, InstalledFile))
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "model %q in %s is damaged: remove it and add it again", name, c.o.Dir)
	}
	if m.Name != name || in.OriginalSHA256 != m.SHA256 {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "model %q in %s: its files belong to different models: remove it and add it again", name, c.o.Dir)
	}
	return &Model{Manifest: m, Installed: in, Dir: dir}, nil
}

// installed says in a sentence what there is.
func (c *Catalog) installed() string {
	entries, _ := os.ReadDir(c.o.Dir)
	var names []string
	for _, e := range entries {
		if e.IsDir() && bongsu.ValidName(e.Name()) {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return "no model is; add one with `bongsu-edge model add FILE.onnx`"
	}
	slices.Sort(names)
	return "installed are " + strings.Join(names, ", ")
}

// Remove takes a model out of the folder; a process that runs it keeps its open files.
func (c *Catalog) Remove(ctx context.Context, name string) error {
	if err := bongsu.CheckName(name); err != nil {
		return bongsu.Errorf(bongsu.CodeInvalid, "model: %v", err)
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	dir := filepath.Join(c.o.Dir, name)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return bongsu.Errorf(bongsu.CodeNotFound, "model %q is not installed in %s: %s", name, c.o.Dir, c.installed())
	}
	// Renamed first: a crash between the two leaves no half of a model under its name.
	gone := filepath.Join(c.o.Dir, ".gone-"+name)
	if err := os.Rename(dir, gone); err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "model %q cannot be removed from %s", name, c.o.Dir)
	}
	if err := syncDir(c.o.Dir); err != nil {
		return err
	}
	if err := os.RemoveAll(gone); err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "files of the removed model %q are left in %s", name, gone)
	}
	return nil
}
