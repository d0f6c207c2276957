package mp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"bongsu/streams"
)

// film describes an MP4 file for tests, with all the forms that our own writer does not use.
type film struct {
	handler, entry string
	lengthSize     int
	samples        [][]byte // with length prefixes
	stts, ctts     []uint32 // (count, value) pairs
	cttsVersion    uint8
	stss           []uint32
	noStss         bool
	perChunk       int
	co64           bool
	sameSize       bool
	edits          []int64 // (duration, media time) pairs
	scale          uint32
	mdhdV1         bool
	tail           bool // index behind the media
	config         []byte
	mvex           bool
	audio          bool // an audio track first
	replace        map[string]func() []byte
}

func avcCBytes(lengthSize int, sets bool) []byte {
	var o builder
	o.u8(1, 0x4d, 0x40, 0x0d, 0xfc|byte(lengthSize-1))
	if !sets {
		o.u8(0xe0, 0)
		return o.b
	}
	o.u8(0xe1)
	o.sets([][]byte{testSPS})
	o.u8(1)
	o.sets([][]byte{testPPS})
	return o.b
}

// plainFilm has 6 samples in chunks of 4, keys at 1 and 4, times of 1/10 s.
func plainFilm() *film {
	f := &film{handler: "vide", entry: "avc1", lengthSize: 4, stts: []uint32{6, 100}, ctts: []uint32{6, 200}, stss: []uint32{1, 4}, perChunk: 4,
		edits: []int64{600, 200}, scale: 1000, replace: map[string]func() []byte{}}
	f.config = avcCBytes(4, true)
	for i := range 6 {
		f.samples = append(f.samples, f.sample([]byte{0x65, byte(i)}, []byte{0x06, 1, 2, byte(i)}))
	}
	return f
}

func (f *film) sample(nals ...[]byte) (p []byte) {
	for _, n := range nals {
		for k := f.lengthSize - 1; k >= 0; k-- {
			p = append(p, byte(len(n)>>(8*k)))
		}
		p = append(p, n...)
	}
	return p
}

// bytes builds the file.
func (f *film) bytes() []byte {
	var o builder
	o.box("ftyp", func() { o.str("isom"); o.u32(0) })
	if f.tail {
		data := uint64(len(o.b) + 8)
		o.mdat(f)
		o.movie(f, data)
		return o.b
	}
	probe := builder{}
	probe.movie(f, 0)
	o.movie(f, uint64(len(o.b)+len(probe.b)+8))
	o.mdat(f)
	return o.b
}

func (o *builder) mdat(f *film) {
	o.box("mdat", func() {
		for _, s := range f.samples {
			o.u8(s...)
		}
	})
}

// part writes a box, or what the film puts in its place.
func (o *builder) part(f *film, kind string, body func()) {
	if r := f.replace[kind]; r != nil {
		o.u8(r()...)
		return
	}
	o.box(kind, body)
}

func (o *builder) movie(f *film, data uint64) {
	o.part(f, "moov", func() {
		o.part(f, "mvhd", func() { o.u32(0, 0, 0, 1000, 600); o.zero(80) })
		if f.audio {
			o.box("trak", func() {
				o.box("mdia", func() { o.full("hdlr", 0, 0, func() { o.u32(0); o.str("soun"); o.zero(13) }) })
			})
		}
		o.part(f, "trak", func() { o.filmTrack(f, data) })
		if f.mvex {
			o.box("mvex", func() {})
		}
	})
}

func (o *builder) filmTrack(f *film, data uint64) {
	if f.edits != nil {
		o.box("edts", func() {
			o.part(f, "elst", func() {
				o.u32(0, uint32(len(f.edits)/2))
				for i := 0; i < len(f.edits); i += 2 {
					o.u32(uint32(f.edits[i]), uint32(f.edits[i+1]), 0x10000)
				}
			})
		})
	}
	o.box("mdia", func() {
		o.part(f, "mdhd", func() {
			if f.mdhdV1 {
				o.u32(1<<24, 0, 0, 0, 0, f.scale, 0, 600, 0)
				return
			}
			o.u32(0, 0, 0, f.scale, 600, 0)
		})
		o.part(f, "hdlr", func() { o.u32(0, 0); o.str(f.handler); o.zero(13) })
		o.box("minf", func() { o.part(f, "stbl", func() { o.filmTables(f, data) }) })
	})
}

