package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"bongsu"
)

// Keys that cameras and defaults share, with their ranges, are read by stream; those that
// rules share with both by tuning.
var (
	streamKeys = []string{"model", "infer_per_s", "pre_roll_s", "post_roll_s", "max_clip_s", "stall_s", "ring_bytes", "max_pixels"}
	tuningKeys = []string{"classes", "min_score", "confirm_s", "linger_s"}
	cameraKeys = slices.Concat([]string{"id", "name", "purposes", "url", "detect_url", "username", "password_file", "allow_basic", "transport", "any_udp_port", "all_tracks", "tls"},
		streamKeys, tuningKeys, []string{"ground", "exclude", "rules"})
)

func (d *Defaults) read(v value) {
	f := v.fields(slices.Concat(streamKeys, tuningKeys)...)
	c := d.camera()
	c.readStream(f)
	d.Model, d.InferPerS, d.PreRoll, d.PostRoll = c.Model, c.InferPerS, c.PreRoll, c.PostRoll
	d.MaxClip, d.Stall, d.RingBytes, d.MaxPixels = c.MaxClip, c.Stall, c.RingBytes, c.MaxPixels
	d.readTuning(f)
}

// camera is a camera that says nothing for itself.
func (d *Defaults) camera() Camera {
	return Camera{
		Model: d.Model, InferPerS: d.InferPerS, PreRoll: d.PreRoll, PostRoll: d.PostRoll,
		MaxClip: d.MaxClip, Stall: d.Stall, RingBytes: d.RingBytes, MaxPixels: d.MaxPixels, Tuning: d.Tuning,
	}
}

func (c *Config) readCameras(v value) {
	seen := map[bongsu.CameraID]int{}
	for i, item := range v.items() {
		cam := c.readCamera(item)
		cam.file, cam.index, cam.Managed = c.file, i, c.managed
		if cam.ID != "" {
			if line, twice := seen[cam.ID]; twice {
				item.at("id").fail("another camera, on line %d, has the id %q already: ids are unique on an edge", line, string(cam.ID))
			} else {
				seen[cam.ID] = cam.line
			}
		}
		c.Cameras = append(c.Cameras, cam)
	}
}

// at is the place of a key of v when v has it, and v itself with the longer path when not.
func (v value) at(key string) value {
	quiet := value{r: &reader{}, node: v.node, path: v.path, line: v.line}
	if f, ok := quiet.fields(key)[key]; ok {
		return value{r: v.r, node: f.node, path: f.path, line: f.line}
	}
	return value{r: v.r, path: join(v.path, key), line: v.line}
}

func (c *Config) readCamera(v value) Camera {
	cam := c.Defaults.camera()
	cam.line = v.line
	if v.null() {
		v.fail("an empty entry: give the camera an id and a url, or remove the dash")
		return cam
	}
	cam.written, _ = written("", v.node).(map[string]any)
	before := len(v.r.errs)
	f := v.fields(cameraKeys...)
	if f == nil && len(v.r.errs) > before {
		return cam
	}
	cam.ID = bongsu.CameraID(readID(v, f, "camera"))
	cam.Name = string(cam.ID)
	text(f, "name", &cam.Name)
	cam.readLogin(v, f)
	cam.readTransport(f)
	cam.readStream(f)
	if cam.Model == "" {
		v.at("model").fail("no model: name one from `bongsu-edge model list` here or in defaults.model")
	}
	cam.readTuning(f)
	cam.readPurposes(f)
	if g, ok := f["ground"]; ok && !g.null() {
		cam.Ground = g.ground()
	} else {
		cam.ungrounded = true
	}
	if x, ok := f["exclude"]; ok {
		cam.Exclude = x.polygons()
	}
	if rules, ok := f["rules"]; ok {
		cam.readRules(rules)
	}
	return cam
}

// readPurposes reads what the camera is there for.
func (cam *Camera) readPurposes(f map[string]value) {
	v, ok := f["purposes"]
	if !ok {
		return
	}
	for _, item := range v.items() {
		var word string
		if !item.text(&word) {
			continue
		}
		if p := bongsu.Purpose(word); bongsu.KnownPurpose(p) {
			cam.Purposes = append(cam.Purposes, p)
		} else {
			item.fail("%q is no purpose: use %s", word, orWords(bongsu.Purposes(), func(i bongsu.PurposeInfo) string { return string(i.ID) }))
		}
	}
}

