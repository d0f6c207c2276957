package vision

import (
	"bongsu"
)

// Motion measures how far a picture's contents moved since the last one because the camera did: wind
// on a pole, a lorry beside it. It keeps one luma sample of Step × Step pixels, looks for
// small patches of the picture before in the new one, and believes what most patches agree on; people
// and vehicles move few of them. A camera that hangs still measures exactly zero, and costs little
// more than the reading. It reads luma once a picture (Reads counts), allocates nothing after the
// first picture of a size, and needs neither cgo nor OpenCV. It is for one goroutine.
type Motion struct {
	w, h, step  int    // of the picture, pixels; between samples
	gw, gh      int    // of the grids, samples
	now, before []byte // grids of samples
	have        bool   // before holds a picture
	chosen      bool   // places are set
	reads       uint64

	places   [patchCount][2]int  // left upper corners of the patches, samples
	xs, ys   [patchCount]float32 // what the patches that are heard say, samples
	where    [patchCount]int     // which patches those are
	searches uint64

	awayX, awayY float32 // how far the picture is from where it was a second ago, of its size
}

// The grid is about gridWide samples wide. Patches of side × side samples stand in columns × rows; a
// shift is looked for up to reachX and reachY samples.
const (
	gridWide     = 320
	patchColumns = 6
	patchRows    = 4
	patchCount   = patchColumns * patchRows
	side         = 16
	reachX       = 20
	reachY       = 14
	away         = 4 // where a patch that lies still must fit worse
)

// A patch is heard when its place fits so many times better than others: sums of absolute differences.
const clearly = 1.4

// How patches agree: within agreeing samples, by the share agreed of those that are heard, which are
// heardLeast at least and lie in three quarters of the picture.
const (
	agreeing   = 1.0
	agreed     = 0.5
	heardLeast = 6
)

// stillBelow is the shift in samples that is taken for none: the tracker's own model follows it.
const stillBelow = 0.5

// Reads is how many pictures were read.
func (m *Motion) Reads() uint64 { return m.reads }

// Searches is how many patches did not lie where they lay, and were looked for.
func (m *Motion) Searches() uint64 { return m.searches }

// Step is how far apart the samples are, in pixels; 0 before the first picture.
func (m *Motion) Step() int { return m.step }

// Reset forgets the picture before, as after a change of stream.
func (m *Motion) Reset() { m.have = false }

// Look reads a picture and says how far its contents moved since the last one it was given, in widths
// and heights of the picture; 0, 0 for the first of its size, and when the patches do not agree. The
// planes must be those of a checked frame.
func (m *Motion) Look(f *bongsu.Frame) (dx, dy float32) {
	if f.Width != m.w || f.Height != m.h {
		m.fit(f.Width, f.Height)
	}
	if m.step == 0 {
		return 0, 0
	}
	m.now, m.before = m.before, m.now
	m.read(&f.Planes[0])
	m.reads++
	if !m.have {
		m.have = true
		return 0, 0
	}
	if !m.chosen || m.reads%chooseEvery == 0 {
		m.choose()
		m.chosen = true
	}
	x, y := m.agree(m.ask())
	return m.shaken(x*float32(m.step)/float32(m.w), y*float32(m.step)/float32(m.h))
}

// What shakes comes back. A picture that goes on and on into one direction is filled by a bus, or the
// camera was turned, and then its zones are wrong whatever the tracker knows.
const (
	travelMost = 0.08 // of the picture that it may be away from where it was
	travelKeep = 0.9  // of the way that counts still, a picture later
)

// shaken passes on what a shaking camera can have moved, and nothing else.
func (m *Motion) shaken(dx, dy float32) (float32, float32) {
	m.awayX, m.awayY = m.awayX*travelKeep+dx, m.awayY*travelKeep+dy
	if max(m.awayX, -m.awayX) > travelMost || max(m.awayY, -m.awayY) > travelMost {
		return 0, 0
	}
	return dx, dy
}

