package demo

import (
	"path/filepath"
	"testing"
	"time"
)

// lobbyTruth are the seconds at which the six people of one-by-one-person-detection.mp4 are in
// view down to the waist, and lobbyLeft those at which they have left the picture, read by eye
// from five pictures a second.
var (
	lobbyTruth = []float64{6.6, 23.0, 50.7, 74.9, 92.6, 123.8}
	lobbyLeft  = []float64{19.3, 44.4, 69.4, 86.2, 119.4, 135.5}
)

// roadTruth and streetTruth are the crossings of gt/events: the vehicles' when they leave the
// line's neighbourhood, the pedestrians' at the line.
var (
	roadTruth   = []float64{1.52, 3.58, 5.87, 8.36}
	streetTruth = []float64{2.7, 3.2, 7.1, 7.3}
)

const lobbyRules = `
      - id: floor
        kind: intrusion
        zone: [[0.02, 0.05], [0.98, 0.05], [0.98, 1], [0.02, 1]]
        classes: [person]
      - id: stay
        kind: loitering
        zone: [[0.02, 0.05], [0.98, 0.05], [0.98, 1], [0.02, 1]]
        dwell_s: 8
        classes: [person]
`

// TestRealVideo serves the three real clips, none of them twice, and finds what truly happens
// in them. Short clips also come through another encoder (H.265).
func TestRealVideo(t *testing.T) {
	dir := data(t)
	video := func(name string) string { return filepath.Join(dir, "videos", name) }
	s := startSystem(t, filepath.Join(dir, "models", "yolox_nano_416.onnx"))
	lobby := video("one-by-one-person-detection.mp4")
	street, road := video("pedestrian_survaillance.mp4"), video("vehicle_survaillance.mp4")
	shows := []Show{
		{ID: "lobby", Name: "로비", File: lobby, Rules: lobbyRules},
		{ID: "street", Name: "보행로", File: street, Rules: known[filepath.Base(street)].Rules},
		{ID: "road", Name: "도로", File: road, Rules: known[filepath.Base(road)].Rules},
		{ID: "street-hevc", Name: "보행로 H.265", File: hevc(t, street), Rules: known[filepath.Base(street)].Rules},
		{ID: "road-hevc", Name: "도로 H.265", File: hevc(t, road), Rules: known[filepath.Base(road)].Rules},
	}
	ctx := within(t, 4*time.Minute)
	if err := s.StartCameras(ctx, shows, false); err != nil {
		t.Fatal(err)
	}
	if err := s.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	lobbyBegan := s.began(t, ctx, "lobby")
	for _, id := range []string{"road", "road-hevc"} {
		began := s.began(t, ctx, id)
		checkTimes(t, id, began, s.waitEvents(t, ctx, id, 4), roadTruth...)
	}
	for _, id := range []string{"street", "street-hevc"} {
		s.checkStreet(t, id, s.began(t, ctx, id), s.waitEvents(t, ctx, id, 3))
	}
	s.waitEvents(t, ctx, "lobby", 12)
	s.checkLobby(t, ctx, lobbyBegan)
	// Read again at the end: nothing may have come besides.
	for id, most := range map[string]int{"road": 4, "road-hevc": 4, "street": 4, "street-hevc": 4, "lobby": 12} {
		got, err := s.events(ctx, id)
		if err != nil || len(got) > most {
			t.Errorf("camera %s has %d events at the end, want at most %d, %v", id, len(got), most, err)
		}
		for _, e := range got {
			s.checkClip(t, ctx, e.ID, s.began(t, ctx, id), 5*time.Second, 3*time.Second)
		}
	}
}

func hevc(t *testing.T, path string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "hevc.mp4")
	run(t, "ffmpeg", "-v", "error", "-i", path, "-an", "-c:v", "libx265", "-preset", "ultrafast", "-crf", "20",
		"-x265-params", "log-level=none:keyint=30", "-tag:v", "hvc1", out)
	return out
}
