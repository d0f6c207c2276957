package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"bongsu"
)

// SecretsName is the folder in data_dir with the passwords of the cameras that were set up in the
// browser: <camera>.<8 hex digits>.password, a new name for each new password. So a camera and its
// password change in one step, that of replacing cameras.yaml, and a power cut leaves both as they
// were, or both new.
const SecretsName = "secrets"

// secretFile matches the files that a Store makes; others in the folder are none of its business.
var secretFile = regexp.MustCompile(`^[a-z0-9_-]+\.[0-9a-f]{8}\.password$`)

// StoreOptions says where things are.
type StoreOptions struct {
	Path    string // edge.yaml, which is read and never written
	DataDir string // as the running edge has it
	Disk    Disk   // OSDisk when nil
	Random  func([]byte)
}

// Store keeps the cameras that are set up in the browser: cameras.yaml and the passwords in data_dir.
// What a call has changed is durable when it returns; one that the disk refuses has changed all of it
// or nothing. It is safe for many goroutines, and for one process at a time.
type Store struct {
	o StoreOptions // set before use

	mu sync.Mutex // held while the files are looked at or changed
}

// NewStore makes a Store; it touches no file.
func NewStore(o StoreOptions) *Store {
	if o.Disk == nil {
		o.Disk = OSDisk
	}
	if o.Random == nil {
		o.Random = func(b []byte) { _, _ = rand.Read(b) } // it never fails
	}
	return &Store{o: o}
}

// State is the configuration as it is on disk now.
type State struct {
	Config   Config
	Revision string // of the cameras set up in the browser
	managed  []byte
}

func (s *Store) file() string { return filepath.Join(s.o.DataDir, ManagedName) }

// State reads the configuration. The error says what must be mended on the box first.
func (s *Store) State() (State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read()
}

func (s *Store) read() (State, error) {
	var st State
	data, err := s.o.Disk.ReadFile(s.o.Path)
	if err != nil {
		return st, bongsu.Errorf(bongsu.CodeBoxConfig, "the configuration %s on the box cannot be read: %v", s.o.Path, cause(err))
	}
	c, err := Parse(s.o.Path, data)
	if err == nil {
		st.managed, err = readManaged(s.o.Disk, s.file())
	}
	if err == nil {
		err = c.with(s.file(), st.managed)
	}
	if err != nil {
		return st, bongsu.Errorf(bongsu.CodeBoxConfig, "the configuration on the box has a mistake, which must be mended there first: %v", err)
	}
	st.Config, st.Revision = c, revisionOf(st.managed)
	return st, nil
}

// FieldFaults are what is wrong with a camera that is set up.
type FieldFaults []bongsu.FieldFault

// Error gives one line a fault.
func (f FieldFaults) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = strings.TrimPrefix(x.Path+": "+x.Message, ": ")
	}
	return strings.Join(lines, "\n")
}

// Change is a camera that is to be made or changed.
type Change struct {
	ID       bongsu.CameraID
	Revision string         // as seen last; not looked at with Check
	Keys     map[string]any // as Camera.Written has them
	Password *string        // nil: the stored one stays, see SameTrust
	Check    bool           // only say what is wrong
	// Also looks at the camera as it would be and says what else is wrong with it; may be nil.
	Also func(Camera) []bongsu.FieldFault
}

// errOld says that somebody else was first.
var errOld = bongsu.Errorf(bongsu.CodeConflict, "the cameras of this box were changed meanwhile: look at them anew and do it again")

// errNotAllowed says that the box's owner does not want it.
var errNotAllowed = bongsu.Errorf(bongsu.CodeNotAllowed, "this box does not let its cameras be set up from here: cloud.sets_up_cameras is false in its edge.yaml")

// Put makes or changes a camera and gives it as it is stored, and the state's new name. The error is
// FieldFaults when the camera is wrong, else a bongsu.Error: CodeConflict when the revision is old,
// CodeNotManaged for a camera of edge.yaml, CodeNotAllowed, CodeBoxConfig, CodeUnavailable when the
// disk refuses.
func (s *Store) Put(c Change) (Camera, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.open(c.ID, c.Revision, c.Check)
	if err != nil {
		return Camera{}, "", err
	}
	p, err := s.plan(&st, c)
	if err != nil || c.Check {
		return p.camera, st.Revision, err
	}
	if p.secret != "" {
		if err := s.writeSecret(p.secret, *c.Password); err != nil {
			return Camera{}, "", err
		}
	}
	if err := s.replace(p.data); err != nil {
		return Camera{}, "", err
	}
	return p.camera, revisionOf(p.data), nil
}

// Remove takes a camera away and gives the state's new name. Its password file goes with the next
// Sweep. The errors are those of Put, and CodeNotFound.
func (s *Store) Remove(id bongsu.CameraID, revision string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.open(id, revision, false)
	if err != nil {
		return "", err
	}
	all := st.Config.writtenManaged()
	kept := slices.DeleteFunc(slices.Clone(all), func(m map[string]any) bool { return m["id"] == string(id) })
	if len(kept) == len(all) {
		return "", bongsu.Errorf(bongsu.CodeNotFound, "this box has no camera %q", id)
	}
	data, err := writeCameras(kept)
	if err != nil {
		return "", err
	}
	if err := s.replace(data); err != nil {
		return "", err
	}
	return revisionOf(data), nil
}

