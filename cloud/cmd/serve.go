package cmd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"bongsu"
	"bongsu/cloud/alerts"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
	"bongsu/cloud/config"
	"bongsu/cloud/console"
	"bongsu/cloud/ingest"
	"bongsu/cloud/queue/memq"
	"bongsu/cloud/worker"
)

// Limits of the HTTP server.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	writeTimeout  = 15 * time.Minute // of one answer; live streams have a limit of their own
	maxHeader     = 32 << 10
	stopWithin    = 10 * time.Second // for requests that are under way when the server stops
)

// server is everything that serve runs.
type server struct {
	cfg      config.Config
	log      *slog.Logger
	stores   *stores
	queue    *memq.Queue
	auth     *auth.Service
	audit    *audit.Recorder
	console  *console.Console
	ingest   *ingest.Ingest
	worker   *worker.Worker
	handler  http.Handler
	listener net.Listener
}

func serve(ctx context.Context, c *call, args []string) error {
	if len(args) > 0 {
		return usagef("serve takes no arguments")
	}
	return c.with(ctx, true, func(cfg config.Config, st *stores, log *slog.Logger) error {
		unlock, err := lock(cfg.DataDir)
		if err != nil {
			return err
		}
		defer unlock()
		s, err := newServer(c, cfg, st, log)
		if err != nil {
			return err
		}
		if err := s.listen(); err != nil {
			return err
		}
		if err := s.greet(ctx, c.stdout); err != nil {
			return errors.Join(err, s.listener.Close())
		}
		fmt.Fprintln(c.stdout, "ready", s.url()) // connections wait from here on until they are served
		return s.run(ctx)
	})
}

// lock keeps two servers from one data folder; admin verbs need no lock. The file stays.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "the data folder %s cannot be locked: check its owner", dir)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, bongsu.Errorf(bongsu.CodeConflict, "another bongsu-cloud serves the data folder %s: stop it first", dir)
	}
	return func() { f.Close() }, nil
}

// newServer puts the parts together. It starts nothing.
func newServer(c *call, cfg config.Config, st *stores, log *slog.Logger) (*server, error) {
	s := &server{cfg: cfg, log: log, stores: st, queue: memq.New(memq.Options{Now: c.now})}
	policy := alerts.DefaultPolicy()
	policy.Fold = cfg.Alerts.Fold()
	s.audit = audit.New(audit.Options{Store: st.archive, Now: c.now, Log: log})
	s.auth = c.accounts(cfg, st, s.audit, log)
	s.ingest = ingest.New(ingest.Options{Archive: st.archive, Queue: s.queue, Objects: st.objects, Now: c.now, Log: log})
	s.worker = worker.New(worker.Options{
		Archive: st.archive, Queue: s.queue, Objects: st.objects, Policy: policy, Now: c.now, Log: log,
		Retention: worker.Retention{Keep: time.Duration(cfg.RetentionDays) * 24 * time.Hour},
	})
	s.console = console.New(console.Options{
		Archive: st.archive, Objects: st.objects, Auth: s.auth, Audit: s.audit, Policy: policy, Version: Version,
		Secure: cfg.Secure(), Now: c.now, Log: log, Metrics: []console.MetricsFunc{s.metrics, s.ingest.WriteMetrics},
	})
	handlers := s.console.Handlers()
	s.addEdgeRoutes(handlers)
	var err error
	s.handler, err = auth.NewGuard(s.auth, auth.GuardOptions{Secure: cfg.Secure(), PublicURL: cfg.PublicURL, Log: log}).Mux(handlers)
	return s, err
}

// accounts makes the service that knows users and edges.
func (c *call) accounts(cfg config.Config, st *stores, recorder *audit.Recorder, log *slog.Logger) *auth.Service {
	return auth.New(auth.Options{
		Store: st.archive, Audit: recorder, Now: c.now, Log: log,
		Idle: cfg.Session.Idle(), Absolute: cfg.Session.Absolute(),
		SetupFile: filepath.Join(cfg.DataDir, setupFile),
	})
}

