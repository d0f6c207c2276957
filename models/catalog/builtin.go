package catalog

import (
	"context"
	"fmt"
	"strings"

	"bongsu"
	"bongsu/models/manifest"
	"bongsu/models/onnx"
)

// BuiltIn is a model that comes inside the program. Neither slice may be changed.
type BuiltIn struct {
	Manifest []byte // the text of its manifest.yaml
	Model    []byte // the ONNX file
}

// Parse reads the manifest and holds the file against its hash.
func (b BuiltIn) Parse() (*manifest.Manifest, error) {
	m, err := manifest.Parse(ManifestFile, b.Manifest)
	if err != nil {
		return nil, fmt.Errorf("a model that comes with this program: %w", err)
	}
	if sum := hashOf(b.Model); sum != m.SHA256 {
		return nil, bongsu.Errorf(bongsu.CodeHashMismatch, "%s comes with this program, but its file has SHA-256 %s where its manifest says %s: the program was built wrongly", m.Name, sum, m.SHA256)
	}
	return m, nil
}

// builtIn finds a built-in model by its name, in which - and _ are one; nil when there is none.
func (c *Catalog) builtIn(name string) (BuiltIn, *manifest.Manifest, error) {
	plain := strings.NewReplacer("_", "-")
	for _, b := range c.o.BuiltIn {
		m, err := b.Parse()
		if err != nil {
			return BuiltIn{}, nil, err
		}
		if plain.Replace(m.Name) == plain.Replace(strings.ToLower(name)) {
			return b, m, nil
		}
	}
	return BuiltIn{}, nil, nil
}

// InstallBuiltIn puts a model that comes with the program into the folder; its error is of
// bongsu.CodeNotFound when none has this name.
func (c *Catalog) InstallBuiltIn(ctx context.Context, name string) (*Model, error) {
	b, m, err := c.builtIn(name)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, bongsu.Errorf(bongsu.CodeNotFound, "no model that comes with this program is called %q", name)
	}
	if err := c.absent(m.Name); err != nil {
		return nil, err
	}
	info, err := onnx.Read(b.Model)
	if err != nil {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "%s cannot be added: %v", m.Name, err)
	}
	return c.install(ctx, candidate{from: m.Name, data: b.Model, info: info, m: m, text: b.Manifest})
}
