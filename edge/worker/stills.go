package worker

import (
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/vision"
)

// How often a picture is kept for people to look at.
const (
	plainEvery = 10 * time.Second // for the cloud's list of cameras
	boxedEvery = 2 * time.Second  // for the box's own page

	stillWidth = 640 // pixels
	stillBytes = 40 << 10
	boxedWidth = 960
)

// stills keeps one picture now and then, and encodes it when it is asked for, off the loop.
type stills struct {
	mu        sync.Mutex
	rules     []link.Rule    // guarded by mu
	frame     *bongsu.Frame  // guarded by mu; one reference is ours
	tracks    []bongsu.Track // guarded by mu: of that frame
	at        time.Time      // guarded by mu: of the last frame kept
	lastPlain time.Time      // guarded by mu
}

func newStills(rules []link.Rule) *stills { return &stills{rules: rules} }

// look may keep f; it is called by the pipeline for each picture after the rules.
func (s *stills) look(f *bongsu.Frame, tracks []bongsu.Track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frame != nil || f.Wall.Sub(s.at) < boxedEvery && f.Wall.After(s.at) {
		return
	}
	f.Retain()
	s.frame, s.at = f, f.Wall
	s.tracks = append(s.tracks[:0], tracks...)
}

// take encodes and gives what was kept since the last call. It is called by one goroutine. A
// picture that cannot be encoded is not shown; the next one may be.
func (s *stills) take() (plain, boxed []byte, at time.Time) {
	s.mu.Lock()
	f, at := s.frame, s.at
	s.frame = nil
	wantPlain := at.Sub(s.lastPlain) >= plainEvery
	var marks []vision.Mark
	if f != nil {
		marks = marksOf(s.tracks, s.rules)
	}
	s.mu.Unlock()
	if f == nil {
		return nil, nil, time.Time{}
	}
	defer f.Release()
	boxed, _ = vision.Annotate(f, marks, vision.Options{MaxWidth: boxedWidth})
	if wantPlain {
		if plain, _ = vision.JPEG(f, vision.Options{MaxWidth: stillWidth, MaxBytes: stillBytes}); plain != nil {
			s.mu.Lock()
			s.lastPlain = at
			s.mu.Unlock()
		}
	}
	return plain, boxed, at
}

func marksOf(tracks []bongsu.Track, rules []link.Rule) []vision.Mark {
	var marks []vision.Mark
	for _, r := range rules {
		if r.Zone != nil {
			marks = append(marks, vision.Mark{Points: r.Zone, Closed: true, Label: string(r.ID), Color: vision.ColorRule})
		}
		if r.Line != nil { // beside a zone it is the arrow along which one may go
			marks = append(marks, vision.Mark{Points: r.Line, Label: string(r.ID), Color: vision.ColorRule})
		}
	}
	for _, t := range tracks {
		if t.State == bongsu.TrackConfirmed {
			marks = append(marks, vision.TrackMark(t))
		}
	}
	return marks
}

// drop releases what is kept.
func (s *stills) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frame != nil {
		s.frame.Release()
		s.frame = nil
	}
}
