package score

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu/streams/truth"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > within {
		t.Errorf("%s is %.6f, want %.6f", what, got, want)
	}
}

func readMOT(t *testing.T, path ...string) []truth.MOTRow {
	t.Helper()
	file, err := os.Open(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := truth.ReadMOT(file)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestMOTPublished reproduces what others computed on TUD-Campus: the CLEAR and identity figures
// that the data's index gives, and HOTA, DetA and AssA as the authors' program (TrackEval) prints
// them for the same two files, which py-motmetrics holds itself to as well
// (https://github.com/cheind/py-motmetrics/pull/186).
func TestMOTPublished(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	folder := filepath.Join(data, "gt", "mot", "TUD-Campus")
	m, err := Tracks(readMOT(t, folder, "gt.txt"), readMOT(t, folder, "test.txt"))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "IDF1", m.IDF1, 0.558, 0.0005)
	near(t, "IDP", m.IDP, 0.730, 0.0005)
	near(t, "IDR", m.IDR, 0.451, 0.0005)
	near(t, "MOTA", m.MOTA, 0.526, 0.0005)
	near(t, "MOTP", m.MOTP, 0.277, 0.0005)
	if m.Switches != 7 || m.FP != 13 || m.FN != 150 || m.Fragments != 7 || m.MostlyTracked != 1 || m.MostlyLost != 1 {
		t.Errorf("%+v", m)
	}
	near(t, "HOTA", m.HOTA, 0.3913974378451139, 1e-12)
	near(t, "DetA", m.DetA, 0.418047030142763, 1e-12)
	near(t, "AssA", m.AssA, 0.36912068120832836, 1e-12)
}

// at is a row whose box stands at x, ten wide and high.
func at(frame, id int, x float64) truth.MOTRow {
	return truth.MOTRow{Frame: frame, ID: id, Left: x, W: 10, H: 10, Conf: 1, Class: 1}
}

func score(t *testing.T, gt, result []truth.MOTRow) MOT {
	t.Helper()
	m, err := Tracks(gt, result)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMOTByHand has cases whose figures are worked out in the comments.
func TestMOTByHand(t *testing.T) {
	still := func(id, frames int, x float64) (rows []truth.MOTRow) {
		for n := 1; n <= frames; n++ {
			rows = append(rows, at(n, id, x))
		}
		return rows
	}
	t.Run("perfect", func(t *testing.T) {
		gt := append(still(1, 5, 0), still(2, 5, 50)...)
		m := score(t, gt, append(still(8, 5, 50), still(9, 5, 0)...))
		if m.MOTA != 1 || m.IDF1 != 1 || math.Abs(m.HOTA-1) > 1e-12 || m.MOTP != 0 || m.MostlyTracked != 2 || m.Frames != 5 || m.Boxes != 10 || m.Tracks != 2 {
			t.Errorf("%+v", m)
		}
	})
	t.Run("one switch in the middle", func(t *testing.T) {
		// Ten boxes, all found; five each under two IDs. IDTP 5 of 10: IDF1 1/2. DetA 1; every true
		// positive shares 5 boxes of 10: AssA 1/2, HOTA √½.
		var result []truth.MOTRow
		for n := 1; n <= 10; n++ {
			result = append(result, at(n, 1+(n-1)/5, 0))
		}
		m := score(t, still(7, 10, 0), result)
		if m.Switches != 1 || m.FP+m.FN != 0 {
			t.Errorf("%+v", m)
		}
		near(t, "MOTA", m.MOTA, 0.9, 1e-12)
		near(t, "IDF1", m.IDF1, 0.5, 1e-12)
		near(t, "AssA", m.AssA, 0.5, 1e-12)
		near(t, "HOTA", m.HOTA, math.Sqrt(0.5), 1e-12)
	})
	t.Run("two objects swap tracks", func(t *testing.T) {
		// Three of four pictures right, then swapped: two switches; IDTP 6 of 8.
		gt := append(still(1, 4, 0), still(2, 4, 50)...)
		result := append(still(1, 3, 0), still(2, 3, 50)...)
		result = append(result, at(4, 1, 50), at(4, 2, 0))
		m := score(t, gt, result)
		if m.Switches != 2 {
			t.Errorf("%+v", m)
		}
		near(t, "MOTA", m.MOTA, 0.75, 1e-12)
		near(t, "IDF1", m.IDF1, 0.75, 1e-12)
		// In six true positives 3 of 5 boxes agree, in two 1 of 7.
		near(t, "AssA", m.AssA, (6*3.0/5+2*1.0/7)/8, 1e-12)
	})
	t.Run("the old pair is kept", func(t *testing.T) {
		// In picture 2 the false track 2 overlaps more, yet track 1 still does enough: no switch.
		m := score(t, still(1, 2, 0), []truth.MOTRow{at(1, 1, 0), at(2, 1, 3), at(2, 2, 1)})
		if m.Switches != 0 || m.FP != 1 || m.FN != 0 {
			t.Errorf("%+v", m)
		}
		near(t, "MOTP", m.MOTP, (0+1-7.0/13)/2, 1e-12)
	})
	t.Run("found again after a gap", func(t *testing.T) {
		result := []truth.MOTRow{at(1, 1, 0), at(2, 1, 0), at(5, 2, 0)}
		m := score(t, still(1, 5, 0), result)
		if m.Switches != 1 || m.FN != 2 || m.Fragments != 1 || m.MostlyTracked+m.MostlyLost != 0 {
			t.Errorf("%+v", m)
		}
	})
	t.Run("overlap 0.6", func(t *testing.T) {
		// IoU (10−2.5)/(10+2.5) = 0.6: found at the twelve limits 0.05 to 0.60, nowhere else.
		m := score(t, still(1, 3, 0), still(1, 3, 2.5))
		near(t, "DetA", m.DetA, 12.0/19, 1e-12)
		near(t, "HOTA", m.HOTA, 12.0/19, 1e-12)
		near(t, "LocA", m.LocA, (12*0.6+7)/19, 1e-12)
		near(t, "MOTP", m.MOTP, 0.4, 1e-12)
	})
	t.Run("nothing", func(t *testing.T) {
		if m := score(t, nil, nil); m.MOTA != 0 || m.HOTA != 0 || m.IDF1 != 0 {
			t.Errorf("%+v", m)
		}
		if m := score(t, still(1, 4, 0), nil); m.MOTA != 0 || m.FN != 4 || m.MostlyLost != 1 || m.HOTA != 0 {
			t.Errorf("%+v", m)
		}
		if m := score(t, nil, still(1, 4, 0)); m.FP != 4 || m.MOTA != 0 || m.IDF1 != 0 {
			t.Errorf("%+v", m)
		}
	})
}

func TestMOTRowsThatDoNotCount(t *testing.T) {
	ignored := at(1, 2, 50)
	ignored.Conf = 0
	gt := []truth.MOTRow{at(1, 1, 0), ignored}
	result := []truth.MOTRow{at(1, 1, 0), at(1, 2, 50)}
	if m := score(t, gt, result); m.Boxes != 1 || m.FN != 0 || m.FP != 1 {
		t.Errorf("a row without weight: %+v", m)
	}
	gt[1].Class = 8 // a distractor: what lies on it is no mistake
	if m := score(t, gt, result); m.Boxes != 1 || m.FN != 0 || m.FP != 0 || m.Answers != 1 || m.Tracks != 1 {
		t.Errorf("a distractor: %+v", m)
	}
}

func TestMOTRefuses(t *testing.T) {
	for _, c := range []struct {
		name       string
		gt, result []truth.MOTRow
		row        int
		side, want string
	}{
		{"twice in truth", []truth.MOTRow{at(1, 1, 0), at(3, 2, 0), at(3, 2, 9)}, nil, 2, "truth", "id 2 stands in frame 3 already, in row 2"},
		{"twice in result", nil, []truth.MOTRow{at(1, 1, 0), at(1, 1, 0)}, 1, "result", "id 1 stands in frame 1 already"},
		{"detections", nil, []truth.MOTRow{at(1, -1, 0)}, 0, "result", "detections"},
	} {
		_, err := Tracks(c.gt, c.result)
		var e *MOTError
		if !errors.As(err, &e) || e.Row != c.row || !strings.HasPrefix(err.Error(), c.side) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	var gt, result []truth.MOTRow
	for i := range 6000 {
		gt, result = append(gt, at(1+i, i, 0)), append(result, at(1+i, i, 0))
	}
	if _, err := Tracks(gt, result); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("6000 objects against 6000 tracks: %v", err)
	}
}

// chanceMOT is a small clip of chance: tracks near objects, with gaps, wrong IDs and false boxes.
func chanceMOT(rng *rand.Rand) (gt, result []truth.MOTRow) {
	box := func(frame, id int, x, y float64) truth.MOTRow {
		j := func(s float64) float64 { return rng.NormFloat64() * s }
		return truth.MOTRow{Frame: frame, ID: id, Left: x + j(2), Top: y + j(2), W: 10 + math.Abs(j(2)), H: 20 + math.Abs(j(2)), Conf: 1, Class: 1}
	}
	for n := 1; n <= 1+rng.IntN(6); n++ {
		var used []int
		for id := range 1 + rng.IntN(4) {
			x, y := float64(id)*7+float64(n), float64(id%2)*9
			if rng.IntN(6) > 0 {
				gt = append(gt, box(n, id, x, y))
			}
			answer := id
			if rng.IntN(5) == 0 {
				answer = rng.IntN(5)
			}
			if rng.IntN(6) > 0 && !slices.Contains(used, answer) {
				used = append(used, answer)
				result = append(result, box(n, answer, x, y))
			}
		}
	}
	return gt, result
}

// TestMOTAgainstPlainReading computes HOTA and IDF1 a second way: every matching is tried, and every
// true positive's association is counted from the definition, box by box, without tables.
func TestMOTAgainstPlainReading(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		gt, result := chanceMOT(rng)
		m := score(t, gt, result)
		hota, deta, assa := plainHOTA(gt, result)
		near(t, "HOTA", m.HOTA, hota, 1e-9)
		near(t, "DetA", m.DetA, deta, 1e-9)
		near(t, "AssA", m.AssA, assa, 1e-9)
		near(t, "IDF1", m.IDF1, plainIDF1(gt, result), 1e-9)
		if t.Failed() {
			t.Fatalf("gt %v\nresult %v", gt, result)
		}
	}
}

// bestPairs tries every matching of n rows with m columns and gives the one of the greatest sum.
func bestPairs(n, m int, gain func(i, j int) float64) (best [][2]int) {
	top := 0.0
	var try func(i int, used []bool, sum float64, pairs [][2]int)
	try = func(i int, used []bool, sum float64, pairs [][2]int) {
		if i == n {
			if sum > top {
				top, best = sum, slices.Clone(pairs)
			}
			return
		}
		try(i+1, used, sum, pairs)
		for j := range m {
			if g := gain(i, j); !used[j] && g > 0 {
				used[j] = true
				try(i+1, used, sum+g, append(pairs, [2]int{i, j}))
				used[j] = false
			}
		}
	}
	try(0, make([]bool, m), 0, nil)
	return best
}

// plainIoU by counting areas of edges instead of overlaps of sides.
func plainIoU(a, b truth.MOTRow) float64 {
	w := math.Min(a.Left+a.W, b.Left+b.W) - math.Max(a.Left, b.Left)
	h := math.Min(a.Top+a.H, b.Top+b.H) - math.Max(a.Top, b.Top)
	inter := math.Max(0, w) * math.Max(0, h)
	return inter / (a.W*a.H + b.W*b.H - inter)
}

func ofFrame(rows []truth.MOTRow, n int) (out []truth.MOTRow) {
	for _, r := range rows {
		if r.Frame == n {
			out = append(out, r)
		}
	}
	return out
}

func ofID(rows []truth.MOTRow, id int) (n int) {
	for _, r := range rows {
		if r.ID == id {
			n++
		}
	}
	return n
}

// plainAffinity of an object and a track, straight from the paper's words.
func plainAffinity(gt, result []truth.MOTRow, object, track int) float64 {
	sum := 0.0
	for n := 1; n <= 6; n++ {
		g, r := ofFrame(gt, n), ofFrame(result, n)
		for _, a := range g {
			for _, b := range r {
				if a.ID != object || b.ID != track {
					continue
				}
				all := -plainIoU(a, b)
				for _, c := range r {
					all += plainIoU(a, c)
				}
				for _, c := range g {
					all += plainIoU(c, b)
				}
				if all > 0 {
					sum += plainIoU(a, b) / all
				}
			}
		}
	}
	return sum / (float64(ofID(gt, object)+ofID(result, track)) - sum)
}

// plainHOTA lists all true positives of each limit, and for each of them counts how many others have
// the same two IDs (TPA), and how many boxes of either ID are elsewhere (FNA, FPA).
func plainHOTA(gt, result []truth.MOTRow) (hota, deta, assa float64) {
	type positive struct {
		object, track int
		iou           float64
	}
	var all []positive
	for n := 1; n <= 6; n++ {
		g, r := ofFrame(gt, n), ofFrame(result, n)
		gain := func(i, j int) float64 {
			return plainAffinity(gt, result, g[i].ID, r[j].ID) * plainIoU(g[i], r[j])
		}
		for _, p := range bestPairs(len(g), len(r), gain) {
			all = append(all, positive{g[p[0]].ID, r[p[1]].ID, plainIoU(g[p[0]], r[p[1]])})
		}
	}
	for percent := 5; percent <= 95; percent += 5 {
		var tp []positive
		for _, p := range all {
			if p.iou >= float64(percent)/100 {
				tp = append(tp, p)
			}
		}
		if len(tp) == 0 {
			continue
		}
		sum := 0.0
		for _, p := range tp {
			tpa := 0
			for _, q := range tp {
				if q.object == p.object && q.track == p.track {
					tpa++
				}
			}
			fna, fpa := ofID(gt, p.object)-tpa, ofID(result, p.track)-tpa
			sum += float64(tpa) / float64(tpa+fna+fpa)
		}
		d := float64(len(tp)) / float64(len(gt)+len(result)-len(tp))
		hota += math.Sqrt(d*sum/float64(len(tp))) / 19
		deta += d / 19
		assa += sum / float64(len(tp)) / 19
	}
	return hota, deta, assa
}

func plainIDF1(gt, result []truth.MOTRow) float64 {
	shared := func(object, track int) (n float64) {
		for _, a := range gt {
			for _, b := range result {
				if a.ID == object && b.ID == track && a.Frame == b.Frame && plainIoU(a, b) >= 0.5 {
					n++
				}
			}
		}
		return n
	}
	right := 0.0
	for _, p := range bestPairs(5, 5, shared) {
		right += shared(p[0], p[1])
	}
	if len(gt)+len(result) == 0 {
		return 0
	}
	return 2 * right / float64(len(gt)+len(result))
}

func TestMOTAssignIsOptimal(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		n, m := rng.IntN(6), rng.IntN(6)
		gain := make([]float64, n*m)
		for i := range gain {
			gain[i] = max(0, rng.Float64()-0.3)
		}
		want, got := 0.0, 0.0
		for _, p := range bestPairs(n, m, func(i, j int) float64 { return gain[i*m+j] }) {
			want += gain[p[0]*m+p[1]]
		}
		used := map[int]bool{}
		for i, j := range motAssign(gain, n, m) {
			if j < 0 {
				continue
			}
			if used[j] || gain[i*m+j] == 0 {
				t.Fatalf("column %d twice, or without gain", j)
			}
			used[j] = true
			got += gain[i*m+j]
		}
		near(t, "the sum", got, want, 1e-9)
	}
}

func BenchmarkTracks(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	var gt, result []truth.MOTRow
	for n := 1; n <= 750; n++ {
		for id := range 40 {
			x := float64(id*25 + n%50)
			gt = append(gt, at(n, id, x))
			result = append(result, at(n, id+40*(n/100), x+rng.Float64()*4))
		}
	}
	for b.Loop() {
		if _, err := Tracks(gt, result); err != nil {
			b.Fatal(err)
		}
	}
}
