package mp4

import (
	"encoding/hex"
	"testing"

	"bongsu/streams"
)

// spsCases are sequence parameter sets of libx264 and libx265 for the sizes said.
var spsCases = []struct {
	name   string
	codec  streams.Codec
	sps    string
	want   picture
	record bool // the rest of the picture is compared too
}{
	{"baseline, odd size", streams.H264, "6742c00dd90150879223011000000300100000030320f142a480", picture{width: 330, height: 242}, false},
	{"colour and aspect", streams.H264, "6764001eacd940a02ff970e6e02020280000030008000003019078b16cb0",
		picture{width: 640, height: 360, chroma: 1, depth: 8, depthChroma: 8, aspectW: 4, aspectH: 3, hasColour: true, fullRange: true, primaries: 1, transfer: 1, matrix: 1, profileSpecific: true}, true},
	{"an aspect without a number", streams.H264, "6764001eacd940a02ff97ff0011000d1000003000100000300320f162d96",
		picture{width: 640, height: 360, chroma: 1, depth: 8, depthChroma: 8, aspectW: 17, aspectH: 13, profileSpecific: true}, true},
	{"4:2:2, 10 bits", streams.H264, "677a001fb6cd9405005bb011000003000100000300320f183196",
		picture{width: 1280, height: 720, chroma: 2, depth: 10, depthChroma: 10, aspectW: 1, aspectH: 1, profileSpecific: true}, true},
	{"4:4:4", streams.H264, "67f4000d919b282a10f1f1f808800000030080000019078a14cb", picture{width: 322, height: 242}, false},
	{"grey", streams.H264, "6764000df36505421e3e3f016c800000030080000019078a14cb", picture{width: 322, height: 242}, false},
	{"interlaced", streams.H264, "6764001facd940b4113f78088000000300800000190f8b16cb", picture{width: 720, height: 1080}, false},
	{"scaling lists", streams.H264, "6764000dacd94141fb011000000300100000030320f1429960", picture{width: 320, height: 240}, false},
	{"H.265", streams.H265, "42010101600000030090000003000003003ca00a880f9c9265959a4932bc05a02000000300200000030321",
		picture{width: 330, height: 242, chroma: 1, depth: 8, depthChroma: 8, layers: 1, nested: true}, true},
	{"H.265, 10 bits", streams.H265, "420101022000000300900000030000030078a003c08010e4d96566924caf016808000003000800000300c840",
		picture{width: 1920, height: 1080, chroma: 1, depth: 10, depthChroma: 10, layers: 1, nested: true}, true},
	{"H.265, 4:2:2", streams.H265, "4201010408000003009d0800000300003cb00a480f9c93e5959a4932bc05a02000000300200000030321", picture{width: 322, height: 242}, false},
	{"H.265, 4:4:4", streams.H265, "4201010408000003009e0800000300003c90014901f39e7cb2b349265780b4040000030004000003006420", picture{width: 322, height: 242}, false},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseSPS(t *testing.T) {
	for _, tc := range spsCases {
		sps := unhex(t, tc.sps)
		got, err := parseSPS(tc.codec, sps)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if !tc.record {
			got = picture{width: got.width, height: got.height}
		}
		if got != tc.want {
			t.Errorf("%s: %+v\nwant %+v", tc.name, got, tc.want)
		}
		// Cameras leave rubbish behind the SPS: it must not matter.
		if again, err := parseSPS(tc.codec, append(sps, 0xde, 0xad, 0, 0, 1)); err != nil || again.width != tc.want.width {
			t.Errorf("%s with bytes behind: %+v, %v", tc.name, again, err)
		}
		for cut := range len(sps) {
			if _, err := parseSPS(tc.codec, sps[:cut]); err == nil && cut < 8 {
				t.Errorf("%s: the first %d bytes were enough", tc.name, cut)
			}
		}
	}
}

// TestSPSWithSubLayers skips the levels of temporal sub-layers.
func TestSPSWithSubLayers(t *testing.T) {
	var w bitWriter
	w.put(16, 0x4201)
	w.put(4, 0)
	w.put(3, 2) // 3 sub-layers
	w.put(1, 1)
	for range 96 {
		w.put(1, 0)
	}
	w.put(2, 3) // the first has profile and level
	w.put(2, 1) // the second a level
	w.put(12, 0)
	for range 88 + 8 + 8 {
		w.put(1, 1)
	}
	for _, v := range []uint32{0, 1, 1280, 720} {
		w.ue(v)
	}
	w.put(1, 0)
	w.ue(0)
	w.ue(0)
	got, err := parseSPS(streams.H265, w.p)
	if err != nil || got.width != 1280 || got.height != 720 || got.layers != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSPSOfNonsenseSizes(t *testing.T) {
	for _, tc := range [][2]uint32{{1 << 30, 100}, {100, 1<<31 - 2}, {0, 100}} {
		var w bitWriter
		w.put(16, 0x4201)
		w.put(4, 0)
		w.put(3, 0)
		w.put(1, 1)
		for range 96 {
			w.put(1, 1)
		}
		w.ue(0)
		w.ue(1)
		w.ue(tc[0])
		w.ue(tc[1])
		w.put(1, 0)
		w.ue(0)
		w.ue(0)
		if got, err := parseSPS(streams.H265, w.p); err == nil {
			t.Errorf("%d by %d was believed: %+v", tc[0], tc[1], got)
		}
	}
}

// TestUnreadableSPS: a clip is written all the same, only its index does not know the size.
func TestUnreadableSPS(t *testing.T) {
	units := fakeUnits(newRand(t), 10, 5, 1000)
	for _, au := range units {
		au.Params = &streams.Params{Codec: streams.H264, SPS: []byte{0x67, 1}, PPS: testPPS}
	}
	path := t.TempDir() + "/clip.mp4"
	if s := record(t, path, units); s.Width != 0 || s.Samples != 10 || s.Codec != "avc1" {
		t.Errorf("%+v", s)
	}
	if rd := openFile(t, path); rd.Len() != 10 || rd.Width() != 0 {
		t.Errorf("%d samples, width %d", rd.Len(), rd.Width())
	}
}

// bitWriter builds parameter sets; it does not escape, so tests keep zeros apart.
type bitWriter struct {
	p []byte
	n int
}

func (w *bitWriter) put(bits int, v uint32) {
	for i := bits - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.p = append(w.p, 0)
		}
		w.p[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) ue(v uint32) {
	bits := 0
	for (v+1)>>(bits+1) != 0 {
		bits++
	}
	w.put(bits, 0)
	w.put(bits+1, v+1)
}
