package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"bongsu/deploy/demo"
)

// film gives the file that the cameras show: 768×432, 10 pictures a second, a key picture each
// second, pictures out of order by one, so that the delay of reordering is in every figure.
func (b *bench) film(ctx context.Context) (string, error) {
	if b.o.synthetic {
		return b.madeFilm(ctx)
	}
	return filepath.Join(b.o.data, "videos", "one-by-one-person-detection.mp4"), nil
}

// What a made film shows, again and again: nobody, then somebody.
const (
	darkSeconds   = 3
	brightSeconds = 2
)

func (b *bench) madeFilm(ctx context.Context) (string, error) {
	path := filepath.Join(b.o.dir, "film.mp4")
	args := []string{"-v", "error", "-y"}
	for _, s := range []string{fmt.Sprintf("c=0x101010:d=%d", darkSeconds), fmt.Sprintf("c=white:d=%d", brightSeconds)} {
		args = append(args, "-f", "lavfi", "-i", "color="+s+":s=768x432:r=10")
	}
	args = append(args, "-filter_complex", "[0][1]concat=n=2,loop=loop=11:size=50,setpts=N/(10*TB)", "-c:v", "libx264", "-preset", "ultrafast",
		"-x264-params", "keyint=10:scenecut=0:bframes=1:b-adapt=0", "-pix_fmt", "yuv420p", path)
	if out, err := exec.CommandContext(ctx, "ffmpeg", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("make a film with ffmpeg: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return path, nil
}

// shows makes n cameras of one file, each with rules of its own.
func shows(n int, file string, rules func(i int) string) []demo.Show {
	out := make([]demo.Show, n)
	for i := range out {
		id := fmt.Sprintf("cam%d", i+1)
		out[i] = demo.Show{ID: id, Name: id, File: file, Rules: rules(i)}
	}
	return out
}

// waitRules make several events of each appearance in a made film: the thing of the tiny model
// stands at the left edge, and the zones differ in how long they wait. Two cameras' rules lie
// between each other's.
func waitRules(camera int) string { return waits(3, 0.5, 0.3+0.25*float64(camera)) }

// denseRules make ten of each.
func denseRules(int) string { return waits(10, 0.1, 0.1) }

func waits(n int, step, first float64) string {
	var s strings.Builder
	s.WriteByte('\n')
	for i := range n {
		fmt.Fprintf(&s, "      - id: wait%d\n        kind: intrusion\n        zone: %s\n        confirm_s: %.2f\n        linger_s: 0.5\n",
			i, box(0, 0.01, 0.99, 0.99), first+step*float64(i))
	}
	return s.String()
}

// busyRules make many events of few people for camera i, so that hops are measured often: one
// who stays is found loitering again and again, by rules that differ in their patience. Steps of
// 1.1 s wander through the groups of pictures, and the cameras' rules lie between each other's,
// because both show the same: more than four new cards a second would be a flood to the console,
// which then shows them together once a second.
func (b *bench) busyRules(i int) string {
	if b.o.synthetic {
		return waitRules(i)
	}
	if b.o.flood {
		return floodRules()
	}
	var s strings.Builder
	s.WriteByte('\n')
	for k := range 9 {
		fmt.Fprintf(&s, "      - id: stay%d\n        kind: loitering\n        zone: %s\n        dwell_s: %.2f\n        linger_s: 1\n",
			k, box(0.3, 0.2, 1, 1), 1.5+1.1*float64(k)+0.55*float64(i))
	}
	for k := range 3 {
		x := 0.57 + 0.15*float64(k) + 0.07*float64(i)
		fmt.Fprintf(&s, "      - id: line%d\n        kind: line-crossing\n        line: [[%.2f, 0.3], [%.2f, 1.0]]\n        linger_s: 1\n", k, x, x)
	}
	return s.String()
}

// floodRules are lines that people cross within a second of each other, alike on both cameras.
func floodRules() string {
	var s strings.Builder
	s.WriteByte('\n')
	for x := 45; x <= 90; x += 5 {
		fmt.Fprintf(&s, "      - id: line%d\n        kind: line-crossing\n        line: [[%.2f, 0.3], [%.2f, 1.0]]\n        linger_s: 1\n",
			x, float64(x)/100, float64(x)/100)
	}
	return s.String()
}

// calmRules watch the whole picture.
func calmRules(int) string {
	return "\n      - id: anyone\n        kind: intrusion\n        zone: " + box(0, 0.01, 0.99, 0.99) + "\n"
}

func box(x0, y0, x1, y1 float64) string {
	return fmt.Sprintf("[[%g, %g], [%g, %g], [%g, %g], [%g, %g]]", x0, y0, x1, y0, x1, y1, x0, y1)
}

// startSystem starts a cloud with accounts and a model, cameras, and an edge, in a folder of
// their own. The caller stops it. alone gives each camera a worker process of its own.
func (b *bench) startSystem(ctx context.Context, name, model string, all []demo.Show, alone bool) (*demo.System, error) {
	s := demo.NewSystem(b.o.bin, filepath.Join(b.o.dir, name), "127.0.0.1:0")
	if err := startAll(ctx, s, model, all, alone); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func startAll(ctx context.Context, s *demo.System, model string, all []demo.Show, alone bool) error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	if err := s.StartCloud(ctx); err != nil {
		return err
	}
	if err := s.MakeAccounts(ctx); err != nil {
		return err
	}
	var err error
	if s.Model, err = s.AddModel(ctx, model); err != nil {
		return err
	}
	if err := s.StartCameras(ctx, all, true); err != nil {
		return err
	}
	if err := s.StartEdge(ctx, all); err != nil || !alone {
		return err
	}
	s.Process("edge").Stop(15 * time.Second)
	if err := oneWorkerEach(filepath.Join(s.Dir, "edge.yaml")); err != nil {
		return err
	}
	return s.StartEdge(ctx, nil)
}

// oneWorkerEach changes the edge's configuration, so that each camera has a process of its own.
func oneWorkerEach(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	out := regexp.MustCompile(`cameras_per_worker: \d+`).ReplaceAllString(string(text), "cameras_per_worker: 1")
	if out == string(text) {
		return fmt.Errorf("the edge's configuration names no cameras_per_worker to change")
	}
	return os.WriteFile(path, []byte(out), 0o600)
}
