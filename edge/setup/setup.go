// Package setup does on the edge what admins of the cloud ask for in their browser: it tells how the
// cameras are configured, has a camera looked at by a process of its own, and changes the cameras
// that were set up in the browser. docs/design/setup.md has the whole way. It is pure Go: what a
// camera sends is read elsewhere.
package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/config"
)

// Cameras keeps the cameras that are set up in the browser; *config.Store does.
type Cameras interface {
	State() (config.State, error)
	Put(config.Change) (config.Camera, string, error)
	Remove(id bongsu.CameraID, revision string) (string, error)
}

// Look is a camera that is to be looked at. Its password goes to nobody but the camera.
type Look struct {
	URL        string `json:"url"`
	Username   string `json:"username,omitempty"`
	Password   string `json:"password,omitempty"`
	AllowBasic bool   `json:"allow_basic,omitempty"`
	Transport  string `json:"transport,omitempty"`
	AnyUDPPort bool   `json:"any_udp_port,omitempty"`
	AllTracks  bool   `json:"all_tracks,omitempty"`
	CAFile     string `json:"ca_file,omitempty"`
	PinSHA256  string `json:"pin_sha256,omitempty"`
	MaxPixels  int    `json:"max_pixels"`
}

// Options of a Setup. Numbers of zero mean their defaults.
type Options struct {
	Cameras Cameras
	// Probe looks at a camera. Its error is a bongsu.Error with the code of the camera's trouble.
	Probe func(ctx context.Context, l Look) (bongsu.ProbeResult, error)
	// Models lists the installed models.
	Models func() []bongsu.SetupModel
	// Usual gives what a kind of rule has where nobody says otherwise.
	Usual func(bongsu.EventKind) bongsu.Rule
	// Changed is called after a change is durable: it is to be used now.
	Changed func()
	// ReadPassword gives what a password file holds.
	ReadPassword func(path string) (string, error)

	ProbeWithin     time.Duration // 15 s: less than what the cloud waits
	ProbesPerMinute int           // 20
	Now             func() time.Time
	Log             *slog.Logger // nil: discard
}

// Setup does commands. It is safe for many goroutines.
type Setup struct {
	o       Options // set before use
	probing chan struct{}

	mu     sync.Mutex
	probes []time.Time // guarded by mu: within a minute
}