// addEdgeRoutes joins ingest's handlers to the names of the route table. The guard has found
// out which edge asks; ingest is told. Enrolment is auth's own.
func (s *server) addEdgeRoutes(handlers map[string]http.Handler) {
	names := map[string]string{}
	for _, r := range auth.Routes() {
		names[r.Method+" "+r.Pattern] = r.Name
	}
	for _, r := range s.ingest.Routes() {
		name := names[r.Pattern]
		if name == "" {
			name = r.Pattern // Mux refuses it by this name
		}
		handlers[name] = forEdge(r.Handler)
	}
}

func forEdge(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(ingest.WithEdge(r.Context(), auth.From(r.Context()).Edge)))
	})
}

func (s *server) metrics(w io.Writer) {
	st := s.worker.Stats()
	for _, m := range []struct {
		name, help string
		value      int64
	}{
		{"bongsu_cloud_events_applied_total", "Revisions of events taken into the archive.", st.Applied},
		{"bongsu_cloud_events_known_total", "Messages about what was applied already.", st.Known},
		{"bongsu_cloud_events_retried_total", "Messages given back after a failure.", st.Retried},
		{"bongsu_cloud_events_buried_total", "Revisions moved to the dead letters.", st.Buried},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n%s %d\n", m.name, m.help, m.name, m.name, m.value)
	}
}

func (s *server) listen() error {
	l, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "cannot listen on %s: change listen, or stop what uses it", s.cfg.Listen)
	}
	if s.cfg.TLS.Enabled() {
		cert, err := tls.LoadX509KeyPair(s.cfg.TLS.CertFile, s.cfg.TLS.KeyFile)
		if err != nil {
			l.Close()
			return bongsu.Wrap(bongsu.CodeInvalid, err, "tls: %s and %s are no certificate and its key, both PEM", s.cfg.TLS.CertFile, s.cfg.TLS.KeyFile)
		}
		l = tls.NewListener(l, &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{cert},
		})
	}
	s.listener = l
	return nil
}

// url is how this machine reaches the server.
func (s *server) url() string {
	scheme := "http"
	if s.cfg.TLS.Enabled() {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return scheme + "://" + s.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// greet prints the set-up code, once, at the first start.
func (s *server) greet(ctx context.Context, w io.Writer) error {
	code, err := s.auth.PrepareSetup(ctx)
	if err != nil {
		return err
	}
	if code != "" {
		fmt.Fprintf(w, "set-up code %s: make the first admin with it at %s/setup (it is kept in %s until then)\n",
			code, s.url(), filepath.Join(s.cfg.DataDir, setupFile))
		return nil
	}
	if needed, err := s.auth.SetupNeeded(ctx); err == nil && needed {
		fmt.Fprintf(w, "the set-up code of an earlier start waits in %s: make the first admin with it at %s/setup\n",
			filepath.Join(s.cfg.DataDir, setupFile), s.url())
	}
	return nil
}

// run serves until ctx ends or a part fails; then requests get a moment to end, and the parts
// behind them end after they did.
func (s *server) run(ctx context.Context) error {
	behind, stopBehind := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBehind()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var wg sync.WaitGroup
	part := func(ctx context.Context, name string, run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				fail(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	part(behind, "audit", s.audit.Run)
	part(behind, "worker", s.worker.Run)
	part(behind, "ingest", s.ingest.Run)
	part(ctx, "console", s.console.Run) // its streams end first, so that requests can
	err := s.serveHTTP(ctx)
	fail(err)
	stopBehind()
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	s.log.Info("stopped")
	return errors.Join(err, s.queue.Close())
}

// serveHTTP serves until ctx ends, and then until requests have ended or stopWithin is over.
func (s *server) serveHTTP(ctx context.Context) error {
	srv := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, WriteTimeout: writeTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(s.listener) }()
	s.log.Info("ready", "url", s.url(), "version", Version, "data_dir", s.cfg.DataDir)
	select {
	case err := <-ended:
		return fmt.Errorf("http: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := srv.Shutdown(last); err != nil {
		s.log.Warn("requests were cut off", "err", err)
		srv.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}
