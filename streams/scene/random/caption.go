package random

import "bongsu"

// caption is a line of burnt-in signs, as cameras write their names and times: no language's, as what
// it says does not matter.
type caption struct {
	x, y   float64 // of its corner, shares of the picture
	size   int     // pixels of one dot at 640 pixels of width
	signs  []uint16
	bright byte
	border bool
}

// newCaptions writes up to three lines near the picture's corners.
func newCaptions(d dice) []caption {
	var out []caption
	for range 1 + d.IntN(3) {
		c := caption{x: pick(d, 0.02, 0.03, 0.6, 0.72), y: pick(d, 0.02, 0.04, 0.9, 0.93), size: 1 + d.IntN(2), bright: byte(170 + d.IntN(66)), border: d.maybe(0.7)}
		for range 4 + d.IntN(14) {
			s := uint16(d.Uint32()) & 0x7fff & (uint16(d.Uint32()) | 0x5249)
			if d.maybe(0.15) {
				s = 0
			}
			c.signs = append(c.signs, s)
		}
		out = append(out, c)
	}
	return out
}

// draw writes the signs, three by five dots each.
func (c *caption) draw(f *bongsu.Frame) {
	dot := max(1, c.size*f.Width/640)
	x0, y0 := int(c.x*float64(f.Width)), int(c.y*float64(f.Height))
	for i, s := range c.signs {
		for k := range 15 {
			if s>>k&1 == 0 {
				continue
			}
			x, y := x0+(4*i+k%3)*dot, y0+k/3*dot
			if c.border {
				c.fill(f, x+dot, y+dot, dot, 20)
			}
			c.fill(f, x, y, dot, c.bright)
		}
	}
}

func (c *caption) fill(f *bongsu.Frame, x, y, side int, v byte) {
	for py := y; py < min(y+side, f.Height); py++ {
		for px := x; px < min(x+side, f.Width); px++ {
			f.Planes[0].Data[py*f.Planes[0].Stride+px] = v
			if px&1 == 0 && py&1 == 0 {
				f.Planes[1].Data[py/2*f.Planes[1].Stride+px/2], f.Planes[2].Data[py/2*f.Planes[2].Stride+px/2] = 128, 128
			}
		}
	}
}
