// Package eval scores detectors against truth: average precision as the PASCAL VOC challenge
// defines it, recall at a precision, and tables by class and condition. It reads rendered data
// sets and two layouts of real pictures, and knows nothing of how a model is run.
package eval

import (
	"cmp"
	"slices"

	"bongsu"
)

// Truth is one thing that is in a picture.
type Truth struct {
	Class      bongsu.Class
	Box        bongsu.Box // of what is seen of it
	Visibility float32    // 0..1: how much of it is seen
	Difficult  bool       // its labeller calls it hard: it is never judged
}

// Picture is what is known of one picture of a data set.
type Picture struct {
	Name          string
	Time          string // time band; "" when nobody knows
	Weather       string // "" when nobody knows
	Width, Height int    // pixels
	Truths        []Truth
}

// Result is a picture with what a detector saw in it.
type Result struct {
	Picture *Picture
	Found   []bongsu.Detection
}

// Limits say which things are judged. What is seen worse or smaller is neither demanded nor,
// when it is found, counted as wrong.
type Limits struct {
	Visibility float32 // least part of it that is seen, 0..1
	Height     float64 // least height of its box in pixels, of a picture 360 rows high
	IoU        float64 // least overlap of a box with a truth that it claims to have found
}

// DefaultLimits are those that scores are quoted with.
var DefaultLimits = Limits{Visibility: 0.5, Height: 24, IoU: 0.5}

// rows is the height of a picture that Limits.Height speaks of.
const rows = 360

// height is that of a box in pixels of a picture 360 rows high.
func height(b bongsu.Box) float64 { return float64(b.Height()) * rows }

// question is what is asked of a detector: where are things of these classes, this large?
type question struct {
	classes   []bongsu.Class
	least     float64 // height of what is judged, as Limits.Height
	under     float64 // and the height from which it is not any more; 0 is no end
	sized     bool    // boxes of other sizes that hit nothing are not counted
	known     func(bongsu.Class) bool
	limits    Limits
	pictureOK func(*Picture) bool // nil: all
}

// judged says whether a truth must be found.
func (q *question) judged(t *Truth) bool {
	h := height(t.Box)
	return slices.Contains(q.classes, t.Class) && !t.Difficult && t.Visibility >= q.limits.Visibility && h >= q.least && (q.under == 0 || h < q.under)
}

// ignored says whether a box on a truth that is not judged is let pass: the truth is one of
// those asked for, or one that could be called so, but too little of it is seen, or the detector
// has no word for it.
func (q *question) ignored(t *Truth) bool {
	if slices.Contains(q.classes, t.Class) {
		return true // not judged
	}
	if !slices.ContainsFunc(q.classes, t.Class.Alike) {
		return false
	}
	return t.Difficult || t.Visibility < q.limits.Visibility || height(t.Box) < q.limits.Height || !q.known(t.Class)
}

// verdict is what became of one box.
type verdict struct {
	score float32
	hit   bool
}

// judge matches the boxes of one picture with its truths as the VOC devkit does: best score
// first, each box claims the truth it overlaps most; who comes second at a truth is wrong.
// It appends to dst and returns how many truths there were to find.
func (q *question) judge(dst []verdict, r Result) ([]verdict, int) {
	var boxes []bongsu.Detection
	for _, d := range r.Found {
		if slices.Contains(q.classes, d.Class) {
			boxes = append(boxes, d)
		}
	}
	slices.SortStableFunc(boxes, func(a, b bongsu.Detection) int { return cmp.Compare(b.Score, a.Score) })
	truths := r.Picture.Truths
	claimed := make([]bool, len(truths))
	n := 0
	for i := range truths {
		if q.judged(&truths[i]) {
			n++
		}
	}
	for _, b := range boxes {
		best, at := 0.0, -1
		for i := range truths {
			if v := iou(b.Box, truths[i].Box); v > best && q.judged(&truths[i]) {
				best, at = v, i
			}
		}
		switch {
		case at >= 0 && best >= q.limits.IoU-slip:
			dst = append(dst, verdict{b.Score, !claimed[at]})
			claimed[at] = true
		case q.passes(b.Box, truths):
		default:
			dst = append(dst, verdict{b.Score, false})
		}
	}
	return dst, n
}