func (o *builder) filmTables(f *film, data uint64) {
	o.part(f, "stsd", func() {
		o.u32(0, 1)
		o.box(f.entry, func() {
			o.zero(24)
			o.u16(320)
			o.u16(240)
			o.zero(50)
			name := "avcC"
			if f.entry == "hvc1" || f.entry == "hev1" {
				name = "hvcC"
			}
			o.part(f, name, func() { o.u8(f.config...) })
		})
	})
	pairs := func(kind string, version uint8, v []uint32) {
		o.part(f, kind, func() {
			o.u32(uint32(version)<<24, uint32(len(v)/2))
			o.u32(v...)
		})
	}
	pairs("stts", 0, f.stts)
	if f.ctts != nil {
		pairs("ctts", f.cttsVersion, f.ctts)
	}
	if !f.noStss {
		o.part(f, "stss", func() { o.u32(0, uint32(len(f.stss))); o.u32(f.stss...) })
	}
	o.part(f, "stsz", func() {
		if f.sameSize {
			o.u32(0, uint32(len(f.samples[0])), uint32(len(f.samples)))
			return
		}
		o.u32(0, 0, uint32(len(f.samples)))
		for _, s := range f.samples {
			o.u32(uint32(len(s)))
		}
	})
	o.part(f, "stsc", func() {
		rest := len(f.samples) % f.perChunk
		chunks := len(f.samples) / f.perChunk
		if rest == 0 {
			o.u32(0, 1, 1, uint32(f.perChunk), 1)
			return
		}
		o.u32(0, 2, 1, uint32(f.perChunk), 1, uint32(chunks+1), uint32(rest), 1)
	})
	kind := "stco"
	if f.co64 {
		kind = "co64"
	}
	o.part(f, kind, func() {
		o.u32(0, uint32((len(f.samples)+f.perChunk-1)/f.perChunk))
		for i, s := range f.samples {
			if i%f.perChunk == 0 {
				if f.co64 {
					o.u64(data)
				} else {
					o.u32(uint32(data))
				}
			}
			data += uint64(len(s))
		}
	})
}

func openBytes(p []byte) (*Reader, error) { return Open(bytes.NewReader(p), int64(len(p))) }

