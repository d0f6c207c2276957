package random

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"

	"bongsu"
)

// lens is one camera's way of treating a picture; what varies from picture to picture is drawn anew
// each time.
type lens struct {
	gamma, gain, lift float64
	cast              [2]float64 // of colour, on U and V
	colour            float64    // saturation
	vignette          float64
	heldOut           bool
	soft              float64 // blur, pixels
	sharp             float64 // halo at edges
	grain, blotch     float64 // noise of luma and of colour
	quality           int     // of compression, 0 none
	coarse            float64 // pixels of the camera are so many of the picture's; 0 or 1: one
	captions          []caption

	tmp []byte
}

// newLens draws a camera: more than half of them are good ones, one in seven is as bad as they come.
func newLens(d dice, look, mix string) *lens {
	l := &lens{heldOut: look == LookHeldOut}
	bad, k := 0.3, d.Float64()
	if mix == MixStreet {
		k -= 0.1
	}
	switch {
	case k > 0.85:
		bad = 1
	case k > 0.55:
		bad = 0.6
	}
	l.gamma, l.gain, l.lift = math.Exp(bad*d.between(-0.35, 0.22)), 1+bad*d.between(-0.14, 0.2), bad*d.between(-6, 18)
	l.colour = 1 + (0.3+0.7*bad)*d.between(-0.6, 0.5)
	if d.maybe(0.5) {
		l.cast = [2]float64{d.NormFloat64() * 5 * bad, d.NormFloat64() * 5 * bad}
	}
	if d.maybe(0.12) {
		l.colour, l.cast = 0, [2]float64{}
	}
	if d.maybe(0.4) {
		l.vignette = bad * d.between(0.05, 0.5)
	}
	if d.maybe(0.55) {
		l.soft = d.log(0.3, 0.5+bad)
	}
	if d.maybe(0.5) {
		l.sharp = d.log(0.2, 0.5+bad)
	}
	if d.maybe(0.2 + 0.4*bad) {
		l.grain, l.blotch = d.log(0.5, 7*bad), d.log(0.3, 6*bad)
	}
	if d.maybe(0.6) {
		l.quality = int(d.log(60-44*bad, 85))
	}
	if d.maybe(0.25 * bad) {
		l.coarse = d.between(1.2, 1.3+0.9*bad)
	}
	if d.maybe(0.35) {
		l.captions = newCaptions(d)
	}
	return l
}

// least is by how much a thing must differ from what is behind it to be seen through this lens, when
// the sensor has so much noise: half of what it takes for one pixel alone, as things have many.
func (l *lens) least(noise float64) int {
	return int((5 + 0.8*math.Hypot(noise*l.gain, l.grain)) / l.gain)
}

// finish treats a picture.
func (l *lens) finish(f *bongsu.Frame, d dice) {
	soft := l.soft
	if d.maybe(0.1) {
		soft += d.between(0, 0.7)
	}
	if soft > 0 {
		l.blur(f.Planes[0].Data, f.Width, f.Height, soft)
	}
	if l.coarse > 1 {
		l.enlarge(f.Planes[0].Data, f.Width, f.Height, l.coarse)
	}
	l.tone(f, d)
	if l.sharp > 0 {
		if l.heldOut {
			l.sharpenWide(f.Planes[0].Data, f.Width, f.Height, l.sharp)
		} else {
			l.sharpen(f.Planes[0].Data, f.Width, f.Height, l.sharp)
		}
	}
	if l.heldOut {
		l.streaks(f, d)
	} else {
		l.noise(f, d)
	}
	for i := range l.captions {
		l.captions[i].draw(f)
	}
	switch {
	case l.quality > 0 && l.heldOut:
		l.squares(f)
	case l.quality > 0:
		l.compress(f, max(8, l.quality+d.IntN(11)-5))
	}
}

// tone bends brightness and colour.
func (l *lens) tone(f *bongsu.Frame, d dice) {
	var y [256]byte
	gain, gamma, lift := l.gain*d.between(0.9, 1.12), l.gamma*d.between(0.92, 1.08), l.lift+d.between(-4, 4)
	for i := range y {
		v := math.Max(0, float64(i)-16) / 219
		v = gain * math.Pow(v, gamma)
		if l.heldOut { // another curve: an S
			v = math.Min(v, 1.15)
			v += 0.2 * (l.gamma - 0.9) * v * (1 - v) * (2*v - 1) * 4
		}
		y[i] = byte(min(240, max(12, 16+lift+(219-lift)*v)))
	}
	p := f.Planes[0].Data
	if l.vignette == 0 {
		for i, v := range p {
			p[i] = y[v]
		}
	} else {
		l.darkCorners(p, f.Width, f.Height, &y)
	}
	for k := range 2 {
		var c [256]byte
		for i := range c {
			c[i] = byte(min(240, max(16, 128+(float64(i)-128)*l.colour+l.cast[k])))
		}
		q := f.Planes[k+1].Data
		for i, v := range q {
			q[i] = c[v]
		}
	}
}

func (l *lens) darkCorners(p []byte, w, h int, tone *[256]byte) {
	cx, cy := float64(w)/2, float64(h)/2
	inv := 1 / (cx*cx + cy*cy)
	for y := range h {
		dy := (float64(y) - cy) * (float64(y) - cy)
		row := p[y*w:][:w]
		for x := range row {
			dx := float64(x) - cx
			k := int(256 * (1 - l.vignette*(dx*dx+dy)*inv))
			row[x] = byte(16 + max(0, (int(tone[row[x]])-16)*k>>8))
		}
	}
}

