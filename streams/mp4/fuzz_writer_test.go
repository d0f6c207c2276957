package mp4

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"bongsu/streams"
)

// unitBytes is how FuzzWriter reads units: 6 bytes of a step's place (DTS, and PTS after it, in
// steps of 100 µs), a byte of marks, a byte of length, the bytes of one NAL unit.
func unitBytes(units []*streams.AccessUnit) []byte {
	var b []byte
	before := time.Duration(0)
	for _, au := range units {
		b = binary.BigEndian.AppendUint32(b, uint32(int32((au.DTS-before)/(100*time.Microsecond))))
		b = binary.BigEndian.AppendUint16(b, uint16(int16((au.PTS-au.DTS)/(100*time.Microsecond))))
		before = au.DTS
		var marks byte
		if au.Key {
			marks |= 1
		}
		if au.Lost {
			marks |= 2
		}
		nal := au.NALs[0][:min(len(au.NALs[0]), 255)]
		b = append(append(b, marks, byte(len(nal))), nal...)
	}
	return b
}

// unitsFrom reads what unitBytes writes, and anything else.
func unitsFrom(b []byte) []*streams.AccessUnit {
	params := &streams.Params{Codec: streams.H264, SPS: testSPS, PPS: testPPS}
	var out []*streams.AccessUnit
	at := time.Duration(0)
	for len(b) >= 9 && len(out) < 200 {
		at += time.Duration(int32(binary.BigEndian.Uint32(b))) * 100 * time.Microsecond
		shown := at + time.Duration(int16(binary.BigEndian.Uint16(b[4:])))*100*time.Microsecond
		n := min(max(int(b[7]), 1), len(b)-8)
		out = append(out, &streams.AccessUnit{Camera: "cam", Run: "run", Seq: uint64(len(out)), Codec: streams.H264, Params: params,
			NALs: [][]byte{b[8 : 8+n]}, DTS: at, PTS: shown, Wall: testStart.Add(shown), Key: b[6]&1 != 0, Lost: b[6]&2 != 0})
		b = b[8+n:]
	}
	return out
}

// FuzzWriter: whatever units come at whatever times, what the writer calls a clip opens, holds
// those units' bytes in their order, and its times never go back.
func FuzzWriter(f *testing.F) {
	f.Add(unitBytes(fakeUnits(rand.New(rand.NewPCG(1, 1)), 12, 4, 100*time.Millisecond)))
	still := fakeUnits(rand.New(rand.NewPCG(1, 2)), 6, 3, 0)
	f.Add(unitBytes(still))
	jump := fakeUnits(rand.New(rand.NewPCG(1, 3)), 8, 4, time.Second)
	jump[4].DTS, jump[4].PTS = jump[4].DTS+2*time.Hour, jump[4].PTS-time.Second
	f.Add(unitBytes(jump))
	f.Fuzz(func(t *testing.T, p []byte) {
		mem := newMemFS()
		w, err := Create("d/clip.mp4", WriterOptions{FS: mem})
		if err != nil {
			t.Fatal(err)
		}
		var taken []*streams.AccessUnit
		var refused error // for good: Close says it again
		for _, au := range unitsFrom(p) {
			err := w.Add(au)
			if err == nil {
				taken = append(taken, au)
			} else if !errors.Is(err, ErrNotKey) {
				refused = err
			}
		}
		s, err := w.Close()
		if err != nil {
			if len(taken) > 0 && refused == nil {
				t.Fatalf("%d units were taken, and then: %v", len(taken), err)
			}
			return
		}
		if s.Samples == 0 {
			return
		}
		holds(t, mem.files["d/clip.mp4"].data, taken)
	})
}

func holds(t *testing.T, clip []byte, taken []*streams.AccessUnit) {
	t.Helper()
	rd, err := openBytes(clip)
	if err != nil {
		t.Fatalf("the clip does not open: %v", err)
	}
	if rd.Len() != len(taken) {
		t.Fatalf("%d samples of %d units", rd.Len(), len(taken))
	}
	for i, s := range rd.Samples() {
		nals, err := rd.Sample(i)
		if err != nil || len(nals) != 1 || string(nals[0]) != string(taken[i].NALs[0]) || s.Key != taken[i].Key {
			t.Fatalf("sample %d: %x, key %v, %v; want %x", i, nals, s.Key, err, taken[i].NALs)
		}
		if i > 0 && s.DTS < rd.Samples()[i-1].DTS {
			t.Fatalf("sample %d: decoded at %v, before the one before", i, s.DTS)
		}
	}
}
