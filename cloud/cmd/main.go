// Package cmd is the program bongsu-cloud: its verbs, and serve, which puts the parts of the
// cloud together. The command itself is in bongsu-cloud/.
package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bongsu"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/config"
)

// Version is set by the linker: -X bongsu/cloud/cmd.Version=...
var Version = "dev"

// Exit codes.
const (
	ExitOK         = 0 // done
	ExitFailure    = 1 // it could not be done; the sentence on standard error says why
	ExitUsage      = 2 // the command line is wrong
	ExitViolations = 3 // check found something that must not be
)

// Where things are by default.
const (
	configEnv  = "BONGSU_CLOUD_CONFIG"
	configFile = "/etc/bongsu/cloud.yaml"
	dbFile     = "cloud.db"
	objectsDir = "objects"
	setupFile  = "setup-code"
	lockFile   = "serve.lock"
)

// Main is the program. The zero Main is the real one.
type Main struct {
	Now func() time.Time // nil: time.Now
}

// call is one run of one verb.
type call struct {
	now    func() time.Time
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string

	configPath string
	dataDir    string
	listen     string
}

// verb is one verb of the program.
type verb struct {
	name    string // such as "user add"
	args    string // as the usage line has them
	about   string // one line
	more    string // what its own help says besides
	example string
	run     func(ctx context.Context, c *call, args []string) error
	flags   func(c *call, fs *flag.FlagSet) // beside --config and --data; nil: none
	bare    bool                            // takes neither
}

func verbs() []verb {
	return append(append([]verb{
		{
			name: "serve", about: "take events from edges and show them to operators, until SIGTERM or SIGINT",
			example: "bongsu-cloud serve --config /etc/bongsu/cloud.yaml", run: serve,
			flags: func(c *call, fs *flag.FlagSet) {
				fs.StringVar(&c.listen, "listen", "", "listen on this `address` instead of the file's, such as 127.0.0.1:0")
			},
		},
		checkVerb(),
		backupVerb(),
		{
			name: "migrate", about: "bring the database up to date with this version; serve does it, too",
			example: "bongsu-cloud migrate --data /var/lib/bongsu-cloud", run: migrate,
		},
	}, userVerbs()...), append(edgeVerbs(), verb{
		name: "version", about: "print the version", example: "bongsu-cloud version", bare: true,
		run: func(_ context.Context, c *call, args []string) error {
			if len(args) > 0 {
				return usagef("version takes nothing")
			}
			fmt.Fprintln(c.stdout, "bongsu-cloud", Version)
			return nil
		},
	})...)
}

// usageError is a wrong command line.
type usageError struct{ text string }

// Error gives the sentence.
func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errViolations is what check ends with after it has printed what it found.
var errViolations = errors.New("violations were found")

// Run runs one command line, without the program's name, and returns its exit code. It blocks
// until everything it began has ended; serve begins to stop when ctx ends. env gives the
// environment's variables.
func (m *Main) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	c := &call{now: m.Now, stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	if c.now == nil {
		c.now = time.Now
	}
	err := c.run(ctx, args)
	var usage *usageError
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errViolations):
		return ExitViolations
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "bongsu-cloud: %s\n", err)
		return ExitUsage
	}
	fmt.Fprintf(stderr, "bongsu-cloud: %s\n", err)
	return ExitFailure
}

func (c *call) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		c.help(c.stderr)
		return usagef("name a verb")
	}
	if args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		c.help(c.stdout)
		return nil
	}
	for _, v := range verbs() {
		words := strings.Fields(v.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == v.name {
			return c.runVerb(ctx, v, args[len(words):])
		}
	}
	var near []string
	for _, v := range verbs() {
		if strings.HasPrefix(v.name, args[0]+" ") {
			near = append(near, v.name)
		}
	}
	if near != nil {
		return usagef("%q needs one of: %s", args[0], strings.Join(near, ", "))
	}
	return usagef("there is no verb %q: see `bongsu-cloud help`", args[0])
}

