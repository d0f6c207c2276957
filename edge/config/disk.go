package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Disk is the part of a file system that the cameras set up in the browser are written with. OSDisk
// is the real one; tests give their own.
type Disk interface {
	Files
	// List gives the names in a folder; none when there is no such folder.
	List(dir string) ([]string, error)
	// MakeDir makes a folder that only its owner can enter, when there is none, durable on return.
	MakeDir(dir string) error
	// Write makes or replaces a file that only its owner can read; its bytes are durable on return,
	// its name is not.
	Write(name string, data []byte) error
	Rename(from, to string) error
	// Remove removes a file; one that is not there is removed.
	Remove(name string) error
	// SyncDir makes the names in a folder durable.
	SyncDir(dir string) error
}

// OSDisk is the disk of this machine.
var OSDisk Disk = osDisk{}

type osDisk struct{ osFiles }

func (osDisk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (d osDisk) MakeDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return d.SyncDir(filepath.Dir(dir))
}

func (osDisk) Write(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) Remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (osDisk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
