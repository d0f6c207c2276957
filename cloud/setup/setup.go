// Package setup lets admins set an edge's cameras up from their browser: it passes what they ask on
// to the edge, which alone keeps the configuration, and records who asked. Passwords pass through
// its memory and are kept nowhere. docs/design/setup.md has the whole way.
package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
)

// Edges has an edge do something; *live.Hub does.
type Edges interface {
	Command(ctx context.Context, edge bongsu.EdgeID, op string, body any) (bongsu.Answer, error)
}

// Auditor records who did what; *audit.Recorder does.
type Auditor interface {
	Record(ctx context.Context, e audit.Entry) error
}

// EdgeList knows the edges that are enrolled; the archive does.
type EdgeList interface {
	ListEdges(ctx context.Context) ([]archive.Edge, error)
}

// Options of a Setup.
type Options struct {
	Edges Edges
	Known EdgeList
	Audit Auditor
	Log   *slog.Logger // nil: discard
}

// Setup answers the routes of camera set-up. It is safe for many goroutines.
type Setup struct{ o Options }

// New makes a Setup.
func New(o Options) *Setup {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Setup{o: o}
}

// Handlers gives each handler by its name in the route table.
func (s *Setup) Handlers() map[string]http.Handler {
	named := map[string]func(http.ResponseWriter, *http.Request) error{
		"edges.setup":        s.getSetup,
		"edges.probe":        s.postProbe,
		"edges.setup.put":    s.putCamera,
		"edges.setup.remove": s.deleteCamera,
	}
	out := make(map[string]http.Handler, len(named))
	for name, f := range named {
		out[name] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := f(w, r); err != nil {
				s.refuse(w, err)
			}
		})
	}
	return out
}

// refuse answers with an error. A box that is away or silent is no trouble of the server's own, so
// it is not logged as such.
func (s *Setup) refuse(w http.ResponseWriter, err error) {
	switch code := bongsu.CodeOf(err); code {
	case bongsu.CodeEdgeOffline, bongsu.CodeEdgeSilent, bongsu.CodeEdgeOld:
		s.o.Log.Info("a box could not be set up", "code", code, "reason", err.Error())
		writeFault(w, bongsu.HTTPStatus(code), &bongsu.Fault{Code: code, Message: err.Error()})
	default:
		auth.WriteError(w, err, s.o.Log)
	}
}

func writeFault(w http.ResponseWriter, status int, f *bongsu.Fault) {
	var e bongsu.WireError
	e.Error.Code, e.Error.Message, e.Error.Fields = f.Code, f.Message, f.Fields
	writeJSON(w, status, e)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // what fails here is the caller's connection
}

// edge reads the edge of the address and refuses one that was never enrolled.
func (s *Setup) edge(r *http.Request) (bongsu.EdgeID, error) {
	id := bongsu.EdgeID(r.PathValue("edge"))
	all, err := s.o.Known.ListEdges(r.Context())
	if err != nil {
		return "", err
	}
	for i := range all {
		if all[i].ID == id {
			return id, nil
		}
	}
	return "", bongsu.Errorf(bongsu.CodeNotFound, "there is no box %.80q", id)
}

// ask has the edge do something. Without fault and error its answer is in v; a fault is the edge's
// refusal, which is written to w already; an error is yet to be answered.
func (s *Setup) ask(w http.ResponseWriter, r *http.Request, edge bongsu.EdgeID, op string, body, v any) (fault *bongsu.Fault, err error) {
	a, err := s.o.Edges.Command(r.Context(), edge, op, body)
	if err != nil {
		return nil, err
	}
	if a.Error != nil {
		writeFault(w, a.Status, a.Error)
		return a.Error, nil
	}
	if err := json.Unmarshal(a.Body, v); err != nil {
		return nil, bongsu.Wrap(bongsu.CodeEdgeOld, err, "the box answers in a way that this release does not know: let both have the same release")
	}
	return nil, nil
}

// getSetup tells how the cameras of an edge are configured.
func (s *Setup) getSetup(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	edge, err := s.edge(r)
	if err != nil {
		return err
	}
	return s.answer(w, r, edge, bongsu.OpCameras, struct{}{}, new(bongsu.SetupView))
}

// postProbe has an edge look at a camera. What it saw is shown only after that is recorded.
func (s *Setup) postProbe(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	edge, err := s.edge(r)
	if err != nil {
		return err
	}
	var q bongsu.ProbeRequest
	if err := readBody(w, r, &q); err != nil {
		return err
	}
	target := fmt.Sprintf("edge %s", edge)
	if q.Camera != "" {
		target = fmt.Sprintf("camera %s/%.64s", edge, q.Camera)
	}
	if err := s.record(r, audit.CameraProbe, target, "address "+hostOf(q.URL)); err != nil {
		return err
	}
	var v bongsu.ProbeResult
	fault, err := s.ask(w, r, edge, bongsu.OpProbe, q, &v)
	if err != nil || fault != nil {
		return err
	}
	if len(v.Still) > bongsu.MaxLiveJPEGBytes || len(v.Still) > 0 && !strings.HasPrefix(string(v.Still), "\xff\xd8") {
		return bongsu.Errorf(bongsu.CodeEdgeOld, "the box sent a picture that is no JPEG of at most %d bytes", bongsu.MaxLiveJPEGBytes)
	}
	if err := s.record(r, audit.StillView, target, "probe of "+hostOf(q.URL)); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v)
	return nil
}

