package outbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// FS is the little that the outbox asks of a file system, below one folder. Names use '/'.
// Tests put one in that crashes after any step.
type FS interface {
	MkdirAll(name string) error
	// ReadDir gives the plain files in a folder, in any order.
	ReadDir(name string) ([]Entry, error)
	// Create makes a file that was not there, for reading and writing.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Size gives a file's length; an error with fs.ErrNotExist in it when there is none.
	Size(name string) (int64, error)
	// Remove removes a file; one that is not there is no error.
	Remove(name string) error
	Rename(from, to string) error
	// SyncDir makes creations, removals and renames in a folder durable.
	SyncDir(name string) error
	// Free gives the bytes that can still be written to the file system.
	Free() (int64, error)
	// Lock takes a lock that other processes see; closing gives it back.
	Lock(name string) (io.Closer, error)
	// Path gives the path by which another process finds the file.
	Path(name string) string
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Allocate gives the file its blocks up to size, reading as zeros.
	Allocate(size int64) error
	// Sync makes what was written durable. Once it has failed, nothing about the file's
	// unsynced content is known, and it must not be tried again.
	Sync() error
	Close() error
}

// Entry is a file in a folder.
type Entry struct {
	Name  string
	Bytes int64
}

// Disk is the FS of a folder on disk.
func Disk(dir string) FS { return disk{dir} }

type disk struct{ dir string }

func (d disk) Path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

func (d disk) MkdirAll(name string) error { return os.MkdirAll(d.Path(name), 0o700) }

func (d disk) ReadDir(name string) ([]Entry, error) {
	list, err := os.ReadDir(d.Path(name))
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, e := range list {
		if !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Entry{e.Name(), info.Size()})
	}
	return out, nil
}

func (d disk) Create(name string) (File, error) {
	f, err := os.OpenFile(d.Path(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (d disk) Open(name string) (File, error) {
	f, err := os.Open(d.Path(name))
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (d disk) Size(name string) (int64, error) {
	info, err := os.Stat(d.Path(name))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (d disk) Remove(name string) error {
	if err := os.Remove(d.Path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d disk) Rename(from, to string) error { return os.Rename(d.Path(from), d.Path(to)) }

func (d disk) SyncDir(name string) error {
	f, err := os.Open(d.Path(name))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d disk) Free() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(d.dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", d.dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

func (d disk) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(d.Path(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(int(f.Fd())); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.New("another process has it open: stop the other bongsu-edge or name another data folder")
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f, nil
}

// lockPatience is how long a lock is asked for: a check of the outbox holds it for an instant.
const lockPatience = time.Second

// flock takes the lock alone, trying for a while; EWOULDBLOCK says that another has it.
func flock(fd int) error {
	err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return err
	}
	over := time.NewTimer(lockPatience)
	defer over.Stop()
	again := time.NewTicker(lockPatience / 50)
	defer again.Stop()
	for {
		select {
		case <-over.C:
			return err
		case <-again.C:
			if err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
				return err
			}
		}
	}
}

type diskFile struct{ *os.File }

// Allocate reserves blocks and extends the file (fallocate(2)), so that later syncs have no
// metadata to write.
func (f diskFile) Allocate(size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		if !errors.Is(err, unix.EINTR) {
			if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
				return f.writeZeros(size)
			}
			return err
		}
	}
}

// writeZeros does what fallocate does where the file system has none.
func (f diskFile) writeZeros(size int64) error {
	zeros := make([]byte, 1<<20)
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-off)], off); err != nil {
			return err
		}
	}
	return nil
}

// Sync is fdatasync(2): the content and the length, not the times.
func (f diskFile) Sync() error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// isNoSpace reports whether err says that the disk or a quota on it is full.
func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
