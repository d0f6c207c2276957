package track

import (
	"math"

	"bongsu"
)

// What the tracker is compared with: SORT and ByteTrack as their papers and authors' programs have
// them, in pictures and pixels. They are written anew from the papers, with the authors' parameters.

// plainTrack is a track of either: four coordinates that are filtered one by one, since neither
// filter has covariance between them.
type plainTrack struct {
	id              int
	x               [4]plainAxis
	streak          int
	missed          int // pictures since it was seen
	active, dropped bool
	lost            bool
	score           float32
	start, end      int // pictures
}

// plainAxis is a Kalman filter of one coordinate with constant velocity in pictures.
type plainAxis struct{ x, v, pxx, pxv, pvv float64 }

func squared(x float64) float64 { return x * x }

func (a *plainAxis) predict(qx, qv float64) {
	a.x += a.v
	a.pxx += 2*a.pxv + a.pvv + qx
	a.pxv += a.pvv
	a.pvv += qv
}

func (a *plainAxis) correct(z, r float64) {
	s := a.pxx + r
	kx, kv, e := a.pxx/s, a.pxv/s, z-a.x
	a.x += kx * e
	a.v += kv * e
	a.pvv -= kv * a.pxv
	a.pxv -= kx * a.pxv
	a.pxx -= kx * a.pxx
}

// plainAssign matches rows to columns by the least sum of costs and leaves out pairs above limit.
func plainAssign(cost [][]float64, columns int, limit float64) (pairs [][2]int) {
	var s solver
	if len(cost) == 0 || columns == 0 {
		return nil
	}
	m := s.matrix(len(cost), columns)
	for i := range cost {
		for j := range columns {
			m[i*columns+j] = float32(min(cost[i][j], limit))
		}
	}
	for i, j := range s.assign(len(cost), columns) {
		if j >= 0 && cost[i][j] < limit {
			pairs = append(pairs, [2]int{i, j})
		}
	}
	return pairs
}

// seenBox is what a plain tracker reports of a picture.
type seenBox struct {
	id  int
	box bongsu.Box // pixels
}

// plainSORT is A. Bewley and others, "Simple Online and Realtime Tracking", ICIP 2016: centre, area and
// aspect in a Kalman filter, one matching by IoU of at least 0.3, tracks shown when they were matched
// three times in a row (min_hits 3), and kept for one picture in which they are unseen (max_age 1).
type plainSORT struct {
	maxAge, minHits int
	least           float64
	frame, next     int
	tracks          []*plainTrack
}

func newPlainSORT() *plainSORT { return &plainSORT{maxAge: 1, minHits: 3, least: 0.3} }

func sortMeasure(b bongsu.Box) [4]float64 {
	w, h := float64(b.Width()), float64(b.Height())
	return [4]float64{float64(b.X0) + w/2, float64(b.Y0) + h/2, w * h, w / h}
}

func sortBox(x [4]plainAxis) bongsu.Box {
	w := math.Sqrt(max(x[2].x*x[3].x, 1e-6))
	h := x[2].x / w
	return bongsu.Box{X0: float32(x[0].x - w/2), Y0: float32(x[1].x - h/2), X1: float32(x[0].x + w/2), Y1: float32(x[1].x + h/2)}
}

func (s *plainSORT) update(dets []bongsu.Detection) (out []seenBox) {
	s.frame++
	cost := make([][]float64, len(s.tracks))
	for i, t := range s.tracks {
		if t.x[2].v+t.x[2].x <= 0 {
			t.x[2].v = 0
		}
		t.x[0].predict(1, 0.01)
		t.x[1].predict(1, 0.01)
		t.x[2].predict(1, 0.0001)
		t.x[3].pxx++ // the aspect has no velocity
		if t.missed > 0 {
			t.streak = 0
		}
		t.missed++
		for _, d := range dets {
			cost[i] = append(cost[i], 1-float64(sortBox(t.x).IoU(d.Box)))
		}
	}
	used := make([]bool, len(dets))
	for _, p := range plainAssign(cost, len(dets), 2) { // the authors match first and cut afterwards
		if 1-cost[p[0]][p[1]] < s.least {
			continue
		}
		t, z := s.tracks[p[0]], sortMeasure(dets[p[1]].Box)
		used[p[1]], t.missed = true, 0
		t.streak++
		for k, r := range [4]float64{1, 1, 10, 10} {
			if k == 3 {
				t.x[3].v, t.x[3].pxv, t.x[3].pvv = 0, 0, 0
			}
			t.x[k].correct(z[k], r)
		}
	}
	for j, d := range dets {
		if used[j] {
			continue
		}
		s.next++
		t := &plainTrack{id: s.next}
		for k, z := range sortMeasure(d.Box) {
			t.x[k] = plainAxis{x: z, pxx: 10, pvv: 10000}
		}
		s.tracks = append(s.tracks, t)
	}
	kept := s.tracks[:0]
	for _, t := range s.tracks {
		if t.missed < 1 && (t.streak >= s.minHits || s.frame <= s.minHits) {
			out = append(out, seenBox{t.id, sortBox(t.x)})
		}
		if t.missed <= s.maxAge {
			kept = append(kept, t)
		}
	}
	s.tracks = kept
	return out
}

// plainByte is Y. Zhang and others, "ByteTrack: Multi-Object Tracking by Associating Every Detection
// Box", ECCV 2022, as its program runs on MOT17: detections above 0.6 first, the others above 0.1
// with what is left; the filter of DeepSORT (N. Wojke and others, ICIP 2017) over centre, aspect
// and height; lost tracks kept for 30 pictures; a track begins at 0.7 and is shown from its second
// picture on, in the first picture at once.
type plainByte struct {
	high, low, birth      float32
	first, second, unsure float64
	buffer                int
	frame, next           int
	tracks                []*plainTrack
}

