package demo

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bongsu/models/modelstest"
)

// tinyModel writes a model that sees one person at the left edge of every bright picture and
// nothing in a dark one, and gives its file. Who is lost at the edge has left; in the midst of a picture it
// would be taken for hidden, and its event would go on. seen is its score in a white picture.
func tinyModel(t *testing.T, name string, seen float64) string {
	t.Helper()
	tiny := modelstest.Tiny{Width: 128, Height: 96, Classes: 2,
		Things: []modelstest.Thing{{X: 24.5, Y: 48, W: 48, H: 60, Class: 0, Score: seen}}}
	dir := t.TempDir()
	path, err := tiny.YOLOXPackage(name).Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// scene is how long a stretch of a synthetic video lasts, in seconds, and whether it is bright.
type scene struct {
	seconds float64
	bright  bool
}

// film encodes bright and dark stretches, 320×240 at 10 pictures a second, a key picture each
// second. codec is libx264 or libx265.
func film(t *testing.T, codec string, scenes ...scene) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.mp4")
	var args []string
	var join strings.Builder
	for i, s := range scenes {
		colour := "0x101010"
		if s.bright {
			colour = "white"
		}
		args = append(args, "-f", "lavfi", "-i", "color="+colour+":s=320x240:r=10:d="+strconv.FormatFloat(s.seconds, 'f', 1, 64))
		join.WriteString("[" + strconv.Itoa(i) + "]")
	}
	join.WriteString("concat=n=" + strconv.Itoa(len(scenes)))
	args = append([]string{"-v", "error"}, args...)
	args = append(args, "-filter_complex", join.String(), "-c:v", codec, "-preset", "ultrafast", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p", path)
	run(t, "ffmpeg", args...)
	return path
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// anyoneRule watches the whole picture; events end a second after the thing has gone.
const anyoneRule = `
      - id: anyone
        kind: intrusion
        zone: [[0, 0.01], [0.99, 0.01], [0.99, 0.99], [0, 0.99]]
        linger_s: 1
        classes: [person]
`
