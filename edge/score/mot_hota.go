package score

import "math"

// hotaSteps is the number of overlaps that HOTA is averaged over: 0.05, 0.10 … 0.95.
const hotaSteps = 19

// hotaSlack lets an overlap that is the limit's own number pass whatever its last bits are. The
// authors' program has the machine's epsilon here, numpy's for float64.
const hotaSlack = 2.220446049250313e-16

// hotaAt collects the counts of one overlap.
type hotaAt struct {
	least    float64
	tp       float64
	overlap  float64   // sum over tp
	together []float64 // boxes that an object and a track share, objects × tracks
}

// hota follows the authors' program: one matching a picture, which looks for pairs that go together
// over the whole clip and overlap here; each limit then takes the pairs that reach it. A true
// positive's association is what its object and its track share, over what either of them has.
func (c *motClip) hota(m *MOT) {
	objects, tracks := c.lengths()
	affinity := c.affinity(objects, tracks)
	var at [hotaSteps]hotaAt
	for s := range at {
		at[s] = hotaAt{least: 0.05 * float64(s+1), together: make([]float64, len(affinity))}
	}
	for i := range c.frames {
		f := &c.frames[i]
		gain := make([]float64, len(f.iou))
		for o := range f.objects {
			for k := range f.tracks {
				gain[o*len(f.tracks)+k] = affinity[f.objects[o].id*c.tracks+f.tracks[k].id] * f.at(o, k)
			}
		}
		for o, k := range motAssign(gain, len(f.objects), len(f.tracks)) {
			if k < 0 {
				continue
			}
			for s := range at {
				at[s].take(f.at(o, k), f.objects[o].id*c.tracks+f.tracks[k].id)
			}
		}
	}
	for s := range at {
		a := &at[s]
		det := share(a.tp, float64(m.Boxes+m.Answers)-a.tp)
		ass := share(a.association(objects, tracks), a.tp)
		loc := 1.0 // nothing matched, nothing misplaced: the authors' reading
		if a.tp > 0 {
			loc = a.overlap / a.tp
		}
		m.DetA += det / hotaSteps
		m.AssA += ass / hotaSteps
		m.LocA += loc / hotaSteps
		m.HOTA += math.Sqrt(det*ass) / hotaSteps
	}
}

func (a *hotaAt) take(overlap float64, pair int) {
	if overlap >= a.least-hotaSlack {
		a.tp++
		a.overlap += overlap
		a.together[pair]++
	}
}

// association is the sum over all true positives.
func (a *hotaAt) association(objects, tracks []float64) float64 {
	sum := 0.0
	for o := range objects {
		for k := range tracks {
			if n := a.together[o*len(tracks)+k]; n > 0 {
				sum += n * n / (objects[o] + tracks[k] - n)
			}
		}
	}
	return sum
}

// lengths counts the boxes of each object and track.
func (c *motClip) lengths() (objects, tracks []float64) {
	objects, tracks = make([]float64, c.objects), make([]float64, c.tracks)
	for i := range c.frames {
		for _, b := range c.frames[i].objects {
			objects[b.id]++
		}
		for _, b := range c.frames[i].tracks {
			tracks[b.id]++
		}
	}
	return objects, tracks
}

// affinity says how well an object and a track go together over the clip: their overlaps as shares of
// all that either overlaps in the picture, summed, over the boxes of both.
func (c *motClip) affinity(objects, tracks []float64) []float64 {
	a := make([]float64, c.objects*c.tracks)
	for i := range c.frames {
		f := &c.frames[i]
		row, column := make([]float64, len(f.objects)), make([]float64, len(f.tracks))
		for o := range f.objects {
			for k := range f.tracks {
				row[o] += f.at(o, k)
				column[k] += f.at(o, k)
			}
		}
		for o := range f.objects {
			for k := range f.tracks {
				if iou := f.at(o, k); iou > 0 {
					a[f.objects[o].id*c.tracks+f.tracks[k].id] += iou / (row[o] + column[k] - iou)
				}
			}
		}
	}
	for o := range objects {
		for k := range tracks {
			a[o*c.tracks+k] /= objects[o] + tracks[k] - a[o*c.tracks+k]
		}
	}
	return a
}
