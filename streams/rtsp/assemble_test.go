package rtsp

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"bongsu/streams"
)

// sent writes packets for the assembler by hand.
type sent struct {
	seq  uint16
	ssrc uint32
	pkts []*rtp.Packet
}

func (w *sent) send(stamp uint32, marker bool, payload ...byte) *sent {
	w.pkts = append(w.pkts, &rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: w.seq, SSRC: w.ssrc, Timestamp: stamp, Marker: marker},
		Payload: payload,
	})
	w.seq++
	return w
}

func (w *sent) lose(n uint16) *sent { w.seq += n; return w }

// run gives what the assembler makes of the packets; each arrives a millisecond after the
// one before.
func (w *sent) run(codec streams.Codec, end bool) ([]*rawUnit, Stats) {
	var out []*rawUnit
	var st Stats
	a := newAssembler(codec, &st, func(u *rawUnit) { out = append(out, u) })
	begin := time.Unix(1000, 0)
	for i, p := range w.pkts {
		a.push(p, begin.Add(time.Duration(i)*time.Millisecond))
	}
	if end {
		a.flush()
	}
	return out, st
}

// Slices of H.264 by hand: key and other pictures, first and later slices.
var (
	idr   = []byte{0x65, 0x88, 0x84, 0xaa}
	idr2  = []byte{0x65, 0x30, 0x84, 0xab}
	pic   = []byte{0x41, 0x9a, 0x26, 0xba}
	pic2  = []byte{0x41, 0x31, 0x81, 0xbb}
	sei   = []byte{0x06, 0x05, 0x01, 0xcc, 0x80}
	aud   = []byte{0x09, 0xf0}
	spsN  = []byte{0x67, 0x4d, 0x40, 0x0d}
	ppsN  = []byte{0x68, 0xef, 0x0f, 0xc8}
	hIDR  = []byte{0x26, 0x01, 0xac, 0xaa}
	hPic  = []byte{0x02, 0x01, 0xd0, 0xba}
	hPic2 = []byte{0x02, 0x01, 0x50, 0xbb}
)

type unitWant struct {
	nals  [][]byte
	torn  bool
	after bool
}

func checkUnits(t *testing.T, got []*rawUnit, want []unitWant) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d units, not %d: %+v", len(got), len(want), got)
	}
	for i, u := range got {
		w := want[i]
		if !slices.EqualFunc(u.nals, w.nals, bytes.Equal) || u.torn != w.torn || u.after != w.after {
			t.Fatalf("unit %d: % x torn %v after %v, not % x torn %v after %v", i, u.nals, u.torn, u.after, w.nals, w.torn, w.after)
		}
	}
}

func nals(n ...[]byte) [][]byte { return n }

// trusted begins a run with enough clean units for markers to be believed.
func trusted() *sent {
	w := (&sent{}).send(0, true, idr...)
	for i := range uint32(trustAfter) {
		w.send(3600*(i+1), true, pic...)
	}
	return w
}