// New makes a Setup; it starts nothing.
func New(o Options) *Setup {
	if o.ProbeWithin == 0 {
		o.ProbeWithin = 15 * time.Second
	}
	if o.ProbesPerMinute == 0 {
		o.ProbesPerMinute = 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Usual == nil {
		o.Usual = func(k bongsu.EventKind) bongsu.Rule { return bongsu.Rule{Kind: k} }
	}
	if o.ReadPassword == nil {
		o.ReadPassword = func(path string) (string, error) { return config.ReadPassword(config.OS, path) }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Setup{o: o, probing: make(chan struct{}, 1)}
}

// Command does a command and gives its answer. It blocks for as long as that takes, a probe at most
// ProbeWithin.
func (s *Setup) Command(ctx context.Context, c bongsu.Command) bongsu.Answer {
	var a bongsu.Answer
	switch c.Op {
	case bongsu.OpCameras:
		a = s.cameras()
	case bongsu.OpProbe:
		a = with(c.Body, func(q bongsu.ProbeRequest) bongsu.Answer { return s.probe(ctx, q) })
	case bongsu.OpPut:
		a = with(c.Body, s.put)
	case bongsu.OpRemove:
		a = with(c.Body, s.remove)
	default:
		a = bongsu.Refuse(http.StatusNotImplemented, bongsu.CodeUnknownOp, fmt.Sprintf("this box does not know %q: update bongsu-edge on it", c.Op))
	}
	if a.Error != nil {
		s.o.Log.Info("the cloud asked for something that was not done", "op", c.Op, "code", a.Error.Code)
	}
	return a
}

// with reads a command's body. What is wrong with it is said without repeating it.
func with[T any](body json.RawMessage, do func(T) bongsu.Answer) bongsu.Answer {
	var v T
	if len(body) == 0 || json.Unmarshal(body, &v) != nil {
		return bongsu.Refuse(http.StatusBadRequest, bongsu.CodeInvalid, "the request is not what this operation takes")
	}
	return do(v)
}

// refusal is the answer for an error.
func refusal(err error) bongsu.Answer {
	var fields config.FieldFaults
	if errors.As(err, &fields) {
		return invalid(fields...)
	}
	code := bongsu.CodeOf(err)
	status := bongsu.HTTPStatus(code)
	switch code {
	case bongsu.CodeNotManaged, bongsu.CodeBoxConfig:
		status = http.StatusConflict
	case bongsu.CodeInternal:
		return bongsu.Refuse(status, code, "a defect of the box's program; it is in its log")
	}
	var be *bongsu.Error
	if errors.As(err, &be) {
		return bongsu.Refuse(status, code, be.Message)
	}
	return bongsu.Refuse(status, code, err.Error())
}

func invalid(fields ...bongsu.FieldFault) bongsu.Answer {
	return bongsu.Refuse(http.StatusUnprocessableEntity, bongsu.CodeInvalid, "the camera cannot be set up like this: see what is said of its fields", fields...)
}

// cameras tells how the cameras are configured.
func (s *Setup) cameras() bongsu.Answer {
	st, err := s.o.Cameras.State()
	if err != nil {
		return refusal(err)
	}
	v := bongsu.SetupView{Revision: st.Revision, Allowed: st.Config.Cloud.SetsUpCameras, Cameras: []map[string]any{},
		Models: s.models(), Defaults: st.Config.Defaults.Keys(), RuleKinds: st.Config.Defaults.RuleKinds(s.o.Usual), Purposes: bongsu.Purposes()}
	for i := range st.Config.Cameras {
		v.Cameras = append(v.Cameras, view(&st.Config.Cameras[i]))
	}
	return bongsu.Done(v)
}

func (s *Setup) models() []bongsu.SetupModel {
	all := s.o.Models()
	if all == nil {
		all = []bongsu.SetupModel{}
	}
	return all
}

// view is a camera as a browser sees it.
func view(c *config.Camera) map[string]any {
	keys := c.Written()
	delete(keys, "password_file")
	keys["managed"], keys["has_password"] = c.Managed, c.PasswordFile != ""
	return keys
}

// put makes or changes a camera.
func (s *Setup) put(q bongsu.PutCommand) bongsu.Answer {
	if err := bongsu.CheckName(string(q.ID)); err != nil {
		return invalid(bongsu.FieldFault{Path: "id", Message: err.Error()})
	}
	models := s.models()
	cam, revision, err := s.o.Cameras.Put(config.Change{ID: q.ID, Revision: q.Revision, Keys: q.Camera, Password: q.Password, Check: q.Check,
		Also: func(c config.Camera) []bongsu.FieldFault { return s.modelFaults(&c, models) }})
	if err != nil {
		return refusal(err)
	}
	if !q.Check {
		s.o.Log.Info("a camera was set up from the cloud", "camera", q.ID)
		s.o.Changed()
	}
	return bongsu.Done(bongsu.PutResult{Revision: revision, Camera: view(&cam)})
}

// modelFaults says that the model is not there, or does not know what a rule watches for.
func (s *Setup) modelFaults(c *config.Camera, models []bongsu.SetupModel) (out []bongsu.FieldFault) {
	if c.Model == "" {
		return nil // the reader says so
	}
	at := slices.IndexFunc(models, func(m bongsu.SetupModel) bool { return m.Name == c.Model })
	if at < 0 {
		return []bongsu.FieldFault{{Path: "model", Message: fmt.Sprintf("the model %q is not installed on this box: `bongsu-edge model list` on it shows those that are", c.Model)}}
	}
	known := models[at].Classes
	unknown := func(word bongsu.Class) bool {
		return !slices.ContainsFunc(known, func(have bongsu.Class) bool { return have.Is(word) })
	}
	for i, r := range c.Rules {
		if usual := s.o.Usual(r.Kind).Classes; len(r.Classes) == 0 && len(usual) > 0 && !slices.ContainsFunc(usual, func(w bongsu.Class) bool { return !unknown(w) }) {
			out = append(out, bongsu.FieldFault{Path: fmt.Sprintf("rules[%d].kind", i),
				Message: fmt.Sprintf("a rule of kind %s looks for %s, and the model %s knows none of that: it knows %s", r.Kind, words(usual), c.Model, words(known))})
		}
		for _, word := range r.Classes {
			if unknown(word) {
				out = append(out, bongsu.FieldFault{Path: fmt.Sprintf("rules[%d].classes", i),
					Message: fmt.Sprintf("the model %s does not know %q: it knows %s", c.Model, string(word), words(known))})
			}
		}
	}
	return out
}

func words(all []bongsu.Class) string {
	out := make([]string, len(all))
	for i, c := range all {
		out[i] = string(c)
	}
	return strings.Join(out, ", ")
}

func (s *Setup) remove(q bongsu.RemoveCommand) bongsu.Answer {
	revision, err := s.o.Cameras.Remove(q.ID, q.Revision)
	if err != nil {
		return refusal(err)
	}
	s.o.Log.Info("a camera was taken away from the cloud", "camera", q.ID)
	s.o.Changed()
	return bongsu.Done(bongsu.RemoveResult{Revision: revision})
}

// probe looks at a camera, one at a time.
func (s *Setup) probe(ctx context.Context, q bongsu.ProbeRequest) bongsu.Answer {
	look, answer := s.look(q)
	if answer != nil {
		return *answer
	}
	if !s.rate() {
		return bongsu.Refuse(http.StatusTooManyRequests, bongsu.CodeThrottled, fmt.Sprintf("this box has looked at %d cameras within a minute: wait a little", s.o.ProbesPerMinute))
	}
	select {
	case s.probing <- struct{}{}:
		defer func() { <-s.probing }()
	default:
		return bongsu.Refuse(http.StatusTooManyRequests, bongsu.CodeThrottled, "this box is looking at a camera already: wait for that")
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.ProbeWithin)
	defer cancel()
	r, err := s.o.Probe(ctx, *look)
	if err == nil && len(r.Still) > bongsu.MaxLiveJPEGBytes {
		err = bongsu.Errorf(bongsu.CodeNoPicture, "the camera's picture does not fit into %d bytes", bongsu.MaxLiveJPEGBytes)
	}
	if err == nil {
		return bongsu.Done(r)
	}
	code, message := bongsu.CodeOf(err), err.Error()
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		code, message = bongsu.CodeTimeout, fmt.Sprintf("no picture came within %v: check address and path, and that the camera is on", s.o.ProbeWithin)
	}
	if look.Password != "" && strings.Contains(message, look.Password) {
		message = "the camera's answer cannot be shown, for it repeats the password"
	}
	if code == bongsu.CodeInternal {
		s.o.Log.Error("a camera cannot be looked at", "err", message)
		return bongsu.Refuse(http.StatusInternalServerError, code, "the box cannot look at cameras; its log says why")
	}
	return bongsu.Refuse(http.StatusUnprocessableEntity, code, message)
}

// rate counts a probe of the last minute in, unless there were too many.
func (s *Setup) rate() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	s.probes = slices.DeleteFunc(s.probes, func(t time.Time) bool { return now.Sub(t) > time.Minute })
	if len(s.probes) >= s.o.ProbesPerMinute {
		return false
	}
	s.probes = append(s.probes, now)
	return true
}

