package crash

import (
	"slices"

	"bongsu"
)

// Read gives the last input of each camera of a worker that has ended: of those whose decoder was
// at work when there are any, since one of them is what it died of, and of all otherwise. Cameras
// without a unit are left out. What it reads may be rubbish and is held against every bound.
func (r *Region) Read() []Last {
	if r == nil || r.mem == nil {
		return nil
	}
	var all []Last
	for i := range slots {
		if l, ok := readSlot(r.mem[i*slotBytes : (i+1)*slotBytes]); ok {
			all = append(all, l)
		}
	}
	if slices.ContainsFunc(all, func(l Last) bool { return l.Busy }) {
		all = slices.DeleteFunc(all, func(l Last) bool { return !l.Busy })
	}
	return all
}

func readSlot(m []byte) (l Last, ok bool) {
	n := min(int(m[atIDLen]), maxID)
	id := string(m[atID : atID+n])
	if order.Uint32(m[atUsed:]) != 1 || !bongsu.ValidName(id) {
		return l, false
	}
	l.Camera, l.Busy = bongsu.CameraID(id), order.Uint32(m[atBusy:]) == 1
	if c := int(m[atCodec]); c < len(codecs) {
		l.Codec = codecs[c]
	}
	place, units := order.Uint64(m[atPlace:]), order.Uint64(m[atUnits:])
	first := uint64(0)
	if units > indexed {
		first = units - indexed
	}
	keyed := false
	for i := first; i < units; i++ {
		u, data, whole := readUnit(m, i, place)
		if !whole || len(l.Data)+len(data) > ringSize {
			l.Units, l.Data, keyed = l.Units[:0], l.Data[:0], false // overwritten, and so is all before it
			continue
		}
		if u.Key && !keyed { // what is before the first key unit cannot be decoded
			l.Units, l.Data, keyed = l.Units[:0], l.Data[:0], true
		}
		l.Units, l.Data = append(l.Units, u), append(l.Data, data...)
	}
	return l, len(l.Units) > 0
}

// readUnit gives unit i of a slot; whole is false when its bytes are not there any more.
func readUnit(m []byte, i, place uint64) (u Noted, data []byte, whole bool) {
	e := m[atIndex+int(i%indexed)*entry:][:entry]
	from, length := order.Uint64(e), uint64(order.Uint32(e[24:]))
	if length > ringSize || from > place || place-from > ringSize || place-from < length {
		return u, nil, false
	}
	u = Noted{Seq: order.Uint64(e[8:]), PTSUS: int64(order.Uint64(e[16:])), Key: e[28]&flagKey != 0, Lost: e[28]&flagLost != 0, Bytes: int(length)}
	ring := m[atRing:][:ringSize]
	at := from % ringSize
	data = append(data, ring[at:min(at+length, ringSize)]...)
	return u, append(data, ring[:length-uint64(len(data))]...), true
}
