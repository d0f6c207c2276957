package track

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// motRow is one box of a MOTChallenge file: picture from 1, ID, left, top, width, height, score.
type motRow struct {
	picture, id int
	box         bongsu.Box
	score       float32
}

func readMOT(t *testing.T, path string, width, height float64) []motRow {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var rows []motRow
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var v [7]float64
		for i, field := range strings.SplitN(lines.Text(), ",", 8)[:7] {
			if v[i], err = strconv.ParseFloat(strings.TrimSpace(field), 64); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		rows = append(rows, motRow{int(v[0]), int(v[1]), bongsu.Box{
			X0: float32(v[2] / width), Y0: float32(v[3] / height),
			X1: float32((v[2] + v[4]) / width), Y1: float32((v[3] + v[5]) / height),
		}, float32(v[6])})
	}
	return rows
}

// clearMOT are the counts of CLEAR MOT (K. Bernardin and R. Stiefelhagen, "Evaluating Multiple
// Object Tracking Performance", 2008), boxes matched at IoU 0.5, pairs of the picture before kept.
type clearMOT struct {
	truth, missed, extra, switches int
	held                           map[int]bongsu.TrackID
}

func (m *clearMOT) add(truth []motRow, tracks []bongsu.Track) {
	used := make([]bool, len(tracks))
	pair := func(g motRow, want bongsu.TrackID) bool {
		best := -1
		for i := range tracks {
			if used[i] || want != 0 && tracks[i].ID != want || g.box.IoU(tracks[i].Box) < 0.5 {
				continue
			}
			if best < 0 || g.box.IoU(tracks[i].Box) > g.box.IoU(tracks[best].Box) {
				best = i
			}
		}
		if best < 0 {
			return false
		}
		if before := m.held[g.id]; before != 0 && before != tracks[best].ID {
			m.switches++
		}
		m.held[g.id], used[best] = tracks[best].ID, true
		return true
	}
	m.truth += len(truth)
	var rest []motRow
	for _, g := range truth {
		if m.held[g.id] == 0 || !pair(g, m.held[g.id]) {
			rest = append(rest, g)
		}
	}
	for _, g := range rest {
		if !pair(g, 0) {
			m.missed++
		}
	}
	for _, u := range used {
		if !u {
			m.extra++
		}
	}
}

func (m *clearMOT) mota() float64 {
	return 1 - float64(m.missed+m.extra+m.switches)/float64(m.truth)
}

func TestClearMOT(t *testing.T) {
	box := func(x float32) bongsu.Box { return bongsu.Box{X0: x, Y0: 0, X1: x + 0.1, Y1: 0.5} }
	k := func(id bongsu.TrackID, x float32) bongsu.Track { return bongsu.Track{ID: id, Box: box(x)} }
	m := clearMOT{held: map[int]bongsu.TrackID{}}
	truth := []motRow{{id: 1, box: box(0.1)}, {id: 2, box: box(0.6)}}
	m.add(truth, []bongsu.Track{k(7, 0.1), k(8, 0.6)})
	m.add(truth, []bongsu.Track{k(7, 0.1), k(9, 0.3)}) // one missed, one false
	m.add(truth, []bongsu.Track{k(7, 0.1), k(9, 0.6)}) // found again under another ID
	if m.truth != 6 || m.missed != 1 || m.extra != 1 || m.switches != 1 || m.mota() != 0.5 {
		t.Errorf("%+v, MOTA %g", m, m.mota())
	}
}

// TestPublicDetections tracks the public detections of TUD-Campus, 71 pictures at 25 a second.
// It is a guard against breakage, not a score: another tracker's result in the same folder has
// MOTA 52.6 % and 7 switches.
func TestPublicDetections(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	const width, height = 640, 480
	truth := readMOT(t, filepath.Join(data, "gt", "mot", "TUD-Campus", "gt.txt"), width, height)
	public := readMOT(t, filepath.Join(data, "gt", "mot", "sort_det", "TUD-Campus.det.txt"), width, height)
	for _, every := range []int{1, 2, 3, 5} {
		tr := New(Options{})
		m := clearMOT{held: map[int]bongsu.TrackID{}}
		for n := 1; n <= 71; n += every {
			var dets []bongsu.Detection
			for _, r := range public {
				if r.picture == n {
					dets = append(dets, bongsu.Detection{Box: r.box, Class: bongsu.ClassPerson, Score: r.score})
				}
			}
			var want []motRow
			for _, r := range truth {
				if r.picture == n {
					want = append(want, r)
				}
			}
			var shown []bongsu.Track
			for _, k := range tr.Update(time.Duration(n)*time.Second/25, dets) {
				if k.State == bongsu.TrackConfirmed {
					shown = append(shown, k)
				}
			}
			m.add(want, shown)
		}
		t.Logf("%4.1f pictures a second: MOTA %.1f %%, %d missed and %d false of %d, %d switches", 25/float64(every), 100*m.mota(), m.missed, m.extra, m.truth, m.switches)
		// Three pictures until a track is confirmed weigh more the fewer there are: only the
		// first two rates are held to a MOTA.
		if m.switches > 10 || every <= 2 && m.mota() < 0.5 {
			t.Errorf("worse than it was")
		}
	}
}