// putCamera makes or changes a camera; with ?check=1 it only says what is wrong.
func (s *Setup) putCamera(w http.ResponseWriter, r *http.Request) error {
	check, err := checkOnly(r)
	if err != nil {
		return err
	}
	edge, err := s.edge(r)
	if err != nil {
		return err
	}
	c := bongsu.PutCommand{ID: bongsu.CameraID(r.PathValue("camera")), Check: check}
	if err := bongsu.CheckName(string(c.ID)); err != nil {
		return bongsu.Errorf(bongsu.CodeInvalid, "the camera's id: %v", err)
	}
	if err := readBody(w, r, &c.PutRequest); err != nil {
		return err
	}
	if c.Camera == nil {
		return bongsu.Errorf(bongsu.CodeInvalid, "camera: is missing")
	}
	target := fmt.Sprintf("camera %s/%s", edge, c.ID)
	var v bongsu.PutResult
	if check {
		return s.answer(w, r, edge, bongsu.OpPut, c, &v)
	}
	return s.recorded(w, r, audit.CameraSetup, target, describe(&c.PutRequest), func() (*bongsu.Fault, error) {
		return s.ask(w, r, edge, bongsu.OpPut, c, &v)
	}, &v)
}

// deleteCamera takes a camera away.
func (s *Setup) deleteCamera(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	revision := q.Get("revision")
	q.Del("revision")
	if len(q) > 0 || revision == "" {
		return bongsu.Errorf(bongsu.CodeInvalid, "revision: is needed, and nothing else: what was seen last of the box's set-up")
	}
	edge, err := s.edge(r)
	if err != nil {
		return err
	}
	c := bongsu.RemoveCommand{ID: bongsu.CameraID(r.PathValue("camera")), Revision: revision}
	if err := bongsu.CheckName(string(c.ID)); err != nil {
		return bongsu.Errorf(bongsu.CodeInvalid, "the camera's id: %v", err)
	}
	var v bongsu.RemoveResult
	return s.recorded(w, r, audit.CameraRemove, fmt.Sprintf("camera %s/%s", edge, c.ID), "", func() (*bongsu.Fault, error) {
		return s.ask(w, r, edge, bongsu.OpRemove, c, &v)
	}, &v)
}

// answer asks and answers, without a record.
func (s *Setup) answer(w http.ResponseWriter, r *http.Request, edge bongsu.EdgeID, op string, body, v any) error {
	fault, err := s.ask(w, r, edge, op, body, v)
	if err == nil && fault == nil {
		writeJSON(w, http.StatusOK, v)
	}
	return err
}

// recorded does something that is recorded before it is done: what cannot be recorded is not done.
// That it was not done after all, or that nobody knows, is recorded behind it.
func (s *Setup) recorded(w http.ResponseWriter, r *http.Request, action, target, detail string, do func() (*bongsu.Fault, error), v any) error {
	if err := s.record(r, action, target, detail); err != nil {
		return err
	}
	fault, err := do()
	if err == nil && fault == nil {
		writeJSON(w, http.StatusOK, v)
		return nil
	}
	code := bongsu.CodeOf(err)
	if fault != nil {
		code = fault.Code
	}
	// The caller may have gone; the record is to be written all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), recordWithin)
	defer cancel()
	if rerr := s.record(r.WithContext(ctx), audit.CameraSetupFailed, target, fmt.Sprintf("%s: %.64s", action, code)); rerr != nil {
		s.o.Log.Error("that a camera was not set up was not recorded; that it was asked for was", "target", target, "err", rerr)
	}
	return err
}

// recordWithin is how long a record may take when nobody waits for it.
const recordWithin = 10 * time.Second

func (s *Setup) record(r *http.Request, action, target, detail string) error {
	who := auth.From(r.Context())
	if who.Token != "" {
		detail = strings.TrimSpace(detail + " with token " + who.Token)
	}
	return s.o.Audit.Record(r.Context(), audit.Entry{Actor: who.User.Username, Client: who.Client(), Action: action, Target: target, Detail: detail})
}

// describe says in a record what a camera is set to, without what may be secret: paths and
// parameters of an address can hold a password.
func describe(p *bongsu.PutRequest) string {
	address, _ := p.Camera["url"].(string)
	rules, _ := p.Camera["rules"].([]any)
	detail := fmt.Sprintf("address %s, %d rules", hostOf(address), len(rules))
	if p.Password != nil {
		detail += ", with a new password"
	}
	return detail
}

// hostOf gives host and port of an address, and nothing else of it.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "unreadable"
	}
	return fmt.Sprintf("%.120s", u.Host)
}

func noQuery(r *http.Request) error {
	for name := range maps.Keys(r.URL.Query()) {
		return bongsu.Errorf(bongsu.CodeInvalid, "unknown parameter %.40q: this address takes none", name)
	}
	return nil
}

func checkOnly(r *http.Request) (bool, error) {
	q := r.URL.Query()
	v := q.Get("check")
	q.Del("check")
	if len(q) > 0 || v != "" && v != "0" && v != "1" {
		return false, bongsu.Errorf(bongsu.CodeInvalid, "this address takes check only, which is 0 or 1")
	}
	return v == "1", nil
}
