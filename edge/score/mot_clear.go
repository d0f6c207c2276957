package score

// followed is what CLEAR MOT remembers of an object.
type followed struct {
	track   int // the last one it was matched with; -1 before
	boxes   int
	matched int
	parted  int  // times it was lost after it had been followed, and found again
	lost    bool // followed once, and missed in its last picture
}

// clear counts misses, false boxes and switches. A pair of the past is kept while it overlaps; the
// rest is matched anew. A switch is counted against the last track that the object had, however long ago.
func (c *motClip) clear(m *MOT) {
	of := make([]followed, c.objects)
	for i := range of {
		of[i].track = -1
	}
	matched, distance := 0, 0.0
	for i := range c.frames {
		f := &c.frames[i]
		pair := f.clearPairs(of)
		for o, k := range pair {
			g := &of[f.objects[o].id]
			g.boxes++
			if k < 0 {
				m.FN++
				g.lost = g.track >= 0
				continue
			}
			id := f.tracks[k].id
			if g.track >= 0 && g.track != id {
				m.Switches++
			}
			if g.lost {
				g.parted++
			}
			g.track, g.lost = id, false
			g.matched++
			matched++
			distance += 1 - f.at(o, k)
		}
	}
	m.FP = m.Answers - matched
	m.MOTP = share(distance, float64(matched))
	if m.Boxes > 0 {
		m.MOTA = 1 - float64(m.FN+m.FP+m.Switches)/float64(m.Boxes)
	}
	for i := range of {
		m.Fragments += of[i].parted
		switch s := float64(of[i].matched) / float64(max(of[i].boxes, 1)); {
		case s >= 0.8:
			m.MostlyTracked++
		case s < 0.2:
			m.MostlyLost++
		}
	}
}

// clearPairs gives each object of the picture its track, or -1.
func (f *motFrame) clearPairs(of []followed) []int {
	pair := make([]int, len(f.objects))
	objects, tracks := make([]bool, len(f.objects)), make([]bool, len(f.tracks))
	for o := range f.objects {
		pair[o] = -1
		for k := range f.tracks {
			if f.tracks[k].id == of[f.objects[o].id].track && !tracks[k] && f.at(o, k) >= motOverlap {
				pair[o], objects[o], tracks[k] = k, true, true
				break
			}
		}
	}
	for o, k := range f.pairs(objects, tracks, motOverlap) {
		if k >= 0 {
			pair[o] = k
		}
	}
	return pair
}

// identities gives each object the one track that it shares most boxes with, so that the sum over the
// whole clip is the greatest possible.
func (c *motClip) identities(m *MOT) {
	together := make([]float64, c.objects*c.tracks)
	for i := range c.frames {
		f := &c.frames[i]
		for o := range f.objects {
			for k := range f.tracks {
				if f.at(o, k) >= motOverlap {
					together[f.objects[o].id*c.tracks+f.tracks[k].id]++
				}
			}
		}
	}
	right := 0.0
	for o, k := range motAssign(together, c.objects, c.tracks) {
		if k >= 0 {
			right += together[o*c.tracks+k]
		}
	}
	m.IDP, m.IDR = share(right, float64(m.Answers)), share(right, float64(m.Boxes))
	m.IDF1 = share(2*right, float64(m.Answers+m.Boxes))
}

func share(part, of float64) float64 {
	if of == 0 {
		return 0
	}
	return part / of
}
