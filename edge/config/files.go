package config

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"bongsu"
	"bongsu/edge/link"
)

// Files reads what a configuration names. OS is the real one; tests give their own.
type Files interface {
	// ReadFile gives a whole file.
	ReadFile(name string) ([]byte, error)
	// Stat describes a file; only its permission bits are looked at.
	Stat(name string) (fs.FileInfo, error)
}

// OS reads the files of this machine.
var OS Files = osFiles{}

type osFiles struct{}

func (osFiles) ReadFile(name string) ([]byte, error)  { return os.ReadFile(name) }
func (osFiles) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Load reads and checks edge.yaml at path, and the cameras that were set up in the browser. All mistakes are reported at once: the error is
// Errors, or a single bongsu.Error when the file cannot be read. Password files are read by
// Assignments, so that a missing one stops its own camera and no other.
func Load(path string) (Config, error) { return LoadFrom(OS, path) }

// LoadFrom is Load with the file system given.
func LoadFrom(files Files, path string) (Config, error) {
	data, err := files.ReadFile(path)
	if err != nil {
		return Config{}, bongsu.Wrap(bongsu.CodeInvalid, cause(err), "cannot read the configuration %s; deploy/edge.yaml is one to begin with", path)
	}
	c, err := Parse(path, data)
	if err != nil {
		return Config{}, err
	}
	managed, err := readManaged(files, c.ManagedFile())
	if err != nil {
		return Config{}, err
	}
	if err := c.with(c.ManagedFile(), managed); err != nil {
		return Config{}, err
	}
	return c, nil
}

// cause is a file error without the path, which the sentence around it names already.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Assignments turns the cameras into what workers are told, in the order of the files. It reads
// the password and authority files now. A camera whose files cannot be read is left out and has an entry
// in the errors, each a bongsu.FieldError; the others are not touched by it.
func (c Config) Assignments(files Files) ([]link.Assignment, []error) {
	out := make([]link.Assignment, 0, len(c.Cameras))
	var errs []error
	for i := range c.Cameras {
		cam := &c.Cameras[i]
		password, err := readPassword(files, cam.PasswordFile)
		if err != nil {
			errs = append(errs, &bongsu.FieldError{
				File: cam.file, Line: cam.line,
				Path:    fmt.Sprintf("cameras[%d].password_file", cam.index),
				Message: fmt.Sprintf("camera %s: %v", cam.ID, err),
			})
			continue
		}
		authority, err := readAuthority(files, cam.TLS.CAFile)
		if err != nil {
			errs = append(errs, &bongsu.FieldError{
				File: cam.file, Line: cam.line,
				Path:    fmt.Sprintf("cameras[%d].tls.ca_file", cam.index),
				Message: fmt.Sprintf("camera %s: %v", cam.ID, err),
			})
			continue
		}
		a := cam.assignment(password, authority)
		a.Timezone = c.Edge.Timezone
		out = append(out, a)
	}
	return out, errs
}

// maxPassword is far above what cameras accept.
const maxPassword = 1024

func readPassword(files Files, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := files.Stat(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w; create it with the password as its only line and mode 0600", path, cause(err))
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return "", fmt.Errorf("everybody on this machine can read %s (mode %#o): run `chmod 600 %s`", path, mode, path)
	}
	data, err := files.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w; let the user that runs bongsu-edge own it", path, cause(err))
	}
	password := strings.TrimRight(string(data), "\r\n")
	switch {
	case password == "":
		return "", fmt.Errorf("%s is empty: write the password into it as its only line", path)
	case len(password) > maxPassword || strings.ContainsAny(password, "\r\n\x00"):
		return "", fmt.Errorf("%s has more than one line or over %d bytes: write only the password into it", path, maxPassword)
	}
	return password, nil
}

// readAuthority checks a PEM file and gives the SHA-256 of its content, hex; "" without a file.
func readAuthority(files Files, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	data, err := files.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w; put the certificate of the authority that signed the camera's there, as PEM", path, cause(err))
	}
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return "", fmt.Errorf("%s holds no certificate: it must be PEM, with a line -----BEGIN CERTIFICATE-----", path)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

func (cam *Camera) assignment(password, authority string) link.Assignment {
	a := link.Assignment{
		Camera: cam.ID, Name: cam.Name,
		URL: cam.URL, DetectURL: cam.DetectURL,
		Username: cam.Username, Password: password, AllowBasic: cam.AllowBasic,
		Transport: cam.Transport, AnyUDPPort: cam.AnyUDPPort, AllTracks: cam.AllTracks,
		CAFile: cam.TLS.CAFile, CASum: authority, PinSHA256: cam.TLS.PinSHA256,
		Model: cam.Model, InferPS: cam.InferPerS,
		PreRoll: cam.PreRoll, PostRoll: cam.PostRoll, MaxClip: cam.MaxClip,
		RingBytes: cam.RingBytes, StallAfter: cam.Stall, MaxPixels: cam.MaxPixels,
		Rules: append([]link.Rule{}, cam.Rules...), Ground: cam.Ground,
	}
	return a
}
