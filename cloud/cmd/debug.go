package cmd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"sync"
	"time"

	"bongsu"
	"bongsu/cloud/config"
)

// profiles serves Go's profiles of this process (net/http/pprof) on an address of this machine, for
// whoever looks for where memory or time goes. It is off unless debug.listen is set.
type profiles struct {
	l   net.Listener
	srv *http.Server
}

// profiled has the heap's profile begun, which the program's main function leaves off.
var profiled = sync.OnceFunc(func() { runtime.MemProfileRate = 512 << 10 })

// openProfiles binds the address; run serves and closes it.
func openProfiles(address string, log *slog.Logger) (*profiles, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "cannot listen on %s: change debug.listen, or stop what uses it", address)
	}
	profiled()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	log.Info("profiles are served", "url", "http://"+l.Addr().String()+"/debug/pprof/")
	return &profiles{l, &http.Server{Handler: onThisMachine(mux), ReadHeaderTimeout: headerTimeout, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}}, nil
}

// onThisMachine refuses requests that a page from elsewhere made a browser send: its name resolves to this
// machine, but it is not this machine's.
func onThisMachine(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !config.Loopback(r.Host) {
			http.Error(w, "this port answers to its loopback address only", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// run serves until ctx ends; requests under way are cut off then.
func (p *profiles) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = p.srv.Close() })
	defer stop()
	if err := p.srv.Serve(p.l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
