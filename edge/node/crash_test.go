package node

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// sickroom is a node with real worker processes, one a camera; faults go to the camera "bad".
type sickroom struct {
	*rig
	t     *testing.T
	fault string // the file that holds what is to happen
	crash string // the folder of last inputs
	gaps  map[bongsu.CameraID]time.Duration
	beats map[bongsu.CameraID]float64
	heard map[bongsu.CameraID]time.Time
}

func newSickroom(t *testing.T, change func(*Options)) *sickroom {
	s := &sickroom{t: t, fault: filepath.Join(t.TempDir(), "fault"), crash: filepath.Join(t.TempDir(), "crash"),
		gaps: map[bongsu.CameraID]time.Duration{}, beats: map[bongsu.CameraID]float64{}, heard: map[bongsu.CameraID]time.Time{}}
	cmd := Command{Path: os.Args[0], Env: append(os.Environ(), childEnv+"=1", "GOTRACEBACK=none"), Stderr: io.Discard}
	s.rig = newRig(t, func(o *Options, _ *fleet) {
		o.StartWorker, o.CamerasPerWorker, o.CrashDir, o.RestartBackoff = cmd.Start, 1, s.crash, 100*time.Millisecond
		if change != nil {
			change(o)
		}
	})
	all := assignments("bad", "good-1", "good-2")
	all[0].URL = s.fault
	s.Assign(all)
	for _, a := range all {
		eventually(t, "live: "+string(a.Camera), func() bool { return s.state(a.Camera).State == bongsu.CameraLive })
	}
	return s
}

// look notes how long the good cameras were not heard of.
func (s *sickroom) look() {
	now := time.Now()
	for _, c := range s.Cameras() {
		if c.ID == "bad" || c.FPS == s.beats[c.ID] {
			continue
		}
		if last, known := s.heard[c.ID]; known {
			s.gaps[c.ID] = max(s.gaps[c.ID], now.Sub(last))
		}
		s.beats[c.ID], s.heard[c.ID] = c.FPS, now
	}
}

func (s *sickroom) pid() int { return s.DebugCameras()[0].PID }

// strike makes the fault happen and gives when the node noticed it and when the camera was live
// again, both from now.
func (s *sickroom) strike(fault string) (found, back time.Duration) {
	s.t.Helper()
	before, deaths := s.pid(), s.DebugCameras()[0].Deaths
	if err := os.WriteFile(s.fault+".new", []byte(fault), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.fault+".new", s.fault); err != nil {
		s.t.Fatal(err)
	}
	began := time.Now()
	eventually(s.t, "found: "+fault, func() bool { s.look(); return s.DebugCameras()[0].Deaths > deaths })
	found = time.Since(began)
	eventually(s.t, "back after "+fault, func() bool {
		s.look()
		return s.state("bad").State == bongsu.CameraLive && s.pid() != before && s.pid() != 0
	})
	return found, time.Since(began)
}

func (s *sickroom) worstGap() time.Duration { return max(s.gaps["good-1"], s.gaps["good-2"]) }

// TestCrashes kills a camera's worker in every way that a decoder or a library can.
func TestCrashes(t *testing.T) {
	t.Parallel()
	s := newSickroom(t, func(o *Options) { o.CrashPause = 2 * time.Second })
	worst := time.Duration(0)
	kinds := []string{"SIGSEGV", "SIGABRT", "memory", "panic"}
	for _, fault := range kinds {
		_, back := s.strike(fault)
		worst = max(worst, back)
		t.Logf("%s: back after %s", fault, back.Round(time.Millisecond))
		var kept []string
		eventually(t, "the last input is kept", func() bool {
			kept, _ = filepath.Glob(filepath.Join(s.crash, "*.h264"))
			return len(kept) > 0
		})
		text := ""
		eventually(t, "and described", func() bool {
			b, _ := os.ReadFile(strings.TrimSuffix(kept[0], ".h264") + ".txt")
			text = string(b)
			return strings.Contains(text, "\n41 0 ")
		})
		data, err := os.ReadFile(kept[0])
		if err != nil || string(data) != "\x00\x00\x00\x01"+fault || !strings.Contains(text, "camera bad") || !strings.Contains(text, "the last unit was being decoded") {
			t.Errorf("%q, %v\n%s", data, err, text)
		}
		if err := os.RemoveAll(s.crash); err != nil {
			t.Fatal(err)
		}
	}
	began, before := time.Now(), s.pid()
	if err := os.WriteFile(s.fault, []byte("SIGSEGV"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "paused after the fifth", func() bool { s.look(); return s.state("bad").Code == "worker-crashes" })
	if h := s.Health(); len(h) != 1 || h[0].Code != "camera-failed" || !strings.Contains(h[0].Message, "bad") {
		t.Errorf("alarm: %+v", h)
	}
	eventually(t, "back after the pause", func() bool { s.look(); return s.state("bad").State == bongsu.CameraLive && s.pid() != before })
	paused := time.Since(began)
	if paused < 2*time.Second {
		t.Errorf("the pause was %s", paused)
	}
	if c := s.box.Counts(); len(s.fleet.workers()) != 0 || c.Events.Damaged != 0 {
		t.Errorf("%+v", c)
	}
	t.Logf("figure R28: %s: back within %s at most, others' longest gap %s, last input kept each time; after 5 crashes in 5 min paused and alarmed (60 s; here set to 2 s: back after %s)",
		strings.Join(kinds, ", "), worst.Round(time.Millisecond), s.worstGap().Round(time.Millisecond), paused.Round(time.Millisecond))
}

// TestHangs stops a worker, and has one find out by itself that it hangs.
func TestHangs(t *testing.T) {
	t.Parallel()
	s := newSickroom(t, nil)
	found, back := s.strike("SIGSTOP")
	if d := s.DebugCameras()[0]; d.Deaths != 1 {
		t.Errorf("%+v", d)
	}
	foundStuck, backStuck := s.strike("stuck")
	t.Logf("figure R29: a stopped worker is found after %s and back %s later; one whose decoder spins ends itself 6 to 7 s after the call began, found %s later, back %s after that; others' longest gap %s",
		found.Round(10*time.Millisecond), (back - found).Round(10*time.Millisecond), foundStuck.Round(10*time.Millisecond), (backStuck - foundStuck).Round(10*time.Millisecond), s.worstGap().Round(time.Millisecond))
}
