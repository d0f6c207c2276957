package avcodec

import (
	"bytes"
	"testing"

	"bongsu/streams"
)

// bits writes a bit stream for crafted parameter sets.
type bits struct {
	out []byte
	n   int
}

func (b *bits) u(n int, v uint64) {
	for i := n - 1; i >= 0; i-- {
		if b.n%8 == 0 {
			b.out = append(b.out, 0)
		}
		b.out[b.n/8] |= byte(v>>i&1) << (7 - b.n%8)
		b.n++
	}
}

// ue writes an Exp-Golomb code: ITU-T H.264 section 9.1.
func (b *bits) ue(v uint64) {
	n := 0
	for (v+1)>>(n+1) > 0 {
		n++
	}
	b.u(n, 0)
	b.u(n+1, v+1)
}

// nal closes the payload and adds emulation prevention: ITU-T H.264 section 7.4.1.
func (b *bits) nal(header ...byte) []byte {
	b.u(1, 1)
	out, zeros := header, 0
	for _, v := range b.out {
		if zeros >= 2 && v <= 3 {
			out, zeros = append(out, 3), 0
		}
		if v == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

// sps264 is a baseline SPS of so many macroblocks.
func sps264(w, h uint64) []byte {
	var b bits
	b.u(8, 66)
	b.u(8, 0)
	b.u(8, 51)
	b.ue(0) // id
	b.ue(0) // log2_max_frame_num
	b.ue(2) // picture order count type
	b.ue(1) // references
	b.u(1, 0)
	b.ue(w - 1)
	b.ue(h - 1)
	b.u(4, 0b1100) // frames only, direct 8×8, no cropping, no VUI
	return b.nal(0x67)
}

// sps265 is a Main profile SPS of so many pixels.
func sps265(w, h uint64) []byte {
	var b bits
	b.u(8, 1)
	b.u(8, 1) // Main
	b.u(32, 0x60000000)
	b.u(48, 0x900000000000)
	b.u(8, 153)
	b.ue(0) // id
	b.ue(1) // 4:2:0
	b.ue(w)
	b.ue(h)
	b.u(1, 0)
	b.ue(0) // 8 bits
	b.ue(0)
	b.ue(4)
	b.u(1, 1)
	for _, v := range []uint64{0, 0, 0, 0, 3, 0, 3, 0, 0} {
		b.ue(v)
	}
	b.u(4, 0)
	b.ue(0)
	b.u(5, 0)
	return b.nal(0x42, 1)
}

func TestSPSSize(t *testing.T) {
	cases := []struct {
		codec streams.Codec
		sps   []byte
		w, h  int
	}{
		{streams.H264, sps264(20, 15), 320, 240},
		{streams.H264, sps264(1024, 1024), 16384, 16384},
		{streams.H264, append(sps264(20, 15), 0, 0, 0, 1, 9), 320, 240}, // bytes behind it
		{streams.H264, sps264(1<<28, 1<<28), 1 << 20, 1 << 20},
		{streams.H265, sps265(320, 240), 320, 240},
		{streams.H265, sps265(16384, 16384), 16384, 16384},
		{streams.H264, []byte{0x67}, 0, 0},
		{streams.H265, []byte{0x42, 1, 0}, 0, 0},
		{streams.H264, nil, 0, 0},
	}
	var z sizes
	for i, c := range cases {
		if w, h := spsSize(c.codec, c.sps); w != c.w || h != c.h {
			t.Errorf("case %d: %d×%d, want %d×%d", i, w, h, c.w, c.h)
		}
		for range 2 { // parsed, then remembered
			if p, _ := z.check(c.codec, c.sps); p != c.w*c.h {
				t.Errorf("case %d: %d pixels, want %d", i, p, c.w*c.h)
			}
		}
	}
}

func TestSizesRememberWithoutAllocating(t *testing.T) {
	var z sizes
	a, b := sps264(20, 15), sps264(40, 30)
	if n := testing.AllocsPerRun(10, func() { z.check(streams.H264, a); z.check(streams.H264, b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestKinds(t *testing.T) {
	cases := []struct {
		codec streams.Codec
		nal   []byte
		want  kind
	}{
		{streams.H264, []byte{0x67}, kindSPS},
		{streams.H264, []byte{0x68}, kindPPS},
		{streams.H264, []byte{0x65}, kindSlice},
		{streams.H264, []byte{0x41}, kindSlice},
		{streams.H264, []byte{0x06}, kindOther},
		{streams.H264, nil, kindOther},
		{streams.H265, []byte{32 << 1, 1}, kindVPS},
		{streams.H265, []byte{33 << 1, 1}, kindSPS},
		{streams.H265, []byte{34 << 1, 1}, kindPPS},
		{streams.H265, []byte{19 << 1, 1}, kindSlice},
		{streams.H265, []byte{8 << 1, 1}, kindLeading},
		{streams.H265, []byte{9 << 1, 1}, kindLeading},
		{streams.H265, []byte{6 << 1, 1}, kindSlice}, // RADL leans on its key unit only
		{streams.H265, []byte{39 << 1, 1}, kindOther},
	}
	for _, c := range cases {
		if got := kindOf(c.codec, c.nal); got != c.want {
			t.Errorf("%v % x: kind %d, want %d", c.codec, c.nal, got, c.want)
		}
	}
}

func TestPack(t *testing.T) {
	vps, sps, pps := []byte{32 << 1, 'v'}, []byte{33 << 1, 's'}, []byte{34 << 1, 'p'}
	sei, idr := []byte{39 << 1, 'e'}, []byte{19 << 1, 'i'}
	all := &streams.Params{Codec: streams.H265, VPS: vps, SPS: sps, PPS: pps}
	cases := []struct {
		name string
		au   streams.AccessUnit
		want [][]byte
	}{
		{"sets in band", streams.AccessUnit{Key: true, Params: all, NALs: [][]byte{vps, sps, pps, idr}}, [][]byte{vps, sps, pps, idr}},
		{"no sets in band", streams.AccessUnit{Key: true, Params: all, NALs: [][]byte{sei, idr, idr}}, [][]byte{vps, sps, sei, pps, idr, idr}},
		{"SPS only in band", streams.AccessUnit{Key: true, Params: all, NALs: [][]byte{sps, idr}}, [][]byte{vps, sps, pps, idr}},
		{"not a key unit", streams.AccessUnit{Params: all, NALs: [][]byte{idr}}, [][]byte{idr}},
		{"sets unknown", streams.AccessUnit{Key: true, NALs: [][]byte{idr}}, [][]byte{idr}},
		{"sets of another codec", streams.AccessUnit{Key: true, Params: &streams.Params{Codec: streams.H264, SPS: sps}, NALs: [][]byte{idr}}, [][]byte{idr}},
		{"empty NAL units", streams.AccessUnit{NALs: [][]byte{nil, idr, {}}}, [][]byte{idr}},
		{"no slice", streams.AccessUnit{Key: true, Params: all, NALs: [][]byte{sei}}, [][]byte{vps, sps, sei, pps}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.au.Codec = streams.H265
			add := missing(&c.au, contentOf(&c.au))
			var want []byte
			for _, nal := range c.want {
				want = append(append(want, 0, 0, 0, 1), nal...)
			}
			got := make([]byte, packedSize(&c.au, add))
			pack(got, &c.au, add)
			if !bytes.Equal(got, want) {
				t.Errorf("% x, want % x", got, want)
			}
		})
	}
}

func FuzzSPSSize(f *testing.F) {
	f.Add(true, sps264(20, 15))
	f.Add(true, sps264(1024, 1024))
	f.Add(false, sps265(320, 240))
	f.Add(false, []byte{0x42, 1})
	f.Fuzz(func(t *testing.T, avc bool, sps []byte) {
		codec := streams.H265
		if avc {
			codec = streams.H264
		}
		if w, h := spsSize(codec, sps); w < 0 || h < 0 || w*h < 0 {
			t.Errorf("%d×%d", w, h)
		}
	})
}