func TestAssemble(t *testing.T) {
	cat := func(b ...[]byte) []byte { return slices.Concat(b...) }
	code := []byte{0, 0, 0, 1}
	for name, c := range map[string]struct {
		sent *sent
		want []unitWant
	}{
		"a unit a packet": {
			(&sent{}).send(0, true, idr...).send(3600, true, pic...).send(7200, true, pic...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}, {nals: nals(pic)}},
		},
		"parameter sets under an older stamp (Q11)": {
			(&sent{}).send(0, false, spsN...).send(0, true, ppsN...).send(3600, true, idr...),
			[]unitWant{{nals: nals(spsN, ppsN, idr)}},
		},
		"marker on SEI (Q11)": {
			(&sent{}).send(0, true, sei...).send(0, true, idr...).send(3600, true, sei...).send(3600, true, pic...),
			[]unitWant{{nals: nals(sei, idr)}, {nals: nals(sei, pic)}},
		},
		"marker on every slice (Q12)": {
			(&sent{}).send(0, true, idr...).send(0, true, idr2...).send(3600, true, pic...).send(3600, true, pic2...).send(7200, true, pic...),
			[]unitWant{{nals: nals(idr, idr2)}, {nals: nals(pic, pic2)}},
		},
		"no marker at all (Q10)": {
			(&sent{}).send(0, false, idr...).send(0, false, idr2...).send(3600, false, pic...).send(7200, false, pic...),
			[]unitWant{{nals: nals(idr, idr2)}, {nals: nals(pic)}},
		},
		"two pictures of one stamp (Q16)": {
			(&sent{}).send(0, true, idr...).send(0, true, pic...).send(3600, true, pic...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}, {nals: nals(pic)}},
		},
		"access unit delimiter begins a unit": {
			(&sent{}).send(0, false, aud...).send(0, false, idr...).send(0, false, aud...).send(0, false, pic...).send(3600, true, pic...),
			[]unitWant{{nals: nals(aud, idr)}, {nals: nals(aud, pic)}, {nals: nals(pic)}},
		},
		"start codes in a payload (Q5)": {
			(&sent{}).send(0, true, cat(code, spsN, code, ppsN, code[1:], idr)...),
			[]unitWant{{nals: nals(spsN, ppsN, idr)}},
		},
		"aggregation with padding": {
			(&sent{}).send(0, true, cat([]byte{24, 0, 4}, spsN, []byte{0, 4}, ppsN, []byte{0, 4}, idr, []byte{0, 0, 0})...),
			[]unitWant{{nals: nals(spsN, ppsN, idr)}},
		},
		"fragments": {
			(&sent{}).send(0, false, 0x7c, 0x85, 0x88).send(0, false, 0x7c, 0x05, 0x84).send(0, true, 0x7c, 0x45, 0xaa),
			[]unitWant{{nals: nals(idr)}},
		},
		"one fragment that begins and ends (Q9)": {
			(&sent{}).send(0, true, 0x7c, 0xc5, 0x88, 0x84, 0xaa),
			[]unitWant{{nals: nals(idr)}},
		},
		"fragments that change their type (Q8)": {
			(&sent{}).send(0, false, 0x7c, 0x85, 0x88, 0x84).send(0, true, 0x5c, 0x41, 0xaa),
			[]unitWant{{nals: nals(idr)}},
		},
		"empty payload (Q9)": {
			(&sent{}).send(0, false).send(0, true, idr...).send(3600, true, pic...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}},
		},
		"lost first fragment": {
			trusted().send(18000, false, 0x5c, 0x81, 0x9a).lose(1).send(18000, true, 0x5c, 0x41, 0xba).send(21600, true, pic...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic), after: true}},
		},
		"lost unit": {
			trusted().lose(1).send(18000, true, pic...).send(21600, true, pic...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic), after: true}, {nals: nals(pic)}},
		},
		"lost slice in the middle": {
			trusted().send(18000, false, pic...).lose(1).send(18000, true, pic2...).send(21600, true, pic...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic, pic2), torn: true}, {nals: nals(pic)}},
		},
		"lost last slice": {
			trusted().send(18000, false, pic...).lose(1).send(21600, true, pic...).send(25200, true, pic...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic), torn: true}, {nals: nals(pic), after: true}, {nals: nals(pic)}},
		},
		"lost first slice": {
			trusted().lose(1).send(18000, true, pic2...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic2), torn: true, after: true}},
		},
		"late marker slices after trust": {
			trusted().send(18000, true, pic...).send(18000, true, pic2...).send(21600, true, pic...).send(21600, true, pic2...).send(25200, true, pic...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic2), torn: true}, {nals: nals(pic, pic2)}},
		},
		"interleaved mode cannot be used": {
			trusted().send(18000, false, 29, 0x85, 1, 2).send(18000, true, pic...),
			[]unitWant{{nals: nals(idr)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic)}, {nals: nals(pic), after: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := c.sent.run(streams.H264, true)
			checkUnits(t, got, c.want)
		})
	}
}

