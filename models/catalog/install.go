package catalog

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"bongsu"
	"bongsu/models/fetch"
	"bongsu/models/manifest"
	"bongsu/models/onnx"
)

// MaxDownload is the largest file that Install downloads, in bytes.
const MaxDownload = 512 << 20

// downloads is the hidden folder where downloads wait until they are whole.
const downloads = ".downloads"

// Licence is what a user agrees to before a file from the network is installed.
type Licence struct {
	Model   string
	Licence string // SPDX expression
	Text    string // where it can be read, or where the model came from
}

// InstallOptions say what to install and whom to ask.
type InstallOptions struct {
	Source   string // a built-in model's name, one of the catalogue, a file, or an https address
	Manifest string // path of the manifest; "" as with Add
	// Accept is asked before anything from the network is installed, and before it is
	// downloaded where the licence is known by then. Its error ends the installation.
	Accept func(Licence) error
	// Seen is told the hash of a file that nobody had seen before: from now on it is trusted.
	// May be nil.
	Seen     func(address, sha256 string, bytes int64)
	Progress func(done, total int64) // see fetch.Options; may be nil
	Client   *http.Client            // see fetch.Options; may be nil
}

// Install puts a model that comes with the program, a public one, a file or what an address gives
// into the folder. A file from the
// network is compared with the hash that comes with the program, or else with what the same
// address gave the first time. Nothing is installed when it fails; a download that was cut
// goes on with the next call.
func (c *Catalog) Install(ctx context.Context, o InstallOptions) (*Model, error) {
	if strings.Contains(o.Source, "://") {
		return c.installAddress(ctx, o)
	}
	if isFile(o.Source) {
		return c.Add(ctx, o.Source, o.Manifest)
	}
	if _, m, err := c.builtIn(o.Source); err != nil || m != nil {
		if err == nil && o.Manifest != "" {
			err = manifestIsKnown(m.Name)
		}
		if err != nil {
			return nil, err
		}
		return c.InstallBuiltIn(ctx, o.Source)
	}
	p, err := FindPublic(o.Source)
	if err != nil {
		return nil, err
	}
	return c.installPublic(ctx, o, p)
}

// isFile says whether a word is meant as a file, there or not: a name of the catalogue holds
// neither a dot nor a slash.
func isFile(s string) bool {
	if strings.ContainsAny(s, "./") || strings.ContainsRune(s, filepath.Separator) {
		return true
	}
	st, err := os.Stat(s)
	return err == nil && !st.IsDir()
}

func manifestIsKnown(name string) error {
	return bongsu.Errorf(bongsu.CodeInvalid, "the manifest of %s is known: leave --manifest out, or give the file or its address instead of the name", name)
}

func (c *Catalog) installPublic(ctx context.Context, o InstallOptions, p Public) (*Model, error) {
	if p.Family == "" {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "%s cannot be installed yet: %s", p.Name, p.Why)
	}
	if o.Manifest != "" {
		return nil, manifestIsKnown(p.Name)
	}
	if err := c.absent(p.Name); err != nil {
		return nil, err
	}
	if err := o.Accept(Licence{Model: p.Name, Licence: p.Licence, Text: p.LicenceText}); err != nil {
		return nil, err
	}
	return c.download(ctx, o, p.Address, p.SHA256, func(_ string, sum string) (*manifest.Manifest, []byte, error) {
		m, text, err := known(sum)
		if err != nil || m != nil {
			return m, text, err
		}
		if text, err = p.manifestText(sum); err != nil {
			return nil, nil, err
		}
		m, err = manifest.Parse(p.Name+".yaml", text)
		return m, text, err
	})
}

func (c *Catalog) installAddress(ctx context.Context, o InstallOptions) (*Model, error) {
	if _, err := fetch.Parse(o.Source); err != nil {
		return nil, err
	}
	pinned, asked := "", false
	accept := func(m *manifest.Manifest) error {
		if asked {
			return nil
		}
		asked = true
		return o.Accept(Licence{Model: m.Name, Licence: m.Licence, Text: m.Origin})
	}
	if o.Manifest != "" {
		m, err := manifest.Load(o.Manifest)
		if err != nil {
			return nil, err
		}
		if err := c.absent(m.Name); err != nil {
			return nil, err
		}
		if err := accept(m); err != nil {
			return nil, err
		}
		pinned = m.SHA256
	}
	return c.download(ctx, o, o.Source, pinned, func(shown, sum string) (*manifest.Manifest, []byte, error) {
		m, text, err := c.manifestFor(shown, o.Manifest, sum)
		if err != nil {
			return nil, nil, err
		}
		return m, text, accept(m)
	})
}

// download fetches a file, holds its hash against what is known of it, and installs it with
// the manifest that find gives for it.
func (c *Catalog) download(ctx context.Context, o InstallOptions, address, pinned string,
	find func(shown, sum string) (*manifest.Manifest, []byte, error)) (_ *Model, err error) {
	u, err := fetch.Parse(address)
	if err != nil {
		return nil, err
	}
	before, err := c.readTrust()
	if err != nil {
		return nil, err
	}
	file, err := fetch.Get(ctx, address, fetch.Options{Dir: filepath.Join(c.o.Dir, downloads), MaxBytes: MaxDownload,
		Client: o.Client, Progress: o.Progress, Now: c.o.Now})
	if err != nil {
		return nil, err
	}
	keep := false
	defer func() {
		if keep {
			err = errors.Join(err, file.Close())
		} else {
			err = errors.Join(err, file.Remove())
		}
	}()
	shown := fetch.Show(u)
	if err := c.check(o, address, shown, pinned, before, file); err != nil {
		return nil, err
	}
	data, err := readModel(file.Path)
	if err != nil {
		return nil, err
	}
	info, err := onnx.Read(data)
	if err != nil {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "%s cannot be added: %v", shown, err)
	}
	m, text, err := find(shown, file.SHA256)
	if err != nil {
		keep = true // with a manifest, or with the licence accepted, it need not be loaded again
		return nil, err
	}
	return c.install(ctx, candidate{from: shown, data: data, info: info, m: m, text: text, last: func() error {
		return c.trust(address, trustedFile{Address: shown, Model: m.Name, SHA256: file.SHA256, Bytes: file.Bytes})
	}})
}

// check compares a file with the pinned hash and with what the address gave before, and tells
// the hash of one that is new.
func (c *Catalog) check(o InstallOptions, address, shown, pinned string, before trusted, file *fetch.File) error {
	if pinned != "" && pinned != file.SHA256 {
		return bongsu.Errorf(bongsu.CodeHashMismatch,
			"the file at %s has SHA-256 %s, but the manifest knows it with %s: it was changed at its source or on the way, and nothing was installed. Get the right file and install that", shown, file.SHA256, pinned)
	}
	old, ok := before.find(address)
	if ok {
		return c.sameAs(old, file.SHA256)
	}
	m, _, err := known(file.SHA256)
	if err == nil && m == nil && pinned == "" && o.Seen != nil {
		o.Seen(shown, file.SHA256, file.Bytes)
	}
	return err
}
