package demo

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu/streams"
	"bongsu/streams/streamstest"
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

// TestRealVideo serves the three real clips, none of them twice in what is judged, and finds
// what truly happens in them: through our own server and through gst-rtsp-server, in H.264 as
// recorded and in H.265.
func TestRealVideo(t *testing.T) {
	dir := data(t)
	t.Parallel() // it mostly waits for the videos to play
	video := func(name string) string { return filepath.Join(dir, "videos", name) }
	s := startSystem(t, filepath.Join(dir, "models", "yolox_nano_416.onnx"))
	lobby := video("one-by-one-person-detection.mp4")
	street, road := video("pedestrian_survaillance.mp4"), video("vehicle_survaillance.mp4")
	streetHEVC, roadHEVC := hevc(t, street), hevc(t, road)
	streetRules, roadRules := known[filepath.Base(street)].Rules, known[filepath.Base(road)].Rules
	gst := func(file string, codec streams.Codec) string {
		return streamstest.StartGst(t, streamstest.GstOptions{File: file, Codec: codec})
	}
	shows := []Show{
		{ID: "lobby", Name: "로비", File: lobby, Rules: lobbyRules},
		{ID: "street", Name: "보행로", File: street, Rules: streetRules},
		{ID: "road", Name: "도로", File: road, Rules: roadRules},
		{ID: "street-hevc", Name: "보행로 H.265", File: streetHEVC, Rules: streetRules},
		{ID: "road-hevc", Name: "도로 H.265", File: roadHEVC, Rules: roadRules},
		{ID: "lobby-gst", Name: "로비 둘째 서버", URL: gst(lobby, streams.H264), Rules: lobbyRules},
		{ID: "street-gst", Name: "보행로 둘째 서버", URL: gst(street, streams.H264), Rules: streetRules},
		{ID: "road-gst", Name: "도로 둘째 서버", URL: gst(roadHEVC, streams.H265), Rules: roadRules},
	}
	ctx := within(t, 5*time.Minute)
	if err := s.StartCameras(ctx, shows, false); err != nil {
		t.Fatal(err)
	}
	if err := s.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"road", "road-hevc", "road-gst"} {
		began := s.played(t, ctx, id)
		s.waitEvents(t, ctx, id, 4)
		checkTimes(t, id, began, s.firstRound(t, ctx, id, began, 11*time.Second), roadTruth...)
	}
	for _, id := range []string{"street", "street-hevc", "street-gst"} {
		began := s.played(t, ctx, id)
		s.waitEvents(t, ctx, id, 3)
		s.checkStreet(t, id, began, s.firstRound(t, ctx, id, began, 8*time.Second))
	}
	for _, id := range []string{"lobby", "lobby-gst"} {
		s.waitEvents(t, ctx, id, 12)
		s.checkLobby(t, id, s.played(t, ctx, id), s.firstRound(t, ctx, id, s.played(t, ctx, id), 139*time.Second))
	}
	// Read again at the end: where nothing is played twice, nothing may have come besides.
	for id, most := range map[string]int{"road": 4, "road-hevc": 4, "street": 4, "street-hevc": 4, "lobby": 12} {
		got, err := s.events(ctx, id)
		if err != nil || len(got) > most {
			t.Errorf("camera %s has %d events at the end, want at most %d, %v", id, len(got), most, err)
		}
		for _, e := range got {
			s.checkClip(t, ctx, e.ID, s.played(t, ctx, id), 5*time.Second)
		}
	}
	s.checkBrowserPlays(t, ctx, "lobby", "street", "road")
}

// played gives the instant at which a camera's first session began to play.
func (s *System) played(t *testing.T, ctx context.Context, id string) time.Time {
	t.Helper()
	line, err := s.Process("edge").Line(ctx, func(l string) bool {
		return strings.Contains(l, "msg=playing camera="+id+" ")
	})
	if err != nil {
		t.Fatal(err)
	}
	stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// firstRound gives the events that began while a video played for the first time: the second
// server plays it anew to whoever connects again.
func (s *System) firstRound(t *testing.T, ctx context.Context, id string, began time.Time, length time.Duration) []apiEvent {
	t.Helper()
	got, err := s.events(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(got, func(e apiEvent) bool { return e.Start.Sub(began) > length })
}

func hevc(t *testing.T, path string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "hevc.mp4")
	run(t, "ffmpeg", "-v", "error", "-i", path, "-an", "-c:v", "libx265", "-preset", "ultrafast", "-crf", "20",
		"-x265-params", "log-level=none:keyint=30", "-tag:v", "hvc1", out)
	return out
}
