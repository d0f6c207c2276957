package cmd

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu/streams/streamstest"
)

// playing runs scene serve until each of names is served, and gives what it printed.
func playing(t *testing.T, names []string, args ...string) (out, errs string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr buffer
	m := Main{Args: append([]string{"scene", "serve", "--listen", "127.0.0.1:0"}, args...), Stdout: &stdout, Stderr: &stderr}
	code := make(chan int, 1)
	go func() { code <- m.Run(ctx) }()
	streamstest.Eventually(t, "the cameras to serve", func() bool {
		for _, name := range names {
			if !strings.Contains(stdout.String(), "serving "+name+" rtsp://") {
				return false
			}
		}
		return true
	})
	cancel()
	if c := <-code; c != ExitOK {
		t.Errorf("exit code %d: %s", c, stderr.String())
	}
	return stdout.String(), stderr.String()
}

// sceneNamed writes the tiny scene under another name.
func sceneNamed(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(tinyScene, "name: tiny", "name: "+name, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSceneServeCachedFirst serves a scene whose film is there and two that are to be rendered: the
// first is there before anything is drawn.
func TestSceneServeCachedFirst(t *testing.T) {
	cache := t.TempDir()
	a, b, c := sceneNamed(t, "a"), sceneNamed(t, "b"), sceneNamed(t, "c")
	playing(t, []string{"c"}, "--cache", cache, c)
	out, errs := playing(t, []string{"a", "b", "c"}, "--cache", cache, "--jobs", "2", a, b, c)
	if !strings.HasPrefix(out, "serving c ") {
		t.Errorf("the film in the cache is not served first: %q", out)
	}
	if strings.Contains(errs, "c: drawing") || !strings.Contains(errs, "a: 100 %") || !strings.Contains(errs, "b: 100 %") {
		t.Errorf("what was rendered: %q", errs)
	}
	if left, _ := os.ReadDir(cache); len(left) != 3 {
		t.Errorf("the cache holds more than three films: %v", left)
	}
}

// TestSceneServeOneRenders starts two programs that want the same film: one renders it.
func TestSceneServeOneRenders(t *testing.T) {
	cache, file := t.TempDir(), tinyFile(t)
	var both sync.WaitGroup
	told := make([]string, 2)
	for i := range told {
		both.Go(func() { _, told[i] = playing(t, []string{"tiny"}, "--cache", cache, file) })
	}
	both.Wait()
	if n := strings.Count(told[0]+told[1], "drawing"); n != 1 {
		t.Errorf("%d programs rendered", n)
	}
}

func TestSceneServeForgetsOldFilms(t *testing.T) {
	cache, file := t.TempDir(), tinyFile(t)
	playing(t, []string{"tiny"}, "--cache", cache, file)
	films, _ := filepath.Glob(filepath.Join(cache, "tiny-*.mp4"))
	if len(films) != 1 {
		t.Fatalf("the cache holds %v", films)
	}
	// What is played stays, however long ago it was rendered; what nobody plays goes.
	other := filepath.Join(cache, "other-0123.mp4")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{films[0]: keepFilms - time.Hour, other: keepFilms + time.Hour} {
		if err := os.Chtimes(name, time.Now(), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	_, errs := playing(t, []string{"tiny"}, "--cache", cache, file)
	if strings.Contains(errs, "drawing") {
		t.Error("a film that was there was rendered again")
	}
	if _, err := os.Stat(other); !os.IsNotExist(err) {
		t.Errorf("an old film is still there: %v", err)
	}
	if info, err := os.Stat(films[0]); err != nil || time.Since(info.ModTime()) > time.Hour {
		t.Errorf("a film that is played does not count as used: %v", err)
	}
}

func TestSceneServeRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file, plain := tinyFile(t), filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--listen", taken.Addr().String(), "--cache", t.TempDir(), file}, ExitFailed, "another program listens at " + taken.Addr().String()},
		{[]string{"--cache", plain, file}, ExitFailed, "the folder for rendered films, " + plain + ", cannot be written"},
		{[]string{"--cache", t.TempDir(), file, file}, ExitUsage, "two scenes are named tiny"},
		{[]string{"--cache", t.TempDir(), "no-such-scene"}, ExitFailed, "no-such-scene"},
	} {
		code, out, errs := tool(t, append([]string{"scene", "serve"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("%v: exit code %d, %q, %q; want %d and %q", c.args, code, out, errs, c.code, c.want)
		}
	}
}