// fit makes room for pictures of a size. One too small to be measured has no step.
func (m *Motion) fit(w, h int) {
	step := max(1, w/gridWide)
	*m = Motion{w: w, h: h, step: step, gw: w / step, gh: h / step, reads: m.reads, searches: m.searches}
	if m.gw < patchColumns*(side+2) || m.gw < 2*reachX+2*side || m.gh < patchRows*(side+2) || m.gh < 2*reachY+2*side {
		m.step = 0
		return
	}
	m.now, m.before = make([]byte, m.gw*m.gh), make([]byte, m.gw*m.gh)
}

// chooseEvery is after how many pictures the patches are put to other places: shadows wander.
const chooseEvery = 100

// choose puts the patch of each part of the picture where there is most to hold on to, of nine places.
func (m *Motion) choose() {
	for i := range patchCount {
		x0, x1 := i%patchColumns*m.gw/patchColumns, (i%patchColumns+1)*m.gw/patchColumns-side
		y0, y1 := i/patchColumns*m.gh/patchRows, (i/patchColumns+1)*m.gh/patchRows-side
		most := -1
		for k := range 9 {
			px, py := x0+(x1-x0)*(k%3)/2, y0+(y1-y0)*(k/3)/2
			if v := m.texture(px, py); v > most {
				most, m.places[i] = v, [2]int{px, py}
			}
		}
	}
}

// texture is how much a patch of the picture before differs from itself a little beside and below,
// whichever is less: an edge alone holds in one direction only.
func (m *Motion) texture(px, py int) int {
	across, down := 0, 0
	for y := 0; y < side-2; y += 2 {
		row, below := m.before[(py+y)*m.gw+px:], m.before[(py+y+2)*m.gw+px:]
		for x := 0; x < side-2; x += 2 {
			a, b, c := int(row[x]), int(row[x+2]), int(below[x])
			across += max(a-b, b-a)
			down += max(a-c, c-a)
		}
	}
	return min(across, down)
}

// read fills now from luma: a sample is the mean of four pixels, since fine patterns that are met
// every few pixels only, such as paving, look as if they had moved elsewhere.
func (m *Motion) read(luma *bongsu.Plane) {
	half := m.step / 2
	for y := range m.gh {
		upper := luma.Data[y*m.step*luma.Stride:]
		lower := luma.Data[(y*m.step+half)*luma.Stride:]
		means(m.now[y*m.gw:(y+1)*m.gw], upper, lower, m.step, half)
	}
	for range smoothings {
		for y := range m.gh - 1 {
			soften(m.now[y*m.gw:(y+1)*m.gw], m.now[(y+1)*m.gw:(y+2)*m.gw])
		}
	}
}

// smoothings is how often each sample becomes the mean of itself and the three to its right and below:
// patterns as fine as the samples fit nowhere after a move of half a sample.
const smoothings = 3

func soften(row, below []byte) {
	for i := range len(row) - 1 {
		row[i] = byte((int(row[i]) + int(row[i+1]) + int(below[i]) + int(below[i+1]) + 2) / 4)
	}
}

func means(out, upper, lower []byte, step, half int) {
	x := 0
	for i := range out {
		out[i] = byte((int(upper[x]) + int(upper[x+half]) + int(lower[x]) + int(lower[x+half]) + 2) / 4)
		x += step
	}
}

// ask collects what the patches say and returns how many are heard.
func (m *Motion) ask() (n int) {
	for i := range patchCount {
		if x, y, ok := m.follow(m.places[i][0], m.places[i][1]); ok {
			m.xs[n], m.ys[n], m.where[n] = x, y, i
			n++
		}
	}
	return n
}

// follow says how far the patch whose left upper corner was at px, py has gone; ok is false when it
// cannot be told.
func (m *Motion) follow(px, py int) (x, y float32, ok bool) {
	stay := m.fits(px, py, 0, 0, 2)
	beside := min(m.fits(px, py, -away, 0, 2), m.fits(px, py, away, 0, 2))
	above := min(m.fits(px, py, 0, -away, 2), m.fits(px, py, 0, away, 2))
	dx, dy := 0, 0
	if float32(stay)*clearly >= float32(min(beside, above)) {
		m.searches++
		if dx, dy, ok = m.search(px, py); !ok {
			return 0, 0, false
		}
	}
	return m.settle(px, py, dx, dy)
}

