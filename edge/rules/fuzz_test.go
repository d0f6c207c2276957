package rules

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"bongsu"
)

// numbers reads what it is asked for out of fuzzed bytes; zeros behind their end.
type numbers struct{ b []byte }

func (n *numbers) byte() byte {
	if len(n.b) == 0 {
		return 0
	}
	v := n.b[0]
	n.b = n.b[1:]
	return v
}

func (n *numbers) float() float32 {
	return math.Float32frombits(uint32(n.byte())<<24 | uint32(n.byte())<<16 | uint32(n.byte())<<8 | uint32(n.byte()))
}

func (n *numbers) points(most int) []bongsu.Point {
	all := make([]bongsu.Point, int(n.byte())%(most+1))
	for i := range all {
		all[i] = bongsu.Point{X: n.float(), Y: n.float()}
	}
	return all
}

// rule reads one rule of any kind, good or bad.
func (n *numbers) rule(id string) Rule {
	kinds := append(Kinds(), "dance")
	ways := []string{bongsu.DirectionBoth, bongsu.DirectionLeftToRight, bongsu.DirectionRightToLeft, ""}
	r := Rule{ID: bongsu.RuleID(id), Kind: kinds[int(n.byte())%len(kinds)], Direction: ways[n.byte()%4],
		Dwell: time.Duration(int8(n.byte())) * time.Second, Confirm: time.Duration(int8(n.byte())) * 100 * time.Millisecond,
		Linger: time.Duration(int8(n.byte())) * time.Second}
	if k := kindOf(r.Kind); k != nil && k.line == needed {
		r.Line = n.points(3)
	}
	if k := kindOf(r.Kind); k == nil || k.zone != none {
		r.Zone = n.points(12)
	}
	return r
}

func pointBytes(ps []bongsu.Point) []byte {
	b := []byte{byte(len(ps))}
	for _, p := range ps {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(p.X))
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(p.Y))
	}
	return b
}

// FuzzRules: whatever rules and tracks, New refuses or makes a Set that judges: it never
// panics, fires only for its own rules and begins no stay twice.
func FuzzRules(f *testing.F) {
	walk := []byte{10, 1, 1, 0x3f, 0, 0, 0, 0x3f, 0, 0, 0, 10, 1, 1, 0x3f, 0x10, 0, 0, 0x3f, 0, 0, 0}
	f.Add(append(append([]byte{0, 0, 5, 4, 3}, pointBytes(square)...), walk...))
	f.Add(append(append([]byte{1, 0, 1, 0, 3}, pointBytes(square)...), walk...))
	f.Add(append(append([]byte{2, 0, 0, 0, 3}, pointBytes([]bongsu.Point{{X: 0.5, Y: 0}, {X: 0.5, Y: 1}})...), walk...))
	nan := float32(math.NaN())
	f.Add(append([]byte{0, 0, 0, 0, 0}, pointBytes([]bongsu.Point{{X: nan, Y: 0}, {X: 1, Y: nan}, {X: 0, Y: 1}})...))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := &numbers{b}
		s, err := New(Options{Rules: []Rule{n.rule("r")}})
		if err != nil {
			if bongsu.CodeOf(err) != bongsu.CodeInvalid {
				t.Fatalf("code %s: %v", bongsu.CodeOf(err), err)
			}
			return
		}
		now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		begun := map[uint64]bool{}
		for len(n.b) > 0 {
			now = now.Add(time.Duration(int8(n.byte())) * 100 * time.Millisecond)
			marks := n.byte()
			tracks := make([]bongsu.Track, marks>>1%4)
			for i := range tracks {
				x, y := n.float(), n.float()
				tracks[i] = bongsu.Track{ID: bongsu.TrackID(i + 1), State: bongsu.TrackConfirmed, Class: bongsu.ClassPerson, Score: 0.8,
					Box: bongsu.Box{X0: x - 0.05, X1: x + 0.05, Y0: y - 0.1, Y1: y}}
			}
			for _, fired := range s.Evaluate(bongsu.Picture{At: now, Tainted: marks&1 == 0}, tracks) {
				if fired.Rule != "r" || fired.Phase == bongsu.FiringBegin && fired.Stay != 0 && begun[fired.Stay] {
					t.Fatalf("%+v", fired)
				}
				begun[fired.Stay] = begun[fired.Stay] || fired.Phase == bongsu.FiringBegin
			}
		}
	})
}
