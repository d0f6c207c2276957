// Package powercut takes the power away from a file system, for tests: an ext4 image on a loop
// device is shut down by ioctl without writing its log, so that what was not fsynced is gone and
// later writes fail, and is then mounted again as after a restart. It needs root and loop
// devices; where they are missing the test is skipped, loudly.
package powercut

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// From Linux: include/uapi/linux/loop.h and fs/ext4/ext4.h.
const (
	loopSetFD      = 0x4C00
	loopClrFD      = 0x4C01
	loopSetStatus  = 0x4C04 // LOOP_SET_STATUS64
	loopGetFree    = 0x4C82 // LOOP_CTL_GET_FREE
	loopAutoclear  = 4      // LO_FLAGS_AUTOCLEAR
	loopInfoBytes  = 232    // sizeof(struct loop_info64)
	loopInfoFlags  = 52     // offsetof(struct loop_info64, lo_flags)
	ext4Shutdown   = 0x8004587D
	shutdownNoLog  = 2 // EXT4_GOING_FLAGS_NOLOGFLUSH
	attachAttempts = 32
)

// Disk is a file system that can lose its power. It belongs to one test and is unmounted and
// removed when the test ends, also when it fails. It is not safe for use by many goroutines.
type Disk struct {
	Path string // where it is mounted; the same over all its life

	image string
	cuts  int
	on    bool          // mounted
	busy  time.Duration // how long Remount waits for files to be closed
}

// New makes a disk of so many MiB (at least 8) and mounts it. Without root or loop devices it
// skips the test and says why.
func New(t testing.TB, mib int64) *Disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: power cuts are not tested here: mounting needs root")
	}
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		if mkfs, err = exec.LookPath("/sbin/mkfs.ext4"); err != nil {
			t.Skipf("SKIPPED: power cuts are not tested here: %v (package e2fsprogs)", err)
		}
	}
	sweep()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", prefix, os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	d := &Disk{Path: filepath.Join(dir, "disk"), image: filepath.Join(dir, "disk.img"), busy: 10 * time.Second}
	t.Cleanup(func() {
		if err := errors.Join(d.unmount(syscall.MNT_DETACH), os.RemoveAll(dir)); err != nil {
			t.Errorf("the disk of a power cut stays: %v", err)
		}
	})
	if err := d.format(mkfs, mib); err != nil {
		t.Fatal(err)
	}
	if err := d.mount(); err != nil {
		t.Skipf("SKIPPED: power cuts are not tested here: %v", err)
	}
	return d
}

// prefix begins the names of the folders, followed by the number of the process.
const prefix = "bongsu-powercut-"

// sweep takes out the disks of processes that ended without doing so, as a killed one does.
func sweep() {
	list, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range list {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), prefix+"%d-", &pid); err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		_ = syscall.Unmount(filepath.Join(dir, "disk"), syscall.MNT_DETACH)
		_ = os.RemoveAll(dir)
	}
}

func (d *Disk) format(mkfs string, mib int64) error {
	f, err := os.OpenFile(d.image, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(mib<<20), f.Close(), os.Mkdir(d.Path, 0o700)); err != nil {
		return err
	}
	// No lazy initialisation: a kernel thread that writes in the background would keep the
	// device busy after the cut.
	out, err := exec.Command(mkfs, "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.image).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", mkfs, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Cut takes the power away: what was not fsynced is gone, and every call on the disk fails until
// Remount. Processes that have files open there are not told.
func (d *Disk) Cut() error {
	f, err := os.Open(d.Path)
	if err != nil {
		return fmt.Errorf("power cut: %w", err)
	}
	flag := uint32(shutdownNoLog)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&flag)))
	if err := f.Close(); errno != 0 || err != nil {
		return fmt.Errorf("power cut: %w", errors.Join(errnoOrNil(errno), err))
	}
	d.cuts++
	return nil
}

// Cuts is how often the power was taken away.
func (d *Disk) Cuts() int { return d.cuts }

// Remount starts the disk again after Cut: what ext4's journal holds is played back. Whoever has
// files open there must be gone; it waits 10 s for that, because a killed process takes a while
// to end.
func (d *Disk) Remount() error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(d.busy)
	for {
		err := d.unmount(0)
		if err == nil {
			return d.mount()
		}
		if !errors.Is(err, syscall.EBUSY) {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("somebody still has files open: %w", err)
		}
	}
}

func errnoOrNil(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// mount attaches the image to a free loop device, which detaches itself when it is unmounted or
// this process dies, and mounts it.
func (d *Disk) mount() error {
	dev, err := d.attach()
	if err != nil {
		return err
	}
	// ext4 may be mounted as long as the device is held, so it is closed after.
	err = syscall.Mount(dev.Name(), d.Path, "ext4", syscall.MS_NOATIME, "")
	if cerr := dev.Close(); err == nil && cerr == nil {
		d.on = true
		return nil
	} else if err == nil {
		err = cerr
	}
	return fmt.Errorf("mount %s on %s: %w", dev.Name(), d.Path, err)
}

// attach gives a loop device with the image in it, open. Others may take a free device between
// asking for it and using it, so it is tried more than once.
func (d *Disk) attach() (*os.File, error) {
	image, err := os.OpenFile(d.image, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer image.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("loop devices: %w", err)
	}
	defer control.Close()
	for range attachAttempts {
		n, _, errno := syscall.Syscall(syscall.SYS_IOCTL, control.Fd(), loopGetFree, 0)
		if errno != 0 {
			return nil, fmt.Errorf("no free loop device: %w", errno)
		}
		dev, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("loop device %d: %w", n, err)
		}
		errno = setImage(dev, image)
		if errno == 0 {
			return dev, nil
		}
		if err := dev.Close(); err != nil || errno != syscall.EBUSY {
			return nil, fmt.Errorf("loop device %d: %w", n, errors.Join(errno, err))
		}
	}
	return nil, errors.New("no loop device stays free for long enough")
}

func setImage(dev, image *os.File) syscall.Errno {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, dev.Fd(), loopSetFD, image.Fd()); errno != 0 {
		return errno
	}
	var info [loopInfoBytes]byte
	binary.NativeEndian.PutUint32(info[loopInfoFlags:], loopAutoclear)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, dev.Fd(), loopSetStatus, uintptr(unsafe.Pointer(&info)))
	if errno != 0 {
		_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, dev.Fd(), loopClrFD, 0)
	}
	return errno
}

func (d *Disk) unmount(flags int) error {
	if !d.on {
		return nil
	}
	if err := syscall.Unmount(d.Path, flags); err != nil {
		return fmt.Errorf("unmount %s: %w", d.Path, err)
	}
	d.on = false
	return nil
}
