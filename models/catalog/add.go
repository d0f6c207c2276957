package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"bongsu"
	"bongsu/models"
	"bongsu/models/manifest"
	"bongsu/models/nanodet"
	"bongsu/models/onnx"
	"bongsu/models/yolo"
	"bongsu/models/yolox"
)

// MaxModelBytes is the largest file that can be a protobuf message.
const MaxModelBytes = 2 << 30

// Add installs the model file at path. Its manifest is at manifestPath; when that is empty it
// is <file>.yaml or manifest.yaml beside the file, or else the one that comes with the program
// for the file's hash. Nothing is left behind when it fails.
func (c *Catalog) Add(ctx context.Context, path, manifestPath string) (*Model, error) {
	data, err := readModel(path)
	if err != nil {
		return nil, err
	}
	info, err := onnx.Read(data)
	if err != nil {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "%s cannot be added: %v", path, err)
	}
	m, text, err := c.findManifest(path, manifestPath, data)
	if err != nil {
		return nil, err
	}
	return c.install(ctx, candidate{from: path, data: data, info: info, m: m, text: text})
}

// candidate is a model that may be installed.
type candidate struct {
	from string // where the file came from, for errors
	data []byte
	info *onnx.Info
	m    *manifest.Manifest
	text []byte // of the manifest
	// last is called when everything has been checked and the model has run, before it is put
	// into place; its error stops that. May be nil.
	last func() error
}

func (c *Catalog) install(ctx context.Context, n candidate) (*Model, error) {
	derived, err := derive(n.from, n.data, n.info, n.m)
	if err != nil {
		return nil, err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := c.place(ctx, n, derived); err != nil {
		return nil, err
	}
	return c.Get(n.m.Name)
}

// readModel reads the whole file: its hash and the derived form need every byte.
func readModel(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "model file %s cannot be read", path)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.IsDir() {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "model file %s is a folder: give the .onnx file", path)
	}
	if st.Size() > MaxModelBytes {
		return nil, bongsu.Errorf(bongsu.CodeTooLarge, "model file %s has %d bytes: an ONNX file in one piece has at most %d", path, st.Size(), int64(MaxModelBytes))
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "model file %s cannot be read", path)
	}
	return data, nil
}

func hashOf(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// findManifest gives the manifest for a file, checked against the file's hash, and its text.
func (c *Catalog) findManifest(path, manifestPath string, data []byte) (*manifest.Manifest, []byte, error) {
	if manifestPath == "" {
		manifestPath = beside(path)
	}
	return c.manifestFor(path, manifestPath, hashOf(data))
}

// manifestFor reads the manifest at manifestPath for the file of this hash, or finds the one
// that comes with the program.
func (c *Catalog) manifestFor(path, manifestPath, sum string) (*manifest.Manifest, []byte, error) {
	if manifestPath == "" {
		m, text, err := known(sum)
		if err == nil && m == nil {
			err = bongsu.Errorf(bongsu.CodeInvalid, "%s has no manifest and is not a model that comes known: write %s beside it (docs/design/models.md) or name one with --manifest",
				path, ManifestFile)
		}
		return m, text, err
	}
	m, err := manifest.Load(manifestPath)
	if err != nil {
		return nil, nil, err
	}
	if m.SHA256 != sum {
		return nil, nil, bongsu.Errorf(bongsu.CodeHashMismatch,
			"%s: sha256 says %s, but %s has %s: it is another file or damaged; get the right one or correct the manifest", manifestPath, m.SHA256, path, sum)
	}
	text, err := os.ReadFile(manifestPath)
	return m, text, err
}

// beside finds the manifest that lies beside a model file: FILE.onnx.yaml, or manifest.yaml
// unless that one is another file's. A manifest.yaml that cannot be read is taken, so that
// its error is told.
func beside(path string) string {
	if own := path + ".yaml"; exists(own) {
		return own
	}
	shared := filepath.Join(filepath.Dir(path), ManifestFile)
	if !exists(shared) {
		return ""
	}
	if m, err := manifest.Load(shared); err == nil && m.File != filepath.Base(path) {
		return ""
	}
	return shared
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// derive makes the form that is run, and checks the manifest against the graph.
func derive(path string, data []byte, info *onnx.Info, m *manifest.Manifest) ([]byte, error) {
	if err := checkGraph(info, m); err != nil {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "%s cannot be added: %v", path, err)
	}
	mul, add := m.Input.Linear()
	r, err := onnx.PutAhead(data, onnx.Ahead{
		Input: m.Input.Name, Width: m.Input.Width, Height: m.Input.Height,
		ChannelsLast: m.Input.Layout == manifest.LayoutNHWC, Mul: mul, Add: add,
	})
	if err != nil {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "%s cannot be added: %v", path, err)
	}
	return r.Model, nil
}

