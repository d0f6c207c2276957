package outbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"bongsu"
)

// A record of the log, little-endian, beginning at a multiple of 8:
//
//	 0  magic      4  F5 42 FF 4F: no part of UTF-8 text
//	 4  version    1  formatVersion
//	 5  kind       1
//	 6  zero       2
//	 8  segment    4  number of the segment it lies in
//	12  offset     4  where in the segment it begins
//	16  meta len   4
//	20  body len   4
//	24  body CRC   4  CRC-32C (RFC 9260, appendix A) of the body
//	28  head CRC   4  CRC-32C of bytes 0..27 and the meta
//	32  meta          JSON, see meta
//	    body          of an event: its JSON's length (4), the JSON, the snapshot's bytes
//	    zeros         up to a multiple of 8
//
// A record knows its place, so that bytes of an older file in a reused block, or of a record
// within another's body, cannot pass for one.
const (
	formatVersion = 1
	headBytes     = 32
	alignment     = 8
	maxMeta       = 1 << 20
	maxBody       = bongsu.MaxMessageBytes + bongsu.MaxSnapshotBytes + 4
)

var magic = [4]byte{0xF5, 0x42, 0xFF, 0x4F}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Kinds of record.
const (
	kindCheckpoint byte = 1 // first in a segment: the sums as they stood
	kindEvent      byte = 2 // one revision, with body
	kindAck        byte = 3 // revisions that the cloud has
	kindReject     byte = 4 // a revision that the cloud refused
	kindClip       byte = 5 // the row of a clip part; replaces the row before
	kindDamaged    byte = 6 // a revision whose body was found unreadable
)

// record is one record in memory.
type record struct {
	kind byte
	m    meta
	body []byte
	at   place
	void bool // it meant nothing any more when it was to be written, and was left out
}

// place is where a record lies.
type place struct {
	segment          uint32
	offset           int64
	size             int64 // whole record with padding
	metaLen, bodyLen int
	bodyCRC          uint32
}

// meta is what of a record is needed without reading its body. Which fields are used depends
// on the kind.
type meta struct {
	At int64 `json:"at"` // Unix µs at which it was written; in memory: at which it was durable

	// event
	ID       bongsu.EventID  `json:"id,omitempty"`
	Revision int             `json:"rev,omitempty"`
	Camera   bongsu.CameraID `json:"cam,omitempty"`
	Rank     int             `json:"rank,omitempty"` // of the event's priority; also of a clip
	Open     bool            `json:"open,omitempty"`
	Order    uint64          `json:"ord,omitempty"`
	Moved    bool            `json:"moved,omitempty"` // copied from a segment that was given up
	Acked    bool            `json:"acked,omitempty"` // moved event, or clip: the cloud has it
	Rejected bool            `json:"rej,omitempty"`   // moved event: the cloud refused it
	Parts    int             `json:"parts,omitempty"` // moved event: clip parts seen
	Latest   int             `json:"last,omitempty"`  // moved event: its highest revision, where that is not this one

	// ack, reject, damaged
	Keys    []bongsu.EventKey `json:"keys,omitempty"`
	Code    bongsu.Code       `json:"code,omitempty"`
	Message string            `json:"msg,omitempty"`

	Clip  *bongsu.Clip `json:"clip,omitempty"`
	Point *checkpoint  `json:"point,omitempty"`
}

// checkpoint is what a segment's first record holds, so that the segments before can go.
type checkpoint struct {
	Counts Counts `json:"counts"` // only the sums that rise: created, acked, evicted, failed, damaged
	Next   uint64 `json:"next"`   // order number of the next event

	// The segment before, and where it ends: what lies behind was never acknowledged, and was
	// written again if it was needed. Sums count only what lies before.
	Prev    uint32 `json:"prev,omitempty"`
	PrevEnd int64  `json:"prev_end,omitempty"`
}

// key is the event revision that a record of kindEvent is about.
func (m *meta) key() bongsu.EventKey { return bongsu.EventKey{ID: m.ID, Revision: m.Revision} }

func padded(n int64) int64 { return (n + alignment - 1) &^ (alignment - 1) }

