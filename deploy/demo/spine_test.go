package demo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// tolerance is how far an event may be from the truth.
const tolerance = time.Second

// checkTimes holds events against the instants at which they truly began.
func checkTimes(t *testing.T, camera string, began time.Time, got []apiEvent, truth ...float64) {
	t.Helper()
	var at []string
	for _, e := range got {
		at = append(at, fmt.Sprintf("%s %.2f", e.Kind, e.Start.Sub(began).Seconds()))
	}
	if len(got) != len(truth) {
		t.Errorf("camera %s: %d events at %v, want %d at %v", camera, len(got), at, len(truth), truth)
		return
	}
	for i, want := range truth {
		if d := got[i].Start.Sub(began) - time.Duration(want*float64(time.Second)); d.Abs() > tolerance {
			t.Errorf("camera %s: event %d began at %s, want %.2f: %v off", camera, i, at[i], want, d)
		}
	}
}

// checkClip fetches an event's clip and holds it against what was asked for: it begins at or
// before the pre-roll as far as the camera's life allows, holds the event, and decodes whole.
func (s *System) checkClip(t *testing.T, ctx context.Context, id bongsu.EventID, began time.Time, preRoll time.Duration) {
	t.Helper()
	var e apiEvent
	eventually(t, ctx, fmt.Sprintf("the whole clip of event %s", id), func() (bool, string) {
		if err := s.API(ctx, http.MethodGet, "/events/"+string(id), nil, &e); err != nil {
			return false, err.Error()
		}
		end := time.Time{}
		for _, c := range e.Clips {
			if c.State == bongsu.ClipReady && c.URL != "" {
				end = c.Start.Add(time.Duration(c.DurationUS) * time.Microsecond)
			}
		}
		return !end.IsZero() && !e.End.IsZero() && !end.Before(e.End), fmt.Sprintf("%d parts until %s, event until %s", len(e.Clips), end, e.End)
	})
	asked := e.Start.Add(-preRoll)
	if asked.Before(began) {
		asked = began.Add(300 * time.Millisecond) // nothing was there before the first picture
	}
	if first := e.Clips[0].Start; first.After(asked.Add(150 * time.Millisecond)) {
		t.Errorf("event %s: its clip begins at %s, asked was %s", id, first, asked)
	}
	for _, c := range e.Clips {
		body, typ, err := s.get(ctx, c.URL)
		if err != nil {
			t.Fatal(err)
		}
		if typ != "video/mp4" || int64(len(body)) != c.Bytes {
			t.Errorf("event %s part %d: %d bytes of %s, want %d of video/mp4", id, c.Part, len(body), typ, c.Bytes)
		}
		checkPlays(t, body, time.Duration(c.DurationUS)*time.Microsecond)
	}
}

// checkCodec holds the codec of an event's clip against that of the camera's main stream.
func (s *System) checkCodec(t *testing.T, ctx context.Context, id bongsu.EventID, want string) {
	t.Helper()
	var e apiEvent
	if err := s.API(ctx, http.MethodGet, "/events/"+string(id), nil, &e); err != nil {
		t.Fatal(err)
	}
	for _, c := range e.Clips {
		if !strings.HasPrefix(c.Codec, want) {
			t.Errorf("event %s of %s: part %d is %q, want %s from the main stream", id, e.Camera, c.Part, c.Codec, want)
		}
	}
}

// checkPlays decodes a whole MP4 with FFmpeg and compares its length.
func checkPlays(t *testing.T, body []byte, want time.Duration) {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("%x.mp4", sha256.Sum256(body)))
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	if said := run(t, "ffmpeg", "-v", "warning", "-xerror", "-i", path, "-f", "null", "-"); strings.TrimSpace(said) != "" {
		t.Errorf("%s does not play cleanly: %s", path, said)
	}
	out := run(t, "ffprobe", "-v", "error", "-show_entries", "format=duration:stream=codec_type", "-of", "default=nw=1:nk=1", path)
	words := strings.Fields(out)
	if strings.Contains(out, "audio") || len(words) != 2 {
		t.Errorf("%s holds more than one video track: %q", path, out)
		return
	}
	seconds, err := strconv.ParseFloat(words[1], 64)
	if err != nil || time.Duration(seconds*float64(time.Second))-want > 100*time.Millisecond || want-time.Duration(seconds*float64(time.Second)) > 100*time.Millisecond {
		t.Errorf("%s lasts %q, its row says %s", path, words[1], want)
	}
}

// TestTheWholeWay drives synthetic cameras in both codecs through the real programs: every
// event once and none besides, each with a clip, an alert that can be claimed and judged, and
// all of it still there after a restart of everything.
func TestTheWholeWay(t *testing.T) {
	t.Parallel()
	wholeWay(t, startSystem(t, tinyModel(t, "tiny", 0.9)))
}

// TestTheWholeWayOnRedisAndS3 is the same on what a region has: Redis for the queue, S3 for
// pictures and clips, which the edge puts there itself, and two processes that take from edges.
func TestTheWholeWayOnRedisAndS3(t *testing.T) {
	t.Parallel()
	wholeWay(t, startSystemOn(t, tinyModel(t, "tiny", 0.9), startRegion(t)))
}

