package archivetest

import (
	"bongsu"
	"bongsu/cloud/archive"
)

// clipLost: an edge says that a part will never come. Streams are told, and it spoils nothing
// that has come.
func clipLost(s *suite) {
	s.add(Event(1, 1))
	lost := Clip(1, 0, "aa")
	_, err := s.a.DeclareClip(s.Context(), EdgeA, lost, T0)
	s.ok(err)
	before, err := s.a.ChangesSince(s.Context(), 0, 100)
	s.ok(err)
	lost.State = bongsu.ClipEvicted
	for range 2 {
		row, err := s.a.DeclareClip(s.Context(), EdgeA, lost, T0)
		s.ok(err)
		if row.State != bongsu.ClipEvicted || row.Complete() {
			s.Fatalf("a lost part: %+v", row)
		}
	}
	after, err := s.a.ChangesSince(s.Context(), 0, 100)
	s.ok(err)
	if len(after) != len(before)+1 || after[len(after)-1].Kind != archive.ChangeClip {
		s.Fatalf("changes %+v, before %+v", after, before)
	}
	_, err = s.a.DeclareClip(s.Context(), EdgeB, lost, T0)
	s.code(err, bongsu.CodeForbidden, "a lost part of another edge's event")

	found := Clip(1, 0, "aa") // the edge found it after all
	row, err := s.a.DeclareClip(s.Context(), EdgeA, found, T0)
	s.ok(err)
	if row.State != bongsu.ClipReady {
		s.Fatalf("declared after it was lost: %+v", row)
	}
	_, err = s.a.CompleteClip(s.Context(), EdgeA, found.Key(), "aa", T0)
	s.ok(err)
	row, err = s.a.DeclareClip(s.Context(), EdgeA, lost, T0)
	s.ok(err)
	if !row.Complete() || row.State != bongsu.ClipReady {
		s.Fatalf("a complete part was lost: %+v", row)
	}
}
