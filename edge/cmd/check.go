package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"bongsu/edge/config"
	"bongsu/edge/outbox"
	"bongsu/edge/rules"
	"bongsu/edge/uplink"
)

type checkOpts struct {
	config *string
	only   *string
	outbox *string
	json   *bool
}

func checkVerb() *verb {
	return &verb{name: "check", summary: "verify the configuration, the models and what is stored", usage: "[--config edge.yaml] [--only config|models|outbox] [--outbox folder] [--json]",
		about: `Reads edge.yaml and says all that is wrong with it, verifies the models that cameras name, looks
whether the edge is enrolled, and holds the outbox against its numbered invariants (I1 to I6 of
docs/design/durability.md). It changes nothing and may run beside a running edge.

Exit codes: 0 nothing is wrong; 1 the check could not be made (something cannot be read); 2 wrong
words; 3 something was found. In JSON each finding has level (good, note, bad), area (config,
models, enrolment, outbox), what, and for the outbox invariant and where.`,
		example: "bongsu-edge check --config /etc/bongsu/edge.yaml\nbongsu-edge check --outbox /mnt/rescued/outbox --json",
		flags: func(fs *flag.FlagSet) any {
			return &checkOpts{config: fs.String("config", "/etc/bongsu/edge.yaml", "the configuration"),
				only:   fs.String("only", "", "check one of config, models, outbox"),
				outbox: fs.String("outbox", "", "check this outbox alone, without a configuration"),
				json:   fs.Bool("json", false, "print one JSON object instead of lines")}
		},
		run: runCheck}
}

// finding is one line of a check.
type finding struct {
	Level     string `json:"level"` // good, note, bad
	Area      string `json:"area"`
	Invariant string `json:"invariant,omitempty"`
	Where     string `json:"where,omitempty"`
	What      string `json:"what"`
}

// checker collects findings and, unless they are wanted as JSON, prints them as they come.
type checker struct {
	m      *Main
	quiet  bool
	area   string
	found  int
	Found  []finding      `json:"findings"`
	Outbox *outbox.Report `json:"outbox,omitempty"`
}

// add takes a finding in.
func (c *checker) add(f finding) {
	f.Area = c.area
	mark := f.Level
	if f.Level == "bad" {
		c.found++
		mark = "BAD"
	}
	c.Found = append(c.Found, f)
	if c.quiet {
		return
	}
	line := f.What
	if f.Invariant != "" {
		line = fmt.Sprintf("%s: %s, %s: %s", f.Area, f.Invariant, f.Where, f.What)
	}
	fmt.Fprintf(c.m.Stdout, "%-6s %s\n", mark, line)
}

func (c *checker) good(format string, args ...any) {
	c.add(finding{Level: "good", What: fmt.Sprintf(format, args...)})
}

func (c *checker) bad(format string, args ...any) {
	c.add(finding{Level: "bad", What: fmt.Sprintf(format, args...)})
}

func (c *checker) note(format string, args ...any) {
	c.add(finding{Level: "note", What: fmt.Sprintf(format, args...)})
}

func runCheck(ctx context.Context, m *Main, c *call) error {
	o := c.opts.(*checkOpts)
	if len(c.args) != 0 {
		return usageError{"no words are expected"}
	}
	if !slices.Contains([]string{"", "config", "models", "outbox"}, *o.only) {
		return usageError{fmt.Sprintf("--only %q: say config, models or outbox", *o.only)}
	}
	ck := &checker{m: m, quiet: *o.json}
	if err := ck.all(ctx, o); err != nil {
		return err
	}
	if *o.json {
		enc := json.NewEncoder(m.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(ck); err != nil {
			return err
		}
	}
	if ck.found > 0 {
		return foundError{fmt.Sprintf("%d found", ck.found)}
	}
	return nil
}

// all makes the checks that were asked for.
func (c *checker) all(ctx context.Context, o *checkOpts) error {
	if *o.outbox != "" {
		return c.outbox(*o.outbox, true)
	}
	c.area = "config"
	cfg, ok := c.config(*o.config)
	if !ok || *o.only == "config" {
		return nil
	}
	if *o.only != "outbox" {
		c.area = "models"
		c.models(ctx, cfg)
	}
	if *o.only == "" {
		c.area = "enrolment"
		c.enrolment(cfg)
	}
	if *o.only == "models" {
		return nil
	}
	return c.outbox(outboxDir(cfg), false)
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
	told, errs := cfg.Assignments(config.OS)
	for _, e := range errs {
		c.bad("%v", e)
	}
	if len(errs) == 0 {
		c.good("%s: %d cameras", path, len(cfg.Cameras))
	}
	for _, a := range told {
		if _, err := rules.New(rules.Options{Rules: a.Rules, Ground: a.Ground}); err != nil {
			c.bad("camera %s: %v", a.Camera, err)
		}
	}
	without := 0
	for i := range cfg.Cameras {
		if len(cfg.Cameras[i].Purposes) == 0 {
			without++
		}
	}
	if without > 0 {
		c.note("%d of %d cameras do not say what they are there for (purposes): nobody checks whether their rules fit", without, len(cfg.Cameras))
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

// outbox holds the outbox in dir against its invariants. One that cannot be read is an error;
// one that is not there is no breach, unless it was asked for by name.
func (c *checker) outbox(dir string, named bool) error {
	c.area = "outbox"
	rep, err := outbox.Check(dir)
	if errors.Is(err, fs.ErrNotExist) && !named {
		c.note("there is no outbox yet in %s", dir)
		return nil
	}
	if err != nil {
		return err
	}
	c.Outbox = rep
	for _, v := range rep.Violations {
		c.add(finding{Level: "bad", Invariant: v.Invariant, Where: v.Where, What: v.What})
	}
	for _, r := range rep.Refused {
		c.note("outbox: the cloud refused revision %d of event %s, which stays here: %s", r.Key.Revision, r.Key.ID, cmp.Or(r.Message, "its reason is not kept any more"))
	}
	if rep.InUse {
		c.note("the edge is running: what it changes meanwhile is not held against it")
	}
	e, k := rep.Counts.Events, rep.Counts.Clips
	if len(rep.Violations) == 0 {
		c.good("outbox: %d event revisions (%d to be sent, %d refused), %d clip parts (%d to be sent, %d evicted)", e.Created, e.Pending-e.Rejected, e.Rejected, k.Created, k.Pending, k.Evicted)
	}
	return nil
}

func outboxDir(cfg config.Config) string { return filepath.Join(cfg.DataDir, "outbox") }
