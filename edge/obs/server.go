package obs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"strings"
	"sync"
	"time"

	"bongsu"
)

// Reason is one thing that keeps the edge from being well.
type Reason struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Since   time.Time `json:"since,omitzero"`
}

// Camera is one camera on the debug page.
type Camera struct {
	bongsu.CameraStatus
	Worker int   `json:"worker"`        // number of its worker process; 0: it has none now
	PID    int   `json:"pid,omitempty"` // of that process
	Deaths int   `json:"deaths"`        // of workers with this camera since the node began
	Queued int64 `json:"queued"`        // messages of its worker that the node has not dealt with
}

// ServerOptions are what a Server shows.
type ServerOptions struct {
	Listen   string // loopback address and port; port 0 takes any
	Registry *Registry
	Health   func() []Reason // nothing: all is well
	Notes    func() []Reason // what to know besides, such as that the cloud is away; it does not make the edge unwell
	Cameras  func() []Camera
	// Frame gives the last picture of a camera with boxes, as JPEG; nil when there is none.
	Frame  func(bongsu.CameraID) (jpeg []byte, at time.Time)
	Status func() any   // more for /debug/status, as JSON; may be nil
	Log    *slog.Logger // nil: discard
}

// Server is the debug port. Make it with NewServer, which binds the port; Run serves it.
type Server struct {
	o   ServerOptions
	l   net.Listener
	srv *http.Server
}

// NewServer binds the port. It refuses an address that other machines can reach: the pages show
// pictures and have no login.
func NewServer(o ServerOptions) (*Server, error) {
	if err := checkLoopback(o.Listen); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("debug port: %w: is another bongsu-edge running, or choose another port with debug.listen", err)
	}
	s := &Server{o: o, l: l}
	s.srv = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)}
	return s, nil
}

func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("debug.listen %q is no address: write it as 127.0.0.1:9090", addr)
	}
	if host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("debug.listen %q can be reached from other machines, and its pages show pictures without a login: use 127.0.0.1 and an SSH tunnel", addr)
	}
	return nil
}

// Addr is the address that is bound.
func (s *Server) Addr() string { return s.l.Addr().String() }

// Run serves until ctx ends; it blocks until every request has ended or was cut off.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.srv.Close() })
	defer stop()
	err := s.srv.Serve(s.l)
	if errors.Is(err, http.ErrServerClosed) {
		return ctx.Err()
	}
	return err
}

// profiled has the heap's profile begun, which the programs' main functions leave off: each place that
// allocates takes pages of the profile's tables when it is noted first, so that at Go's own rate, a note in 512 KiB, a process
// grows by 2 MiB in its first hour. At 8 MiB a leak worth looking for is seen all the same.
var profiled = sync.OnceFunc(func() { runtime.MemProfileRate = 8 << 20 })

func (s *Server) routes() http.Handler {
	profiled()
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.RedirectHandler("/debug/cameras", http.StatusFound)) // what a browser is opened at
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /debug/status", s.status)
	mux.HandleFunc("GET /debug/cameras", s.cameras)
	mux.HandleFunc("GET /debug/cameras/{id}/frame", s.frame)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page from elsewhere whose name resolves to this machine must not read ours.
		if err := checkLoopback(withPort(r.Host)); err != nil {
			http.Error(w, "this port answers to its loopback address only", http.StatusForbidden)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err != nil {
		return net.JoinHostPort(strings.Trim(host, "[]"), "80")
	}
	return host
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	reasons, notes := []Reason{}, []Reason{}
	if s.o.Health != nil {
		reasons = append(reasons, s.o.Health()...)
	}
	if s.o.Notes != nil {
		notes = append(notes, s.o.Notes()...)
	}
	status := http.StatusOK
	if len(reasons) > 0 {
		status = http.StatusServiceUnavailable
	}
	s.json(w, status, map[string]any{"ok": len(reasons) == 0, "reasons": reasons, "notes": notes})
}

func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if s.o.Registry != nil {
		if err := s.o.Registry.WriteText(w); err != nil {
			s.o.Log.Debug("metrics were not read to their end", "err", err)
		}
	}
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	var v any = map[string]any{}
	if s.o.Status != nil {
		v = s.o.Status()
	}
	s.json(w, http.StatusOK, v)
}

func (s *Server) json(w http.ResponseWriter, status int, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		s.o.Log.Error("a debug page cannot be written", "err", err)
		http.Error(w, "cannot be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(b, '\n')); err != nil {
		s.o.Log.Debug("a debug page was not read to its end", "err", err)
	}
}

func (s *Server) cameras(w http.ResponseWriter, r *http.Request) {
	list := []Camera{}
	if s.o.Cameras != nil {
		list = append(list, s.o.Cameras()...)
	}
	for i := range list {
		list[i].Still = nil // a picture has its own address
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") || r.URL.Query().Get("format") == "json" {
		s.json(w, http.StatusOK, map[string]any{"cameras": list})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'")
	if err := page.Execute(w, list); err != nil {
		s.o.Log.Debug("a debug page was not read to its end", "err", err)
	}
}

func (s *Server) frame(w http.ResponseWriter, r *http.Request) {
	id := bongsu.CameraID(r.PathValue("id"))
	var jpeg []byte
	var at time.Time
	if s.o.Frame != nil {
		jpeg, at = s.o.Frame(id)
	}
	if len(jpeg) == 0 {
		http.Error(w, "no picture of this camera yet", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Last-Modified", at.UTC().Format(http.TimeFormat))
	if _, err := w.Write(jpeg); err != nil {
		s.o.Log.Debug("a picture was not read to its end", "err", err)
	}
}

var page = template.Must(template.New("cameras").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="refresh" content="2"><title>Bongsu edge: cameras</title>
<style>body{background:#15181c;color:#d8dde3;font:14px system-ui,sans-serif;margin:1.5rem}
table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #2a2f36}
img{max-width:640px;display:block;margin-top:.4rem}.bad{color:#ff8a65}</style>
<h1>Cameras</h1><table><tr><th>camera<th>state<th>since<th>pictures/s<th>inferences/s<th>picture<th>codec<th>model<th>worker<th>deaths</tr>
{{range .}}<tr><td>{{.ID}} {{.Name}}<td{{if ne .State "live"}} class="bad"{{end}}>{{.State}} {{.Code}} {{.Reason}}
<td>{{.Since.Format "15:04:05"}}<td>{{printf "%.1f" .FPS}}<td>{{printf "%.1f" .InferPS}}<td>{{.Width}}×{{.Height}}<td>{{.Codec}}<td>{{.Model}}
<td>{{.Worker}} (pid {{.PID}})<td>{{.Deaths}}</tr>{{else}}<tr><td colspan="10">No cameras are configured.</tr>{{end}}</table>
{{range .}}<h2>{{.ID}}</h2><img src="/debug/cameras/{{.ID}}/frame" alt="no picture yet">{{end}}`))
