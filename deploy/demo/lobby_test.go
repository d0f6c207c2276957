package demo

import (
	"testing"
	"time"

	"bongsu"
)

// checkLobby wants six intrusions that begin and end with the six people, and six loiterings.
func (s *System) checkLobby(t *testing.T, camera string, began time.Time, got []apiEvent) {
	t.Helper()
	byKind := map[bongsu.EventKind][]apiEvent{}
	for _, e := range got {
		byKind[e.Kind] = append(byKind[e.Kind], e)
	}
	checkTimes(t, camera+", intrusion", began, byKind[bongsu.KindIntrusion], lobbyTruth...)
	checkTimes(t, camera+", loitering", began, byKind[bongsu.KindLoitering], lobbyTruth...)
	for i, e := range byKind[bongsu.KindIntrusion] {
		if i >= len(lobbyLeft) {
			break
		}
		if d := e.End.Sub(began).Seconds() - lobbyLeft[i]; d < -1 || d > 1 {
			t.Errorf("%s: intrusion %d ended at %.2f, want %.2f", camera, i, e.End.Sub(began).Seconds(), lobbyLeft[i])
		}
	}
	for i, e := range byKind[bongsu.KindLoitering] {
		if d := e.Fired.Sub(e.Start).Seconds(); d < 7.9 || d > 9 {
			t.Errorf("%s: loitering %d fired %.2f s after its beginning, the rule says 8", camera, i, d)
		}
	}
}

// checkStreet wants at least three of the four crossings, of which two overlap, and none besides.
func (s *System) checkStreet(t *testing.T, camera string, began time.Time, got []apiEvent) {
	t.Helper()
	used := make([]bool, len(streetTruth))
	for _, e := range got {
		at, hit := e.Fired.Sub(began).Seconds(), false
		for i, want := range streetTruth {
			if !used[i] && at-want <= tolerance.Seconds() && want-at <= tolerance.Seconds() {
				used[i], hit = true, true
				break
			}
		}
		if !hit {
			t.Errorf("camera %s: a crossing at %.2f that did not happen; truth is %v", camera, at, streetTruth)
		}
	}
	if len(got) < 3 {
		t.Errorf("camera %s: %d crossings found, want at least 3 of %v", camera, len(got), streetTruth)
	}
}
