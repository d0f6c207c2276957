package crash

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bongsu"
)

// Folder is where last inputs are kept for study. They show what a camera saw, so only the user
// that runs the node may read them, and only the newest stay.
type Folder struct {
	Dir      string
	Keep     int   // inputs that stay; 16 when 0
	MaxBytes int64 // of all that stay; 64 MiB when 0
}

// Death says of what the inputs are the last ones.
type Death struct {
	At     time.Time // on the box's clock
	PID    int
	Reason string
}

// Save writes inputs down, each as a stream that any player of its codec reads and a text that says
// what it is, and removes the oldest beyond the folder's bounds. It gives the streams' paths.
func (f Folder) Save(d Death, all []Last) (paths []string, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep a worker's last input: %w", err)
	}
	var errs []error
	for _, l := range all {
		base := filepath.Join(f.Dir, fmt.Sprintf("%s-%s", d.At.UTC().Format("20060102T150405.000"), l.Camera))
		path := base + "." + cmp.Or(l.Codec, "bin")
		if err := errors.Join(create(path, l.Data), create(base+".txt", []byte(l.describe(d)))); err != nil {
			errs = append(errs, err)
			continue
		}
		paths = append(paths, path)
	}
	return paths, errors.Join(append(errs, f.tidy())...)
}

func create(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("keep a worker's last input: %w", err)
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("keep a worker's last input: %w", err), os.Remove(path))
	}
	return nil
}

// describe is the text beside a stream.
func (l *Last) describe(d Death) string {
	var b strings.Builder
	during := "no unit was being decoded"
	if l.Busy {
		during = "the last unit was being decoded"
	}
	fmt.Fprintf(&b, "camera %s, %s\nworker process %d ended at %s: %s\n%s\n\nunit pts_us bytes flags\n",
		l.Camera, cmp.Or(l.Codec, "codec unknown"), d.PID, d.At.UTC().Format(time.RFC3339Nano), oneLine(d.Reason), during)
	for _, u := range l.Units {
		flags := ""
		if u.Key {
			flags += " key"
		}
		if u.Lost {
			flags += " lost"
		}
		if u.Bytes == 0 {
			flags += " too-large-to-keep"
		}
		fmt.Fprintf(&b, "%d %d %d%s\n", u.Seq, u.PTSUS, u.Bytes, flags)
	}
	return b.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// tidy removes the oldest inputs. It goes by their names' order and by count and bytes, never by
// age: the box's clock may be wrong.
func (f Folder) tidy() error {
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		return err
	}
	type input struct {
		files []string
		bytes int64
	}
	all := map[string]*input{}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || !e.Type().IsRegular() {
			continue
		}
		if err != nil {
			return err
		}
		ext := filepath.Ext(e.Name())
		base := strings.TrimSuffix(e.Name(), ext)
		if _, camera, ok := strings.Cut(base, "-"); !ok || !bongsu.ValidName(camera) || !slices.Contains([]string{".txt", ".h264", ".h265", ".bin"}, ext) {
			continue // not ours
		}
		if all[base] == nil {
			all[base] = &input{}
		}
		all[base].files = append(all[base].files, e.Name())
		all[base].bytes += info.Size()
	}
	keep, room := cmp.Or(f.Keep, 16), cmp.Or(f.MaxBytes, 64<<20)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.Reverse(names)
	var errs []error
	for i, name := range names {
		room -= all[name].bytes
		if i == 0 || i < keep && room >= 0 {
			continue
		}
		for _, file := range all[name].files {
			errs = append(errs, os.Remove(filepath.Join(f.Dir, file)))
		}
	}
	return errors.Join(errs...)
}
