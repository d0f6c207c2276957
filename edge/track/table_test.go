package track

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/score"
	"bongsu/streams/truth"
)

// clip is one row of the table: detections picture by picture, and the truth.
type clip struct {
	name   string
	tuning bool
	fps    float64
	w, h   float32 // pixels
	truth  []truth.MOTRow
	dets   [][]bongsu.Detection // in 0..1
}

// contenders are what the table compares. SORT takes detections from 0.5 on, as its authors' files
// have them; the other two have thresholds of their own.
var contenders = []struct {
	name string
	run  func(*clip) []truth.MOTRow
}{
	{"ours", (*clip).ours},
	{"SORT", func(c *clip) []truth.MOTRow {
		s := newPlainSORT()
		return c.plain(func(dets []bongsu.Detection) []seenBox {
			return s.update(slices.DeleteFunc(dets, func(d bongsu.Detection) bool { return d.Score < 0.5 }))
		})
	}},
	{"ByteTrack", func(c *clip) []truth.MOTRow { return c.plain(newPlainByte().update) }},
}

func (c *clip) row(frame, id int, b bongsu.Box) truth.MOTRow {
	return truth.MOTRow{Frame: frame, ID: id, Left: float64(b.X0 * c.w), Top: float64(b.Y0 * c.h), W: float64(b.Width() * c.w), H: float64(b.Height() * c.h), Conf: 1}
}

// ours reports what rules take for being there: tracks confirmed and seen in the picture.
func (c *clip) ours() (rows []truth.MOTRow) {
	tr := New(Options{})
	for i, dets := range c.dets {
		for _, k := range tr.Update(time.Duration(float64(i)/c.fps*float64(time.Second)), dets) {
			if k.State == bongsu.TrackConfirmed {
				rows = append(rows, c.row(i+1, int(k.ID), k.Box))
			}
		}
	}
	return rows
}

// plain runs a tracker in pixels and pictures. Its boxes are cut at the picture's edge, as ours are.
func (c *clip) plain(update func([]bongsu.Detection) []seenBox) (rows []truth.MOTRow) {
	for i, dets := range c.dets {
		px := make([]bongsu.Detection, len(dets))
		for j, d := range dets {
			px[j] = d
			px[j].Box = bongsu.Box{X0: d.Box.X0 * c.w, Y0: d.Box.Y0 * c.h, X1: d.Box.X1 * c.w, Y1: d.Box.Y1 * c.h}
		}
		for _, s := range update(px) {
			b := clamp(bongsu.Box{X0: s.box.X0 / c.w, Y0: s.box.Y0 / c.h, X1: s.box.X1 / c.w, Y1: s.box.Y1 / c.h})
			rows = append(rows, c.row(i+1, s.id, b))
		}
	}
	return rows
}

