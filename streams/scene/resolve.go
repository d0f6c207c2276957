package scene

import (
	"math"

	"bongsu"
)

// canvas is the frame that is being drawn, before the sensor.
type canvas struct {
	w, h    int
	y, u, v []byte
	depth   []float32
	id      []uint16 // which object each pixel shows, 0 none
}

func newCanvas(w, h int) *canvas {
	return &canvas{w: w, h: h, y: make([]byte, w*h), u: make([]byte, w*h/4), v: make([]byte, w*h/4), depth: make([]float32, w*h), id: make([]uint16, w*h)}
}

func (c *canvas) reset(p *plate) {
	copy(c.y, p.y)
	copy(c.u, p.u)
	copy(c.v, p.v)
	copy(c.depth, p.depth)
	clear(c.id)
}

// mask is what resolving found of one object.
type mask struct {
	pixels         int // in the picture if nothing hid it
	x0, y0, x1, y1 int // their box; x1 and y1 lie outside
}

func (m *mask) add(x, y int) {
	if m.pixels == 0 {
		m.x0, m.y0, m.x1, m.y1 = x, y, x+1, y+1
	}
	m.pixels++
	m.x0, m.y0, m.x1, m.y1 = min(m.x0, x), min(m.y0, y), max(m.x1, x+1), max(m.y1, y+1)
}

// share is the box in 0..1 of the picture.
func (m *mask) share(w, h int) bongsu.Box {
	if m.pixels == 0 {
		return bongsu.Box{}
	}
	fw, fh := float32(w), float32(h)
	return bongsu.Box{X0: float32(m.x0) / fw, Y0: float32(m.y0) / fh, X1: float32(m.x1) / fw, Y1: float32(m.y1) / fh}
}

// cell is what the samples of one pixel add up to.
type cell struct {
	n, y, u, v int
	depth      float32
}

// resolve lays the tile over the canvas as object id. A pixel takes the share of its samples that
// are nearer than what it shows; smear, in pixels, is how far the object moves while the shutter
// is open.
func (c *canvas) resolve(t *tile, id uint16, smearX, smearY float64, fade float64) mask {
	taps := shutterTaps(smearX, smearY)
	var m mask
	margin := 0
	for _, p := range taps {
		margin = max(margin, abs(p[0]), abs(p[1]))
	}
	for y := t.y0; y < t.y1; y += 2 {
		lo, hi := t.reach(y, margin)
		for x := lo; x < hi; x += 2 {
			c.block(t, x, y, id, taps, &m, fade)
		}
	}
	return m
}

// reach is the part of two rows of pixels, from y on, that the tile may cover, on even columns.
func (t *tile) reach(y, margin int) (lo, hi int) {
	lo, hi = t.w, 0
	from, to := max(0, (y-t.y0)*over-margin), min(t.h, (y-t.y0+2)*over+margin)
	for i := from; i < to; i++ {
		lo, hi = min(lo, t.left[i]), max(hi, t.right[i])
	}
	if hi <= lo {
		return 0, 0
	}
	lo, hi = max(0, lo-margin), min(t.w, hi+margin)
	return (t.x0 + lo/over) &^ 1, min(t.x1, (t.x0+(hi+over-1)/over+1)&^1)
}

// block resolves two by two pixels, which share their chroma.
func (c *canvas) block(t *tile, x, y int, id uint16, taps [][2]int, m *mask, fade float64) {
	full := 256 * len(taps) * over * over
	var n, us, vs int
	for k := range 4 {
		px, py := x+k&1, y+k>>1
		i := py*c.w + px
		cl := t.gather(px, py, c.depth[i], taps)
		if t.count(px, py) >= 2 {
			m.add(px, py)
		}
		if cl.n == 0 {
			continue
		}
		n, us, vs = n+cl.n, us+cl.u, vs+cl.v
		a := int(float64(cl.n)*fade*256*256) / full
		c.y[i] = byte((int(c.y[i])*(256-a) + cl.y/cl.n*a + 128) >> 8)
		if 2*cl.n >= len(taps)*over*over {
			c.depth[i], c.id[i] = cl.depth, id
		}
	}
	if n == 0 {
		return
	}
	j := y/2*(c.w/2) + x/2
	a := int(float64(n)*fade*256*64) / full
	c.u[j] = byte((int(c.u[j])*(256-a) + us/n*a + 128) >> 8)
	c.v[j] = byte((int(c.v[j])*(256-a) + vs/n*a + 128) >> 8)
}

// gather sums the samples of a pixel that are nearer than depth.
func (t *tile) gather(px, py int, depth float32, taps [][2]int) (c cell) {
	c.depth = far
	for _, tap := range taps {
		sx, sy := (px-t.x0)*over+tap[0], (py-t.y0)*over+tap[1]
		for dy := sy; dy < sy+over; dy++ {
			if dy < 0 || dy >= t.h {
				continue
			}
			for dx := sx; dx < sx+over; dx++ {
				if dx < 0 || dx >= t.w {
					continue
				}
				i := dy*t.w + dx
				if z := t.depth[i]; z < depth {
					col := t.color[i]
					c.n++
					c.y, c.u, c.v = c.y+int(col>>16), c.u+int(col>>8&255), c.v+int(col&255)
					c.depth = min(c.depth, z)
				}
			}
		}
	}
	return c
}

var noSmear = [][2]int{{0, 0}}

// shutterTaps are the places, in samples, at which a moving object is seen during one exposure.
func shutterTaps(dx, dy float64) [][2]int {
	l := math.Hypot(dx, dy) * over
	if l < 1 {
		return noSmear
	}
	n := min(8, int(l)+2)
	out := make([][2]int, n)
	for i := range out {
		k := float64(i)/float64(n-1) - 0.5
		out[i] = [2]int{int(math.Round(k * dx * over)), int(math.Round(k * dy * over))}
	}
	return out
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}
