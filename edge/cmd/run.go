package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/clips"
	"bongsu/edge/config"
	"bongsu/edge/live"
	"bongsu/edge/node"
	"bongsu/edge/obs"
	"bongsu/edge/outbox"
	"bongsu/edge/uplink"
)

type runOpts struct {
	config  *string
	verbose *bool
}

func runVerb() *verb {
	return &verb{name: "run", summary: "watch the cameras of edge.yaml until stopped", usage: "[--config edge.yaml]",
		about: `Places the cameras on worker processes, keeps what they report until the cloud has it, and prints
"ready URL" with the address of its debug port when it runs. A change of edge.yaml takes effect
within seconds, camera by camera; a file with a mistake changes nothing and is named in the log.
Ends at SIGTERM or SIGINT.`,
		example: "bongsu-edge run --config /etc/bongsu/edge.yaml",
		flags: func(fs *flag.FlagSet) any {
			return &runOpts{config: fs.String("config", "/etc/bongsu/edge.yaml", "the configuration"),
				verbose: fs.Bool("verbose", false, "log more")}
		},
		run: runRun}
}

// edgeBox is everything that `run` composes.
type edgeBox struct {
	m      *Main
	cfg    config.Config
	path   string
	log    *slog.Logger
	outbox *outbox.Outbox
	node   *node.Node
	debug  *obs.Server
	store  *config.Store
	poke   chan struct{} // in: the configuration was changed and is to be looked at now

	mu   sync.Mutex
	edge bongsu.EdgeID  // guarded by mu; "" until enrolled
	up   *uplink.Uplink // guarded by mu; nil until enrolled
	live *live.Live     // guarded by mu; nil until enrolled
}

func runRun(ctx context.Context, m *Main, c *call) error {
	o := c.opts.(*runOpts)
	if len(c.args) != 0 {
		return usageError{"no words are expected"}
	}
	cfg, err := config.Load(*o.config)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if *o.verbose {
		level = slog.LevelDebug
	}
	b := &edgeBox{m: m, cfg: cfg, path: *o.config, log: m.logger(level), poke: make(chan struct{}, 1),
		store: config.NewStore(config.StoreOptions{Path: *o.config, DataDir: cfg.DataDir})}
	if err := b.open(ctx); err != nil {
		return err
	}
	err = b.run(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, b.outbox.Close())
}

// open makes the parts; nothing runs yet.
func (b *edgeBox) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(b.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if err := waitForFormer(ctx, workersLock(b.cfg)); err != nil {
		return err
	}
	b.outbox, err = outbox.Open(outboxDir(b.cfg), outbox.Options{MaxClipBytes: b.cfg.Outbox.MaxBytes,
		MinFreeBytes: b.cfg.Outbox.ReserveBytes, Salvage: salvage, Log: b.log})
	if err != nil {
		return err
	}
	registry := obs.NewRegistry()
	registry.Collect(b.liveMetrics)
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program's own path: %w", err)
	}
	worker := node.Command{Path: self, Args: []string{"worker", "--models", b.cfg.ModelsDir, "--lock", workersLock(b.cfg),
		"--memory", strconv.FormatInt(b.cfg.Workers.MemoryBytes, 10)}, Stderr: b.m.Stderr}
	b.node = node.New(node.Options{CrashDir: filepath.Join(b.cfg.DataDir, "crash"), Outbox: b.outbox, StartWorker: worker.Start, Edge: b.edgeID,
		CamerasPerWorker: b.cfg.Workers.CamerasPerWorker, WallQuality: wallQuality, Registry: registry, SendNow: b.sendNow, Log: b.log})
	if b.cfg.Debug.Listen != "" {
		b.debug, err = obs.NewServer(obs.ServerOptions{Listen: b.cfg.Debug.Listen, Registry: registry, Health: b.node.Health, Notes: b.notes,
			Cameras: b.node.DebugCameras, Frame: b.node.Frame, Status: b.status, Log: b.log})
		if err != nil {
			return errors.Join(err, b.outbox.Close())
		}
	}
	return nil
}

// salvage looks at a clip whose writer died.
func salvage(path string, c bongsu.Clip) (bongsu.Clip, error) { return clips.Salvage(nil, c, path) }

func (b *edgeBox) edgeID() bongsu.EdgeID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.edge
}

// status is what the debug port shows of the uplink and the outbox.
func (b *edgeBox) status() any {
	b.mu.Lock()
	up, show, edge := b.up, b.live, b.edge
	b.mu.Unlock()
	out := map[string]any{"version": Version, "edge": edge, "outbox": b.outbox.Counts()}
	if up != nil {
		out["uplink"] = up.Status()
	}
	if show != nil {
		out["live"] = show.Status()
	}
	return out
}

// notes say that the cloud is not to be reached. The edge goes on without it, so that is no
// reason to call it unwell.
func (b *edgeBox) notes() []obs.Reason {
	b.mu.Lock()
	up := b.up
	b.mu.Unlock()
	if up == nil {
		if b.cfg.Cloud.URL == "" {
			return nil
		}
		return []obs.Reason{{Code: "cloud-not-enrolled", Message: "this edge is not enrolled with its cloud yet; events stay on this box"}}
	}
	s := up.Status()
	if s.State == "online" || s.State == "starting" {
		return nil
	}
	return []obs.Reason{{Code: "cloud-" + s.State, Since: s.Since,
		Message: fmt.Sprintf("%s; %d revisions of events and %d clip parts wait on this box", s.Reason, s.Pending.Events, s.Pending.Clips)}}
}

