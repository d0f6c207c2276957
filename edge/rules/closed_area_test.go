package rules

import (
	"testing"
	"time"

	"bongsu"
)

// TestClosedArea: the scene begins at 09:00 UTC, 18:00 in Seoul.
func TestClosedArea(t *testing.T) {
	seoul := time.FixedZone("KST", 9*3600)
	night := []bongsu.Span{{Days: 127, From: 18*60 + 1, To: 5 * 60}}
	tell(t, Rule{ID: "park", Kind: bongsu.KindClosedArea, Zone: square, Schedule: night}, Options{Location: seoul},
		tale{name: "leaves before it closes", play: func(s *scene) { s.stand(50, at{id: 1, x: 0.5, y: 0.7}); s.stand(70) }},
		tale{name: "stays when it closes", play: func(s *scene) {
			s.stand(70, at{id: 1, x: 0.5, y: 0.7})
			s.stand(82)
		}, want: []string{"park 1 begin 61.0", "park 1 end 69.9"}},
		tale{name: "comes after it has closed", play: func(s *scene) {
			s.stand(65)
			s.stand(75, at{id: 1, x: 0.5, y: 0.7})
			s.stand(87)
		}, want: []string{"park 1 begin 66.0", "park 1 end 74.9"}},
		tale{name: "outside of the area", play: func(s *scene) { s.stand(62); s.stand(75, at{id: 1, x: 0.1, y: 0.7}) }},
		tale{name: "open all day", rule: func(r *Rule) { r.Schedule = []bongsu.Span{{Days: 127, From: 4 * 60, To: 5 * 60}} }, play: func(s *scene) {
			s.stand(80, at{id: 1, x: 0.5, y: 0.7})
		}},
		tale{name: "closed on Mondays only", rule: func(r *Rule) { r.Schedule = []bongsu.Span{{Days: 1 << time.Monday, From: 0, To: 0}} }, play: func(s *scene) {
			s.stand(80, at{id: 1, x: 0.5, y: 0.7}) // 1 March 2026 is a Sunday
		}},
		tale{name: "closed on Sundays", rule: func(r *Rule) { r.Schedule = []bongsu.Span{{Days: 1 << time.Sunday, From: 0, To: 0}} }, play: func(s *scene) {
			s.stand(10, at{id: 1, x: 0.5, y: 0.7})
		}, want: []string{"park 1 begin 1.0"}},
	)
}
