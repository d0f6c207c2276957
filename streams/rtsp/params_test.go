package rtsp

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

func TestParamSetsChange(t *testing.T) {
	a := streamstest.SyntheticParams(streams.H264, 0)
	b := streamstest.SyntheticParams(streams.H264, 2)
	p := newParamSets(streams.H264)
	if p.add(a.PPS); p.current() != nil {
		t.Fatal("parameter sets without an SPS are in force")
	}
	p.add(a.SPS)
	first := p.current()
	if first == nil || !bytes.Equal(first.SPS, a.SPS) || p.info.width != 320 || p.info.height != 240 {
		t.Fatalf("%+v %+v", first, p.info)
	}
	p.add(slices.Clone(a.SPS))
	p.add(slices.Clone(a.PPS))
	if p.current() != first {
		t.Fatal("the same sets again are others")
	}
	p.add(b.SPS)
	if second := p.current(); second == first || !bytes.Equal(second.SPS, b.SPS) || !bytes.Equal(first.SPS, a.SPS) {
		t.Fatal("another SPS did not make another set, or changed the old one")
	}
}

// TestSeveralPPS: pictures that use several PPS in turn do not change the set each time.
func TestSeveralPPS(t *testing.T) {
	a := streamstest.SyntheticParams(streams.H264, 0)
	other := append([]byte{0x68, 0x5f}, a.PPS[2:]...) // 010…: pic_parameter_set_id 1
	p := newParamSets(streams.H264)
	for _, nal := range [][]byte{a.SPS, other, a.PPS} {
		p.add(nal)
	}
	first := p.current()
	for range 3 {
		p.add(other)
		p.add(a.PPS)
		if p.current() != first {
			t.Fatal("a second PPS made another set")
		}
	}
	if ppsID(streams.H264, other) != 1 || ppsID(streams.H264, a.PPS) != 0 || !bytes.Equal(first.PPS, a.PPS) {
		t.Fatalf("% x", first.PPS)
	}
}

func TestReadSPS(t *testing.T) {
	h264, h265 := streamstest.SyntheticParams(streams.H264, 0).SPS, streamstest.SyntheticParams(streams.H265, 0).SPS
	for name, c := range map[string]struct {
		codec streams.Codec
		sps   []byte
		want  spsInfo
	}{
		"h264": {streams.H264, h264, spsInfo{known: true, profile: "Main", width: 320, height: 240, fps: 25, reorderKnown: true}},
		"h264 with B pictures": {streams.H264, streamstest.SyntheticParams(streams.H264, 2).SPS,
			spsInfo{known: true, profile: "Main", width: 320, height: 240, fps: 25, reorder: 1, reorderKnown: true}},
		"extra bytes after the SPS (Q6)": {streams.H264, slices.Concat(h264, []byte{0, 0, 0x80, 0xff}),
			spsInfo{known: true, profile: "Main", width: 320, height: 240, fps: 25, reorderKnown: true}},
		"h265": {streams.H265, h265, spsInfo{known: true, profile: "Main", width: 320, height: 240, fps: 25, reorderKnown: true}},
		"h265 with B pictures": {streams.H265, streamstest.SyntheticParams(streams.H265, 2).SPS,
			spsInfo{known: true, profile: "Main", width: 320, height: 240, fps: 25, reorder: 2, reorderKnown: true}},
		"cut off":  {streams.H264, h264[:5], spsInfo{}},
		"nonsense": {streams.H265, []byte{0x42, 1, 2, 3, 4}, spsInfo{}},
	} {
		got := readSPS(c.codec, c.sps)
		if got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		codec streams.Codec
		nal   []byte
		want  nalKind
	}{
		{streams.H264, []byte{0x65, 0x88, 0x84}, nalKind{vcl: true, key: true, first: true}},
		{streams.H264, []byte{0x65, 0x30, 0x84}, nalKind{vcl: true, key: true}},
		{streams.H264, []byte{0x41, 0x9a}, nalKind{vcl: true, first: true}},
		{streams.H264, []byte{0x01, 0x9e}, nalKind{vcl: true, first: true, b: true}},
		{streams.H264, []byte{0x41}, nalKind{vcl: true}},
		{streams.H264, []byte{0x42, 0x80}, nalKind{vcl: true, first: true}},
		{streams.H264, []byte{0x43, 0x80}, nalKind{vcl: true}},
		{streams.H264, []byte{0x67}, nalKind{sps: true, begins: true}},
		{streams.H264, []byte{0x68}, nalKind{pps: true, begins: true}},
		{streams.H264, []byte{0x06}, nalKind{begins: true}},
		{streams.H264, []byte{0x09}, nalKind{begins: true}},
		{streams.H264, []byte{0x0a}, nalKind{}},
		{streams.H264, nil, nalKind{}},
		{streams.H265, []byte{0x26, 1, 0x80}, nalKind{vcl: true, key: true, first: true}},
		{streams.H265, []byte{0x2a, 1, 0x80}, nalKind{vcl: true, key: true, first: true}}, // CRA
		{streams.H265, []byte{0x02, 1, 0x00}, nalKind{vcl: true}},
		{streams.H265, []byte{0x02, 1}, nalKind{vcl: true}},
		{streams.H265, []byte{0x40, 1}, nalKind{vps: true, begins: true}},
		{streams.H265, []byte{0x42, 1}, nalKind{sps: true, begins: true}},
		{streams.H265, []byte{0x44, 1}, nalKind{pps: true, begins: true}},
		{streams.H265, []byte{0x46, 1}, nalKind{begins: true}},
		{streams.H265, []byte{0x4e, 1}, nalKind{begins: true}},
		{streams.H265, []byte{0x50, 1}, nalKind{}}, // suffix SEI stands behind its picture
		{streams.H265, []byte{0x26}, nalKind{}},
		{streams.CodecNone, []byte{0x65, 0x88}, nalKind{}},
	} {
		if got := kindOf(c.codec, c.nal); got != c.want {
			t.Errorf("%v % x: %+v", c.codec, c.nal, got)
		}
	}
}

func TestSplitAnnexB(t *testing.T) {
	for in, want := range map[string][]string{
		"65aa":                           {"65aa"},
		"00000167aa00000168bb":           {"67aa", "68bb"},
		"67aa0000000168bb000001":         {"67aa", "68bb"},
		"000001":                         nil,
		"0000010000016500":               {"6500"},
		"65aa0000030100":                 {"65aa0000030100"},
		"67aa000000000000000000000165bb": {"67aa", "65bb"},
	} {
		raw, _ := hex.DecodeString(in)
		var got []string
		for _, nal := range splitAnnexB(raw, nil) {
			got = append(got, hex.EncodeToString(nal))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", in, got, want)
		}
	}
}

// FuzzParamSets: whatever comes as a parameter set is read or refused, never more.
func FuzzParamSets(f *testing.F) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		for _, b := range []int{0, 2} {
			for _, nal := range streamstest.ParamNALs(streamstest.SyntheticParams(codec, b)) {
				f.Add(codec == streams.H265, nal)
			}
		}
	}
	f.Fuzz(func(t *testing.T, h265 bool, nal []byte) {
		codec := streams.H264
		if h265 {
			codec = streams.H265
		}
		p := newParamSets(codec)
		p.add(nal)
		in := p.info
		if in.reorder < 0 || in.reorder > 16 || in.fps < 0 || in.fps > 1000 {
			t.Fatalf("%+v", in)
		}
		if set := p.current(); set != nil {
			t.Fatal("one NAL unit is not a whole set")
		}
	})
}
