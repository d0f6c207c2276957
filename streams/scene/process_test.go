package scene

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// digestOf is a hash of all pictures and of the truth of a small scene.
func digestOf(t *testing.T, light string) string {
	t.Helper()
	r := rendered(t, light, Options{Width: 64, FPS: 3})
	f, h := r.NewFrame(), sha256.New()
	seq := r.NewSequence()
	for n := range r.Frames() {
		seq.Frames = append(seq.Frames, r.Draw(n, f))
		h.Write(pixels(f))
	}
	seq.Events = r.Events(seq)
	if err := seq.WriteJSON(h); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

const digestEnv = "BONGSU_TEST_DIGEST"

// TestDigestForAnotherProcess prints the digest when it is run by the test below.
func TestDigestForAnotherProcess(t *testing.T) {
	if light := os.Getenv(digestEnv); light != "" {
		fmt.Printf("digest %s\n", digestOf(t, light))
	}
}

// TestTwoProcessesDrawTheSame runs this program twice more, with other numbers of threads and another
// collector: the order in which maps are walked, addresses and timing differ, pictures and truth must
// not.
func TestTwoProcessesDrawTheSame(t *testing.T) {
	want := digestOf(t, TimeNight)
	for _, env := range [][]string{{"GOMAXPROCS=1", "GOGC=20"}, {"GOMAXPROCS=4", "GOGC=off", "TZ=Asia/Seoul", "LC_ALL=ko_KR.UTF-8"}} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDigestForAnotherProcess$")
		cmd.Env = append(append(os.Environ(), digestEnv+"="+TimeNight), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, got, _ := strings.Cut(string(out), "digest ")
		if got, _, _ = strings.Cut(got, "\n"); got != want {
			t.Errorf("with %v: digest %s, here %s", env, got, want)
		}
	}
}
