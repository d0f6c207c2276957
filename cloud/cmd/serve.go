package cmd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"bongsu"
	"bongsu/cloud/alerts"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
	"bongsu/cloud/config"
	"bongsu/cloud/console"
	"bongsu/cloud/ingest"
	"bongsu/cloud/live"
	"bongsu/cloud/queue"
	"bongsu/cloud/setup"
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
	archive  *sqlite.Archive
	objects  objectStore
	queue    queue.Queue
	auth     *auth.Service
	audit    *audit.Recorder
	console  *console.Console
	live     *live.Hub
	ingest   *ingest.Ingest // nil without the role
	worker   *worker.Worker // nil without the role
	handler  http.Handler
	listener net.Listener
	profiles *profiles // nil unless they are asked for
}

func serve(ctx context.Context, c *call, args []string) error {
	if len(args) > 0 {
		return usagef("serve takes no arguments")
	}
	return c.with(ctx, true, func(cfg config.Config, a *sqlite.Archive, log *slog.Logger) error {
		if cfg.Roles.Console {
			unlock, err := lock(cfg.DataDir)
			if err != nil {
				return err
			}
			defer unlock()
		}
		store, err := c.openObjects(ctx, cfg, log)
		if err != nil {
			return err
		}
		q, err := c.openQueue(cfg, log)
		if err != nil {
			return errors.Join(err, store.Close())
		}
		return errors.Join(serveWith(ctx, c, &server{cfg: cfg, log: log, archive: a, objects: store, queue: q}), q.Close(), store.Close())
	})
}

// serveWith serves from opened stores, which stay open.
func serveWith(ctx context.Context, c *call, s *server) error {
	if err := s.build(c); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.greet(ctx, c.stdout); err != nil {
		return errors.Join(err, s.listener.Close())
	}
	if s.cfg.Debug.Listen != "" {
		var err error
		if s.profiles, err = openProfiles(s.cfg.Debug.Listen, s.log); err != nil {
			return errors.Join(err, s.listener.Close())
		}
	}
	fmt.Fprintln(c.stdout, "ready", s.url()) // connections wait from here on until they are served
	return s.run(ctx)
}

// lock keeps two consoles from one data folder: between them who looks at what could not be told.
// Processes without a console, and admin verbs, need no lock. The file stays.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "the data folder %s cannot be locked: check its owner", dir)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, bongsu.Errorf(bongsu.CodeConflict, "another bongsu-cloud serves the data folder %s: stop it first, or give this one roles without console", dir)
	}
	return func() { f.Close() }, nil
}

// build puts the parts together. It starts nothing.
func (s *server) build(c *call) error {
	cfg, log := s.cfg, s.log
	policy := alerts.DefaultPolicy()
	policy.Fold = cfg.Alerts.Fold()
	s.audit = audit.New(audit.Options{Store: s.archive, Now: c.now, Log: log})
	s.auth = c.accounts(cfg, s.archive, s.audit, log)
	metrics := []console.MetricsFunc{s.queueMetrics}
	if m, ok := s.objects.(interface{ WriteMetrics(io.Writer) }); ok {
		metrics = append(metrics, m.WriteMetrics)
	}
	if cfg.Roles.Ingest {
		s.ingest = ingest.New(ingest.Options{Archive: s.archive, Queue: s.queue, Objects: s.objects, Now: c.now, Log: log})
		metrics = append(metrics, s.ingest.WriteMetrics)
	}
	if cfg.Roles.Worker {
		s.worker = worker.New(worker.Options{
			Archive: s.archive, Queue: s.queue, Objects: s.objects, Policy: policy, Now: c.now, Log: log,
			Retention: worker.Retention{Keep: time.Duration(cfg.RetentionDays) * 24 * time.Hour},
		})
		metrics = append(metrics, s.workerMetrics)
	}
	letters, _ := s.queue.(queue.Letters)
	s.live = newLive(s.archive, s.auth, s.audit, c.now, log)
	metrics = append(metrics, s.live.WriteMetrics)
	s.console = console.New(console.Options{
		Archive: s.archive, Objects: s.objects, Auth: s.auth, Audit: s.audit, Letters: letters, Policy: policy, Version: Version,
		Secure: cfg.Secure(), Now: c.now, Log: log, Metrics: metrics, Health: []console.HealthFunc{s.queueHealth},
	})
	handlers := s.console.Handlers()
	maps.Copy(handlers, s.live.Handlers())
	maps.Copy(handlers, setup.New(setup.Options{Edges: s.live, Known: s.archive, Audit: s.audit, Log: log}).Handlers())
	if s.ingest != nil {
		s.addEdgeRoutes(handlers)
	}
	narrow(handlers, cfg.Roles, s.elsewhere())
	var err error
	s.handler, err = auth.NewGuard(s.auth, auth.GuardOptions{Secure: cfg.Secure(), PublicURL: cfg.PublicURL, Log: log}).Mux(handlers)
	return err
}

// accounts makes the service that knows users and edges.
func (c *call) accounts(cfg config.Config, a *sqlite.Archive, recorder *audit.Recorder, log *slog.Logger) *auth.Service {
	return auth.New(auth.Options{
		Store: a, Audit: recorder, Now: c.now, Log: log,
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

// workerMetrics writes what the worker counts.
func (s *server) workerMetrics(w io.Writer) {
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
	if !s.cfg.Roles.Console {
		return nil // nobody can be made here
	}
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
	if s.worker != nil {
		part(behind, "worker", s.worker.Run)
	}
	if s.ingest != nil {
		part(behind, "ingest", s.ingest.Run)
	}
	if s.cfg.Roles.Console {
		part(ctx, "console", s.console.Run) // its streams end first, so that requests can
		part(ctx, "live view", s.live.Run)
	}
	if s.profiles != nil {
		part(ctx, "profiles", s.profiles.run)
	}
	err := s.serveHTTP(ctx)
	fail(err)
	stopBehind()
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	s.log.Info("stopped")
	return err
}

// serveHTTP serves until ctx ends, and then until requests have ended or stopWithin is over.
func (s *server) serveHTTP(ctx context.Context) error {
	srv := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, WriteTimeout: writeTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(s.listener) }()
	s.log.Info("ready", "url", s.url(), "version", Version, "roles", s.cfg.Roles, "data_dir", s.cfg.DataDir)
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
