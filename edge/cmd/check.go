package cmd

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"bongsu/edge/config"
	"bongsu/edge/outbox"
	"bongsu/edge/uplink"
)

type checkOpts struct {
	config *string
	only   *string
}

func checkVerb() *verb {
	return &verb{name: "check", summary: "verify the configuration, the models and what is stored", usage: "[--config edge.yaml] [--only config|models|outbox]",
		about: `Reads edge.yaml and says all that is wrong with it, verifies the models that cameras name, looks
whether the edge is enrolled, and holds the outbox against its numbered invariants. It changes
nothing and may run beside a running edge. Exit code 3: something was found.`,
		example: "bongsu-edge check --config /etc/bongsu/edge.yaml",
		flags: func(fs *flag.FlagSet) any {
			return &checkOpts{config: fs.String("config", "/etc/bongsu/edge.yaml", "the configuration"),
				only: fs.String("only", "", "check one of config, models, outbox")}
		},
		run: runCheck}
}

// checker collects findings and prints them as they come.
type checker struct {
	m     *Main
	found int
}

func (c *checker) good(format string, args ...any) {
	fmt.Fprintf(c.m.Stdout, "good   "+format+"\n", args...)
}

func (c *checker) bad(format string, args ...any) {
	c.found++
	fmt.Fprintf(c.m.Stdout, "BAD    "+format+"\n", args...)
}

func (c *checker) note(format string, args ...any) {
	fmt.Fprintf(c.m.Stdout, "note   "+format+"\n", args...)
}

func runCheck(ctx context.Context, m *Main, c *call) error {
	o := c.opts.(*checkOpts)
	if len(c.args) != 0 {
		return usageError{"no words are expected"}
	}
	if !slices.Contains([]string{"", "config", "models", "outbox"}, *o.only) {
		return usageError{fmt.Sprintf("--only %q: say config, models or outbox", *o.only)}
	}
	ck := &checker{m: m}
	cfg, ok := ck.config(*o.config)
	if ok {
		switch *o.only {
		case "config":
		case "models":
			ck.models(ctx, cfg)
		case "outbox":
			ck.outbox(cfg)
		case "":
			ck.models(ctx, cfg)
			ck.enrolment(cfg)
			ck.outbox(cfg)
		}
	}
	if ck.found > 0 {
		return foundError{fmt.Sprintf("%d found", ck.found)}
	}
	return nil
}

func (c *checker) config(path string) (config.Config, bool) {
	cfg, err := config.Load(path)
	var all config.Errors
	if errors.As(err, &all) {
		for _, e := range all {
			c.bad("%s", e)
		}
		return cfg, false
	}
	if err != nil {
		c.bad("%v", err)
		return cfg, false
	}
	_, errs := cfg.Assignments(config.OS)
	for _, e := range errs {
		c.bad("%v", e)
	}
	if len(errs) == 0 {
		c.good("%s: %d cameras", path, len(cfg.Cameras))
	}
	return cfg, true
}

func (c *checker) models(ctx context.Context, cfg config.Config) {
	cat, err := openCatalog(cfg.ModelsDir, "", true)
	if err != nil {
		c.bad("models: %v", err)
		return
	}
	seen := map[string]bool{}
	for _, cam := range cfg.Cameras {
		if seen[cam.Model] {
			continue
		}
		seen[cam.Model] = true
		if err := cat.Verify(ctx, cam.Model); err != nil {
			c.bad("model %s of camera %s: %s", cam.Model, cam.ID, err)
			continue
		}
		c.good("model %s", cam.Model)
	}
}

func (c *checker) enrolment(cfg config.Config) {
	if cfg.Cloud.URL == "" {
		c.note("cloud.url is empty: events stay on this box")
		return
	}
	switch cred, err := uplink.LoadCredential(cfg.Cloud.CredentialFile); {
	case err == nil:
		c.good("enrolled as %s with %s", cred.Edge, cfg.Cloud.URL)
	case errors.Is(err, fs.ErrNotExist) && cfg.Cloud.EnrolTokenFile != "":
		c.note("not enrolled yet: the token in %s is used at the next start", cfg.Cloud.EnrolTokenFile)
	default:
		c.bad("%v", err)
	}
}

func (c *checker) outbox(cfg config.Config) {
	rep, err := outbox.Check(outboxDir(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		c.note("there is no outbox yet in %s", outboxDir(cfg))
		return
	}
	if err != nil {
		c.bad("%v", err)
		return
	}
	for _, v := range rep.Violations {
		c.bad("outbox: %s, %s: %s", v.Invariant, v.Where, v.What)
	}
	for _, r := range rep.Refused {
		c.note("outbox: the cloud refused revision %d of event %s, which stays here: %s", r.Key.Revision, r.Key.ID, cmp.Or(r.Message, "its reason is not kept any more"))
	}
	if rep.InUse {
		c.note("the edge is running: files of clips were not compared")
	}
	e, k := rep.Counts.Events, rep.Counts.Clips
	if len(rep.Violations) == 0 {
		c.good("outbox: %d event revisions (%d to be sent, %d refused), %d clip parts (%d to be sent, %d evicted)", e.Created, e.Pending-e.Rejected, e.Rejected, k.Created, k.Pending, k.Evicted)
	}
}

func outboxDir(cfg config.Config) string { return filepath.Join(cfg.DataDir, "outbox") }
