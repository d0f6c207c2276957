package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"bongsu"
	"bongsu/models/manifest"
)

// TrustFile lists the files that were installed from the network, in the model folder. It
// stays when a model is removed.
const TrustFile = "trusted.json"

// trusted is trusted.json: what was first installed from an address. What comes from there
// later must be the same.
type trusted struct {
	Schema int           `json:"schema"` // 1
	Files  []trustedFile `json:"files"`
}

type trustedFile struct {
	ID      string    `json:"id"`      // of the whole address, which may hold what is nobody's business
	Address string    `json:"address"` // without its query
	Model   string    `json:"model"`
	SHA256  string    `json:"sha256"`
	Bytes   int64     `json:"bytes"`
	First   time.Time `json:"first"` // UTC, when it was installed first
}

func trustID(address string) string {
	h := sha256.Sum256([]byte(address))
	return hex.EncodeToString(h[:16])
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// readTrust reads the list; a folder without one trusts nothing yet. A list that cannot be read
// is an error, because without it every file would be taken for the first one.
func (c *Catalog) readTrust() (trusted, error) {
	path := filepath.Join(c.o.Dir, TrustFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return trusted{Schema: 1}, nil
	}
	var t trusted
	if err == nil {
		defer f.Close()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(f, manifest.MaxBytes)); err == nil {
			t, err = parseTrust(data)
		}
	}
	if err != nil {
		return trusted{}, bongsu.Wrap(bongsu.CodeInvalid, err, "%s cannot be read, so nobody knows which files were installed before: mend it, or remove it to trust the next files anew", path)
	}
	return t, nil
}

func parseTrust(data []byte) (trusted, error) {
	var t trusted
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return trusted{}, err
	}
	bad := func(f trustedFile) bool { return f.ID == "" || !hashForm.MatchString(f.SHA256) }
	if t.Schema != 1 || slices.ContainsFunc(t.Files, bad) {
		return trusted{}, errors.New("its schema, an id or a hash is missing")
	}
	return t, nil
}

// find gives what was installed from an address before.
func (t trusted) find(address string) (trustedFile, bool) {
	i := slices.IndexFunc(t.Files, func(f trustedFile) bool { return f.ID == trustID(address) })
	if i < 0 {
		return trustedFile{}, false
	}
	return t.Files[i], true
}

// trust writes that a file was installed. The caller holds the lock.
func (c *Catalog) trust(address string, f trustedFile) error {
	t, err := c.readTrust()
	if err != nil {
		return err
	}
	if old, ok := t.find(address); ok {
		return c.sameAs(old, f.SHA256)
	}
	f.ID, f.First = trustID(address), c.o.Now().UTC().Truncate(time.Second)
	t.Files = append(t.Files, f)
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	if err := c.replace(TrustFile, append(text, '\n')); err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "%s in %s cannot be written: nothing was installed", TrustFile, c.o.Dir)
	}
	return nil
}

// sameAs refuses a file that is not what came before.
func (c *Catalog) sameAs(old trustedFile, sha256 string) error {
	if old.SHA256 == sha256 {
		return nil
	}
	return bongsu.Errorf(bongsu.CodeHashMismatch,
		"the file at %s has SHA-256 %s, but on %s it had %s: it was changed at its source, and nothing was installed. If the change is known to be good, remove the entry from %s and install again",
		old.Address, sha256, old.First.Format(time.DateOnly), old.SHA256, filepath.Join(c.o.Dir, TrustFile))
}

// replace writes a file of the model folder so that there is the old one or the new one.
func (c *Catalog) replace(name string, data []byte) error {
	path := filepath.Join(c.o.Dir, name)
	temp := filepath.Join(c.o.Dir, ".new-"+name)
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(temp, data); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(c.o.Dir)
}