func TestReaderForms(t *testing.T) {
	ms := time.Millisecond
	for _, tc := range []struct {
		name  string
		alter func(f *film)
		first time.Duration // PTS of the first sample
		keys  string
	}{
		{"plain", func(f *film) {}, 0, "100100"},
		{"index behind", func(f *film) { f.tail = true }, 0, "100100"},
		{"64-bit offsets", func(f *film) { f.co64 = true }, 0, "100100"},
		{"version 1 of mdhd", func(f *film) { f.mdhdV1 = true }, 0, "100100"},
		{"one size", func(f *film) { f.sameSize = true }, 0, "100100"},
		{"one chunk each", func(f *film) { f.perChunk = 1 }, 0, "100100"},
		{"no stss", func(f *film) { f.noStss = true }, 0, "111111"},
		{"no edit list", func(f *film) { f.edits = nil }, 200 * ms, "100100"},
		{"empty edit first", func(f *film) { f.edits = []int64{500, -1, 600, 200} }, 500 * ms, "100100"},
		{"empty edit only", func(f *film) { f.edits = []int64{500, -1} }, 700 * ms, "100100"},
		{"no ctts", func(f *film) { f.ctts = nil }, -200 * ms, "100100"},
		{"negative ctts", func(f *film) { f.ctts, f.cttsVersion = []uint32{6, 0xffffff9c}, 1 }, -300 * ms, "100100"},
		{"audio first", func(f *film) { f.audio = true }, 0, "100100"},
		{"sets in band", func(f *film) {
			f.entry, f.config = "avc3", avcCBytes(4, false)
			f.samples[0] = f.sample(testSPS, testPPS, []byte{0x65})
		}, 0, "100100"},
		{"lengths of 2 bytes", func(f *film) { short(f, 2) }, 0, "100100"},
		{"lengths of 1 byte", func(f *film) { short(f, 1) }, 0, "100100"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := plainFilm()
			tc.alter(f)
			rd, err := openBytes(f.bytes())
			if err != nil {
				t.Fatal(err)
			}
			p := rd.Params()
			if rd.Len() != 6 || rd.Width() != 320 || rd.Height() != 240 || !p.Complete() || rd.Codec() != streams.H264 || rd.Duration() != 600*ms || rd.FPS() != 10 {
				t.Errorf("%d samples, %dx%d, %v", rd.Len(), rd.Width(), rd.Height(), rd.Duration())
			}
			if got := rd.CodecString(); got != f.entry+".4d400d" {
				t.Errorf("codec %q", got)
			}
			keys := ""
			for i, s := range rd.Samples() {
				keys += map[bool]string{true: "1", false: "0"}[s.Key]
				if want := tc.first + time.Duration(i)*100*ms; s.PTS != want {
					t.Errorf("sample %d is shown at %v, want %v", i, s.PTS, want)
				}
				nals, err := rd.Sample(i)
				if err != nil {
					t.Fatal(err)
				}
				if got := f.sample(nals...); !bytes.Equal(got, f.samples[i]) {
					t.Errorf("sample %d is % x", i, got)
				}
			}
			if keys != tc.keys {
				t.Errorf("keys %s, want %s", keys, tc.keys)
			}
		})
	}
}

func short(f *film, n int) {
	f.lengthSize, f.config = n, avcCBytes(n, true)
	for i := range f.samples {
		f.samples[i] = f.sample([]byte{0x65, byte(i)})
	}
}

// swap gives a box with a body of the test's.
func swap(kind string, body func(o *builder)) func() []byte {
	return func() []byte {
		var o builder
		o.box(kind, func() { body(&o) })
		return o.b
	}
}

