package mp4

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File is an open file as this package uses it. Sync blocks until the bytes are durable; an
// error from it means that they may be lost, also later.
type File interface {
	io.Writer // appends
	io.ReaderAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// FS is the part of a file system that clips need; tests put faults in its place. Every call
// may block as long as the disk does.
type FS interface {
	Create(path string) (File, error)      // a new file; one that is there already is an error
	Open(path string) (File, int64, error) // for reading and appending, with its size
	Rename(from, to string) error          // within one folder, replacing
	Remove(path string) error              // one that is not there is fs.ErrNotExist
	SyncDir(dir string) error              // makes creations, renames and removals durable
}

// Disk is the FS of the operating system. Its files are readable by their owner only.
type Disk struct{}

// Create makes a new file.
func (Disk) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Open opens a file that is there; writing continues at its end.
func (Disk) Open(path string) (File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size, nil
}

// Rename moves a file within a folder.
func (Disk) Rename(from, to string) error { return os.Rename(from, to) }

// Remove deletes a file.
func (Disk) Remove(path string) error { return os.Remove(path) }

// SyncDir makes the folder's entries durable.
func (Disk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// tempSuffix ends the name of the file that replaces the journal. A file of that name without
// a writer is rubbish: Create and Salvage remove it.
const tempSuffix = ".new"

// removeTemp removes what an earlier try to finish path may have left.
func removeTemp(files FS, path string) error {
	if err := files.Remove(path + tempSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// dirOf is the folder whose entries must be durable for path to be.
func dirOf(path string) string { return filepath.Dir(path) }