// open reads the state and refuses what must not be changed.
func (s *Store) open(id bongsu.CameraID, revision string, check bool) (State, error) {
	st, err := s.read()
	if err != nil {
		return st, err
	}
	switch cam := st.Config.find(id); {
	case !st.Config.Cloud.SetsUpCameras:
		return st, errNotAllowed
	case cam != nil && !cam.Managed:
		return st, bongsu.Errorf(bongsu.CodeNotManaged, "camera %q stands in %s, line %d, of the box: it is changed there only", id, filepath.Base(cam.file), cam.line)
	case !check && revision != st.Revision:
		return st, errOld
	}
	return st, nil
}

// writtenManaged gives the cameras that were set up in the browser as they are written.
func (c *Config) writtenManaged() []map[string]any {
	var out []map[string]any
	for i := range c.Cameras {
		if c.Cameras[i].Managed {
			out = append(out, c.Cameras[i].written)
		}
	}
	return out
}

// plan is what a Put is going to write.
type plan struct {
	data   []byte // of cameras.yaml
	secret string // the password's new file; "" when the password stays
	camera Camera // as it will be read
}

// plan works a change out and says what is wrong with it.
func (s *Store) plan(st *State, c Change) (plan, error) {
	var p plan
	old := st.Config.find(c.ID)
	keys, faults := s.adopt(c, old)
	if err := checkPassword(c); err != nil {
		faults = append(faults, *err)
	}
	if user, _ := keys["username"].(string); user != "" {
		switch {
		case c.Password != nil:
			p.secret = filepath.Join(s.o.DataDir, SecretsName, s.secretName(c.ID))
			keys["password_file"] = p.secret
		case old != nil && old.PasswordFile != "":
			keys["password_file"] = old.PasswordFile
		default:
			keys["password_file"] = "none" // what is missing is said in the browser's words below
			faults = append(faults, bongsu.FieldFault{Path: "password", Message: "give the password of this user"})
		}
	}
	all, at := st.Config.writtenManaged(), -1
	for i, m := range all {
		if m["id"] == string(c.ID) {
			at = i
		}
	}
	if at < 0 {
		at = len(all)
		all = append(all, nil)
	}
	all = slices.Clone(all)
	all[at] = keys
	var err error
	if p.data, err = writeCameras(all); err != nil {
		return p, FieldFaults{{Message: err.Error()}}
	}
	next, err := parseManaged(ManagedName, p.data, st.Config.Defaults)
	faults = append(faults, faultsOf(err, at)...)
	if at < len(next) {
		p.camera = next[at]
		faults = append(faults, trustFault(c, old, &p.camera)...)
		if c.Also != nil && err == nil {
			faults = append(faults, c.Also(p.camera)...)
		}
	}
	if len(faults) > 0 {
		return p, FieldFaults(faults)
	}
	return p, nil
}

// adopt takes the keys that a browser may set. Names of files on the box stay what they are: a
// browser that could choose them could have any file of the box sent to a camera as its password.
func (s *Store) adopt(c Change, old *Camera) (map[string]any, []bongsu.FieldFault) {
	var faults []bongsu.FieldFault
	keys := make(map[string]any, len(c.Keys))
	for k, v := range c.Keys {
		switch {
		case k == "managed" || k == "has_password":
			continue // said by us, not to us
		case k == "password_file":
			faults = append(faults, bongsu.FieldFault{Path: k, Message: "a file of the box cannot be named from here: give the password itself"})
			continue
		case v == nil:
			continue // as if it were not there
		}
		keys[k] = v
	}
	if id, given := keys["id"]; given && id != string(c.ID) {
		faults = append(faults, bongsu.FieldFault{Path: "id", Message: "the id cannot be changed: it names the camera in events for ever"})
	}
	keys["id"] = string(c.ID)
	if x, ok := keys["tls"].(map[string]any); ok {
		if ca, _ := x["ca_file"].(string); ca != "" && (old == nil || old.TLS.CAFile != ca) {
			faults = append(faults, bongsu.FieldFault{Path: "tls.ca_file", Message: "a file of the box cannot be named from here: use pin_sha256, or set the camera up in edge.yaml"})
		}
	}
	return keys, faults
}

func checkPassword(c Change) *bongsu.FieldFault {
	if c.Password == nil {
		return nil
	}
	fault := func(format string, args ...any) *bongsu.FieldFault {
		return &bongsu.FieldFault{Path: "password", Message: fmt.Sprintf(format, args...)}
	}
	user, _ := c.Keys["username"].(string)
	switch {
	case user == "":
		return fault("a password without a username: name the user of the camera")
	case *c.Password == "":
		return fault("the password is empty")
	case len(*c.Password) > maxPassword || strings.ContainsAny(*c.Password, "\r\n\x00"):
		return fault("the password has more than one line or over %d bytes", maxPassword)
	}
	return nil
}