// checkGraph compares what the manifest and the graph both say.
func checkGraph(info *onnx.Info, m *manifest.Manifest) error {
	if len(info.Inputs) == 1 {
		if got := onnx.TypeName(info.Inputs[0].Elem); got != m.Input.Type {
			return fmt.Errorf("its input takes %s, the manifest's input.type says %s", got, m.Input.Type)
		}
	}
	for i, want := range m.Outputs {
		found := false
		for _, got := range info.Outputs {
			if got.Name != want.Name {
				continue
			}
			found = true
			if !fits(got.Shape(), want.Shape) {
				return fmt.Errorf("its output %q has shape %v, the manifest's outputs[%d].shape says %v", got.Name, got.Shape(), i, want.Shape)
			}
		}
		if !found {
			return fmt.Errorf("it has no output %q (outputs[%d] of the manifest): its outputs are %v", want.Name, i, outputNames(info))
		}
	}
	_, err := NewHead(m)
	return err
}

func outputNames(info *onnx.Info) []string {
	var names []string
	for _, o := range info.Outputs {
		names = append(names, o.Name)
	}
	return names
}

// fits compares shapes; what the graph leaves open fits anything, and a graph may know no
// shape at all.
func fits(got, want []int64) bool {
	if len(got) == 0 {
		return true
	}
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if got[i] != want[i] && got[i] != -1 && want[i] != -1 {
			return false
		}
	}
	return true
}

// NewHead makes the head of a manifest's family.
func NewHead(m *manifest.Manifest) (models.Head, error) {
	switch m.Family {
	case "yolox":
		return asHead(yolox.New(m.HeadSpec()))
	case "yolo":
		return asHead(yolo.New(m.HeadSpec()))
	case "nanodet":
		return asHead(nanodet.New(m.HeadSpec()))
	}
	return nil, fmt.Errorf("family %q is not known", m.Family)
}

func asHead[H models.Head](h H, err error) (models.Head, error) {
	if err != nil {
		return nil, err
	}
	return h, nil
}

// place writes the four files into a hidden folder, tries the model there, and renames the
// folder to its name. The caller holds the lock.
func (c *Catalog) place(ctx context.Context, n candidate, derived []byte) (err error) {
	m := n.m
	if err := c.absent(m.Name); err != nil {
		return err
	}
	temp := filepath.Join(c.o.Dir, ".new-"+m.Name)
	if err := os.Mkdir(temp, 0o755); err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "model %q cannot be written to %s", m.Name, c.o.Dir)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	files := []struct {
		name string
		data []byte
	}{{ManifestFile, n.text}, {m.File, n.data}, {DerivedFile, derived}, {InstalledFile, c.record(m, derived)}}
	for _, f := range files {
		if err := writeFile(filepath.Join(temp, f.name), f.data); err != nil {
			return bongsu.Wrap(bongsu.CodeUnavailable, err, "model %q cannot be written to %s", m.Name, c.o.Dir)
		}
	}
	if err := syncDir(temp); err != nil {
		return err
	}
	if err := c.try(ctx, filepath.Join(temp, DerivedFile), m); err != nil {
		return err
	}
	if n.last != nil {
		if err := n.last(); err != nil {
			return err
		}
	}
	if err := os.Rename(temp, filepath.Join(c.o.Dir, m.Name)); err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "model %q cannot be put into place in %s", m.Name, c.o.Dir)
	}
	return syncDir(c.o.Dir)
}

// absent says that there is a model of this name.
func (c *Catalog) absent(name string) error {
	if _, err := os.Stat(filepath.Join(c.o.Dir, name)); !errors.Is(err, fs.ErrNotExist) {
		return bongsu.Errorf(bongsu.CodeConflict, "model %q is already in %s: remove it first (`bongsu-edge model remove %s`)", name, c.o.Dir, name)
	}
	return nil
}

func (c *Catalog) try(ctx context.Context, path string, m *manifest.Manifest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.o.Try == nil {
		return bongsu.Errorf(bongsu.CodeInternal, "model %q cannot be tried: the catalog was opened without a runner", m.Name)
	}
	if err := c.o.Try(path, m.HeadSpec().Outputs); err != nil {
		return fmt.Errorf("model %q: %w", m.Name, err)
	}
	return nil
}

// writeFile writes and syncs a file: the rename of its folder must not outrun its bytes.
func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
