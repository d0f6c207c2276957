package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"bongsu"
)

// ManagedName is the file in data_dir with the cameras that were set up in the browser.
const ManagedName = "cameras.yaml"

// maxManaged is how many cameras may be set up in the browser on one box.
const maxManaged = 256

// ManagedFile is where the cameras that were set up in the browser stand.
func (c *Config) ManagedFile() string { return filepath.Join(c.DataDir, ManagedName) }

// readManaged gives the content of the file; none is an empty one.
func readManaged(files Files, path string) ([]byte, error) {
	data, err := files.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, cause(err), "cannot read %s with the cameras that were set up in the browser; let the user that runs bongsu-edge own it", path)
	}
	return data, nil
}

// parseManaged reads the cameras that were set up in the browser. Every mistake is reported, as by
// Parse. The data nil is no camera; a file without the key cameras is a mistake: it looks cut off.
func parseManaged(file string, data []byte, d Defaults) ([]Camera, error) {
	if data == nil {
		return nil, nil
	}
	r := &reader{file: file}
	c := Config{file: file, Defaults: d, managed: true}
	if len(data) > MaxFileBytes {
		r.fail(0, "", "the file has %d bytes: it has at most %d", len(data), MaxFileBytes)
		return nil, r.result()
	}
	listed := false
	if root, ok := parseTree(r, data); ok {
		if v, ok := root.fields("cameras")["cameras"]; ok {
			listed = !v.null()
			c.readCameras(v)
		}
	}
	if len(r.errs) == 0 && !listed {
		r.fail(0, "", "the file looks cut off: it has no cameras; write `cameras: []`, or remove the file, when there are none")
	}
	if len(c.Cameras) > maxManaged {
		r.fail(0, "cameras", "there are %d: at most %d can be set up in the browser", len(c.Cameras), maxManaged)
	}
	return c.Cameras, r.result()
}

// with adds the cameras of the managed file, whose content is data, to those of edge.yaml.
func (c *Config) with(file string, data []byte) error {
	cams, err := parseManaged(file, data, c.Defaults)
	if err != nil {
		return err
	}
	var errs Errors
	for i := range cams {
		if twin := c.find(cams[i].ID); twin != nil {
			errs = append(errs, &bongsu.FieldError{File: file, Line: cams[i].line, Path: fmt.Sprintf("cameras[%d].id", i),
				Message: fmt.Sprintf("camera %q stands in %s, line %d, too: remove one of the two, ids are unique on an edge", cams[i].ID, c.file, twin.line)})
		}
	}
	if errs != nil {
		return errs
	}
	c.Cameras = append(c.Cameras, cams...)
	c.digest = digestOf(c.edgeDigest, data)
	return nil
}

// digestOf tells both files apart from what they were before.
func digestOf(edge [32]byte, managed []byte) [32]byte {
	if managed == nil {
		return edge
	}
	m := sha256.Sum256(managed)
	return sha256.Sum256(append(edge[:], m[:]...))
}

// find gives the camera with an id; nil when there is none.
func (c *Config) find(id bongsu.CameraID) *Camera {
	for i := range c.Cameras {
		if c.Cameras[i].ID == id {
			return &c.Cameras[i]
		}
	}
	return nil
}

// revisionOf names a state of the managed file.
func revisionOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
