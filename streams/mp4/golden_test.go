package mp4

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// containers are the boxes that hold boxes, with the bytes before the first.
var containers = map[string]int{"moov": 0, "trak": 0, "edts": 0, "mdia": 0, "minf": 0, "dinf": 0, "stbl": 0, "mvex": 0, "moof": 0, "traf": 0,
	"stsd": 8, "dref": 8, "avc1": 78, "avc3": 78}

// outline draws the boxes of a file; bodies of up to 48 bytes are shown in full.
func outline(t *testing.T, p []byte) string {
	t.Helper()
	var b strings.Builder
	root := box{kind: "file", body: p}
	var draw func(parent *box, skip, depth int)
	draw = func(parent *box, skip, depth int) {
		boxes, err := parent.children(skip)
		if err != nil {
			t.Fatal(err)
		}
		for i := range boxes {
			c := &boxes[i]
			fmt.Fprintf(&b, "%s%s %d", strings.Repeat("  ", depth), c.kind, len(c.body)+c.head)
			skip, inner := containers[c.kind]
			if !inner && len(c.body) <= 48 {
				fmt.Fprintf(&b, " %x", c.body)
			}
			b.WriteByte('\n')
			if inner {
				draw(c, skip, depth+1)
			}
		}
	}
	draw(&root, 0, 0)
	return b.String()
}

// TestGolden compares the structure of a clip and of its journal with what is committed; a
// change of the format shows as a change of these files. UPDATE_GOLDEN=1 writes them.
func TestGolden(t *testing.T) {
	units := fakeUnits(rand.New(rand.NewPCG(7, 7)), 7, 3, 100*time.Millisecond)
	for i, au := range units {
		au.PTS += 100 * time.Millisecond
		if i == 4 {
			au.PTS += 100 * time.Millisecond
			au.Lost = true
		}
	}
	path := filepath.Join(t.TempDir(), "clip.mp4")
	record(t, path, units)
	for name, data := range map[string][]byte{"clip": readAll(t, path), "journal": journalOf(t, units)} {
		golden := filepath.Join("testdata", name+".txt")
		got := outline(t, data)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want := string(readAll(t, golden)); got != want {
			t.Errorf("%s is now\n%s\nand was\n%s", name, got, want)
		}
	}
}
