package mp4

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Limits that keep a hostile file from costing more than its size.
const (
	maxMoovBytes   = 64 << 20 // index of about 19 hours at 30 pictures a second
	maxTopBoxes    = 1 << 16  // boxes at the top level of a file
	maxChildren    = 1 << 10  // boxes within one container
	maxSamples     = 2 << 20  // samples of one track
	maxSampleBytes = 64 << 20 // one coded picture
	maxSets        = 64       // parameter sets in one sample entry
)

// FormatError says what is wrong with a file, in which box, and where that box begins.
type FormatError struct {
	Path    string // such as moov/trak/mdia/minf/stbl/stsz; "" for the file as a whole
	Offset  int64  // bytes from the start of the file to the box
	Message string
}

// Error gives one line: the box, its offset, the sentence.
func (e *FormatError) Error() string {
	if e.Path == "" {
		return "mp4: " + e.Message
	}
	return fmt.Sprintf("mp4: %s at byte %d: %s", e.Path, e.Offset, e.Message)
}

// box is one box held in memory.
type box struct {
	kind string // four characters
	path string
	off  int64  // of its header, from the start of the file
	body []byte // without the header
	head int    // bytes of the header
}

func (b *box) errorf(format string, args ...any) error {
	return &FormatError{Path: b.path, Offset: b.off, Message: fmt.Sprintf(format, args...)}
}

// header is the size and kind at the start of a box (ISO/IEC 14496-12, 4.2).
type header struct {
	kind string
	size int64 // of the whole box; 0: to the end of what contains it
	head int
}

// parseHeader reads a box header from p, which holds what is left of the container, or its
// first 16 bytes. ok is false when p is too short.
func parseHeader(p []byte) (h header, ok bool) {
	if len(p) < 8 {
		return h, false
	}
	h = header{kind: string(p[4:8]), size: int64(binary.BigEndian.Uint32(p)), head: 8}
	if h.size == 1 {
		if len(p) < 16 {
			return h, false
		}
		h.size, h.head = int64(binary.BigEndian.Uint64(p[8:])), 16
	}
	return h, true
}

// fits reports whether the box can lie within room bytes, and gives its real size.
func (h *header) fits(room int64) (int64, bool) {
	if h.size == 0 {
		return room, true
	}
	return h.size, h.size >= int64(h.head) && h.size <= room
}

// children splits the body of a container, from byte skip on, into its boxes. Fewer than 8
// bytes at the end are ignored: some writers end user data with a zero word.
func (b *box) children(skip int) ([]box, error) {
	if len(b.body) < skip {
		return nil, b.errorf("is cut off: it has %d bytes, at least %d are needed", len(b.body), skip)
	}
	var out []box
	for p := skip; len(b.body)-p >= 8; {
		h, ok := parseHeader(b.body[p:])
		if !ok {
			return nil, b.errorf("holds a cut-off box header at byte %d", p)
		}
		size, ok := h.fits(int64(len(b.body) - p))
		if !ok {
			return nil, b.errorf("holds box %q of %d bytes where %d are left", h.kind, h.size, len(b.body)-p)
		}
		if len(out) == maxChildren {
			return nil, b.errorf("holds more than %d boxes", maxChildren)
		}
		end := p + int(size)
		out = append(out, box{
			kind: h.kind, path: b.path + "/" + h.kind, off: b.off + int64(b.head+p),
			body: b.body[p+h.head : end], head: h.head,
		})
		p = end
	}
	return out, nil
}

// find gives the first child of that kind, nil when there is none.
func find(boxes []box, kind string) *box {
	for i := range boxes {
		if boxes[i].kind == kind {
			return &boxes[i]
		}
	}
	return nil
}

// must gives the first child of that kind of parent.
func must(parent *box, boxes []box, kind string) (*box, error) {
	if b := find(boxes, kind); b != nil {
		return b, nil
	}
	return nil, parent.errorf("holds no box %q", kind)
}

// descend walks down one container after the other, the first of each kind.
func (b *box) descend(kinds ...string) (*box, error) {
	for _, k := range kinds {
		boxes, err := b.children(0)
		if err != nil {
			return nil, err
		}
		if b, err = must(b, boxes, k); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// scanTop calls visit for each box at the top level, with its header and offset, until visit
// returns false, the file ends, or a header makes no sense; where says how far it came.
func scanTop(r io.ReaderAt, size int64, visit func(h header, off, boxSize int64) bool) (where int64, err error) {
	var buf [16]byte
	off := int64(0)
	for n := 0; size-off >= 8; n++ {
		if n == maxTopBoxes {
			return off, &FormatError{Message: fmt.Sprintf("more than %d boxes at the top level", maxTopBoxes)}
		}
		p := buf[:min(16, size-off)]
		if err := readFull(r, p, off); err != nil {
			return off, err
		}
		h, ok := parseHeader(p)
		if !ok {
			return off, &FormatError{Message: fmt.Sprintf("a box header is cut off at byte %d", off)}
		}
		boxSize, ok := h.fits(size - off)
		if !ok {
			return off, &FormatError{Path: printable(h.kind), Offset: off,
				Message: fmt.Sprintf("says it has %d bytes, the file has %d left: the file is cut off or is no MP4", h.size, size-off)}
		}
		if !visit(h, off, boxSize) {
			return off, nil
		}
		off += boxSize
	}
	return off, nil
}

// load reads one box into memory.
func load(r io.ReaderAt, h header, off, boxSize int64) (*box, error) {
	if boxSize > maxMoovBytes {
		return nil, &FormatError{Path: h.kind, Offset: off, Message: fmt.Sprintf("has %d bytes, more than the %d that are read", boxSize, maxMoovBytes)}
	}
	b := &box{kind: h.kind, path: h.kind, off: off, head: h.head, body: make([]byte, boxSize-int64(h.head))}
	return b, readFull(r, b.body, off+int64(h.head))
}

// readFull reads all of p at off; a short read is an error that says where.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("mp4: reading %d bytes at byte %d: %w", len(p), off, err)
}

// printable keeps the characters of a box kind that can be shown.
func printable(kind string) string {
	p := []byte(kind)
	for i, c := range p {
		if c < ' ' || c > '~' {
			p[i] = '?'
		}
	}
	return string(p)
}

// cursor reads numbers from a box; the first read beyond its end sets err and all later ones
// give zero.
type cursor struct {
	box *box
	p   []byte
	err error
}

func newCursor(b *box) *cursor { return &cursor{box: b, p: b.body} }

// take gives the next n bytes, or nil.
func (c *cursor) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > len(c.p) {
		c.err = c.box.errorf("is cut off: %d more bytes are needed, %d are left", n, len(c.p))
		return nil
	}
	out := c.p[:n]
	c.p = c.p[n:]
	return out
}

func (c *cursor) u8() uint8 {
	if p := c.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if p := c.take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if p := c.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if p := c.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// full reads the version and flags of a full box.
func (c *cursor) full() (version uint8, flags uint32) {
	v := c.u32()
	return uint8(v >> 24), v & 0xffffff
}

// word reads a 64-bit number when version is 1, otherwise a 32-bit one.
func (c *cursor) word(version uint8) uint64 {
	if version == 1 {
		return c.u64()
	}
	return uint64(c.u32())
}