func TestAssembleH265(t *testing.T) {
	for name, c := range map[string]struct {
		sent *sent
		want []unitWant
	}{
		"slices":      {(&sent{}).send(0, true, hIDR...).send(3600, false, hPic...).send(3600, true, hPic2...), []unitWant{{nals: nals(hIDR)}, {nals: nals(hPic, hPic2)}}},
		"aggregation": {(&sent{}).send(0, true, slices.Concat([]byte{0x60, 1, 0, 4}, hIDR, []byte{0, 4}, hPic2)...), []unitWant{{nals: nals(hIDR, hPic2)}}},
		"fragments":   {(&sent{}).send(0, false, 0x62, 1, 0x93, 0xac).send(0, true, 0x62, 1, 0x53, 0xaa), []unitWant{{nals: nals(hIDR)}}},
		"no first slice (Q14)": {
			(&sent{}).send(0, true, hIDR...).send(3600, true, hPic2...).send(7200, true, hPic...).send(10800, true, hPic...),
			[]unitWant{{nals: nals(hIDR)}, {nals: nals(hPic), after: true}, {nals: nals(hPic)}},
		},
		"too short": {(&sent{}).send(0, false, 0x26, 1).send(0, true, hIDR...).send(3600, true, hPic...), []unitWant{{nals: nals(hIDR), after: true}, {nals: nals(hPic)}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := c.sent.run(streams.H265, true)
			checkUnits(t, got, c.want)
		})
	}
}

// TestSequence: only the numbers of delivered packets decide on loss.
func TestSequence(t *testing.T) {
	t.Run("one packet from long ago", func(t *testing.T) {
		w := trusted()
		old := *w.pkts[0]
		old.SequenceNumber -= 40000
		w.pkts = append(w.pkts, &old)
		w.send(18000, true, pic...)
		got, st := w.run(streams.H264, true)
		if len(got) != 5 || got[4].after || got[4].torn || st.Missing != 0 || st.Duplicates != 1 {
			t.Fatalf("%+v", st)
		}
	})
	t.Run("sequence restarts without a new SSRC", func(t *testing.T) {
		w := trusted()
		w.seq -= 30000
		w.send(18000, true, pic...).send(21600, true, pic...).send(25200, true, pic...)
		got, st := w.run(streams.H264, true)
		if len(got) != 6 || !got[4].after || got[5].after || st.Restarts != 1 {
			t.Fatalf("%d units, %+v", len(got), st)
		}
	})
	t.Run("new SSRC is no loss", func(t *testing.T) {
		w := trusted()
		w.ssrc, w.seq = 77, 40000
		w.send(18000, true, pic...).send(21600, true, pic...)
		got, st := w.run(streams.H264, true)
		if len(got) != 6 || got[4].after || got[4].torn || st.Gaps != 0 || st.Restarts != 1 {
			t.Fatalf("%d units, %+v", len(got), st)
		}
	})
	t.Run("new SSRC within a picture", func(t *testing.T) {
		w := trusted().send(18000, false, pic...)
		w.ssrc, w.seq = 77, 40000
		w.send(21600, true, pic...)
		got, _ := w.run(streams.H264, true)
		if len(got) != 6 || !got[4].torn {
			t.Fatal("a picture that was cut is not marked")
		}
	})
	t.Run("numbers wrap", func(t *testing.T) {
		w := &sent{seq: 65534}
		w.send(0, true, idr...)
		for i := range uint32(5) {
			w.send(3600*(i+1), true, pic...)
		}
		if got, st := w.run(streams.H264, true); len(got) != 6 || st.Gaps != 0 || st.Duplicates != 0 {
			t.Fatalf("%+v", st)
		}
	})
	t.Run("doubled packets in a row", func(t *testing.T) {
		w := trusted()
		w.pkts = append(w.pkts, w.pkts[1], w.pkts[2], w.pkts[3])
		w.send(18000, true, pic...)
		if got, st := w.run(streams.H264, true); len(got) != 5 || st.Duplicates != 3 || st.Gaps != 0 || got[4].after {
			t.Fatalf("%+v", st)
		}
	})
}

