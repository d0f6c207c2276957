// Package sickdisk is a disk that fails on demand, for tests: a FUSE file system over a folder
// whose writes, fsyncs and changes of names hang, or fail with any error, as told while it is
// mounted. Programs see it through the kernel, as they would see a sick disk. It needs root and
// /dev/fuse; where they are missing the test is skipped, loudly.
package sickdisk

import (
	"context"
	"io"
	"log"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Disk is a mounted folder that can be made sick. It belongs to one test and is well again,
// unmounted and removed when the test ends. Its methods may be called by many goroutines.
type Disk struct {
	Path string // where it is mounted
	Real string // the folder under it: what is done there is never sick

	mu      sync.Mutex
	hang    chan struct{} // guarded by mu: closed when it goes on; nil: it does not hang
	waiting int           // guarded by mu: calls that hang
	errno   syscall.Errno // guarded by mu: of changing calls
	syncs   int           // guarded by mu: fsyncs until one fails; 0: none
	failed  int           // guarded by mu: calls that were made to fail
}

// New mounts a disk that is well.
func New(t testing.TB) *Disk {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil || os.Getuid() != 0 {
		t.Skipf("SKIPPED: sick disks are not tested here: a FUSE file system needs root and /dev/fuse (%v)", err)
	}
	dir := t.TempDir()
	d := &Disk{Path: filepath.Join(dir, "disk"), Real: filepath.Join(dir, "real")}
	for _, p := range []string{d.Path, d.Real} {
		if err := os.Mkdir(p, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	root, err := fs.NewLoopbackRoot(d.Real)
	if err != nil {
		t.Fatal(err)
	}
	top := &node{LoopbackNode: root.(*fs.LoopbackNode), d: d}
	server, err := fs.Mount(d.Path, top, &fs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "sickdisk", Name: "sickdisk"},
		Logger: log.New(io.Discard, "", 0)})
	if err != nil {
		t.Skipf("SKIPPED: sick disks are not tested here: %v", err)
	}
	t.Cleanup(func() {
		d.Hang(false)
		d.Fail(0)
		if err := server.Unmount(); err != nil {
			if err := syscall.Unmount(d.Path, syscall.MNT_DETACH); err != nil {
				t.Errorf("%s stays mounted: %v", d.Path, err)
			}
		}
		server.Wait()
	})
	return d
}

// Hang makes every changing call wait until Hang(false), which lets those that wait go on.
func (d *Disk) Hang(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case on && d.hang == nil:
		d.hang = make(chan struct{})
	case !on && d.hang != nil:
		close(d.hang)
		d.hang = nil
	}
}

// Fail makes every changing call fail with that error, such as EROFS, ENOSPC or EIO; 0: none.
func (d *Disk) Fail(errno syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.errno = errno
}

// FailSync makes the n-th fsync from now on fail with EIO, once; 1 is the next.
func (d *Disk) FailSync(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs = n
}

// Waiting is how many calls hang now.
func (d *Disk) Waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting
}

// Failed is how many calls were made to fail.
func (d *Disk) Failed() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// change decides about one changing call.
func (d *Disk) change(ctx context.Context, sync bool) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if hang := d.hang; hang != nil {
		d.waiting++
		d.mu.Unlock()
		var errno syscall.Errno
		select {
		case <-hang:
		case <-ctx.Done(): // the process that waits was killed
			errno = syscall.EINTR
		}
		d.mu.Lock()
		d.waiting--
		if errno != 0 {
			return errno
		}
	}
	errno := d.errno
	if sync && d.syncs > 0 {
		if d.syncs--; d.syncs == 0 {
			errno = syscall.EIO
		}
	}
	if errno != 0 {
		d.failed++
	}
	return errno
}

// node is a file or folder.
type node struct {
	*fs.LoopbackNode
	d *Disk
}

// WrapChild implements fs.NodeWrapChilder: all that is found on the disk is sick with it.
func (n *node) WrapChild(_ context.Context, ops fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{LoopbackNode: ops.(*fs.LoopbackNode), d: n.d}
}

// handle is an open file. It hides that the kernel could go past us to the real one.
type handle struct{ inner *fs.LoopbackFile }

func wrap(fh fs.FileHandle) fs.FileHandle {
	if f, ok := fh.(*fs.LoopbackFile); ok {
		return &handle{f}
	}
	return fh
}

func unwrap(fh fs.FileHandle) fs.FileHandle {
	if h, ok := fh.(*handle); ok {
		return h.inner
	}
	return fh
}

// Open implements fs.NodeOpener.
func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	fh, more, errno := n.LoopbackNode.Open(ctx, flags)
	return wrap(fh), more, errno
}

// Create implements fs.NodeCreater.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.d.change(ctx, false); errno != 0 {
		return nil, nil, 0, errno
	}
	inode, fh, more, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	return inode, wrap(fh), more, errno
}

// Read implements fs.NodeReader.
func (n *node) Read(ctx context.Context, fh fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return fh.(*handle).inner.Read(ctx, dest, off)
}

// Write implements fs.NodeWriter.
func (n *node) Write(ctx context.Context, fh fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := n.d.change(ctx, false); errno != 0 {
		return 0, errno
	}
	return fh.(*handle).inner.Write(ctx, data, off)
}

// Fsync implements fs.NodeFsyncer.
func (n *node) Fsync(ctx context.Context, fh fs.FileHandle, flags uint32) syscall.Errno {
	if errno := n.d.change(ctx, true); errno != 0 {
		return errno
	}
	if h, ok := fh.(*handle); ok {
		return h.inner.Fsync(ctx, flags)
	}
	return 0
}

// Allocate implements fs.NodeAllocater.
func (n *node) Allocate(ctx context.Context, fh fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	if errno := n.d.change(ctx, false); errno != 0 {
		return errno
	}
	return fh.(*handle).inner.Allocate(ctx, off, size, mode)
}

// Flush implements fs.NodeFlusher.
func (n *node) Flush(ctx context.Context, fh fs.FileHandle) syscall.Errno {
	return fh.(*handle).inner.Flush(ctx)
}

// Release implements fs.NodeReleaser.
func (n *node) Release(ctx context.Context, fh fs.FileHandle) syscall.Errno {
	return fh.(*handle).inner.Release(ctx)
}

// Getattr implements fs.NodeGetattrer.
func (n *node) Getattr(ctx context.Context, fh fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	return n.LoopbackNode.Getattr(ctx, unwrap(fh), out)
}

// Setattr implements fs.NodeSetattrer.
func (n *node) Setattr(ctx context.Context, fh fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if errno := n.d.change(ctx, false); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Setattr(ctx, unwrap(fh), in, out)
}

// Unlink implements fs.NodeUnlinker.
func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	if errno := n.d.change(ctx, false); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Unlink(ctx, name)
}

// Rename implements fs.NodeRenamer.
func (n *node) Rename(ctx context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if errno := n.d.change(ctx, false); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Rename(ctx, name, to, newName, flags)
}

// Mkdir implements fs.NodeMkdirer.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.d.change(ctx, false); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Mkdir(ctx, name, mode, out)
}
