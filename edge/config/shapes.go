package config

import (
	"bongsu"
)

// points reads a list of pairs.
func (v value) points() (points []bongsu.Point, ok bool) {
	before := len(v.r.errs)
	for _, item := range v.items() {
		pair := item.items()
		if len(pair) != 2 {
			if len(v.r.errs) == before {
				item.fail("a point is a pair [x, y], this has %d numbers", len(pair))
			}
			continue
		}
		x, okX := pair[0].coordinate()
		y, okY := pair[1].coordinate()
		if okX && okY {
			points = append(points, bongsu.Point{X: float32(x), Y: float32(y)})
		}
	}
	return points, len(v.r.errs) == before
}

// coordinate reads a part of the picture's width or height.
func (v value) coordinate() (float64, bool) {
	before := len(v.r.errs)
	n, ok := v.number(0, 1)
	if len(v.r.errs) > before {
		v.r.errs[before].Message += "; coordinates are parts of the picture's width and height, not pixels"
	}
	return n, ok
}

// polygons reads a list of polygons in which nothing counts.
func (v value) polygons() (all [][]bongsu.Point) {
	items := v.items()
	if len(items) > maxExclusions {
		v.fail("there are %d areas: at most %d can be left out", len(items), maxExclusions)
		return nil
	}
	for i, item := range items {
		points, good := item.points()
		if !good {
			continue
		}
		if err := bongsu.CheckZone(points); err != nil {
			item.fail("area %d that is left out: %v", i+1, err)
			continue
		}
		all = append(all, points)
	}
	return all
}

// maxExclusions is how many areas a camera, and each of its rules, may leave out.
const maxExclusions = 16

// usualAspect is the shape of a picture that nobody named.
const usualAspect = 16.0 / 9

// groundForms are the two ways to say where the ground is.
const groundForms = "give height_m, tilt_deg and hfov_deg, or four points with their places in metres: `bongsu-edge camera calibrate` helps"

// ground reads how the camera looks down on the ground; nil when that is wrong.
func (v value) ground() *bongsu.Ground {
	before := len(v.r.errs)
	f := v.fields("height_m", "tilt_deg", "roll_deg", "hfov_deg", "points", "aspect")
	number := func(key string, low, high, def float64) float64 {
		if x, ok := f[key]; ok {
			if n, good := x.number(low, high); good {
				return n
			}
		}
		return def
	}
	aspect := number("aspect", 0.2, 5, usualAspect)
	var g *bongsu.Ground
	var err error
	if pairs, ok := f["points"]; ok {
		for _, key := range []string{"height_m", "tilt_deg", "roll_deg", "hfov_deg"} {
			if x, both := f[key]; both {
				x.fail("this beside points says the same thing twice: keep one of the two")
			}
		}
		picture, metres := pairs.pairs()
		if len(v.r.errs) == before {
			g, err = bongsu.GroundFromPoints(picture, metres, aspect)
		}
	} else {
		height, tilt, roll, hfov := number("height_m", 0.5, 200, 0), number("tilt_deg", 0, 90, 0), number("roll_deg", -45, 45, 0), number("hfov_deg", 1, 150, 0)
		for _, key := range []string{"height_m", "tilt_deg", "hfov_deg"} {
			if _, ok := f[key]; !ok && len(v.r.errs) == before {
				v.at(key).fail("the ground is not told: %s", groundForms)
			}
		}
		if len(v.r.errs) == before {
			g, err = bongsu.GroundFromCamera(height, tilt, roll, hfov, aspect)
		}
	}
	if len(v.r.errs) > before {
		return nil
	}
	if err != nil {
		v.fail("%v", err)
		return nil
	}
	return g
}

// pairs reads four places of the picture with where on the ground they lie.
func (v value) pairs() (picture [4]bongsu.Point, metres [4][2]float64) {
	items := v.items()
	if len(items) != 4 {
		v.fail("this has %d points: four are needed, each as [[x, y], [X, Y]] with x and y of the picture and X and Y in metres", len(items))
		return picture, metres
	}
	for i, item := range items {
		pair := item.items()
		if len(pair) != 2 {
			item.fail("a measured point is [[x, y], [X, Y]]: a place of the picture, and metres to the right and away")
			continue
		}
		seen, place := pair[0].items(), pair[1].items()
		if len(seen) != 2 || len(place) != 2 {
			item.fail("a measured point is [[x, y], [X, Y]]: a place of the picture, and metres to the right and away")
			continue
		}
		x, okX := seen[0].coordinate()
		y, okY := seen[1].coordinate()
		mx, okMX := place[0].number(-1000, 1000)
		my, okMY := place[1].number(-1000, 1000)
		if okX && okY && okMX && okMY {
			picture[i], metres[i] = bongsu.Point{X: float32(x), Y: float32(y)}, [2]float64{mx, my}
		}
	}
	return picture, metres
}