// TestNoPictureLate: once markers are trusted a unit leaves with its last packet, also after
// a marker was lost.
func TestNoPictureLate(t *testing.T) {
	w := trusted()
	w.send(18000, false, pic...) // its marker is missing
	for i := range uint32(3) {
		w.send(21600+3600*i, true, pic...)
	}
	got, _ := w.run(streams.H264, false)
	if len(got) != len(w.pkts) {
		t.Fatalf("%d of %d units left with their last packet", len(got), len(w.pkts))
	}
	for i, u := range got {
		if want := time.Unix(1000, 0).Add(time.Duration(i) * time.Millisecond); !u.arrived.Equal(want) {
			t.Fatalf("unit %d arrived %v, not %v", i, u.arrived, want)
		}
	}
}

// TestEndless: neither an endless NAL unit nor a thousand slices make a unit.
func TestEndless(t *testing.T) {
	w := trusted()
	piece := append([]byte{0x5c, 0x81}, make([]byte, 60000)...)
	for i := range 1 + maxUnitBytes/60000 {
		p := slices.Clone(piece)
		if i > 0 {
			p[1] = 0x01
		}
		w.send(18000, false, p...)
	}
	w.send(18000, true, 0x5c, 0x41, 1)
	w.send(21600, true, pic...)
	for range maxUnitNALs + 10 {
		w.send(25200, false, pic2...)
	}
	w.send(25200, true, pic2...).send(28800, true, pic...)
	got, st := w.run(streams.H264, true)
	if len(got) != 6 || !got[4].after || !got[5].after || st.Discarded != 1 {
		t.Fatalf("%d units, %+v", len(got), st)
	}
}

func FuzzAssemble(f *testing.F) {
	for _, w := range []*sent{
		trusted().send(18000, false, 0x7c, 0x85, 0x88).send(18000, true, 0x7c, 0x45, 0xaa),
		(&sent{}).send(0, true, 24, 0, 4, 0x67, 1, 2, 3, 0, 1, 0x68),
		(&sent{}).send(0, true, 0, 0, 1, 0x67, 0, 0, 1, 0x65, 0x88),
		(&sent{}).send(0, false, 0x62, 1, 0x93, 0xac).lose(3).send(0, true, 0x62, 1, 0x53, 0xaa),
	} {
		var raw []byte
		for _, p := range w.pkts {
			raw = append(raw, byte(p.SequenceNumber), byte(p.Timestamp>>8), byte(len(p.Payload)))
			raw = append(raw, p.Payload...)
		}
		f.Add(false, raw)
		f.Add(true, raw)
	}
	f.Fuzz(func(t *testing.T, h265 bool, raw []byte) {
		codec := streams.H264
		if h265 {
			codec = streams.H265
		}
		w := &sent{}
		for len(raw) >= 3 {
			w.seq = uint16(raw[0]) | w.seq&0xff00
			n := min(int(raw[2]), len(raw)-3)
			w.send(uint32(raw[1])<<8, raw[1]&1 != 0, raw[3:3+n]...)
			raw = raw[3+n:]
		}
		got, st := w.run(codec, true)
		if uint64(len(w.pkts)) != st.Packets {
			t.Fatalf("%d packets of %d were counted", st.Packets, len(w.pkts))
		}
		sets := newParamSets(codec)
		for _, u := range got {
			if !u.vcl || len(u.nals) == 0 || len(u.nals) > maxUnitNALs || u.bytes > maxUnitBytes {
				t.Fatalf("a unit that is none: %+v", u)
			}
			for _, nal := range u.nals {
				if len(nal) == 0 {
					t.Fatal("an empty NAL unit")
				}
				sets.add(nal)
			}
			if p := sets.current(); p != nil && !p.Complete() {
				t.Fatal("incomplete parameter sets are in force")
			}
		}
	})
}