func newPlainByte() *plainByte {
	return &plainByte{high: 0.6, low: 0.1, birth: 0.7, first: 0.8, second: 0.5, unsure: 0.7, buffer: 30}
}

func byteMeasure(b bongsu.Box) [4]float64 {
	w, h := float64(b.Width()), float64(b.Height())
	return [4]float64{float64(b.X0) + w/2, float64(b.Y0) + h/2, w / h, h}
}

func byteBox(x [4]plainAxis) bongsu.Box {
	h := x[3].x
	w := x[2].x * h
	return bongsu.Box{X0: float32(x[0].x - w/2), Y0: float32(x[1].x - h/2), X1: float32(x[0].x + w/2), Y1: float32(x[1].x + h/2)}
}

func (t *plainTrack) bytePredict() {
	if t.lost {
		t.x[3].v = 0
	}
	h := t.x[3].x
	place, velocity := squared(h/20), squared(h/160)
	for k := range t.x {
		if k == 2 {
			t.x[k].predict(1e-4, 1e-10)
			continue
		}
		t.x[k].predict(place, velocity)
	}
}

func (t *plainTrack) byteSee(d bongsu.Detection, frame int) {
	z, h := byteMeasure(d.Box), t.x[3].x
	for k := range t.x {
		r := squared(h / 20)
		if k == 2 {
			r = 1e-2
		}
		t.x[k].correct(z[k], r)
	}
	t.score, t.end, t.active, t.lost = d.Score, frame, true, false
}

// byteMatch matches tracks with detections and takes the matched ones out of both.
func (s *plainByte) byteMatch(tracks *[]*plainTrack, dets *[]bongsu.Detection, limit float64, fuse bool) {
	cost := make([][]float64, len(*tracks))
	for i, t := range *tracks {
		for _, d := range *dets {
			iou := float64(byteBox(t.x).IoU(d.Box))
			if fuse {
				iou *= float64(d.Score)
			}
			cost[i] = append(cost[i], 1-iou)
		}
	}
	rows, columns := map[int]bool{}, map[int]bool{}
	for _, p := range plainAssign(cost, len(*dets), limit) {
		(*tracks)[p[0]].byteSee((*dets)[p[1]], s.frame)
		rows[p[0]], columns[p[1]] = true, true
	}
	var tracksLeft []*plainTrack
	var detsLeft []bongsu.Detection
	for i, t := range *tracks {
		if !rows[i] {
			tracksLeft = append(tracksLeft, t)
		}
	}
	for j, d := range *dets {
		if !columns[j] {
			detsLeft = append(detsLeft, d)
		}
	}
	*tracks, *dets = tracksLeft, detsLeft
}

func (s *plainByte) update(dets []bongsu.Detection) (out []seenBox) {
	s.frame++
	var high, low []bongsu.Detection
	for _, d := range dets {
		switch {
		case d.Score > s.high:
			high = append(high, d)
		case d.Score > s.low && d.Score < s.high:
			low = append(low, d)
		}
	}
	var pool, unsure []*plainTrack
	for _, t := range s.tracks {
		if t.active {
			t.bytePredict()
			pool = append(pool, t)
		} else {
			unsure = append(unsure, t)
		}
	}
	s.byteMatch(&pool, &high, s.first, true)
	var tracked []*plainTrack
	for _, t := range pool {
		if !t.lost {
			tracked = append(tracked, t)
		}
	}
	s.byteMatch(&tracked, &low, s.second, false)
	for _, t := range tracked {
		t.lost = true
	}
	s.byteMatch(&unsure, &high, s.unsure, true)
	for _, t := range unsure {
		t.dropped = true
	}
	for _, d := range high {
		if d.Score >= s.birth {
			s.tracks = append(s.tracks, s.byteBegin(d))
		}
	}
	s.byteForget()
	for _, t := range s.tracks {
		if t.active && !t.lost {
			out = append(out, seenBox{t.id, byteBox(t.x)})
		}
	}
	return out
}

func (s *plainByte) byteBegin(d bongsu.Detection) *plainTrack {
	s.next++
	t := &plainTrack{id: s.next, start: s.frame, end: s.frame, score: d.Score, active: s.frame == 1}
	h := float64(d.Box.Height())
	for k, z := range byteMeasure(d.Box) {
		t.x[k] = plainAxis{x: z, pxx: squared(2 * h / 20), pvv: squared(10 * h / 160)}
	}
	t.x[2].pxx, t.x[2].pvv = 1e-4, 1e-10
	return t
}

// byteForget drops what was lost too long, and of a lost and a seen track in one place the younger.
func (s *plainByte) byteForget() {
	for _, t := range s.tracks {
		if t.lost && s.frame-t.end > s.buffer {
			t.dropped = true
		}
	}
	for _, a := range s.tracks {
		for _, b := range s.tracks {
			if a.dropped || b.dropped || a.lost || !b.lost || byteBox(a.x).IoU(byteBox(b.x)) <= 0.85 {
				continue
			}
			if a.end-a.start > b.end-b.start {
				b.dropped = true
			} else {
				a.dropped = true
			}
		}
	}
	kept := s.tracks[:0]
	for _, t := range s.tracks {
		if !t.dropped {
			kept = append(kept, t)
		}
	}
	s.tracks = kept
}
