package worker

import (
	"slices"
	"strconv"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// maxNotes is how many pictures' findings may wait for a session; older ones give way.
const maxNotes = 4

// note is what was found in one picture, on its way to a session.
type note struct {
	boxes   *bongsu.LiveBoxes // shared between sessions and never changed
	run     bongsu.RunID
	pts     time.Duration
	arrived time.Time
}

// want says whether a session wants what is found in its pictures, too.
func (s *showing) want(boxes bool) {
	t := s.tap
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.boxes == boxes {
		return
	}
	s.boxes, s.notes = boxes, nil
	if boxes {
		t.boxed.Add(1)
	} else {
		t.boxed.Add(-1)
	}
}

// found takes what was found in a picture, for the sessions that want it. It costs one atomic load
// while there are none, and never blocks.
func (t *Tap) found(f *bongsu.Frame, tracks []bongsu.Track, rules []link.Rule) {
	if t == nil || t.boxed.Load() == 0 {
		return
	}
	n := note{boxes: boxesOf(f, tracks, rules), run: f.Run, pts: f.PTS, arrived: f.Arrived}
	t.mu.Lock()
	for _, s := range t.showings {
		if !s.boxes {
			continue
		}
		if len(s.notes) == maxNotes {
			s.notes = slices.Delete(s.notes, 0, 1)
		}
		s.notes = append(s.notes, n)
	}
	t.mu.Unlock()
	t.live.poke()
}

// boxesOf says what is seen in a picture. What the tracker only thinks to be there still, or has seen
// too briefly for any rule, is left out.
func boxesOf(f *bongsu.Frame, tracks []bongsu.Track, rules []link.Rule) *bongsu.LiveBoxes {
	b := &bongsu.LiveBoxes{PTSUS: f.PTS.Microseconds(), WallUS: f.Wall.UnixMicro(), Width: f.Width, Height: f.Height}
	for i := range tracks {
		t := &tracks[i]
		if t.State == bongsu.TrackConfirmed && bongsu.ValidName(string(t.Class)) && len(b.Boxes) < bongsu.MaxLiveBoxes {
			b.Boxes = append(b.Boxes, bongsu.NewLiveBox("t"+strconv.FormatUint(uint64(t.ID), 10), t, watching(t, rules)))
		}
	}
	return b
}

// watching gives the rules that watch for a thing and in whose zone it stands; one that has neither
// zone nor line watches the whole picture.
func watching(t *bongsu.Track, rules []link.Rule) (out []bongsu.RuleID) {
	foot := t.Box.Foot()
	for _, r := range rules {
		inside := len(r.Line) == 0
		if len(r.Zone) > 0 {
			inside = bongsu.InZone(r.Zone, foot)
		}
		inside = inside && !slices.ContainsFunc(r.Exclude, func(x []bongsu.Point) bool { return bongsu.InZone(x, foot) })
		if inside && slices.ContainsFunc(r.Classes, t.Class.Is) {
			out = append(out, r.ID)
		}
	}
	return out
}

// tellNotes writes what was found in pictures of a session that have been written.
func (l *live) tellNotes(s *showing) error {
	s.tap.mu.Lock()
	notes := s.notes
	s.notes = nil
	s.tap.mu.Unlock()
	for _, n := range notes {
		b := *n.boxes
		if at, ok := s.film.Shown(n.run, n.pts); ok && s.mode == bongsu.LiveVideo {
			b.Media = new(at.Microseconds())
		}
		text := b.Encode()
		h := link.MediaHeader{Kind: bongsu.LiveNote, AgeUS: max(l.now().Sub(n.arrived).Microseconds(), 0)}
		if err := l.write(s, h, text); err != nil {
			return err
		}
	}
	return nil
}
