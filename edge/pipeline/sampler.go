package pipeline

import (
	"time"

	"bongsu"
)

// sampler decides, in one place, which pictures are looked at: every picture when the rate
// wanted is 0 or at least the camera's own, else those that come closest to an even pace.
type sampler struct {
	every time.Duration // between looks; 0 looks at all
	next  time.Time
}

func newSampler(perSecond float64) *sampler {
	s := &sampler{}
	if perSecond > 0 {
		s.every = time.Duration(float64(time.Second) / perSecond)
	}
	return s
}

// Take reports whether f is to be looked at. Pictures come in display order. A quarter of the
// interval is forgiven, so that a camera at exactly the wanted rate is not halved by jitter.
func (s *sampler) Take(f *bongsu.Frame) bool {
	if s.every == 0 {
		return true
	}
	if f.Wall.Before(s.next.Add(-s.every / 4)) {
		return false
	}
	if s.next.IsZero() || f.Wall.Sub(s.next) > s.every {
		s.next = f.Wall // first look, or far behind: begin a new pace here
	}
	s.next = s.next.Add(s.every)
	return true
}