// appendRecord appends r, which begins at the given place, to dst and sets r.at.
func appendRecord(dst []byte, r *record, segment uint32, offset int64) ([]byte, error) {
	m, err := json.Marshal(&r.m)
	if err != nil {
		return dst, fmt.Errorf("record's head: %w", err)
	}
	if len(m) > maxMeta || len(r.body) > maxBody {
		return dst, fmt.Errorf("a record of %d + %d bytes is too long", len(m), len(r.body))
	}
	var h [headBytes]byte
	copy(h[:], magic[:])
	h[4], h[5] = formatVersion, r.kind
	crc := crc32.Checksum(r.body, castagnoli)
	binary.LittleEndian.PutUint32(h[8:], segment)
	binary.LittleEndian.PutUint32(h[12:], uint32(offset))
	binary.LittleEndian.PutUint32(h[16:], uint32(len(m)))
	binary.LittleEndian.PutUint32(h[20:], uint32(len(r.body)))
	binary.LittleEndian.PutUint32(h[24:], crc)
	binary.LittleEndian.PutUint32(h[28:], headCRC(h[:28], m))
	size := padded(int64(headBytes + len(m) + len(r.body)))
	r.at = place{segment: segment, offset: offset, size: size, metaLen: len(m), bodyLen: len(r.body), bodyCRC: crc}
	end := int64(len(dst)) + size
	dst = append(append(append(dst, h[:]...), m...), r.body...)
	for int64(len(dst)) < end {
		dst = append(dst, 0)
	}
	return dst, nil
}

func headCRC(head, m []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, m)
}

// errNoRecord says that no record begins at a place.
var errNoRecord = errors.New("no record")

// parseHead reads the fixed part of a record and checks what can be checked without the meta.
func parseHead(h []byte, segment uint32, offset int64) (kind byte, at place, err error) {
	if len(h) < headBytes || [4]byte(h[:4]) != magic {
		return 0, at, errNoRecord
	}
	if h[4] != formatVersion {
		return 0, at, fmt.Errorf("%w: format %d, this release reads %d", errNoRecord, h[4], formatVersion)
	}
	at = place{
		segment: binary.LittleEndian.Uint32(h[8:]),
		offset:  int64(binary.LittleEndian.Uint32(h[12:])),
		metaLen: int(binary.LittleEndian.Uint32(h[16:])),
		bodyLen: int(binary.LittleEndian.Uint32(h[20:])),
		bodyCRC: binary.LittleEndian.Uint32(h[24:]),
	}
	if at.segment != segment || at.offset != offset || at.metaLen > maxMeta || at.bodyLen > maxBody {
		return 0, at, fmt.Errorf("%w: it belongs elsewhere", errNoRecord)
	}
	at.size = padded(int64(headBytes + at.metaLen + at.bodyLen))
	return h[5], at, nil
}

// parseMeta checks the head's checksum and reads the meta. h is the head and the meta.
func parseMeta(h []byte, r *record) error {
	m := h[headBytes : headBytes+r.at.metaLen]
	if headCRC(h[:28], m) != binary.LittleEndian.Uint32(h[28:]) {
		return fmt.Errorf("%w: its head's checksum is wrong", errNoRecord)
	}
	if err := json.Unmarshal(m, &r.m); err != nil {
		return fmt.Errorf("%w: %w", errNoRecord, err)
	}
	return r.sound()
}

// sound checks that a record has what its kind needs.
func (r *record) sound() error {
	ok := true // also a kind of a later release, whose checksums are right: it means nothing to this one
	switch r.kind {
	case kindCheckpoint:
		ok = r.m.Point != nil
	case kindEvent:
		ok = bongsu.ValidUUID(string(r.m.ID)) && r.m.Revision > 0 && r.m.Order > 0
	case kindClip:
		ok = r.m.Clip != nil && bongsu.ValidUUID(string(r.m.Clip.Event)) && r.m.Clip.Part >= 0
	}
	if !ok {
		return fmt.Errorf("%w: kind %d lacks what it needs", errNoRecord, r.kind)
	}
	return nil
}

// encodeEvent makes the body of an event's record.
func encodeEvent(rec *bongsu.EventRecord) ([]byte, error) {
	j, err := json.Marshal(&rec.Event)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", rec.Event.ID, err)
	}
	if len(j) > bongsu.MaxMessageBytes {
		return nil, bongsu.Errorf(bongsu.CodeTooLarge, "event %s has %d bytes, the limit is %d", rec.Event.ID, len(j), bongsu.MaxMessageBytes)
	}
	body := make([]byte, 0, 4+len(j)+len(rec.Snapshot))
	body = binary.LittleEndian.AppendUint32(body, uint32(len(j)))
	return append(append(body, j...), rec.Snapshot...), nil
}

// errBody says that a record's body is not what was written.
var errBody = errors.New("the record's body is damaged")

// decodeEvent reads the body of an event's record after its checksum was found right.
func decodeEvent(body []byte) (*bongsu.EventRecord, error) {
	if len(body) < 4 {
		return nil, errBody
	}
	n := int64(binary.LittleEndian.Uint32(body))
	if n > int64(len(body)-4) {
		return nil, errBody
	}
	rec := new(bongsu.EventRecord)
	if err := json.Unmarshal(body[4:4+n], &rec.Event); err != nil {
		return nil, fmt.Errorf("%w: %w", errBody, err)
	}
	if s := body[4+n:]; len(s) > 0 {
		rec.Snapshot = s
	}
	return rec, nil
}
