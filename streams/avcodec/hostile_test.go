//go:build cgo

package avcodec

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"bongsu/streams"
)

// TestSizeBomb offers a picture of 16384×16384: refused by us, and by libavcodec's own limit
// where our parser does not understand the SPS.
func TestSizeBomb(t *testing.T) {
	for _, parsed := range []bool{true, false} {
		for _, codec := range []streams.Codec{streams.H264, streams.H265} {
			small := units(t, EncoderOptions{Codec: codec, Width: 320, Height: 240}, 1)[0]
			sps := sps264(1024, 1024)
			if codec == streams.H265 {
				sps = sps265(16384, 16384)
			}
			bomb := *small
			p := *small.Params
			p.SPS = sps
			bomb.Params, bomb.NALs = &p, strip(codec, small.NALs, kindOther)
			d := decoder(t, Options{Codec: codec})
			if !parsed {
				d.sizes.known[0].sps = bytes.Clone(sps)
			}
			err := d.Send(&bomb)
			var e *streams.Error
			if !errors.As(err, &e) || parsed != (e.Code == ReasonTooLarge) {
				t.Errorf("%v, parsed %v: %v", codec, parsed, err)
			}
			if parsed && !strings.Contains(err.Error(), "16384×16384") {
				t.Errorf("%q does not name the size", err)
			}
			if f, err := d.Receive(); f != nil {
				t.Errorf("%v: a picture came out, error %v", codec, err)
			}
		}
	}
}

// TestBrokenBytes cuts and flips units at random: nothing may crash, pictures after an error
// are marked, and the next whole key unit gives a clean picture.
func TestBrokenBytes(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		aus := units(t, EncoderOptions{Codec: codec, Width: 160, Height: 96, GOP: 8, BFrames: 2}, 40)
		for range 10 {
			d := decoder(t, Options{Codec: codec, MaxPixels: 640 * 480})
			damaged := make([]*streams.AccessUnit, len(aus))
			lastKey := 0
			for i, au := range aus {
				damaged[i] = au
				if au.Key {
					lastKey = i
				}
			}
			for i := range aus[:lastKey] {
				if r.IntN(3) == 0 {
					damaged[i] = breakUnit(r, aus[i])
				}
			}
			got := decode(t, d, damaged, func(err error) {
				var e *streams.Error
				if !errors.As(err, &e) || e.Camera != "cam" {
					t.Errorf("error without a position: %v", err)
				}
			})
			if n := len(got); n == 0 || got[n-1].Tainted || got[n-1].Seq < uint64(lastKey) {
				t.Errorf("%v: %d pictures, the stream did not recover", codec, n)
			}
		}
	}
}

func breakUnit(r *rand.Rand, au *streams.AccessUnit) *streams.AccessUnit {
	cp := *au
	cp.NALs = make([][]byte, len(au.NALs))
	for i, nal := range au.NALs {
		b := bytes.Clone(nal)
		switch r.IntN(4) {
		case 0:
			b = b[:r.IntN(len(b)+1)]
		case 1:
			for range 1 + r.IntN(8) {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			}
		case 2:
			b = nil
		}
		cp.NALs[i] = b
	}
	return &cp
}

// TestManySlices gives one picture 1,000 times its slice.
func TestManySlices(t *testing.T) {
	aus := units(t, EncoderOptions{Codec: streams.H264, Width: 64, Height: 64, GOP: 2}, 3)
	last := aus[1].NALs[len(aus[1].NALs)-1]
	for range 1000 {
		aus[1].NALs = append(aus[1].NALs, last)
	}
	d := decoder(t, Options{Codec: streams.H264})
	got := decode(t, d, aus, func(error) {})
	if n := len(got); n == 0 || got[n-1].Tainted {
		t.Errorf("%d pictures", n)
	}
}

// FuzzDecode feeds bytes as two units: libavcodec reads what hostile cameras send.
func FuzzDecode(f *testing.F) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		aus := units(f, EncoderOptions{Codec: codec, Width: 64, Height: 64, CRF: 45}, 2)
		for _, cut := range []int{0, 3} {
			f.Add(codec == streams.H264, joined(aus[0], cut), joined(aus[1], 0))
		}
	}
	f.Add(true, sps264(1024, 1024), []byte{0x65, 0})
	f.Add(false, sps265(8192, 8192), []byte{0x26, 1})
	f.Fuzz(func(t *testing.T, avc bool, a, b []byte) {
		codec := streams.H265
		if avc {
			codec = streams.H264
		}
		d := decoder(t, Options{Codec: codec, MaxPixels: 320 * 240, MaxUnitBytes: 1 << 16})
		aus := []*streams.AccessUnit{
			{Codec: codec, Key: true, NALs: bytes.Split(a, startCode[:])},
			{Codec: codec, Seq: 1, NALs: bytes.Split(b, startCode[:])},
		}
		for _, p := range decode(t, d, aus, func(error) {}) {
			if p.Width <= 0 || p.Height <= 0 || p.Width*p.Height > d.opt.coded() {
				t.Errorf("a picture of %d×%d", p.Width, p.Height)
			}
		}
	})
}

// joined is the unit as a byte stream without its last cut bytes.
func joined(au *streams.AccessUnit, cut int) []byte {
	out := make([]byte, packedSize(au, sets{}))
	pack(out, au, sets{})
	return out[len(startCode) : len(out)-cut]
}