// run runs all parts until ctx ends or one of them cannot go on.
func (b *edgeBox) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var parts sync.WaitGroup
	part := func(name string, f func(context.Context) error) {
		parts.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	b.assign(b.cfg)
	b.sweep()
	part("node", b.node.Run)
	part("configuration", func(ctx context.Context) error {
		return config.Watch(ctx, config.WatchOptions{Path: b.path, Poke: b.poke}, b.cfg, b.reconfigure)
	})
	part("uplink", b.runUplink)
	if b.debug != nil {
		part("debug port", b.debug.Run)
		fmt.Fprintf(b.m.Stdout, "ready http://%s\n", b.debug.Addr())
	} else {
		fmt.Fprintln(b.m.Stdout, "ready")
	}
	<-ctx.Done()
	parts.Wait()
	return context.Cause(ctx)
}

// reconfigure takes a changed edge.yaml. What is wrong changes nothing.
func (b *edgeBox) reconfigure(cfg config.Config, err error) {
	if err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			b.log.Error("the changed configuration is not used: " + line)
		}
		return
	}
	if keys := config.NeedsRestart(b.cfg, cfg); len(keys) > 0 {
		b.log.Warn("these keys take effect when bongsu-edge is started anew", "keys", strings.Join(keys, ", "))
	}
	b.log.Info("the changed configuration is used", "cameras", len(cfg.Cameras))
	b.assign(cfg)
	b.sweep()
}

// sweep removes passwords that no camera uses any more.
func (b *edgeBox) sweep() {
	if err := b.store.Sweep(); err != nil {
		b.log.Error("passwords of cameras that are gone cannot be removed", "error", err)
	}
}

// assign gives the node its cameras. One whose password cannot be read is left out, and said so.
func (b *edgeBox) assign(cfg config.Config) {
	all, errs := cfg.Assignments(config.OS)
	for _, err := range errs {
		b.log.Error("a camera cannot run: " + err.Error())
	}
	b.node.Assign(all)
}

// sendNow brings a revision to the cloud past a disk that refuses it.
func (b *edgeBox) sendNow(ctx context.Context, rec bongsu.EventRecord) error {
	b.mu.Lock()
	up := b.up
	b.mu.Unlock()
	if up == nil {
		return bongsu.Errorf(bongsu.CodeUnavailable, "this edge has no cloud yet")
	}
	return up.SendNow(ctx, rec)
}

// enrolRetry is how long to wait before trying to enrol again.
const enrolRetry = 5 * time.Second

// runUplink enrols when needed, then empties the outbox. Without a cloud it does nothing:
// events stay on this box.
func (b *edgeBox) runUplink(ctx context.Context) error {
	if b.cfg.Cloud.URL == "" {
		b.log.Warn("cloud.url is empty: events stay on this box")
		<-ctx.Done()
		return ctx.Err()
	}
	client, err := uplink.NewClient(b.cfg.Cloud.CertificateFile)
	if err != nil {
		return err
	}
	cred, err := uplink.LoadCredential(b.cfg.Cloud.CredentialFile)
	for errors.Is(err, fs.ErrNotExist) {
		if cred, err = b.enrol(ctx); err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b.log.Error("this edge cannot enrol; events stay on this box until it has", "error", err)
		wait := time.NewTimer(enrolRetry)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
		err = fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	up, err := uplink.New(uplink.Options{Store: b.outbox, URL: b.cfg.Cloud.URL, Credential: cred.Credential, Version: Version,
		Cameras: b.node.Cameras, CamerasChanged: b.node.Changed(), Client: client, Log: b.log})
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.edge, b.up = cred.Edge, up
	b.mu.Unlock()
	return b.runWithLive(ctx, client, cred.Credential, up.Run)
}

// enrol trades the one-time token for a credential.
func (b *edgeBox) enrol(ctx context.Context) (bongsu.EnrolResponse, error) {
	var none bongsu.EnrolResponse
	if b.cfg.Cloud.EnrolTokenFile == "" {
		return none, errors.New("there is no credential, and cloud.enrol_token_file names no token: make one with `bongsu-cloud edge token` or in the console")
	}
	data, err := os.ReadFile(b.cfg.Cloud.EnrolTokenFile)
	if err != nil {
		return none, fmt.Errorf("cloud.enrol_token_file: %w", err)
	}
	client, err := uplink.NewClient(b.cfg.Cloud.CertificateFile)
	if err != nil {
		return none, err
	}
	cred, err := uplink.Enrol(ctx, client, b.cfg.Cloud.URL, strings.TrimSpace(string(data)), b.cfg.Edge.Name)
	if err != nil {
		return none, err
	}
	if err := os.MkdirAll(filepath.Dir(b.cfg.Cloud.CredentialFile), 0o700); err != nil {
		return none, err
	}
	if err := uplink.SaveCredential(b.cfg.Cloud.CredentialFile, cred); err != nil {
		return none, err
	}
	b.log.Info("enrolled", "edge", cred.Edge)
	return cred, nil
}
