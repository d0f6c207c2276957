package outbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// errPower is what every call gets once the power is off.
var errPower = errors.New("the power is off")

// memFS is a file system in memory that knows what a power cut would leave, and that fails
// where a test wants.
type memFS struct {
	mu      sync.Mutex
	names   map[string]*inode // as programs see it
	durable map[string]*inode // as the last SyncDir left it
	pending []nameOp          // since then, in order
	steps   int               // changing calls so far
	onStep  func()            // unless nil, called with mu held before each changing call
	off     bool
	fail    func(op, name string) error // unless nil, may make a step fail
	room    int64                       // bytes that fit; 0: no limit
	locked  bool
}

// inode is a file's content: what is durable, what programs see, and the writes between.
type inode struct {
	synced, seen []byte
	writes       []memWrite
}

type memWrite struct {
	off  int64
	data []byte
	grow int64
}

type nameOp struct {
	name string
	node *inode // nil: removed
}

func newMemFS() *memFS {
	return &memFS{names: map[string]*inode{}, durable: map[string]*inode{}}
}

// cut gives the file system as it is after a power cut that kept a part (0..1) of what was
// not synced. Of a half-kept list of writes the last is torn.
func (m *memFS) cut(keep float64) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cutNow(keep)
}

// cutNow is cut for whoever holds mu.
func (m *memFS) cutNow(keep float64) *memFS {
	c := newMemFS()
	names := maps.Clone(m.durable)
	for _, op := range m.pending[:int(float64(len(m.pending))*keep)] {
		if op.node == nil {
			delete(names, op.name)
		} else {
			names[op.name] = op.node
		}
	}
	for name, node := range names {
		b := slices.Clone(node.synced)
		n := int(float64(len(node.writes)) * keep)
		for i, w := range node.writes {
			switch {
			case i < n:
				b = w.apply(b)
			case i == n && keep > 0 && len(w.data) > 1:
				b = memWrite{off: w.off, data: w.data[:len(w.data)/2]}.apply(b)
			}
		}
		fresh := &inode{synced: b, seen: slices.Clone(b)}
		c.names[name], c.durable[name] = fresh, fresh
	}
	c.room = m.room
	return c
}

func (w memWrite) apply(b []byte) []byte {
	if end := max(w.off+int64(len(w.data)), w.grow); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[w.off:], w.data)
	return b
}

// step counts a changing call and decides whether it fails. The caller holds mu.
func (m *memFS) step(op, name string) error {
	if m.off {
		return errPower
	}
	m.steps++
	if m.onStep != nil {
		m.onStep()
	}
	if m.fail != nil {
		return m.fail(op, name)
	}
	return nil
}

func (m *memFS) used() (n int64) {
	for _, node := range m.names {
		n += int64(len(node.seen))
	}
	return n
}

func (m *memFS) Path(name string) string { return "mem/" + name }

func (m *memFS) MkdirAll(string) error { return nil }

func (m *memFS) ReadDir(dir string) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return nil, errPower
	}
	var out []Entry
	for name, node := range m.names {
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			out = append(out, Entry{rest, int64(len(node.seen))})
		}
	}
	return out, nil
}

func (m *memFS) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("create", name); err != nil {
		return nil, err
	}
	if m.names[name] != nil {
		return nil, fmt.Errorf("create %s: %w", name, fs.ErrExist)
	}
	node := new(inode)
	m.names[name] = node
	m.pending = append(m.pending, nameOp{name, node})
	return &memFile{m, name, node}, nil
}

func (m *memFS) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return nil, errPower
	}
	node := m.names[name]
	if node == nil {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	return &memFile{m, name, node}, nil
}

func (m *memFS) Size(name string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.names[name]
	if node == nil {
		return 0, fmt.Errorf("size of %s: %w", name, fs.ErrNotExist)
	}
	return int64(len(node.seen)), nil
}

func (m *memFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("remove", name); err != nil {
		return err
	}
	if m.names[name] != nil {
		delete(m.names, name)
		m.pending = append(m.pending, nameOp{name, nil})
	}
	return nil
}

func (m *memFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("rename", from); err != nil {
		return err
	}
	node := m.names[from]
	if node == nil {
		return fmt.Errorf("rename %s: %w", from, fs.ErrNotExist)
	}
	delete(m.names, from)
	m.names[to] = node
	m.pending = append(m.pending, nameOp{to, node}, nameOp{from, nil})
	return nil
}

func (m *memFS) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("syncdir", dir); err != nil {
		return err
	}
	var rest []nameOp
	for _, op := range m.pending {
		parent := "."
		if i := strings.LastIndexByte(op.name, '/'); i >= 0 {
			parent = op.name[:i]
		}
		switch {
		case parent != dir:
			rest = append(rest, op)
		case op.node == nil:
			delete(m.durable, op.name)
		default:
			m.durable[op.name] = op.node
		}
	}
	m.pending = rest
	return nil
}

func (m *memFS) Free() (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.room == 0 {
		return 1 << 40, nil
	}
	return max(m.room-m.used(), 0), nil
}

func (m *memFS) Lock(string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return nil, errors.New("another process has it open")
	}
	m.locked = true
	return unlock{m}, nil
}

type unlock struct{ m *memFS }

func (u unlock) Close() error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	u.m.locked = false
	return nil
}

type memFile struct {
	m    *memFS
	name string
	node *inode
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.m.off {
		return 0, errPower
	}
	if off >= int64(len(f.node.seen)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.seen[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) change(op string, w memWrite) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.m.step(op, f.name); err != nil {
		return err
	}
	grows := max(w.off+int64(len(w.data)), w.grow) - int64(len(f.node.seen))
	if f.m.room > 0 && grows > 0 && f.m.used()+grows > f.m.room {
		return fmt.Errorf("%s %s: %w", op, f.name, syscall.ENOSPC)
	}
	f.node.writes = append(f.node.writes, w)
	f.node.seen = w.apply(f.node.seen)
	return nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.change("write", memWrite{off: off, data: slices.Clone(p)}); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *memFile) Allocate(size int64) error { return f.change("allocate", memWrite{grow: size}) }

// Sync makes the content durable. When it fails, what was not synced never will be, as on a
// disk whose driver has marked the pages clean.
func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	err := f.m.step("sync", f.name)
	if f.m.off {
		return errPower
	}
	if err == nil {
		for _, w := range f.node.writes {
			f.node.synced = w.apply(f.node.synced)
		}
	}
	f.node.writes = nil
	return err
}

func (f *memFile) Close() error { return nil }
