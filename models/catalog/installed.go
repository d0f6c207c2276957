package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bongsu"
	"bongsu/models/manifest"
	"bongsu/models/onnx"

	"github.com/goccy/go-yaml"
)

// Installed is installed.yaml: what was made of what, by whom. The program writes it.
type Installed struct {
	Schema         int       `yaml:"schema"` // 1
	OriginalSHA256 string    `yaml:"original_sha256"`
	DerivedSHA256  string    `yaml:"derived_sha256"`
	Tool           string    `yaml:"tool"`
	At             time.Time `yaml:"at"` // UTC
}

func (c *Catalog) record(m *manifest.Manifest, derived []byte) []byte {
	return fmt.Appendf(nil, "# written by bongsu-edge model add; do not edit\nschema: 1\noriginal_sha256: %q\nderived_sha256: %q\ntool: %q\nat: %q\n",
		m.SHA256, hashOf(derived), c.o.Tool, c.o.Now().UTC().Format(time.RFC3339))
}

func readInstalled(path string) (Installed, error) {
	var in Installed
	f, err := os.Open(path)
	if err != nil {
		return in, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, manifest.MaxBytes))
	if err != nil {
		return in, err
	}
	if in, err = parseInstalled(data); err != nil {
		return in, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return in, nil
}

func parseInstalled(data []byte) (in Installed, err error) {
	defer func() {
		// The YAML library panics on some tags without a value.
		if p := recover(); p != nil {
			err = fmt.Errorf("not readable as YAML: %v", p)
		}
	}()
	if err := yaml.UnmarshalWithOptions(data, &in, yaml.Strict()); err != nil {
		return in, err
	}
	if in.Schema != 1 || len(in.OriginalSHA256) != 64 || len(in.DerivedSHA256) != 64 {
		return in, errors.New("schema or hashes are missing")
	}
	return in, nil
}

// Verify hashes both files of a model again, derives the derived one again and compares, and
// runs it once.
func (c *Catalog) Verify(ctx context.Context, name string) error {
	m, err := c.Get(name)
	if err != nil {
		return err
	}
	original, err := checkHash(m, m.Manifest.File, m.Installed.OriginalSHA256)
	if err != nil {
		return err
	}
	if _, err := checkHash(m, DerivedFile, m.Installed.DerivedSHA256); err != nil {
		return err
	}
	info, err := onnx.Read(original)
	if err != nil {
		return bongsu.Errorf(bongsu.CodeInvalid, "model %q: %v", name, err)
	}
	again, err := derive(m.Manifest.File, original, info, m.Manifest)
	if err != nil {
		return err
	}
	if hashOf(again) != m.Installed.DerivedSHA256 {
		return bongsu.Errorf(bongsu.CodeHashMismatch,
			"model %q: %s was derived by %s in another way than this program would, or with another manifest: remove the model and add it again", name, DerivedFile, m.Installed.Tool)
	}
	return c.try(ctx, m.Path(), m.Manifest)
}

func checkHash(m *Model, file, want string) ([]byte, error) {
	data, err := readModel(filepath.Join(m.Dir, file))
	if err != nil {
		return nil, err
	}
	if got := hashOf(data); got != want {
		return nil, bongsu.Errorf(bongsu.CodeHashMismatch,
			"model %q: %s has SHA-256 %s, but %s was installed: the file is damaged or was changed; remove the model and add it again", m.Manifest.Name, file, got, want)
	}
	return data, nil
}

// lock makes the folder, waits until no other process changes it, and removes what a process
// that died in the middle left behind.
func (c *Catalog) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(c.o.Dir, 0o755); err != nil {
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "the model folder %s cannot be made", c.o.Dir)
	}
	f, err := os.OpenFile(filepath.Join(c.o.Dir, lockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "the model folder %s cannot be written to", c.o.Dir)
	}
	if err := flock(ctx, f); err != nil {
		f.Close()
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "another program is changing the model folder %s", c.o.Dir)
	}
	c.sweep()
	return func() { f.Close() }, nil
}

// flock polls, because a blocking flock cannot be interrupted by ctx.
func flock(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// sweep removes hidden folders of unfinished work; the lock says that nobody is at it.
func (c *Catalog) sweep() {
	entries, _ := os.ReadDir(c.o.Dir)
	for _, e := range entries {
		if e.IsDir() && (strings.HasPrefix(e.Name(), ".new-") || strings.HasPrefix(e.Name(), ".gone-")) {
			os.RemoveAll(filepath.Join(c.o.Dir, e.Name()))
		}
	}
}