func TestReaderRefuses(t *testing.T) {
	words := func(kind string, v ...uint32) func(f *film) {
		return func(f *film) { f.replace[kind] = swap(kind, func(o *builder) { o.u32(v...) }) }
	}
	gone := func(kind string) func(f *film) {
		return func(f *film) { f.replace[kind] = swap("free", func(o *builder) {}) }
	}
	for _, tc := range []struct {
		name  string
		alter func(f *film)
		want  string
	}{
		{"no movie", gone("moov"), "no index (moov)"},
		{"fragmented", func(f *film) { f.mvex = true }, "fragmented"},
		{"no track", gone("trak"), "moov at byte 16: holds no track"},
		{"audio only", func(f *film) { f.handler = "soun" }, `only a track of type "soun"`},
		{"another codec", func(f *film) { f.entry = "mp4v" }, "MPEG-4 part 2"},
		{"encrypted", func(f *film) { f.entry = "encv" }, "encrypted"},
		{"AV1", func(f *film) { f.entry = "av01" }, "AV1"},
		{"an unknown codec", func(f *film) { f.entry = "ab\x01d" }, "ab?d"},
		{"no configuration", gone("avcC"), `holds no box "avcC"`},
		{"configuration of version 2", func(f *film) { f.config[0] = 2 }, "version 2"},
		{"lengths of 3 bytes", func(f *film) { f.config[4] = 0xfe }, "3 bytes"},
		{"configuration cut off", func(f *film) { f.config = f.config[:20] }, "avcC at byte"},
		{"H.265 configuration cut off", func(f *film) { f.entry = "hvc1" }, "hvcC at byte"},
		{"a thousand parameter sets", func(f *film) {
			f.entry = "hev1"
			f.config = append(append([]byte{1}, make([]byte, 20)...), 3, 1, 0x20, 0x03, 0xe8)
			for range 1000 {
				f.config = append(f.config, 0, 1, 0x40)
			}
		}, "more than 64 parameter sets"},
		{"no scale", func(f *film) { f.scale = 0 }, "time scale of 0"},
		{"mvhd cut off", words("mvhd", 0, 0), "mvhd at byte 24: is cut off"},
		{"no stbl", gone("stbl"), `no box "stbl"`},
		{"no stsd", gone("stsd"), `no box "stsd"`},
		{"stsd empty", words("stsd", 0, 0), "describes no sample"},
		{"stsd cut off", words("stsd", 0), "is cut off"},
		{"no stsz", gone("stsz"), `no box "stsz"`},
		{"stsz empty", words("stsz", 0, 0, 0), "the track is empty"},
		{"four milliard samples", words("stsz", 0, 0, 0xffffffff), "more than the 2097152"},
		{"a million sizes that are not there", words("stsz", 0, 0, 1000000), "only 0 bytes of sizes"},
		{"a million samples in a small file", words("stsz", 0, 1, 1000000), "in a file of"},
		{"no stts", gone("stts"), `no box "stts"`},
		{"stts short", words("stts", 0, 1, 5, 100), "times for 5 of 6 samples"},
		{"stts says more rows", words("stts", 0, 1000, 5, 100), "1000 rows of 8 bytes"},
		{"stts of rows with nothing", words("stts", 0, 2, 0, 1, 0, 1), "times for 0 of 6"},
		{"ctts cut off", words("ctts", 0), "ctts at byte"},
		{"stss beyond", words("stss", 0, 1, 7), "names sample 7 of 6"},
		{"stss zero", words("stss", 0, 1, 0), "names sample 0 of 6"},
		{"no stsc", gone("stsc"), `no box "stsc"`},
		{"stsc empty", words("stsc", 0, 0), "the first chunk"},
		{"stsc uses another description", words("stsc", 0, 1, 1, 6, 2), "description 2"},
		{"no chunks", gone("stco"), "neither stco nor co64"},
		{"too few chunks", words("stco", 0, 1, 64), "room for 4 of 6"},
		{"a chunk beyond the universe", func(f *film) {
			f.replace["stco"] = swap("co64", func(o *builder) { o.u32(0, 1, 0xffffffff, 0xffffffff) })
		}, "puts chunk 0 at byte 18446744073709551615"},
		{"an edit of a century", func(f *film) { f.edits = []int64{0xffffffff, -1} }, "delays the track"},
		{"an edit before the beginning", func(f *film) { f.edits = []int64{600, -5} }, "begins at media time -5"},
		{"edits cut off", words("elst", 0, 1000), "elst at byte"},
		{"a box larger than what holds it", func(f *film) {
			f.replace["hdlr"] = func() []byte { return append(binary.BigEndian.AppendUint32(nil, 0xffff), "hdlr"...) }
		}, `holds box "hdlr" of 65535 bytes`},
		{"too many boxes", func(f *film) {
			f.replace["trak"] = func() []byte {
				return bytes.Repeat(append(binary.BigEndian.AppendUint32(nil, 8), "free"...), 2000)
			}
		}, "more than 1024 boxes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := plainFilm()
			tc.alter(f)
			_, err := openBytes(f.bytes())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %q", err, tc.want)
			}
		})
	}
}