func (c *call) runVerb(ctx context.Context, v verb, args []string) error {
	fs := flag.NewFlagSet(v.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	if !v.bare {
		fs.StringVar(&c.configPath, "config", "", "the configuration `file`; else $"+configEnv+", else "+configFile+" if it is there")
		fs.StringVar(&c.dataDir, "data", "", "the data `folder`, instead of the file's data_dir")
	}
	if v.flags != nil {
		v.flags(c, fs)
	}
	var rest []string
	for { // flags may stand behind arguments
		err := fs.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			c.verbHelp(v, fs)
			return nil
		}
		if err != nil {
			return usagef("%s: %s: see `bongsu-cloud %s --help`", v.name, err, v.name)
		}
		if args = fs.Args(); len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	return v.run(ctx, c, rest)
}

func (c *call) help(w io.Writer) {
	fmt.Fprint(w, "bongsu-cloud takes events and clips from edges and shows them to operators.\n\nusage: bongsu-cloud VERB [flags] [arguments]\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(w, "  %-13s %s\n", v.name, v.about)
	}
	fmt.Fprint(w, "\n`bongsu-cloud VERB --help` says more about one.\nexit codes: 0 done, 1 failed, 2 wrong command line, 3 check found violations\n")
}

func (c *call) verbHelp(v verb, fs *flag.FlagSet) {
	fmt.Fprintf(c.stdout, "usage: bongsu-cloud %s\n%s\n\n", strings.TrimSpace(v.name+" [flags] "+v.args), v.about)
	if v.more != "" {
		fmt.Fprintf(c.stdout, "%s\n\n", v.more)
	}
	fmt.Fprintf(c.stdout, "example: %s\n", v.example)
	fs.SetOutput(c.stdout)
	fmt.Fprint(c.stdout, "\n")
	fs.PrintDefaults()
}

// config reads the configuration and what flags change of it.
func (c *call) config() (config.Config, error) {
	path := c.configPath
	if path == "" {
		path = c.env(configEnv)
	}
	if path == "" {
		if _, err := os.Stat(configFile); err == nil {
			path = configFile
		}
	}
	cfg := config.Default()
	if path != "" {
		var err error
		if cfg, err = config.Load(path); err != nil {
			return cfg, err
		}
	}
	if c.dataDir != "" {
		cfg.DataDir = c.dataDir
	}
	if c.listen != "" {
		cfg.Listen = c.listen
		return cfg, cfg.Check("--listen")
	}
	return cfg, nil
}

func (c *call) logger(cfg config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.Log.SlogLevel()}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(c.stderr, o))
	}
	return slog.New(slog.NewTextHandler(c.stderr, o))
}

// open opens the archive in the data folder; with fresh both are made when they are not there.
func (c *call) open(ctx context.Context, cfg config.Config, log *slog.Logger, fresh bool) (*sqlite.Archive, error) {
	db := filepath.Join(cfg.DataDir, dbFile)
	if fresh {
		if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
			return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "the data folder %s cannot be made: set data_dir, or make it for this user", cfg.DataDir)
		}
	} else if _, err := os.Stat(db); err != nil {
		return nil, bongsu.Wrap(bongsu.CodeNotFound, err, "there is no database in %s: name its folder with --config or --data, or start `bongsu-cloud serve` once", cfg.DataDir)
	}
	return sqlite.Open(ctx, sqlite.Options{Path: db, Log: log})
}

// with runs f on the archive in the data folder.
func (c *call) with(ctx context.Context, fresh bool, f func(cfg config.Config, a *sqlite.Archive, log *slog.Logger) error) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	log := c.logger(cfg)
	a, err := c.open(ctx, cfg, log, fresh)
	if err != nil {
		return err
	}
	return errors.Join(f(cfg, a, log), a.Close())
}

func migrate(ctx context.Context, c *call, args []string) error {
	if len(args) > 0 {
		return usagef("migrate takes no arguments")
	}
	return c.with(ctx, true, func(cfg config.Config, _ *sqlite.Archive, _ *slog.Logger) error {
		fmt.Fprintf(c.stdout, "the database in %s is up to date\n", cfg.DataDir) // opening it made it so
		return nil
	})
}
