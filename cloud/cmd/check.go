package cmd

import (
	"context"
	"flag"
	"fmt"
	"log/slog"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/cloud/config"
)

func checkVerb() verb {
	var head string
	return verb{
		name: "check", about: "verify the database, the audit chain and every stored picture and clip; exit code 3 when something is wrong",
		example: "bongsu-cloud check --audit-head 1042:9f2c...e1",
		flags: func(_ *call, fs *flag.FlagSet) {
			fs.StringVar(&head, "audit-head", "", "a head of the audit chain noted earlier, as `SEQ:HASH`: it must still be in the chain")
		},
		run: func(ctx context.Context, c *call, args []string) error { return check(ctx, c, args, head) },
	}
}

// checker prints what it finds.
type checker struct {
	c     *call
	st    *stores
	found int
}

func check(ctx context.Context, c *call, args []string, head string) error {
	if len(args) > 0 {
		return usagef("check takes no arguments")
	}
	return c.with(ctx, false, func(_ config.Config, st *stores, _ *slog.Logger) error {
		k := &checker{c: c, st: st}
		for _, f := range []func(context.Context) error{
			k.database, func(ctx context.Context) error { return k.audit(ctx, head) }, k.objects, k.letters,
		} {
			if err := f(ctx); err != nil {
				return err
			}
		}
		if k.found > 0 {
			fmt.Fprintf(c.stdout, "%d violations\n", k.found)
			return errViolations
		}
		return nil
	})
}

// judge takes an error: a violation is printed and counted, anything else ends the check.
func (k *checker) judge(what string, err error) error {
	switch bongsu.CodeOf(err) {
	case bongsu.CodeInternal, bongsu.CodeHashMismatch, bongsu.CodeNotFound:
		k.found++
		fmt.Fprintf(k.c.stdout, "VIOLATION %s: %s\n", what, err)
		return nil
	}
	return err
}

func (k *checker) database(ctx context.Context) error {
	if err := k.st.archive.Check(ctx); err != nil {
		return k.judge("database", err)
	}
	fmt.Fprintln(k.c.stdout, "ok database")
	return nil
}

func (k *checker) audit(ctx context.Context, head string) error {
	v, err := audit.Verify(ctx, k.st.archive, head)
	if err != nil {
		return k.judge("audit chain", err)
	}
	fmt.Fprintf(k.c.stdout, "ok audit chain: %d records, head %d:%s\n", v.Records, v.Head.Seq, v.Head.Hash)
	return nil
}

// objects reads every object that a row names.
func (k *checker) objects(ctx context.Context) error {
	before, n := k.found, 0
	look := func(what, key, sha256 string) error {
		n++
		info, err := k.st.objects.Stat(ctx, key)
		if err == nil && info.SHA256 != sha256 {
			err = bongsu.Errorf(bongsu.CodeHashMismatch, "object %s has another hash than its row", key)
		}
		if err == nil {
			err = k.st.objects.Verify(ctx, key)
		}
		return k.judge(what, err)
	}
	for q := (archive.EventQuery{Limit: archive.MaxPage}); ; {
		page, err := k.st.archive.ListEvents(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			if e.Snapshot != nil {
				if err := look(fmt.Sprintf("snapshot of event %s", e.ID), e.Snapshot.Key, e.Snapshot.SHA256); err != nil {
					return err
				}
			}
			for _, clip := range e.Clips {
				if !clip.Complete() {
					continue
				}
				if err := look(fmt.Sprintf("clip part %d of event %s", clip.Part, e.ID), clip.Object, clip.SHA256); err != nil {
					return err
				}
			}
		}
		if q.After = page.Next; page.Next.IsZero() {
			break
		}
	}
	if k.found == before {
		fmt.Fprintf(k.c.stdout, "ok %d pictures and clips\n", n)
	}
	return nil
}

// letters tells about events that could not be applied; they are kept, so it is no violation.
func (k *checker) letters(ctx context.Context) error {
	letters, err := k.st.archive.DeadLetters(ctx, archive.MaxPage)
	if err != nil {
		return err
	}
	for _, l := range letters {
		fmt.Fprintf(k.c.stdout, "note: event %s revision %d could not be applied: %s\n", l.Key.ID, l.Key.Revision, l.Reason)
	}
	return nil
}