// search looks at every second place within reach, with every second sample.
func (m *Motion) search(px, py int) (dx, dy int, ok bool) {
	least, sum, n := 1<<30, 0, 0
	for y := max(-reachY, -(py &^ 1)); y <= reachY && py+y+side <= m.gh; y += 2 {
		for x := max(-reachX, -(px &^ 1)); x <= reachX && px+x+side <= m.gw; x += 2 {
			v := m.fits(px, py, x, y, 2)
			sum += v
			n++
			if v < least {
				least, dx, dy = v, x, y
			}
		}
	}
	return dx, dy, n > 0 && float32(least)*clearly < float32(sum)/float32(n)
}

// settle walks from about the right place to the best one, and measures parts of a sample there.
func (m *Motion) settle(px, py, dx, dy int) (x, y float32, ok bool) {
	best := m.fits(px, py, dx, dy, 1)
	for range away {
		left, right := m.fits(px, py, dx-1, dy, 1), m.fits(px, py, dx+1, dy, 1)
		up, down := m.fits(px, py, dx, dy-1, 1), m.fits(px, py, dx, dy+1, 1)
		switch least := min(left, right, up, down); {
		case least >= best:
			return float32(dx) + part(left, best, right), float32(dy) + part(up, best, down), true
		case least == left:
			dx--
		case least == right:
			dx++
		case least == up:
			dy--
		default:
			dy++
		}
		best = min(best, left, right, up, down)
	}
	return 0, 0, false
}

// part is where between two samples a valley of absolute differences has its bottom: its sides are
// straight lines of one slope.
func part(l, c, r int) float32 {
	if slope := max(l, r) - c; slope > 0 {
		return float32(l-r) / float32(2*slope)
	}
	return 0
}

// fits is the sum of absolute differences of the patch before and what lies dx, dy from there now,
// over every by-th sample. Outside the picture nothing fits.
func (m *Motion) fits(px, py, dx, dy, by int) int {
	if px+dx < 0 || py+dy < 0 || px+dx+side > m.gw || py+dy+side > m.gh {
		return 1 << 20
	}
	sum := 0
	for y := 0; y < side; y += by {
		a, b := m.before[(py+y)*m.gw+px:], m.now[(py+dy+y)*m.gw+px+dx:]
		a, b = a[:side], b[:side]
		for x := 0; x < side; x += by {
			d := int(a[x]) - int(b[x])
			if d < 0 {
				d = -d
			}
			sum += d
		}
	}
	return sum
}

// agree gives the shift that most of the n patches heard have, in samples: the mean of those that stand
// closest together.
func (m *Motion) agree(n int) (x, y float32) {
	most := 0
	for k := range n {
		cx, cy, with, spread := m.among(k, n)
		if with > most && spread >= 3 {
			most, x, y = with, cx, cy
		}
	}
	if most < heardLeast || float32(most) < agreed*float32(n) || max(x, -x) < stillBelow && max(y, -y) < stillBelow {
		return 0, 0
	}
	return x, y
}

// among is the mean of the votes that agree with vote k, their number, and in how many quarters of the
// picture they stand.
func (m *Motion) among(k, n int) (x, y float32, with, spread int) {
	var quarters [4]int
	for i := range n {
		if dx, dy := m.xs[i]-m.xs[k], m.ys[i]-m.ys[k]; max(dx, -dx) < agreeing && max(dy, -dy) < agreeing {
			x += m.xs[i]
			y += m.ys[i]
			with++
			quarters[m.where[i]%patchColumns*2/patchColumns+m.where[i]/patchColumns*2/patchRows*2] = 1
		}
	}
	return x / float32(with), y / float32(with), with, quarters[0] + quarters[1] + quarters[2] + quarters[3]
}
