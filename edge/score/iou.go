package score

import (
	"math"
	"time"

	"bongsu"
	"bongsu/streams/truth"
)

// IoUClip is what one clip of a category of boxes scored.
type IoUClip struct {
	Name      string  `json:"name"`
	Area      float64 `json:"area_accuracy"`        // IoU at the event's first picture, 0..1
	Rate      float64 `json:"frame_detection_rate"` // share of the event's pictures with a matching box, 0..1
	Frames    int     `json:"frames"`               // pictures of the event
	Matched   int     `json:"matched"`
	AreaHolds bool    `json:"area_holds"`
	RateHolds bool    `json:"rate_holds"`
	Pass      bool    `json:"pass"` // both hold
}

// IoUResult is the score of a category of boxes. How clips make one mark is not published: the
// means are an assumption.
type IoUResult struct {
	Area        *float64  `json:"mean_area_accuracy"`
	Rate        *float64  `json:"mean_frame_detection_rate"`
	Pass        bool      `json:"pass"` // both means hold
	Assumptions []string  `json:"assumptions"`
	Clips       []IoUClip `json:"clips"`
}

// IoU is the area that two boxes share over the area that either takes, to six decimals (boxes are
// held in 32 bits: a half that was meant must not fail by the last of them); 0 of empty ones.
func IoU(a, b bongsu.Box) float64 {
	w := float64(min(a.X1, b.X1)) - float64(max(a.X0, b.X0))
	h := float64(min(a.Y1, b.Y1)) - float64(max(a.Y0, b.Y0))
	if w <= 0 || h <= 0 {
		return 0
	}
	size := func(b bongsu.Box) float64 {
		return (float64(b.X1) - float64(b.X0)) * (float64(b.Y1) - float64(b.Y0))
	}
	return math.Round(1e6*w*h/(size(a)+size(b)-w*h)) / 1e6
}

// ScoreBoxes scores predicted boxes against the truth of one clip whose event shows target boxes
// from picture first to picture last. boxes and predicted are by picture number.
func (p *Profile) ScoreBoxes(name string, first, last int, boxes, predicted func(frame int) []bongsu.Box) IoUClip {
	c := IoUClip{Name: name, Frames: max(last-first+1, 0)}
	for f := first; f <= last; f++ {
		best := 0.0
		for _, t := range boxes(f) {
			for _, q := range predicted(f) {
				best = max(best, IoU(t, q))
			}
		}
		if f == first {
			c.Area = best
		}
		if best >= p.IoU.Match {
			c.Matched++
		}
	}
	if c.Frames > 0 {
		c.Rate = float64(c.Matched) / float64(c.Frames)
	}
	c.AreaHolds, c.RateHolds = c.Frames > 0 && c.Area >= p.IoU.Area, c.Frames > 0 && c.Rate >= p.IoU.Rate
	c.Pass = c.AreaHolds && c.RateHolds
	return c
}

// ScoreSequences scores one clip whose truth and answer are both frame by frame. Truth without an
// event of the category gives false.
func (p *Profile) ScoreSequences(name string, c truth.Category, want, got *truth.Sequence) (IoUClip, bool) {
	for i := range want.Events {
		e := &want.Events[i]
		if e.Category != c {
			continue
		}
		first, last := framesOf(want, e)
		target := func(o *truth.Object) bool {
			for _, id := range e.Objects {
				if id == o.ID {
					return true
				}
			}
			return len(e.Objects) == 0
		}
		anything := func(*truth.Object) bool { return true }
		return p.ScoreBoxes(name, first, last, boxesOf(want, target), boxesOf(got, anything)), true
	}
	return IoUClip{}, false
}

// framesOf gives the first and last picture of an event.
func framesOf(s *truth.Sequence, e *truth.Event) (first, last int) {
	first, last = len(s.Frames), -1
	for i := range s.Frames {
		at := time.Duration(s.Frames[i].PTSUS) * time.Microsecond
		if at >= e.Start() && at <= e.End() {
			first, last = min(first, i), i
		}
	}
	return first, last
}

func boxesOf(s *truth.Sequence, which func(*truth.Object) bool) func(int) []bongsu.Box {
	return func(frame int) []bongsu.Box {
		if s == nil || frame < 0 || frame >= len(s.Frames) {
			return nil
		}
		var out []bongsu.Box
		for i := range s.Frames[frame].Objects {
			if o := &s.Frames[frame].Objects[i]; which(o) {
				out = append(out, o.Box)
			}
		}
		return out
	}
}

// PoolIoU puts the clips of a category together.
func (p *Profile) PoolIoU(clips []IoUClip) *IoUResult {
	r := &IoUResult{Clips: clips, Assumptions: p.IoU.Assumptions}
	if len(clips) == 0 {
		r.Clips = []IoUClip{}
		return r
	}
	area, rate := 0.0, 0.0
	for i := range clips {
		area, rate = area+clips[i].Area/float64(len(clips)), rate+clips[i].Rate/float64(len(clips))
	}
	r.Area, r.Rate, r.Pass = &area, &rate, area >= p.IoU.Area && rate >= p.IoU.Rate
	return r
}