// trustFault refuses to keep the stored password where it would go to somebody else than before.
func trustFault(c Change, old, cam *Camera) []bongsu.FieldFault {
	if c.Password != nil || old == nil || old.PasswordFile == "" || cam.Username == "" || SameTrust(old, cam) {
		return nil
	}
	return []bongsu.FieldFault{{Path: "password", Message: "give the password again: address, user or protection of the login are not those that it was stored for"}}
}

// SameTrust reports whether a password that was stored for one camera may be sent to another: to the
// same hosts and ports, for the same user, and no less protected. Who can set cameras up is not to
// find their passwords out by that.
func SameTrust(old, cam *Camera) bool {
	known := []string{place(old.URL)}
	if old.DetectURL != "" {
		known = append(known, place(old.DetectURL))
	}
	for _, u := range []string{cam.URL, cam.DetectURL} {
		if u != "" && !slices.Contains(known, place(u)) {
			return false
		}
	}
	return old.Username == cam.Username && (old.AllowBasic || !cam.AllowBasic) && old.TLS == cam.TLS
}

// place is whom an address leads to, and how.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"rtsp": "554", "rtsps": "322"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// faultsOf turns what the reader found wrong with one camera into faults of its fields.
func faultsOf(err error, at int) []bongsu.FieldFault {
	var all Errors
	if err == nil {
		return nil
	}
	if !errors.As(err, &all) {
		return []bongsu.FieldFault{{Message: err.Error()}}
	}
	prefix := fmt.Sprintf("cameras[%d]", at)
	var out []bongsu.FieldFault
	for _, e := range all {
		path, mine := strings.CutPrefix(e.Path, prefix)
		if !mine {
			path = ""
		}
		out = append(out, bongsu.FieldFault{Path: strings.TrimPrefix(path, "."), Message: e.Message})
	}
	return out
}

func (s *Store) secretName(id bongsu.CameraID) string {
	var b [4]byte
	s.o.Random(b[:])
	return string(id) + "." + hex.EncodeToString(b[:]) + ".password"
}

// writeSecret makes a password durable in a file of its own, which nothing refers to yet.
func (s *Store) writeSecret(path, password string) error {
	dir := filepath.Dir(path)
	err := s.o.Disk.MakeDir(dir)
	if err == nil {
		err = s.o.Disk.Write(path, []byte(password+"\n"))
	}
	if err == nil {
		err = s.o.Disk.SyncDir(dir)
	}
	return refused(err)
}

// replace puts a new cameras.yaml in the place of the old one, durably.
func (s *Store) replace(data []byte) error {
	if len(data) > MaxFileBytes {
		return bongsu.Errorf(bongsu.CodeTooLarge, "the cameras of this box would take %d bytes, the limit is %d", len(data), MaxFileBytes)
	}
	tmp := s.file() + ".new"
	err := s.o.Disk.Write(tmp, data)
	if err == nil {
		err = s.o.Disk.Rename(tmp, s.file())
	}
	if err == nil {
		err = s.o.Disk.SyncDir(s.o.DataDir)
	}
	return refused(err)
}

func refused(err error) error {
	if err == nil {
		return nil
	}
	return bongsu.Errorf(bongsu.CodeUnavailable, "the disk of the box refuses to keep this: %v", cause(err))
}

// Sweep removes what nothing refers to any more: passwords of cameras that were removed or got
// another one, and what a power cut left half written. Call it when the state on disk is in use.
func (s *Store) Sweep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.read()
	if err != nil {
		return nil // what is referred to cannot be told
	}
	dir := filepath.Join(s.o.DataDir, SecretsName)
	names, err := s.o.Disk.List(dir)
	errs := []error{err}
	for _, name := range names {
		path := filepath.Join(dir, name)
		used := slices.ContainsFunc(st.Config.Cameras, func(c Camera) bool { return c.PasswordFile == path })
		if secretFile.MatchString(name) && !used {
			errs = append(errs, s.o.Disk.Remove(path))
		}
	}
	if _, err := s.o.Disk.Stat(s.file() + ".new"); !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, s.o.Disk.Remove(s.file()+".new"))
	}
	return errors.Join(errs...)
}

// CheckLogin reads the keys of a camera that say how to reach it, by the rules of edge.yaml, and
// says what is wrong with them. A password is not looked for.
func CheckLogin(keys map[string]any, d Defaults) (Camera, []bongsu.FieldFault) {
	keys["id"] = "probe"
	if user, _ := keys["username"].(string); user != "" {
		keys["password_file"] = "none"
	}
	if d.Model == "" {
		d.Model = "none"
	}
	data, err := writeCameras([]map[string]any{keys})
	if err != nil {
		return Camera{}, []bongsu.FieldFault{{Message: err.Error()}}
	}
	all, err := parseManaged(ManagedName, data, d)
	faults := faultsOf(err, 0)
	if len(all) == 0 {
		return Camera{}, faults
	}
	return all[0], faults
}

// ReadPassword gives what a password file holds. The error says what is wrong with the file.
func ReadPassword(files Files, path string) (string, error) { return readPassword(files, path) }