// orWords joins words as in "a, b or c".
func orWords[T any](all []T, word func(T) string) string {
	var b strings.Builder
	for i, v := range all {
		switch {
		case i > 0 && i == len(all)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(word(v))
	}
	return b.String()
}

// readID reads the name that a camera or rule must have; "" when it has none that can be used.
func readID(v value, f map[string]value, what string) string {
	var id string
	idv, ok := f["id"]
	if !ok {
		v.at("id").fail("this %s has no id: give it one, such as %s-1", what, what)
		return ""
	}
	if !idv.text(&id) {
		return ""
	}
	if err := bongsu.CheckName(id); err != nil {
		idv.check(err)
		return ""
	}
	return id
}

func (cam *Camera) readLogin(v value, f map[string]value) {
	if u, ok := f["url"]; !ok {
		v.at("url").fail("this camera has no url: give its RTSP address, such as rtsp://192.0.2.10/stream1")
	} else if u.text(&cam.URL) {
		u.cameraURL(cam.URL)
	}
	if u, ok := f["detect_url"]; ok && u.text(&cam.DetectURL) && cam.DetectURL != "" {
		u.cameraURL(cam.DetectURL)
	}
	text(f, "username", &cam.Username)
	text(f, "password_file", &cam.PasswordFile)
	if b, ok := f["allow_basic"]; ok {
		b.boolean(&cam.AllowBasic)
	}
	switch {
	case cam.Username != "" && cam.PasswordFile == "":
		v.at("username").fail("a username without a password_file: name the file that holds the password")
	case cam.Username == "" && cam.PasswordFile != "":
		v.at("password_file").fail("a password_file without a username: name the user of the camera")
	}
}

// cameraURL checks an RTSP address. It never repeats the address: it may hold a password.
func (v value) cameraURL(s string) {
	u, err := url.Parse(s)
	if err != nil {
		if strings.Contains(s, "@") {
			v.fail("this is not an address that can be read, and it seems to hold a password: write rtsp://host/path and put user and password into username and password_file")
		} else {
			v.fail("this is not an address that can be read: write it as rtsp://host/path or rtsp://host:port/path")
		}
		return
	}
	switch {
	case u.User != nil:
		v.fail("user and password do not belong into the url, where logs and process lists show them: put them into username and password_file")
	case u.Scheme != "rtsp" && u.Scheme != "rtsps":
		v.fail("the address must begin with rtsp:// or rtsps://")
	case u.Hostname() == "":
		v.fail("the address names no host: write it as rtsp://host/path")
	case u.Fragment != "":
		v.fail("the address has a # in it: a camera never gets what follows; write it as %%23 if it belongs to the path")
	}
}

// readTransport reads how the camera's bytes come, and whom rtsps trusts.
func (cam *Camera) readTransport(f map[string]value) {
	cam.Transport = TransportTCP
	t, ok := f["transport"]
	if ok && t.text(&cam.Transport) && cam.Transport != TransportTCP && cam.Transport != TransportUDP {
		t.fail("%q is no transport: use tcp or udp", cam.Transport)
	}
	secure := cam.secure()
	if cam.Transport == TransportUDP && secure {
		t.fail("udp beside rtsps would send the pictures in the clear: use tcp")
	}
	if b, ok := f["any_udp_port"]; ok {
		b.boolean(&cam.AnyUDPPort)
		if cam.AnyUDPPort && cam.Transport != TransportUDP {
			b.fail("this is for transport: udp only")
		}
	}
	if b, ok := f["all_tracks"]; ok {
		b.boolean(&cam.AllTracks)
	}
	if x, ok := f["tls"]; ok {
		cam.TLS.read(x)
		if (cam.TLS != TLS{}) && !secure {
			x.fail("this is for an address that begins with rtsps:// only")
		}
	}
}

// secure reports whether a stream of the camera comes over rtsps.
func (cam *Camera) secure() bool {
	return hasScheme(cam.URL, "rtsps") || hasScheme(cam.DetectURL, "rtsps")
}

func hasScheme(address, scheme string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == scheme
}

func (x *TLS) read(v value) {
	f := v.fields("ca_file", "pin_sha256")
	text(f, "ca_file", &x.CAFile)
	if p, ok := f["pin_sha256"]; ok && p.text(&x.PinSHA256) && x.PinSHA256 != "" {
		x.PinSHA256 = strings.ToLower(strings.ReplaceAll(x.PinSHA256, ":", ""))
		if b, err := hex.DecodeString(x.PinSHA256); err != nil || len(b) != sha256.Size {
			p.fail("this must be the SHA-256 of the camera's certificate, 64 hex digits: `openssl x509 -fingerprint -sha256` prints it")
		}
	}
}

func (cam *Camera) readStream(f map[string]value) {
	if m, ok := f["model"]; ok && m.text(&cam.Model) && cam.Model != "" {
		m.check(checkModel(cam.Model))
	}
	if v, ok := f["infer_per_s"]; ok {
		if n, good := v.number(0.5, 60); good {
			cam.InferPerS = n
		}
	}
	seconds(f, "pre_roll_s", 0, 60, &cam.PreRoll)
	seconds(f, "post_roll_s", 0, 300, &cam.PostRoll)
	seconds(f, "max_clip_s", 1, 3600, &cam.MaxClip)
	seconds(f, "stall_s", 2, 300, &cam.Stall)
	integer(f, "ring_bytes", 1<<20, 4<<30, &cam.RingBytes)
	integer(f, "max_pixels", 64*64, 16384*16384, &cam.MaxPixels)
}

// checkModel allows what names a folder in the model folder: a name that may hold dots.
func checkModel(name string) error {
	if bongsu.ValidName(strings.ReplaceAll(name, ".", "-")) {
		return nil
	}
	return fmt.Errorf("%q cannot be a model's name: `bongsu-edge model list` shows those that are installed", name)
}
