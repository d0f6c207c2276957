package mp4

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// playPage plays a film to its end at 4 times its speed and tells what happened.
const playPage = `<!doctype html><title>…</title><video muted></video><script>
const v = document.querySelector('video'), said = [];
const say = (s) => { if (said.push(s) === 1) fetch('/say?what=' + encodeURIComponent(s)); };
v.onerror = () => say('error ' + v.error.code + ' ' + v.error.message);
v.onended = () => { const q = v.getVideoPlaybackQuality(); say('ended ' + [v.videoWidth, v.videoHeight, v.duration.toFixed(2), q.totalVideoFrames > 0, v.seekable.end(0).toFixed(2)].join(' ')); };
v.onloadedmetadata = () => { v.playbackRate = 4; v.play().catch((e) => say('refused ' + e)); };
v.src = %q;
</script>`

// TestPlaysInChromium plays clips in the browser that the console is made for.
func TestPlaysInChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: that clips play there is not tested")
	}
	for _, tc := range []struct {
		name, codec string
		args        []string
		inBand      bool
		torn        bool
	}{
		{"avc1", "libx264", []string{"-g", "25", "-bf", "0"}, false, false},
		{"avc3 with B-frames", "libx264", []string{"-g", "25", "-bf", "3", "-b_strategy", "0"}, true, false},
		{"a journal", "libx264", []string{"-g", "25", "-bf", "0"}, true, true},
		{"hvc1", "libx265", []string{"-g", "25", "-x265-params", "log-level=none"}, false, false},
		{"hev1", "libx265", []string{"-g", "25", "-x265-params", "log-level=none"}, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			units, _ := encode(t, tc.codec, tc.args...)
			for _, au := range units {
				if p := au.Params; tc.inBand && au.Key {
					for _, s := range [][]byte{p.PPS, p.SPS, p.VPS} {
						if s != nil {
							au.NALs = append([][]byte{s}, au.NALs...)
						}
					}
				}
			}
			path := filepath.Join(t.TempDir(), "clip.mp4")
			if tc.torn {
				if err := os.WriteFile(path, journalOf(t, units), 0o600); err != nil {
					t.Fatal(err)
				}
			} else {
				record(t, path, units)
			}
			got := play(t, chromium, path)
			t.Log(got)
			if tc.codec == "libx265" && strings.Contains(got, "error 4") {
				t.Skip("this Chromium has no H.265 decoder")
			}
			if want := "ended 320 240 4.00 true"; !tc.torn && !strings.Contains(got, want) || !strings.Contains(got, "ended 320 240") {
				t.Errorf("Chromium says %q, want %q", got, want)
			}
		})
	}
}

// play gives the sentence that playPage ends with.
func play(t *testing.T, chromium, path string) string {
	t.Helper()
	return playOn(t, chromium, path, fmt.Sprintf(playPage, "/clip.mp4"))
}

// playOn gives the sentence that a page ends with.
func playOn(t *testing.T, chromium, path, page string) string {
	t.Helper()
	said := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/clip.mp4", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })
	mux.HandleFunc("/say", func(w http.ResponseWriter, r *http.Request) {
		select {
		case said <- r.FormValue("what"):
		default:
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(profile)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0", "--user-data-dir="+profile, srv.URL+"/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // its children too
	if err := cmd.Start(); err != nil {
		t.Skipf("chromium cannot be started: %v", err)
	}
	defer cmd.Wait() // after the kill below
	defer cancel()
	select {
	case s := <-said:
		return s
	case <-ctx.Done():
		return "nothing within a minute"
	}
}
