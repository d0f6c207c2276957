package bongsu

import (
	"encoding/binary"
	"math"
	"testing"
)

func zoneBytes(zone ...Point) []byte {
	var b []byte
	for _, p := range zone {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(p.X))
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(p.Y))
	}
	return b
}

// FuzzZone: whatever the corners, CheckZone and CheckLine answer; what they accept has an inside
// that lies within the picture, whichever corner it is told from.
func FuzzZone(f *testing.F) {
	nan := float32(math.NaN())
	f.Add(zoneBytes(Point{0, 0}, Point{1, 0}, Point{1, 1}, Point{0, 1}), float32(0.5), float32(0.5))
	f.Add(zoneBytes(Point{0, 0}, Point{1, 1}, Point{1, 0}, Point{0, 1}), float32(0.5), float32(0.5))
	f.Add(zoneBytes(Point{0.2, 0.2}, Point{0.8, 0.2}, Point{0.5, 0.2}), float32(0.3), float32(0.2))
	f.Add(zoneBytes(Point{nan, 0}, Point{1, nan}, Point{0, 1}), nan, float32(0))
	f.Add(zoneBytes(Point{0.1, 0.1}, Point{0.9, 0.9}), float32(-1), float32(2))
	f.Fuzz(func(t *testing.T, b []byte, x, y float32) {
		var zone []Point
		for ; len(b) >= 8 && len(zone) <= MaxZonePoints; b = b[8:] {
			zone = append(zone, Point{math.Float32frombits(binary.BigEndian.Uint32(b)), math.Float32frombits(binary.BigEndian.Uint32(b[4:]))})
		}
		p := Point{x, y}
		if len(zone) == 2 && CheckLine(zone) == nil {
			if s := SideOf(zone[0], zone[1], p); x >= 0 && x <= 1 && y >= 0 && y <= 1 && !(s >= -2 && s <= 2) {
				t.Fatalf("side %v of %v", s, zone)
			}
		}
		if CheckZone(zone) != nil {
			return
		}
		if InZone(zone, p) && !(x >= 0 && x <= 1 && y >= 0 && y <= 1) {
			t.Fatalf("%v lies in %v", p, zone)
		}
		turned := append(append([]Point{}, zone[1:]...), zone[0])
		if err := CheckZone(turned); err != nil {
			t.Fatalf("told from another corner: %v", err)
		}
	})
}
