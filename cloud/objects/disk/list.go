package disk

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"bongsu"
	"bongsu/cloud/objects"
)

// List implements objects.Store. Objects that come or go meanwhile may or may not be seen.
func (s *Store) List(ctx context.Context, prefix string, f func(objects.Info) error) error {
	dir := ""
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		dir = prefix[:i]
		if err := objects.CheckKey(dir); err != nil {
			return err
		}
	}
	return s.list(ctx, dir, prefix, f)
}

// list walks one folder. A folder sorts as its name with the slash, so that keys come in the order
// of their bytes: "a-b" before "a/b".
func (s *Store) list(ctx context.Context, dir, prefix string, f func(objects.Info) error) error {
	entries, err := s.entries(path.Join("objects", dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return diskError(err, "objects under %q cannot be listed", dir)
	}
	var names []string
	for _, e := range entries {
		name, isMeta := strings.CutSuffix(e.Name(), metaSuffix)
		switch {
		case e.IsDir():
			names = append(names, e.Name()+"/")
		case isMeta:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return diskError(err, "objects under %q", dir)
		}
		if err := s.visit(ctx, path.Join(dir, name), strings.HasSuffix(name, "/"), prefix, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) visit(ctx context.Context, key string, folder bool, prefix string, f func(objects.Info) error) error {
	if folder {
		if within := key + "/"; !strings.HasPrefix(within, prefix) && !strings.HasPrefix(prefix, within) {
			return nil
		}
		return s.list(ctx, key, prefix, f)
	}
	if !strings.HasPrefix(key, prefix) {
		return nil
	}
	m, err := s.meta(key)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return nil // deleted in between
	}
	if err != nil {
		return err
	}
	return f(m.info(key))
}
