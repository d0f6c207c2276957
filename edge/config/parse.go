package config

import (
	"crypto/sha256"
	"math"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"bongsu"
)

// byteOrderMark is what some editors put in front of UTF-8; the YAML library takes it for a part
// of the first key.
const byteOrderMark = "\ufeff"

// MaxFileBytes is the largest edge.yaml that is read.
const MaxFileBytes = 1 << 20

// Parse reads edge.yaml from data; file is the name that mistakes are reported under. Every
// mistake is reported, not only the first: the error is Errors. It looks at no other file.
func Parse(file string, data []byte) (Config, error) {
	r := &reader{file: file}
	c := baseline()
	c.file, c.edgeDigest = file, sha256.Sum256(data)
	c.digest = c.edgeDigest
	if len(data) > MaxFileBytes {
		r.fail(0, "", "the file has %d bytes: an edge.yaml has at most %d", len(data), MaxFileBytes)
	} else if root, ok := parseTree(r, data); ok {
		c.read(root)
	}
	if err := r.result(); err != nil {
		return Config{}, err
	}
	c.resolve()
	return c, nil
}

// resolve derives what is empty from DataDir.
func (c *Config) resolve() {
	if c.ModelsDir == "" {
		c.ModelsDir = filepath.Join(c.DataDir, "models")
	}
	if c.Cloud.CredentialFile == "" {
		c.Cloud.CredentialFile = filepath.Join(c.DataDir, "credential")
	}
}

func (c *Config) read(root value) {
	fields := root.fields("edge", "data_dir", "models_dir", "cloud", "debug", "workers", "outbox", "defaults", "cameras")
	if v, ok := fields["edge"]; ok {
		c.Edge.read(v)
	}
	if v, ok := fields["data_dir"]; ok && v.text(&c.DataDir) && c.DataDir == "" {
		v.fail("this must name a folder")
	}
	text(fields, "models_dir", &c.ModelsDir)
	if v, ok := fields["cloud"]; ok {
		c.Cloud.read(v)
	}
	if v, ok := fields["debug"]; ok {
		c.Debug.read(v)
	}
	if v, ok := fields["workers"]; ok {
		f := v.fields("cameras_per_worker", "memory_bytes")
		integer(f, "memory_bytes", 256<<20, 1<<40, &c.Workers.MemoryBytes)
		integer(f, "cameras_per_worker", 1, 1000, &c.Workers.CamerasPerWorker)
	}
	if v, ok := fields["outbox"]; ok {
		f := v.fields("max_bytes", "reserve_bytes")
		integer(f, "max_bytes", 64<<20, 1<<50, &c.Outbox.MaxBytes)
		integer(f, "reserve_bytes", 0, 1<<50, &c.Outbox.ReserveBytes)
	}
	if v, ok := fields["defaults"]; ok {
		c.Defaults.read(v)
	}
	if v, ok := fields["cameras"]; ok {
		c.listed = !v.null()
		c.readCameras(v)
	}
}

func (e *Edge) read(v value) {
	f := v.fields("name", "timezone")
	if n, ok := f["name"]; ok && n.text(&e.Name) {
		n.check(bongsu.CheckName(e.Name))
	}
	if z, ok := f["timezone"]; ok && z.text(&e.Timezone) {
		if _, err := Location(e.Timezone); err != nil {
			z.fail("%v", err)
		}
	}
}

func (c *Cloud) read(v value) {
	f := v.fields("url", "credential_file", "enrol_token_file", "ca_file", "sets_up_cameras")
	if u, ok := f["url"]; ok && u.text(&c.URL) {
		u.cloudURL(c.URL)
	}
	text(f, "credential_file", &c.CredentialFile)
	text(f, "enrol_token_file", &c.EnrolTokenFile)
	text(f, "ca_file", &c.CertificateFile)
	if b, ok := f["sets_up_cameras"]; ok {
		b.boolean(&c.SetsUpCameras)
	}
}

func (d *Debug) read(v value) {
	f := v.fields("listen")
	l, ok := f["listen"]
	if !ok || !l.text(&d.Listen) || d.Listen == "" {
		return
	}
	host, _, err := net.SplitHostPort(d.Listen)
	if err != nil {
		l.fail("this must be an address and a port, such as 127.0.0.1:9090, or \"\" for none")
	} else if !loopback(host) {
		l.fail("the debug port shows pictures without a login: it listens on loopback only, such as 127.0.0.1:9090")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// cloudURL checks the address that the bearer credential is sent to.
func (v value) cloudURL(s string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		v.fail("this is not an address: write it as https://host or https://host:port")
	case u.User != nil:
		v.fail("user and password do not belong into an address: the edge logs in with cloud.credential_file")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		v.fail("plain http would show the credential and pictures to the network: use https (http is allowed to 127.0.0.1 and localhost only)")
	case u.Scheme != "http" && u.Scheme != "https":
		v.fail("the address must begin with https://")
	case u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		v.fail("give the cloud's address without a path: the edge adds /api/v1/edge itself")
	}
}

// check reports err, when there is one, at v.
func (v value) check(err error) {
	if err != nil {
		v.fail("%s", err.Error())
	}
}

func text(f map[string]value, key string, dst *string) {
	if v, ok := f[key]; ok {
		v.text(dst)
	}
}

func integer[T int | int64](f map[string]value, key string, low, high int64, dst *T) {
	if v, ok := f[key]; ok {
		if n, good := v.integer(low, high); good {
			*dst = T(n)
		}
	}
}

// seconds reads a key that ends with _s, to the microsecond: 531.8 has no exact binary form.
func seconds(f map[string]value, key string, low, high float64, dst *time.Duration) {
	if v, ok := f[key]; ok {
		if n, good := v.number(low, high); good {
			*dst = time.Duration(math.Round(n*1e6)) * time.Microsecond
		}
	}
}