// passes says whether a box that found nothing to be judged is let pass: half of it lies on one
// ignored truth, as in COCO's crowds, or it is of a size that is not asked for.
func (q *question) passes(b bongsu.Box, truths []Truth) bool {
	if h := height(b); q.sized && (h < q.least || q.under > 0 && h >= q.under) {
		return true
	}
	for i := range truths {
		t := &truths[i]
		if in := overlap(b, t.Box); in > 0 && in >= (q.limits.IoU-slip)*area(b) && !q.judged(t) && q.ignored(t) {
			return true
		}
	}
	return false
}

// slip makes up for boxes of 32-bit numbers: pictures are labelled in pixels, and an overlap may
// lie at the threshold exactly.
const slip = 1e-6

func area(b bongsu.Box) float64 {
	return max(0, float64(b.X1)-float64(b.X0)) * max(0, float64(b.Y1)-float64(b.Y0))
}

func overlap(a, b bongsu.Box) float64 {
	return area(bongsu.Box{X0: max(a.X0, b.X0), Y0: max(a.Y0, b.Y0), X1: min(a.X1, b.X1), Y1: min(a.Y1, b.Y1)})
}

func iou(a, b bongsu.Box) float64 {
	in := overlap(a, b)
	if in == 0 {
		return 0
	}
	return in / (area(a) + area(b) - in)
}

// Curve is how precision falls as more is found.
type Curve struct {
	Truths   int // to be found
	Pictures int
	verdicts []verdict // best score first
}

// ask puts a question to all results.
func (q *question) ask(results []Result) Curve {
	var c Curve
	for _, r := range results {
		if q.pictureOK != nil && !q.pictureOK(r.Picture) {
			continue
		}
		var n int
		c.verdicts, n = q.judge(c.verdicts, r)
		c.Truths += n
		c.Pictures++
	}
	slices.SortStableFunc(c.verdicts, func(a, b verdict) int { return cmp.Compare(b.score, a.score) })
	return c
}

// AP is the area under the curve after precision was made to fall only, over all points:
// average precision as VOC defines it since 2010 (M. Everingham et al., "The PASCAL Visual
// Object Classes Challenge: A Retrospective", IJCV 2015). Boxes of one score are one point, so
// that the order of pictures does not matter. 0 when there is nothing to find.
func (c Curve) AP() float64 {
	var ps []Point
	c.points(func(p Point) { ps = append(ps, p) })
	best, sum := 0.0, 0.0
	for i := len(ps) - 1; i >= 0; i-- {
		before := 0.0
		if i > 0 {
			before = ps[i-1].Recall
		}
		best = max(best, ps[i].Precision)
		sum += best * (ps[i].Recall - before)
	}
	return sum
}

// Point is what a detector gives when boxes count from a score on.
type Point struct {
	Score     float64 `json:"score"`
	Recall    float64 `json:"recall"`
	Precision float64 `json:"precision"`
}

// points calls f with each score that tells boxes apart.
func (c Curve) points(f func(Point)) {
	hits := 0
	for i, v := range c.verdicts {
		if v.hit {
			hits++
		}
		if i+1 < len(c.verdicts) && c.verdicts[i+1].score == v.score {
			continue
		}
		f(Point{Score: float64(v.score), Recall: float64(hits) / float64(max(c.Truths, 1)), Precision: float64(hits) / float64(i+1)})
	}
}

// AtPrecision is the point of the greatest recall whose precision is at least so much; zero when
// there is none.
func (c Curve) AtPrecision(least float64) (best Point) {
	c.points(func(p Point) {
		if p.Precision >= least && p.Recall > best.Recall {
			best = p
		}
	})
	return best
}

// AtScore is what boxes from a score on give; zero when there are none.
func (c Curve) AtScore(from float64) (at Point) {
	c.points(func(p Point) {
		if float32(p.Score) >= float32(from) {
			at = p
		}
	})
	at.Score = from
	return at
}