func wholeWay(t *testing.T, s *System) {
	t.Helper()
	scenes := []scene{{4, false}, {4, true}, {5, false}, {3, true}, {5, false}}
	shows := []Show{
		{ID: "avc", Name: "첫째", File: film(t, "libx264", scenes...), Rules: anyoneRule},
		{ID: "hevc", Name: "둘째", File: film(t, "libx265", scenes...), Rules: anyoneRule},
		// Clips come from H.265, the model looks at H.264: which stream served whom shows.
		{ID: "two", Name: "셋째", File: film(t, "libx265", scenes...), DetectFile: film(t, "libx264", scenes...), Rules: anyoneRule},
	}
	ctx := within(t, 3*time.Minute)
	if err := s.StartCameras(ctx, shows, false); err != nil {
		t.Fatal(err)
	}
	if err := s.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	for _, show := range shows {
		began := s.began(t, ctx, show.ID)
		s.waitEvents(t, ctx, show.ID, 2)
		got, err := s.events(ctx, show.ID)
		if err != nil {
			t.Fatal(err)
		}
		checkTimes(t, show.ID, began, got, 4, 13)
		for _, e := range got {
			if e.SnapshotURL == "" {
				t.Errorf("event %s has no snapshot", e.ID)
				continue
			}
			if body, typ, err := s.get(ctx, e.SnapshotURL); err != nil || typ != "image/jpeg" || len(body) > bongsu.MaxSnapshotBytes {
				t.Errorf("snapshot of %s: %d bytes of %s, %v", e.ID, len(body), typ, err)
			}
			s.checkClip(t, ctx, e.ID, began, 5*time.Second)
			s.checkCodec(t, ctx, e.ID, map[string]string{"avc": "avc", "hevc": "h", "two": "h"}[show.ID])
		}
	}
	s.checkBrowserPlays(t, ctx, "avc")
	s.judgeAndRestart(t, ctx)
}

// judgeAndRestart takes one alert through its life and holds it against what is there after
// all programs have been stopped and started.
func (s *System) judgeAndRestart(t *testing.T, ctx context.Context) {
	t.Helper()
	open, err := s.alerts(ctx, "open")
	if err != nil || len(open) == 0 {
		t.Fatalf("%d open alerts, %v", len(open), err)
	}
	id := string(open[0].ID)
	for _, step := range []string{"claim", "evidence"} {
		if err := s.API(ctx, http.MethodPost, "/alerts/"+id+"/"+step, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.API(ctx, http.MethodPost, "/alerts/"+id+"/verdict", map[string]string{"verdict": "false-animal", "note": "고양이"}, nil); err != nil {
		t.Fatal(err)
	}
	before, err := s.events(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s.startClouds(t, ctx)
	if err := s.StartEdge(ctx, nil); err != nil {
		t.Fatal(err)
	}
	var a apiAlert
	if err := s.API(ctx, http.MethodGet, "/alerts/"+id, nil, &a); err != nil {
		t.Fatal(err)
	}
	if a.Verdict != bongsu.VerdictFalseAnimal || a.Work != bongsu.WorkClosed || a.Note != "고양이" {
		t.Errorf("after a restart of everything the alert is %s, judged %q with note %q", a.Work, a.Verdict, a.Note)
	}
	after, err := s.events(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != len(before) {
		t.Errorf("%d events before the restart, %d after it", len(before), len(after))
	}
}

// TestAlertsComeFromTheModel shows that nothing rings by itself: with a model that sees nothing
// the same video makes no event, and without the model the camera says so and makes none.
func TestAlertsComeFromTheModel(t *testing.T) {
	t.Parallel()
	s := startSystem(t, tinyModel(t, "blind", 0.05))
	shows := []Show{{ID: "quiet", Name: "조용", File: film(t, "libx264", scene{2, false}, scene{4, true}, scene{2, false}), Rules: anyoneRule}}
	ctx := within(t, 2*time.Minute)
	if err := s.StartCameras(ctx, shows, true); err != nil {
		t.Fatal(err)
	}
	if err := s.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	began := s.began(t, ctx, "quiet")
	eventually(t, ctx, "two rounds of the video looked at", func() (bool, string) {
		state, code, _, err := s.cameraState(ctx, "quiet")
		return err == nil && state == bongsu.CameraLive && time.Since(began) > 16*time.Second, fmt.Sprintf("%s %s %v", state, code, err)
	})
	if got, err := s.events(ctx, ""); err != nil || len(got) != 0 {
		t.Errorf("a model that sees nothing made %d events, %v", len(got), err)
	}
	s.Process("edge").Stop(10 * time.Second)
	if _, err := s.tool(ctx, "", "bongsu-edge", "model", "--models", filepath.Join(s.Dir, "models"), "remove", s.Model); err != nil {
		t.Fatal(err)
	}
	if err := s.StartEdge(ctx, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, ctx, "the camera says that its model is missing", func() (bool, string) {
		state, code, reason, err := s.cameraState(ctx, "quiet")
		return err == nil && state == bongsu.CameraFailed && strings.Contains(reason, s.Model), fmt.Sprintf("%s %s %q %v", state, code, reason, err)
	})
	if got, err := s.events(ctx, ""); err != nil || len(got) != 0 {
		t.Errorf("without a model there are %d events, %v", len(got), err)
	}
}