// campus is TUD-Campus with its public detections, every so many pictures; ok is false without data.
func campus(t testing.TB, every int) (c clip, ok bool) {
	t.Helper()
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		return clip{}, false
	}
	read := func(path ...string) []truth.MOTRow {
		f, err := os.Open(filepath.Join(append([]string{data, "gt", "mot"}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := truth.ReadMOT(f)
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(rows, func(r truth.MOTRow) bool { return (r.Frame-1)%every != 0 })
	}
	const pictures = 71
	c = clip{name: "TUD-Campus", fps: 25 / float64(every), w: 640, h: 480, truth: read("TUD-Campus", "gt.txt"), dets: make([][]bongsu.Detection, (pictures+every-1)/every)}
	for i := range c.truth {
		c.truth[i].Frame = (c.truth[i].Frame-1)/every + 1
	}
	for _, r := range read("sort_det", "TUD-Campus.det.txt") {
		i := (r.Frame - 1) / every
		b := bongsu.Box{X0: float32(r.Left) / c.w, Y0: float32(r.Top) / c.h, X1: float32(r.Left+r.W) / c.w, Y1: float32(r.Top+r.H) / c.h}
		c.dets[i] = append(c.dets[i], bongsu.Detection{Box: b, Class: bongsu.ClassPerson, Score: float32(r.Conf)})
	}
	return c, true
}

// detectorSeeds are the runs of each scene: other mistakes of the detector.
var detectorSeeds = []uint64{101, 102, 103}

func (k *crowd) clip(t testing.TB, every int, seed uint64) clip {
	seq := k.truth(t)
	c := clip{name: k.name, tuning: k.tuning, fps: float64(seq.FPS) / float64(every), w: float32(seq.WidthPX), h: float32(seq.HeightPX), truth: crowdRows(seq, every)}
	d := newDetector(seed)
	for i := 0; i < len(seq.Frames); i += every {
		c.dets = append(c.dets, d.look(&seq.Frames[i], 1/c.fps))
	}
	return c
}

// tally adds scores up: counts are pooled, so that a long clip weighs more than a short one.
type tally struct {
	boxes, answers, fp, fn, switches int
	right                            float64 // identities: boxes under their right ID
	hota                             float64 // mean over clips
	clips                            int
}

func (a *tally) add(m score.MOT) {
	a.boxes += m.Boxes
	a.answers += m.Answers
	a.fp += m.FP
	a.fn += m.FN
	a.switches += m.Switches
	a.right += m.IDR * float64(m.Boxes)
	a.hota += m.HOTA
	a.clips++
}

func (a *tally) mota() float64 {
	return 100 * (1 - float64(a.fp+a.fn+a.switches)/float64(max(a.boxes, 1)))
}
func (a *tally) idf1() float64 { return 100 * 2 * a.right / float64(max(a.boxes+a.answers, 1)) }

func (a *tally) String() string {
	return fmt.Sprintf("MOTA %5.1f  IDF1 %5.1f  HOTA %5.1f  switches %3d  FP %5d  FN %5d  of %d", a.mota(), a.idf1(), 100*a.hota/float64(max(a.clips, 1)), a.switches, a.fp, a.fn, a.boxes)
}

// row is a line of the table: what it is about, and the clips that are pooled in it.
type row struct {
	name  string
	floor bool // ours must have the higher IDF1 and MOTA
	clips []clip
}

func tableRows(t testing.TB) (rows []row) {
	for _, every := range []int{1, 5} {
		if c, ok := campus(t, every); ok {
			rows = append(rows, row{fmt.Sprintf("TUD-Campus at %g/s", c.fps), every == 1, []clip{c}})
		}
	}
	for _, every := range []int{1, 5} {
		var tuning, held []clip
		for _, k := range crowds() {
			var own []clip
			for _, seed := range detectorSeeds {
				own = append(own, k.clip(t, every, seed))
			}
			name := fmt.Sprintf("%s at %g/s", k.name, own[0].fps)
			if k.tuning {
				tuning, name = append(tuning, own...), name+" (tuning)"
			} else {
				held = append(held, own...)
			}
			rows = append(rows, row{name, false, own})
		}
		rate := tuning[0].fps
		rows = append(rows, row{fmt.Sprintf("tuning crowds at %g/s", rate), false, tuning}, row{fmt.Sprintf("crowds at %g/s", rate), true, held})
	}
	return rows
}

// TestTrackerTable prints the table of docs/design/tracks.md and holds its floors: on the public
// detections of TUD-Campus (with BONGSU_DATA) and on simulated crossing crowds that were not looked
// at while the tracker was made, IDF1 and MOTA above plain SORT and plain ByteTrack.
func TestTrackerTable(t *testing.T) {
	if raceEnabled {
		t.Skip("renders three minutes of crowds: too slow under the race detector, and one goroutine")
	}
	t.Logf("detector seeds %v, each of the scenes once per seed", detectorSeeds)
	for _, r := range tableRows(t) {
		var sums [3]tally
		for i, who := range contenders {
			for j := range r.clips {
				m, err := score.Tracks(r.clips[j].truth, who.run(&r.clips[j]))
				if err != nil {
					t.Fatal(err)
				}
				sums[i].add(m)
			}
			t.Logf("%-26s %-9s %s", r.name, who.name, &sums[i])
		}
		for i := 1; r.floor && i < len(sums); i++ {
			if sums[0].mota() <= sums[i].mota() || sums[0].idf1() <= sums[i].idf1() {
				t.Errorf("%s: not above %s", r.name, contenders[i].name)
			}
		}
	}
}
