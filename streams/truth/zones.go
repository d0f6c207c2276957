package truth

import (
	"io"
	"slices"
	"strings"

	"bongsu"
)

// Size of the picture that the pixels of zones refer to.
const (
	ZoneWidth  = 1280
	ZoneHeight = 720
)

// Names of areas in a zone map.
const (
	AreaDetect    = "DetectArea"
	AreaIntrusion = "Intrusion"
	AreaLoitering = "Loitering"
	AreaCountingA = "PeopleCountingA"
	AreaCountingB = "PeopleCountingB"
	AreaQueueing  = "Queueing"
)

var areaNames = []string{AreaDetect, AreaIntrusion, AreaLoitering, AreaCountingA, AreaCountingB, AreaQueueing}

// Pixel is a corner of an area, in a picture of ZoneWidth × ZoneHeight.
type Pixel struct{ X, Y int }

// Area is a polygon with one of the Area names.
type Area struct {
	Name   string
	Points []Pixel // a repeated closing point is dropped
}

// ZoneMap holds the areas of a clip, or of all clips of one place (<first two name parts>.map).
type ZoneMap struct{ Areas []Area }

// Area gives the points of the named area, nil when there is none.
func (m *ZoneMap) Area(name string) []Pixel {
	for _, a := range m.Areas {
		if a.Name == name {
			return a.Points
		}
	}
	return nil
}

// Zone is where alarms of a category count, in 0..1 of the picture: the category's own zone,
// else the DetectArea, else the whole picture.
func (m *ZoneMap) Zone(c Category) []bongsu.Point {
	for _, name := range []string{string(c), AreaDetect} {
		if px := m.Area(name); len(px) >= 3 {
			out := make([]bongsu.Point, len(px))
			for i, p := range px {
				out[i] = bongsu.Point{X: float32(p.X) / ZoneWidth, Y: float32(p.Y) / ZoneHeight}
			}
			return out
		}
	}
	return []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}, {X: 0, Y: 1}}
}

// MapName is the file name of a clip's zone map: C00_140_0001.mp4 has C00_140.map.
func MapName(clip string) string {
	clip, _, _ = strings.Cut(clip, ".")
	parts := strings.SplitN(clip, "_", 3)
	return strings.Join(parts[:min(2, len(parts))], "_") + ".map"
}

// ReadZoneMap reads a zone map. The areas may stand at any depth below the root.
func ReadZoneMap(r io.Reader) (*ZoneMap, error) {
	m := &ZoneMap{}
	z := zoneReader{zones: m}
	if err := walkXML(r, z.visit); err != nil {
		return nil, err
	}
	return m, nil
}

// Write writes the map.
func (m *ZoneMap) Write(w io.Writer) error {
	x := &xmlWriter{w: w}
	x.line(xmlHead)
	x.in("KisaLibraryIndex", func() {
		x.in("Library", func() {
			x.in("Clip", func() {
				x.in("Header", func() { m.write(x) })
			})
		})
	})
	return x.err
}

func (m *ZoneMap) write(x *xmlWriter) {
	for _, a := range m.Areas {
		x.in(a.Name, func() {
			for _, p := range a.Points {
				x.line("<Point>%d,%d</Point>", p.X, p.Y)
			}
		})
	}
}

// zoneReader collects areas.
type zoneReader struct {
	zones *ZoneMap
	in    string // path of the area that is being read
}

func (z *zoneReader) visit(e *element) error {
	switch {
	case z.in == "" && e.begins && slices.Contains(areaNames, e.name):
		if z.zones.Area(e.name) != nil {
			return e.errorf("there is a second %s", e.name)
		}
		z.in = e.path
		z.zones.Areas = append(z.zones.Areas, Area{Name: e.name, Points: []Pixel{}})
	case z.in != "" && e.path == z.in && !e.begins:
		z.in = ""
		return z.close(e)
	case z.in != "" && !e.begins && e.path == z.in+"/Point":
		return z.point(e)
	}
	return nil
}

func (z *zoneReader) point(e *element) error {
	a := &z.zones.Areas[len(z.zones.Areas)-1]
	xs, ys, ok := strings.Cut(e.text, ",")
	x, okX := digits(strings.TrimSpace(xs), 5)
	y, okY := digits(strings.TrimSpace(ys), 5)
	if !ok || !okX || !okY {
		return e.errorf("%q is no point: write x,y in whole pixels", e.text)
	}
	if x > ZoneWidth || y > ZoneHeight {
		return e.errorf("the point %d,%d lies outside %d×%d", x, y, ZoneWidth, ZoneHeight)
	}
	if len(a.Points) == maxPoints {
		return e.errorf("the area has more than %d points", maxPoints)
	}
	a.Points = append(a.Points, Pixel{x, y})
	return nil
}

func (z *zoneReader) close(e *element) error {
	a := &z.zones.Areas[len(z.zones.Areas)-1]
	for len(a.Points) > 1 && a.Points[len(a.Points)-1] == a.Points[0] {
		a.Points = a.Points[:len(a.Points)-1]
	}
	if len(a.Points) > 0 && len(a.Points) < 3 {
		return e.errorf("an area has at least 3 different points, this has %d", len(a.Points))
	}
	return nil
}
