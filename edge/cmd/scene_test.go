package cmd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu/streams/rtsp"
	"bongsu/streams/scene/library"
	"bongsu/streams/streamstest"
)

const tinyScene = `schema: 1
name: tiny
title: 시험
duration_s: 2
camera: {height_m: 4, tilt_deg: 20, width_px: 160, height_px: 90, fps: 10}
light: {time: noon}
actors: [{id: a, kind: person, at: [-1, 10], do: [{act: fall}]}]
`

func tinyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.yaml")
	if err := os.WriteFile(path, []byte(tinyScene), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSceneList(t *testing.T) {
	out := must(t, "scene", "list")
	for _, name := range library.Names() {
		if !strings.Contains(out, name+" ") {
			t.Errorf("%s is not listed", name)
		}
	}
}

func TestSceneRenderAndTruth(t *testing.T) {
	dir := t.TempDir()
	out := must(t, "scene", "render", tinyFile(t), "--out", filepath.Join(dir, "a.mp4"), "--truth", filepath.Join(dir, "truth"))
	if !strings.Contains(out, "fall") {
		t.Errorf("render does not tell what happens: %q", out)
	}
	same := must(t, "scene", "truth", tinyFile(t), "--truth", filepath.Join(dir, "again"))
	if same != out {
		t.Errorf("render told %q, truth %q", out, same)
	}
	a, errA := os.ReadFile(filepath.Join(dir, "truth", "a.truth.json"))
	b, errB := os.ReadFile(filepath.Join(dir, "again", "tiny.truth.json"))
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("the truth beside the film differs from the truth alone: %v %v", errA, errB)
	}
}

func TestSceneWrongWords(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"scene"}, ExitUsage, "a word is missing"},
		{[]string{"scene", "paint", "x"}, ExitUsage, "say list, render SCENE, truth SCENE, serve SCENE ..., dataset --out DIR or suite --out DIR"},
		{[]string{"scene", "render", "no-such-scene"}, ExitFailed, `there is no scene "no-such-scene" in the library`},
		{[]string{"scene", "render", "missing.yaml"}, ExitFailed, "missing.yaml"},
		{[]string{"scene", "render", "x.yaml", "--codec", "mpeg2"}, ExitUsage, "say h264 or h265"},
		{[]string{"scene", "serve", "x.yaml", "--listen", "nowhere", "--cache", t.TempDir()}, ExitUsage, "--listen"},
		{[]string{"scene", "render", "x", "--size", "9"}, ExitUsage, "flag provided but not defined"},
	} {
		code, _, errs := tool(t, c.args...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %q; want %d and %q", c.args, code, errs, c.code, c.want)
		}
	}
}

// TestSceneServe plays a scene as a camera and opens it as the edge does; the second time it comes
// from the cache.
func TestSceneServe(t *testing.T) {
	file, cache := tinyFile(t), t.TempDir()
	for round := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		var out, errs buffer
		m := Main{Args: []string{"scene", "serve", file, "--listen", "127.0.0.1:0", "--cache", cache}, Stdout: &out, Stderr: &errs}
		code := make(chan int, 1)
		go func() { code <- m.Run(ctx) }()
		streamstest.Eventually(t, "the camera to serve", func() bool { return strings.Contains(out.String(), "serving tiny rtsp://") })
		url := strings.Fields(out.String())[2]
		src, err := rtsp.Open(ctx, rtsp.Options{Camera: "tiny", Run: "1", URL: url})
		if err != nil {
			t.Fatal(err)
		}
		for range 30 { // more than the 20 of one round: the loop goes on
			if _, err := src.Next(ctx); err != nil {
				t.Fatal(err)
			}
		}
		src.Close()
		cancel()
		if c := <-code; c != ExitOK {
			t.Fatalf("exit code %d: %s", c, errs.String())
		}
		if rendered := strings.Contains(errs.String(), "drawing"); rendered != (round == 0) {
			t.Errorf("round %d: rendered %v", round, rendered)
		}
	}
	if films, _ := filepath.Glob(filepath.Join(cache, "tiny-*.mp4")); len(films) != 1 {
		t.Errorf("the cache holds %v", films)
	}
}
