package scene

import (
	"math"

	"bongsu"
)

// sensor turns the canvas into what the camera sends: exposure, noise, shake, burnt-in words.
type sensor struct {
	seed   uint64
	noise  []int8 // of a mean of 0, with some likeness between neighbours
	amount [256]int16
	curve  [256]byte
	gain   float64 // for which curve stands; 0: none yet
	steps  float64
	shake  float64
	wind   float64
	words  []stamp
	clock  *clockStamp
	ir     bool
}

const noiseSize = 1 << 16

func newSensor(s *Scene, seed uint64, l *lights, opt Options) *sensor {
	k := &sensor{seed: mix64(seed ^ 0x5e5), noise: make([]int8, noiseSize+4096), steps: s.Camera.StepsS, ir: l.ir,
		shake: s.Camera.ShakePX * float64(s.Camera.WidthPX) / 640, wind: s.Weather.Wind}
	c := newChance(seed, "noise")
	last := 0.0
	for i := range k.noise {
		n := (c.float() + c.float() + c.float() + c.float() - 2) * 1.73 // about a normal deviate
		last = 0.45*last + 0.89*n
		k.noise[i] = int8(clamp(last*32, -127, 127))
	}
	strength := l.noise * s.Camera.Noise
	for i := range k.amount { // dark places are amplified more, black ones are clipped
		k.amount[i] = int16(strength * 8 * (1.15 - 0.55*float64(i)/255))
	}
	if !opt.NoWords {
		k.words = demoWords(s.Camera.WidthPX, s.Camera.HeightPX)
	}
	if !opt.NoClock {
		k.clock = newClockStamp(s)
	}
	return k
}

// offset is how far the picture is shifted, in pixels.
type offset struct{ x, y int }

// shift is the camera's shake at now: a few pixels, more in wind.
func (k *sensor) shift(now float64) offset {
	if k.shake == 0 {
		return offset{}
	}
	p := float64(k.seed % 100)
	a := k.shake * (0.4 + 0.6*k.wind) * (0.6 + 0.4*math.Sin(now*0.7+p))
	return offset{int(math.Round(a * math.Sin(now*9.1+p))), int(math.Round(0.6 * a * math.Sin(now*12.7+2*p)))}
}

// box shifts a box with the picture, and cuts it at the edges.
func (o offset) box(b bongsu.Box, w, h int) bongsu.Box {
	if o == (offset{}) {
		return b
	}
	dx, dy := float32(o.x)/float32(w), float32(o.y)/float32(h)
	in := func(v float32) float32 { return max(0, min(1, v)) }
	return bongsu.Box{X0: in(b.X0 + dx), Y0: in(b.Y0 + dy), X1: in(b.X1 + dx), Y1: in(b.Y1 + dy)}
}

// gainAt is the exposure in steps: every few seconds the camera corrects itself, and takes half a
// second to do so.
func (k *sensor) gainAt(now float64) float64 {
	if k.steps <= 0 {
		return 1
	}
	step := math.Floor(now / k.steps)
	level := func(n float64) float64 { return 0.86 + 0.28*rnd(uint32(k.seed), int32(n), 3) }
	return lerp(level(step-1), level(step), smooth(0, 0.5, now-step*k.steps))
}

func (k *sensor) setCurve(gain float64) {
	if gain = math.Round(gain*128) / 128; gain == k.gain {
		return
	}
	k.gain = gain
	for i := range k.curve {
		k.curve[i] = byte(clamp(16+(float64(i)-16)*gain, 0, 255))
	}
}

// expose writes picture n.
func (k *sensor) expose(c *canvas, f *bongsu.Frame, n int, now float64, o offset) {
	k.setCurve(k.gainAt(now))
	var clip [768]byte
	for i := range clip {
		clip[i] = byte(clamp(float64(i-256), 8, 245))
	}
	rows := chance{mix64(k.seed ^ uint64(n)*0x9e3779b97f4a7c15)}
	for y := range c.h {
		src := min(max(y-o.y, 0), c.h-1)
		k.row(f.Planes[0].Data[y*f.Planes[0].Stride:][:c.w], c.y[src*c.w:][:c.w], k.noise[rows.next()%noiseSize:], o.x, &clip)
	}
	for i, from := range [2][]byte{c.u, c.v} {
		p := f.Planes[i+1]
		for y := range c.h / 2 {
			src := min(max(y-o.y/2, 0), c.h/2-1)
			k.chromaRow(p.Data[y*p.Stride:][:c.w/2], from[src*(c.w/2):][:c.w/2], k.noise[rows.next()%noiseSize:], o.x/2)
		}
	}
	for i := range k.words {
		k.words[i].draw(f)
	}
	if k.clock != nil {
		k.clock.draw(f, now)
	}
}

func (k *sensor) row(to, from []byte, noise []int8, shift int, clip *[768]byte) {
	noise = noise[:len(to)]
	if shift == 0 {
		from = from[:len(to)]
		for x := range to {
			v := from[x]
			to[x] = clip[(int(k.curve[v]) + (int(noise[x])*int(k.amount[v]))>>8 + 256)]
		}
		return
	}
	for x := range to {
		v := from[min(max(x-shift, 0), len(from)-1)]
		to[x] = clip[(int(k.curve[v]) + (int(noise[x])*int(k.amount[v]))>>8 + 256)]
	}
}

// chromaRow adds half as much noise to colour, none by infra-red light.
func (k *sensor) chromaRow(to, from []byte, noise []int8, shift int) {
	amount := int(k.amount[128]) / 3
	if k.ir {
		amount = 0
	}
	for x := range to {
		v := int(from[min(max(x-shift, 0), len(from)-1)]) + (int(noise[x])*amount)>>8
		to[x] = byte(min(max(v, 16), 240))
	}
}