// blur is a binomial filter whose middle weighs less the softer it is.
func (l *lens) blur(p []byte, w, h int, sigma float64) {
	for ; sigma > 0.05; sigma -= 0.75 {
		s := math.Min(sigma, 0.75)
		side := int(256 * s * s / 2)
		mid := 256 - 2*side
		l.tmp = append(l.tmp[:0], p...)
		for y := range h {
			a, b := l.tmp[y*w:][:w], p[y*w:][:w]
			for x := 1; x < w-1; x++ {
				b[x] = byte((int(a[x])*mid + (int(a[x-1])+int(a[x+1]))*side + 128) >> 8)
			}
		}
		l.tmp = append(l.tmp[:0], p...)
		for y := 1; y < h-1; y++ {
			up, a, down, b := l.tmp[(y-1)*w:][:w], l.tmp[y*w:][:w], l.tmp[(y+1)*w:][:w], p[y*w:][:w]
			for x := range w {
				b[x] = byte((int(a[x])*mid + (int(up[x])+int(down[x]))*side + 128) >> 8)
			}
		}
	}
}

// sharpen adds k times what a picture differs from its own blur: halos along edges.
func (l *lens) sharpen(p []byte, w, h int, k float64) {
	l.tmp = append(l.tmp[:0], p...)
	a := int(64 * k)
	for y := 1; y < h-1; y++ {
		up, mid, down, out := l.tmp[(y-1)*w:][:w], l.tmp[y*w:][:w], l.tmp[(y+1)*w:][:w], p[y*w:][:w]
		for x := 1; x < w-1; x++ {
			edge := 4*int(mid[x]) - int(mid[x-1]) - int(mid[x+1]) - int(up[x]) - int(down[x])
			out[x] = byte(min(240, max(12, int(mid[x])+edge*a>>8)))
		}
	}
}

// noise adds grain, and blotches of colour that are larger than pixels.
func (l *lens) noise(f *bongsu.Frame, d dice) {
	if l.grain == 0 {
		return
	}
	var table [256]int8
	for i := range table {
		table[i] = int8(min(100, max(-100, d.NormFloat64()*l.grain)))
	}
	p := f.Planes[0].Data
	s := d.Uint64() | 1
	for i := range p {
		s ^= s << 13
		s ^= s >> 7
		s ^= s << 17
		p[i] = byte(min(240, max(12, int(p[i])+int(table[s&255]))))
	}
	if l.colour == 0 {
		return
	}
	for i := range table {
		table[i] = int8(min(100, max(-100, d.NormFloat64()*l.blotch)))
	}
	for k := range 2 {
		q := f.Planes[k+1].Data
		last := 0
		for i := range q {
			s ^= s << 13
			s ^= s >> 7
			s ^= s << 17
			last = (3*last + 3*int(table[s&255])) / 4
			q[i] = byte(min(240, max(16, int(q[i])+last)))
		}
	}
}

// compress sends the picture through JPEG and back: blocks and ringing, as low bit rates leave.
func (l *lens) compress(f *bongsu.Frame, quality int) {
	img := &image.YCbCr{Y: f.Planes[0].Data, Cb: f.Planes[1].Data, Cr: f.Planes[2].Data, YStride: f.Width, CStride: f.Width / 2,
		SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, f.Width, f.Height)}
	var b bytes.Buffer
	if jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}) != nil {
		return
	}
	back, err := jpeg.Decode(&b)
	got, ok := back.(*image.YCbCr)
	if err != nil || !ok || got.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		return
	}
	for y := range f.Height {
		copy(f.Planes[0].Data[y*f.Width:][:f.Width], got.Y[y*got.YStride:])
	}
	for y := range f.Height / 2 {
		copy(f.Planes[1].Data[y*f.Width/2:][:f.Width/2], got.Cb[y*got.CStride:])
		copy(f.Planes[2].Data[y*f.Width/2:][:f.Width/2], got.Cr[y*got.CStride:])
	}
}

// enlarge makes the picture as a camera with fewer pixels gives it: every value is one of a coarser
// grid, smooth between.
func (l *lens) enlarge(p []byte, w, h int, k float64) {
	sw, sh := max(2, int(float64(w)/k)), max(2, int(float64(h)/k))
	small := make([]byte, sw*sh)
	for y := range sh {
		y0, y1 := y*h/sh, max(y*h/sh+1, (y+1)*h/sh)
		for x := range sw {
			x0, x1 := x*w/sw, max(x*w/sw+1, (x+1)*w/sw)
			sum := 0
			for py := y0; py < y1; py++ {
				for px := x0; px < x1; px++ {
					sum += int(p[py*w+px])
				}
			}
			small[y*sw+x] = byte(sum / ((y1 - y0) * (x1 - x0)))
		}
	}
	for y := range h {
		fy := min(max(0, (2*y+1)*sh*128/h-128), (sh-1)*256)
		a, b, ty := small[fy>>8*sw:], small[min(fy>>8+1, sh-1)*sw:], fy&255
		for x := range w {
			fx := min(max(0, (2*x+1)*sw*128/w-128), (sw-1)*256)
			i, j, tx := fx>>8, min(fx>>8+1, sw-1), fx&255
			top := int(a[i])*(256-tx) + int(a[j])*tx
			low := int(b[i])*(256-tx) + int(b[j])*tx
			p[y*w+x] = byte((top*(256-ty) + low*ty) >> 16)
		}
	}
}
