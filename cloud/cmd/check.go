package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/audit"
	"bongsu/cloud/objects"
)

// checkOpts are the flags of check.
type checkOpts struct {
	head string
	json bool
}

func checkVerb() verb {
	var o checkOpts
	return verb{
		name:  "check",
		about: "hold what is stored against its numbered invariants, also beside a running server; exit code 3 when something is wrong",
		more: `It changes nothing. The database is held against C0 to C10 of docs/design/durability.md, then the chain of the audit
records (C9), then each picture and clip that a row names against its SHA-256 (C11), wherever the
configuration keeps objects (in a bucket it writes and deletes an object of its own first). Revisions that could not be applied are listed; they are kept and no
violation. Exit codes: 0 nothing is violated; 1 the check could not be made, for something cannot
be read; 2 wrong command line; 3 violations were found. In JSON each finding has level (good, note,
bad), area (database, audit, objects, letters), what, and for an invariant that and where.`,
		example: "bongsu-cloud check --json --audit-head 1042:9f2c...e1",
		flags: func(_ *call, fs *flag.FlagSet) {
			fs.StringVar(&o.head, "audit-head", "", "a head of the audit chain noted earlier, as `SEQ:HASH`: it must still be in the chain")
			fs.BoolVar(&o.json, "json", false, "print one JSON object instead of lines")
		},
		run: func(ctx context.Context, c *call, args []string) error { return check(ctx, c, args, o) },
	}
}

// finding is one line of a check.
type finding struct {
	Level     string `json:"level"` // good, note, bad
	Area      string `json:"area"`
	Invariant string `json:"invariant,omitempty"`
	Where     string `json:"where,omitempty"`
	What      string `json:"what"`
}

// checker collects what it finds and, unless it is wanted as JSON, prints it as it comes.
type checker struct {
	c       *call
	quiet   bool
	archive *sqlite.Archive
	objs    objects.Store
	area    string
	bad     int

	Findings []finding `json:"findings"`
}

func check(ctx context.Context, c *call, args []string, o checkOpts) (err error) {
	if len(args) > 0 {
		return usagef("check takes no arguments")
	}
	k := &checker{c: c, quiet: o.json}
	done, err := k.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	for _, part := range []struct {
		area string
		look func(context.Context) error
	}{
		{"database", k.database}, {"audit", func(ctx context.Context) error { return k.audit(ctx, o.head) }},
		{"objects", k.objects}, {"letters", k.letters},
	} {
		k.area = part.area
		if err := part.look(ctx); err != nil {
			return err
		}
		if k.has("C0") {
			break // nothing that the file says can be relied on
		}
	}
	return k.verdict()
}

// open opens what is to be checked, to be read only.
func (k *checker) open(ctx context.Context) (done func() error, err error) {
	cfg, err := k.c.config()
	if err != nil {
		return nil, err
	}
	db := filepath.Join(cfg.DataDir, dbFile)
	if _, err := os.Stat(db); err != nil {
		return nil, bongsu.Wrap(bongsu.CodeNotFound, err, "there is no database in %s: name its folder with --config or --data, or start `bongsu-cloud serve` once", cfg.DataDir)
	}
	log := k.c.logger(cfg)
	if k.archive, err = sqlite.Inspect(ctx, sqlite.Options{Path: db, Log: log}); err != nil {
		return nil, err
	}
	store, err := k.c.openObjects(ctx, cfg, log)
	if err != nil {
		return nil, errors.Join(err, k.archive.Close())
	}
	k.objs = store
	return func() error { return errors.Join(store.Close(), k.archive.Close()) }, nil
}

// verdict ends the check.
func (k *checker) verdict() error {
	if k.quiet {
		enc := json.NewEncoder(k.c.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(k); err != nil {
			return err
		}
	}
	if k.bad == 0 {
		return nil
	}
	if !k.quiet {
		fmt.Fprintf(k.c.stdout, "%d violations\n", k.bad)
	}
	return errViolations
}

// add takes a finding in.
func (k *checker) add(f finding) {
	f.Area = k.area
	if f.Level == "bad" {
		k.bad++
	}
	k.Findings = append(k.Findings, f)
	if k.quiet {
		return
	}
	switch f.Level {
	case "good":
		fmt.Fprintf(k.c.stdout, "ok %s\n", f.What)
	case "note":
		fmt.Fprintf(k.c.stdout, "note: %s\n", f.What)
	default:
		fmt.Fprintf(k.c.stdout, "VIOLATION %s, %s: %s\n", f.Invariant, f.Where, f.What)
	}
}

func (k *checker) good(format string, args ...any) {
	k.add(finding{Level: "good", What: fmt.Sprintf(format, args...)})
}

func (k *checker) has(invariant string) bool {
	for _, f := range k.Findings {
		if f.Level == "bad" && f.Invariant == invariant {
			return true
		}
	}
	return false
}

func (k *checker) database(ctx context.Context) error {
	found, err := k.archive.Breaches(ctx)
	if err != nil {
		return err
	}
	for _, b := range found {
		k.add(finding{Level: "bad", Invariant: b.Invariant, Where: b.Where, What: b.What})
	}
	if len(found) == 0 {
		k.good("database")
	}
	return nil
}

// audit follows the chain of audit records and their hashes.
func (k *checker) audit(ctx context.Context, head string) error {
	v, err := audit.Verify(ctx, k.archive, head)
	if bongsu.CodeOf(err) == bongsu.CodeInternal {
		k.add(finding{Level: "bad", Invariant: "C9", Where: "audit chain", What: err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	k.good("audit chain: %d records, head %d:%s", v.Records, v.Head.Seq, v.Head.Hash)
	return nil
}

// objects reads every object that a row names.
func (k *checker) objects(ctx context.Context) error {
	before, n := k.bad, 0
	for after := ""; ; {
		page, err := k.archive.Names(ctx, after, archive.MaxPage)
		if err != nil {
			return err
		}
		for _, named := range page {
			if err := k.object(ctx, named); err != nil {
				return err
			}
			after = named.Key
			n++
		}
		if len(page) == 0 {
			break
		}
	}
	if k.bad == before {
		k.good("%d pictures and clips", n)
	}
	return nil
}

// object compares one object with its row. What is wrong is no violation when no row names the
// object any more: retention was there meanwhile.
func (k *checker) object(ctx context.Context, named archive.Named) error {
	info, err := k.objs.Stat(ctx, named.Key)
	if err == nil && info.SHA256 != named.SHA256 {
		err = bongsu.Errorf(bongsu.CodeHashMismatch, "object %s has another hash than its row", named.Key)
	}
	if err == nil {
		err = k.objs.Verify(ctx, named.Key)
	}
	switch bongsu.CodeOf(err) {
	case "":
		return nil
	case bongsu.CodeInternal, bongsu.CodeHashMismatch, bongsu.CodeNotFound:
	default:
		return err
	}
	still, nerr := k.archive.IsNamed(ctx, named.Key)
	if nerr != nil || !still {
		return nerr
	}
	k.add(finding{Level: "bad", Invariant: "C11", Where: named.What, What: err.Error()})
	return nil
}

// letters tells about events that could not be applied; they are kept, so it is no violation.
func (k *checker) letters(ctx context.Context) error {
	letters, err := k.archive.DeadLetters(ctx, archive.MaxPage)
	if err != nil {
		return err
	}
	for _, l := range letters {
		k.add(finding{Level: "note", Where: string(l.Key.ID),
			What: fmt.Sprintf("event %s revision %d could not be applied: %s", l.Key.ID, l.Key.Revision, cmp.Or(l.Reason, "its reason is not known"))})
	}
	return nil
}
