//go:build cgo

package avcodec

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"bongsu/streams"
)

// TestLostSlices removes slices before decoding, as packet loss does, and compares every
// picture with the one that the whole stream gives: no wrong picture may lack the mark.
func TestLostSlices(t *testing.T) {
	cases := []struct {
		name string
		enc  EncoderOptions
	}{
		{"h264, 1 slice", EncoderOptions{Codec: streams.H264, GOP: 20}},
		{"h264, 4 slices", EncoderOptions{Codec: streams.H264, GOP: 20, Slices: 4}},
		{"h264, B pictures", EncoderOptions{Codec: streams.H264, GOP: 20, BFrames: 2}},
		{"h265", EncoderOptions{Codec: streams.H265, GOP: 20}},
		{"h265, open GOP with leading pictures", EncoderOptions{Codec: streams.H265, GOP: 20, BFrames: 3, OpenGOP: true}},
	}
	const n, seed = 300, 20260301
	t.Logf("seed %d", seed)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.enc.Width, c.enc.Height = 320, 192
			aus := units(t, c.enc, n)
			whole := decode(t, decoder(t, Options{Codec: c.enc.Codec}), aus, fatal(t))
			for _, gap := range []bool{false, true} {
				damaged, lost := drop(rand.New(rand.NewPCG(seed, uint64(i))), aus, 0.03, gap)
				got := decode(t, decoder(t, Options{Codec: c.enc.Codec}), damaged, func(error) {})
				judge(t, whole, got, lost)
			}
		})
	}
}

// judge counts the pictures that are wrong, and demands that all of them are marked, that
// every unit gives at most one picture, and that whole stretches stay clean.
func judge(t *testing.T, whole, got []picture, lost int) {
	t.Helper()
	wrong, unmarked, clean := 0, 0, 0
	seen := map[uint64]bool{}
	for _, p := range got {
		if seen[p.Seq] {
			t.Errorf("unit %d gave two pictures", p.Seq)
		}
		seen[p.Seq] = true
		ref := byPTS(whole, p.PTS)
		differs := ref == nil || !bytes.Equal(ref.y, p.y) || !bytes.Equal(ref.u, p.u) || !bytes.Equal(ref.v, p.v)
		switch {
		case differs && !p.Tainted:
			unmarked++
			t.Errorf("picture of unit %d is wrong and not marked", p.Seq)
		case differs:
			wrong++
		case !p.Tainted:
			clean++
		}
	}
	t.Logf("%d slices lost, %d pictures of %d, %d wrong, %d wrong and not marked, %d clean", lost, len(got), len(whole), wrong, unmarked, clean)
	if lost < 2 || wrong == 0 || clean < len(whole)/10 {
		t.Error("the experiment shows nothing: change its seed")
	}
}

// drop removes slices with probability p. A unit without slices is gone; the next one is
// marked, as a depacketizer does from sequence numbers. With gap it is not marked, but the
// units keep their numbers, as when a queue drops them.
func drop(r *rand.Rand, aus []*streams.AccessUnit, p float64, gap bool) (out []*streams.AccessUnit, lost int) {
	pending := false
	for _, au := range aus {
		cp := *au
		cp.NALs, cp.Lost = nil, pending
		pending = false
		slices := 0
		for _, nal := range au.NALs {
			if kindOf(au.Codec, nal) >= kindSlice {
				if r.Float64() < p {
					cp.Lost = true
					lost++
					continue
				}
				slices++
			}
			cp.NALs = append(cp.NALs, nal)
		}
		if slices == 0 {
			pending = true
			continue
		}
		if gap && cp.Lost && slices == slicesOf(au) {
			cp.Lost = false
		} else if !gap {
			cp.Seq = uint64(len(out))
		}
		out = append(out, &cp)
	}
	return out, lost
}

func byPTS(ps []picture, pts time.Duration) *picture {
	for i := range ps {
		if ps[i].PTS == pts {
			return &ps[i]
		}
	}
	return nil
}

func slicesOf(au *streams.AccessUnit) int {
	n := 0
	for _, nal := range au.NALs {
		if kindOf(au.Codec, nal) >= kindSlice {
			n++
		}
	}
	return n
}
