package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/disk"
)

func backupVerb() verb {
	var noObjects bool
	return verb{
		name: "backup", args: "DIR",
		about: "copy the database, pictures and clips as one instant shows them into a new folder, also beside a running server",
		more: `DIR must not exist; it appears when the copy is whole and has been held against its invariants. It is a data
folder: to restore, stop the server and put DIR in the data folder's place, or try it with
` + "`bongsu-cloud serve --data DIR`" + `. The configuration file, passwords of other services and keys are not in it.`,
		example: "bongsu-cloud backup /backup/2026-03-01",
		flags: func(_ *call, fs *flag.FlagSet) {
			fs.BoolVar(&noObjects, "no-objects", false, "the database only: for a bucket that has a backup of its own")
		},
		run: func(ctx context.Context, c *call, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usagef("backup takes one folder that does not exist yet")
			}
			return backup(ctx, c, filepath.Clean(args[0]), noObjects)
		},
	}
}

// backupTries is how often a copy is begun anew when what it names was deleted meanwhile.
const backupTries = 3

// copied counts what a backup holds.
type copied struct {
	objects int
	bytes   int64
}

func backup(ctx context.Context, c *call, dir string, noObjects bool) (err error) {
	if _, err := os.Lstat(dir); err == nil {
		return bongsu.Errorf(bongsu.CodeConflict, "%s exists: name a folder that does not, a backup never replaces one", dir)
	}
	var k checker
	k.c = c
	done, err := k.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	part := dir + ".partial"
	if err := os.Mkdir(part, 0o700); err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "the backup's folder cannot be made; when a former try has left %s, remove it", part)
	}
	var sum copied
	for try := 1; ; try++ {
		if sum, err = copyCloud(ctx, &k, part, noObjects); err == nil {
			break
		}
		if !errors.Is(err, errDeletedMeanwhile) || try == backupTries {
			return fmt.Errorf("the backup is not whole, what there is of it is in %s: %w", part, err)
		}
	}
	if err := os.Rename(part, dir); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s: the database is sound; %d pictures and clips, %d bytes, each with its hash\n", dir, sum.objects, sum.bytes)
	return nil
}

// errDeletedMeanwhile says that an object went, as its time was over, after the database was copied.
var errDeletedMeanwhile = errors.New("what a copied row names was deleted meanwhile")

// copyCloud copies the database, holds the copy against its invariants, and then copies every
// object that it names. What an earlier try has copied of objects is used.
func copyCloud(ctx context.Context, k *checker, dir string, noObjects bool) (sum copied, err error) {
	db := filepath.Join(dir, dbFile)
	if err := os.Remove(db); err != nil && !errors.Is(err, os.ErrNotExist) {
		return sum, err
	}
	if err := k.archive.Backup(ctx, db); err != nil {
		return sum, err
	}
	a, err := sqlite.Inspect(ctx, sqlite.Options{Path: db})
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	found, err := a.Breaches(ctx)
	if err != nil {
		return sum, err
	}
	if len(found) > 0 {
		return sum, bongsu.Errorf(bongsu.CodeInternal, "the database is damaged: %s, %s: %s: run `bongsu-cloud check`, and keep the backups that you have", found[0].Invariant, found[0].Where, found[0].What)
	}
	if noObjects {
		return sum, nil
	}
	to, err := disk.Open(disk.Options{Dir: filepath.Join(dir, objectsDir), Now: k.c.now})
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	for after := ""; ; {
		page, err := a.Names(ctx, after, archive.MaxPage)
		if err != nil || len(page) == 0 {
			return sum, err
		}
		for _, named := range page {
			n, err := copyObject(ctx, k, to, named)
			if err != nil {
				return sum, err
			}
			after = named.Key
			sum.objects++
			sum.bytes += n
		}
	}
}

// copyObject copies one object; the store it goes to holds it against the row's hash.
func copyObject(ctx context.Context, k *checker, to objects.Store, named archive.Named) (int64, error) {
	from, info, err := k.objs.Open(ctx, named.Key, 0)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		if still, nerr := k.archive.IsNamed(ctx, named.Key); nerr != nil || !still {
			return 0, errors.Join(errDeletedMeanwhile, nerr)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", named.What, err)
	}
	err = to.Put(ctx, named.Key, info.Type, info.Bytes, named.SHA256, from)
	if err := errors.Join(err, from.Close()); err != nil {
		return 0, fmt.Errorf("%s: %w", named.What, err)
	}
	return info.Bytes, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
