// Package crash keeps the last input of a worker's decoders where it outlives the worker: in
// memory that node and worker share. When a worker dies, the node writes what its decoders were
// given into a folder, so that a camera or a clip that crashes a decoder can be studied. tape.go is
// the worker's side, read.go the node's, folder.go the files.
//
// Nothing of it is on a disk until a worker has died, and writing to it costs the copy of a unit's
// coded bytes. The node reads the memory as what it is: the work of a process that was broken.
package crash

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"bongsu"
)

// FD is the file descriptor at which a worker inherits the memory.
const FD = 5

// The memory holds slots, one a camera; one that never had a camera takes no room. A slot is a
// head, an index of its latest units, and a ring of their bytes.
const (
	slots     = 32
	slotBytes = 2 << 20

	atUsed   = 0  // uint32: 1 while a camera has the slot
	atBusy   = 4  // uint32: 1 while a unit is being decoded
	atPlace  = 8  // uint64: bytes ever written to the ring
	atUnits  = 16 // uint64: units ever begun
	atCodec  = 24 // byte: see codecs
	atIDLen  = 25 // byte
	atID     = 26
	maxID    = 64
	atIndex  = 128
	indexed  = 512 // units
	entry    = 40  // bytes: place, seq, pts in µs, length, flags
	atRing   = atIndex + indexed*entry
	ringSize = slotBytes - atRing
)

// Flags of an index entry.
const (
	flagKey   = 1
	flagLost  = 2
	flagLarge = 4 // its bytes did not fit
)

var codecs = [...]string{"", "h264", "h265"}

var order = binary.LittleEndian

// Region is the node's end of one worker's memory. Close it.
type Region struct {
	f   *os.File
	mem []byte
}

// NewRegion makes the memory for one worker.
func NewRegion() (*Region, error) {
	fd, err := unix.MemfdCreate("bongsu-last-input", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memory for a worker's last input: %w", err)
	}
	f := os.NewFile(uintptr(fd), "last-input")
	if err := f.Truncate(slots * slotBytes); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("memory for a worker's last input: %w", err)
	}
	// A worker that is broken must not take the memory from under the node: reading behind the end
	// of a file kills a process.
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("memory for a worker's last input: %w", err)
	}
	mem, err := mapped(f.Fd())
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &Region{f: f, mem: mem}, nil
}

// mapped gives the memory behind a descriptor, which must have its whole size.
func mapped(fd uintptr) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		return nil, fmt.Errorf("memory for a worker's last input: %w", err)
	}
	if st.Size != slots*slotBytes {
		return nil, fmt.Errorf("memory for a worker's last input has %d bytes, not %d", st.Size, slots*slotBytes)
	}
	mem, err := unix.Mmap(int(fd), 0, slots*slotBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("memory for a worker's last input: %w", err)
	}
	return mem, nil
}

// File is what the worker inherits.
func (r *Region) File() *os.File { return r.f }

// Close gives the memory back; the worker's own view of it stays.
func (r *Region) Close() error {
	if r.mem == nil {
		return nil
	}
	err := unix.Munmap(r.mem)
	r.mem = nil
	if cerr := r.f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Unit is what a decoder is given, as a tape needs it.
type Unit struct {
	Codec     string // "h264" or "h265"
	Seq       uint64
	PTSUS     int64
	Key, Lost bool
	Sets      [3][]byte // parameter sets in force: VPS, SPS, PPS; written before a key unit
	NALs      [][]byte  // without start codes
}

// Last is the last input of one camera.
type Last struct {
	Camera bongsu.CameraID
	Codec  string
	Busy   bool // the worker died while the last unit was being decoded
	Units  []Noted
	Data   []byte // of Units, one after the other, as a byte stream with start codes
}

// Noted is one unit of a Last.
type Noted struct {
	Seq       uint64
	PTSUS     int64
	Key, Lost bool
	Bytes     int // in Data; 0 when it was too large to be kept
}
