package random

import "bongsu"

// What cameras of the held-out look do to a picture, and no others.

// sharpenWide is a sharpening with halos two pixels wide.
func (l *lens) sharpenWide(p []byte, w, h int, k float64) {
	l.tmp = append(l.tmp[:0], p...)
	a := int(40 * k)
	for y := 2; y < h-2; y++ {
		up, mid, down, out := l.tmp[(y-2)*w:][:w], l.tmp[y*w:][:w], l.tmp[(y+2)*w:][:w], p[y*w:][:w]
		for x := 2; x < w-2; x++ {
			edge := 4*int(mid[x]) - int(mid[x-2]) - int(mid[x+2]) - int(up[x]) - int(down[x])
			out[x] = byte(min(240, max(12, int(mid[x])+edge*a>>8)))
		}
	}
}

// streaks is noise that runs on along rows, as of a long analogue cable, with colour of its own.
func (l *lens) streaks(f *bongsu.Frame, d dice) {
	if l.grain == 0 {
		return
	}
	s := d.Uint64() | 1
	next := func() int {
		s ^= s << 13
		s ^= s >> 7
		s ^= s << 17
		return int(s&255) - 128
	}
	for k := range 3 {
		amount, keep := int(l.grain*6), 150
		if k > 0 {
			if l.colour == 0 {
				return
			}
			amount, keep = int(l.blotch*3), 225
		}
		last := 0
		p := f.Planes[k].Data
		for i := range p {
			last = (last*keep + next()*amount) / 256
			p[i] = byte(min(240, max(12, int(p[i])+last)))
		}
	}
}

// squares is a compression of its own: a Walsh-Hadamard transform of 4×4 pixels whose coefficients
// are rounded, those of fine detail more coarsely.
func (l *lens) squares(f *bongsu.Frame) {
	step := 4 + (80-min(80, l.quality))*3/5
	for k, p := range f.Planes {
		w, h := f.Width, f.Height
		if k > 0 {
			w, h = w/2, h/2
		}
		for y := 0; y+4 <= h; y += 4 {
			for x := 0; x+4 <= w; x += 4 {
				square(p.Data[y*p.Stride+x:], p.Stride, step)
			}
		}
	}
}

// square rounds the coefficients of one block.
func square(p []byte, stride, step int) {
	var b [16]int
	for i := range b {
		b[i] = int(p[i/4*stride+i%4])
	}
	hadamard(&b)
	for i := range b {
		q := step * (1 + i%4 + i/4) / 2
		if i == 0 {
			q = max(2, step/3)
		}
		half := q / 2
		if b[i] < 0 {
			half = -half
		}
		b[i] = (b[i] + half) / q * q
	}
	hadamard(&b)
	for i, v := range b {
		p[i/4*stride+i%4] = byte(min(240, max(12, (v+8)>>4)))
	}
}

// hadamard transforms a block in the order of sequency, without scaling: twice is 16 times.
func hadamard(b *[16]int) {
	for i := range 4 {
		wave(b, i*4, 1)
	}
	for i := range 4 {
		wave(b, i, 4)
	}
}

func wave(b *[16]int, at, step int) {
	p, q, r, s := b[at], b[at+step], b[at+2*step], b[at+3*step]
	b[at], b[at+step], b[at+2*step], b[at+3*step] = p+q+r+s, p+q-r-s, p-q-r+s, p-q+r-s
}