func TestTopLevel(t *testing.T) {
	large := func(size uint64, kind string) []byte {
		p := append(binary.BigEndian.AppendUint32(nil, 1), kind...)
		return binary.BigEndian.AppendUint64(p, size)
	}
	for _, tc := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "no index", nil},
		{"text", "is cut off or is no MP4", []byte("just a text, and no film at all")},
		{"header cut off", "header is cut off", []byte{0, 0, 0, 1, 'm', 'd', 'a', 't', 0}},
		{"64-bit size beyond the end", "has 9223372036854775807 bytes", large(1<<63-1, "mdat")},
		{"64-bit size that is negative", "has -1 bytes", large(1<<64-1, "mdat")},
		{"size within its header", "says it has 3 bytes", []byte{0, 0, 0, 3, 'm', 'd', 'a', 't'}},
		{"media to the end of the file", "no index", append([]byte{0, 0, 0, 0}, "mdat and much more"...)},
		{"endless boxes", "more than 65536 boxes", bytes.Repeat([]byte{0, 0, 0, 8, 'f', 'r', 'e', 'e'}, 70000)},
	} {
		if _, err := openBytes(tc.data); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
	if _, err := Open(bytes.NewReader(nil), 100); err == nil || !strings.Contains(err.Error(), "reading 16 bytes at byte 0") {
		t.Errorf("a file shorter than said: %v", err)
	}
	p := append(binary.BigEndian.AppendUint32(nil, maxMoovBytes+100), "moov"...)
	if _, err := Open(zeroBehind(p), maxMoovBytes+100); err == nil || !strings.Contains(err.Error(), "more than the 67108864") {
		t.Errorf("a huge index: %v", err)
	}
}

// zeroBehind is a file that goes on with zeros.
type zeroBehind []byte

func (z zeroBehind) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(z)) {
		copy(p, z[off:])
	}
	return len(p), nil
}

func TestSampleErrors(t *testing.T) {
	f := plainFilm()
	p := f.bytes()
	rd, err := openBytes(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{-1, 6} {
		if _, err := rd.Sample(i); err == nil {
			t.Errorf("sample %d was read", i)
		}
	}
	cut := p[:len(p)-3]
	if rd, err = Open(bytes.NewReader(cut), int64(len(cut)+3)); err != nil {
		t.Fatal(err)
	}
	if _, err := rd.Sample(5); err == nil || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("a file that became shorter: %v", err)
	}
	bad := plainFilm()
	bad.samples[2] = []byte{0, 0, 0, 9, 1}
	bad.samples[3] = []byte{0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0}
	if rd, err = openBytes(bad.bytes()); err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{2: "sample 2: a NAL unit of 9 bytes begins at byte 4 of a sample of 5", 3: "2 bytes are left over at byte 9"} {
		var format *FormatError
		if _, err := rd.Sample(i); !errors.As(err, &format) || !strings.Contains(err.Error(), want) {
			t.Errorf("sample %d: %v", i, err)
		}
	}
	whole := &film{}
	*whole = *plainFilm()
	q := whole.bytes()
	if rd, err = openBytes(q[:len(q)-30]); err == nil {
		_, err = rd.Sample(5)
	}
	if err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("a cut-off file: %v", err)
	}
}

func TestCodecStrings(t *testing.T) {
	for _, tc := range []struct {
		entry        string
		sps, general []byte
		want         string
	}{
		{"avc1", []byte{0x67, 0x64, 0, 0x1f}, nil, "avc1.64001f"},
		{"avc3", []byte{0x67}, nil, "avc3"},
		{"hvc1", nil, []byte{1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93}, "hvc1.1.6.L93.90"},
		{"hev1", nil, []byte{0x21, 0x60, 0, 0, 0, 0xb0, 0, 0x10, 0, 0, 0, 120}, "hev1.1.6.H120.B0.00.10"},
		{"hev1", nil, []byte{0xc2, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30}, "hev1.C2.4.L30"},
		{"hvc1", nil, nil, "hvc1"},
	} {
		if got := codecString(tc.entry, tc.sps, tc.general); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestTicks(t *testing.T) {
	rnd := newRand(t)
	for range 20000 {
		n := int64(rnd.Uint64N(1<<45)) - 1<<44
		d := fromTicks(n)
		if back := toTicks(d); back != n {
			t.Fatalf("%d ticks are %v, which is %d ticks", n, d, back)
		}
	}
	if _, ok := ticks(1<<62, 1); ok {
		t.Error("2^62 seconds were taken for a Duration")
	}
	if _, ok := ticks(1, 0); ok {
		t.Error("a scale of 0 was taken")
	}
}