// look checks what is asked for by the rules of edge.yaml, and finds the password.
func (s *Setup) look(q bongsu.ProbeRequest) (*Look, *bongsu.Answer) {
	no := func(a bongsu.Answer) (*Look, *bongsu.Answer) { return nil, &a }
	st, err := s.o.Cameras.State()
	if err != nil {
		return no(refusal(err))
	}
	if !st.Config.Cloud.SetsUpCameras {
		return no(bongsu.Refuse(http.StatusForbidden, bongsu.CodeNotAllowed, "this box does not let its cameras be set up from here: cloud.sets_up_cameras is false in its edge.yaml"))
	}
	at := slices.IndexFunc(st.Config.Cameras, func(c config.Camera) bool { return c.ID == q.Camera })
	var old *config.Camera
	if at >= 0 {
		old = &st.Config.Cameras[at]
	}
	cam, faults := config.CheckLogin(loginKeys(&q), st.Config.Defaults)
	if q.TLS != nil && q.TLS.CAFile != "" && (old == nil || old.TLS.CAFile != q.TLS.CAFile) {
		faults = append(faults, bongsu.FieldFault{Path: "tls.ca_file", Message: "a file of the box cannot be named from here: use pin_sha256"})
	}
	l := &Look{URL: cam.URL, Username: cam.Username, AllowBasic: cam.AllowBasic, Transport: cam.Transport, AnyUDPPort: cam.AnyUDPPort,
		AllTracks: cam.AllTracks, CAFile: cam.TLS.CAFile, PinSHA256: cam.TLS.PinSHA256, MaxPixels: cam.MaxPixels}
	switch {
	case q.Password != nil:
		l.Password = *q.Password
	case cam.Username == "":
	case old == nil || old.PasswordFile == "":
		faults = append(faults, bongsu.FieldFault{Path: "password", Message: "give the password of this user"})
	case !config.SameTrust(old, &cam):
		faults = append(faults, bongsu.FieldFault{Path: "password", Message: "give the password again: address, user or protection of the login are not those that it was stored for"})
	default:
		if l.Password, err = s.o.ReadPassword(old.PasswordFile); err != nil {
			s.o.Log.Error("a stored password cannot be read", "camera", q.Camera, "err", err)
			faults = append(faults, bongsu.FieldFault{Path: "password", Message: "the stored password cannot be read on the box: give it again"})
		}
	}
	if len(faults) > 0 {
		return no(invalid(faults...))
	}
	return l, nil
}

// loginKeys are the keys of a camera that a probe has.
func loginKeys(q *bongsu.ProbeRequest) map[string]any {
	keys := map[string]any{"url": q.URL}
	if q.Username != "" {
		keys["username"] = q.Username
	}
	if q.Transport != "" {
		keys["transport"] = q.Transport
	}
	for key, v := range map[string]bool{"allow_basic": q.AllowBasic, "any_udp_port": q.AnyUDPPort, "all_tracks": q.AllTracks} {
		if v {
			keys[key] = true
		}
	}
	if q.TLS != nil {
		tls := map[string]any{}
		if q.TLS.CAFile != "" {
			tls["ca_file"] = q.TLS.CAFile
		}
		if q.TLS.PinSHA256 != "" {
			tls["pin_sha256"] = q.TLS.PinSHA256
		}
		keys["tls"] = tls
	}
	return keys
}
