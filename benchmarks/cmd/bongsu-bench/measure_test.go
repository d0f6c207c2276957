package main

import (
	"fmt"
	"testing"
	"time"

	"bongsu"
)

func TestBenchmarksAreRead(t *testing.T) {
	all := benchmarks(`goos: linux
BenchmarkFill/768x432-2         	    1311	    230500 ns/op	       0 B/op	       0 allocs/op
BenchmarkFill/768x432-2         	    1290	    229000 ns/op	       0 B/op	       1 allocs/op
BenchmarkFill/768x432-2         	    1290	    260000 ns/op	       0 B/op	       2 allocs/op
BenchmarkChoice/log/2KiB/16callers 	   17000	     64000 ns/op	      1193 p50_us	      6646 p99_us	     15407 puts/s
BenchmarkBroken
PASS
ok  	bongsu/models/tensor	3.1s
`)
	if f := all["Fill/768x432"]; f["ns/op"] != 229000 || f["allocs/op"] != 1 {
		t.Errorf("of three runs: %v, want the fastest", f)
	}
	if f := all["Choice/log/2KiB/16callers"]; f["puts/s"] != 15407 || f["p99_us"] != 6646 {
		t.Errorf("own units: %v", f)
	}
	if len(all) != 2 {
		t.Errorf("%d benchmarks: %v", len(all), all)
	}
	if name, f := pick(all, "Fill"); name != "Fill/768x432" || f == nil {
		t.Errorf("by its beginning: %s %v", name, f)
	}
	if _, f := pick(all, "Run"); f != nil {
		t.Errorf("one that there is not: %v", f)
	}
}

func TestLatenciesOfAStore(t *testing.T) {
	for _, c := range []struct {
		f    figures
		want [3]string
	}{
		{figures{"ns/op": 500_000, "p50_us": 200, "p99_us": 1234}, [3]string{"2000", "0.20", "1.23"}},
		{figures{"ns/op": 84_000, "puts/s": 11780, "p50_us": 1229, "p99_us": 5720}, [3]string{"11780", "1.23", "5.72"}},
		{figures{"ns/op": 1_000_000}, [3]string{"1000", "", ""}},
	} {
		if got := latencies(c.f); [3]string(got) != c.want {
			t.Errorf("%v: %q, want %q", c.f, got, c.want)
		}
	}
}

func TestLoopLineIsRead(t *testing.T) {
	out := "    loop_test.go:100: loop model=tiny pictures=180 passes=180 allocs_per_unit=0 tracks=180\n" +
		"    loop_test.go:100: loop model=yolox_nano_416 pictures=75 passes=150 allocs_per_unit=3 tracks=9\n"
	if n, p, a, ok := loopLine(out, "yolox_nano_416"); n != 75 || p != 150 || a != 3 || !ok {
		t.Errorf("%g %g %g %v", n, p, a, ok)
	}
	if _, _, _, ok := loopLine(out, "other"); ok {
		t.Error("a model that nothing was said of")
	}
	if _, _, _, ok := loopLine("loop model=tiny pictures=0 passes=0 allocs_per_unit=0 tracks=0", "tiny"); ok {
		t.Error("no picture is no measurement")
	}
}

func TestCameraCountsAreRead(t *testing.T) {
	const text = `# TYPE bongsu_frames_inferred_total counter
bongsu_frames_inferred_total{camera="cam1"} 412
bongsu_frames_inferred_total{camera="cam2"} 1.5e+03
bongsu_frames_inferred_totals{camera="cam1"} 9
bongsu_frames_decoded_total{camera="cam1"} 7
bongsu_frames_inferred_total{camera="cam3"} x
`
	got := cameraCounts(text, "bongsu_frames_inferred_total")
	if len(got) != 2 || got["cam1"] != 412 || got["cam2"] != 1500 {
		t.Errorf("%v", got)
	}
	rate := slowest(map[string]float64{"cam1": 12, "cam2": 1000}, got, 40*time.Second)
	if rate != 10 {
		t.Errorf("the slower camera has %g a second, want 10", rate)
	}
	if slowest(nil, nil, time.Second) != 0 {
		t.Error("no camera has a rate")
	}
}

// TestGaps feeds counters as workers report them: once a second, for a camera that is looked at
// ten times a second but for the time from second 5 on that the case is about.
func TestGaps(t *testing.T) {
	for _, blind := range []time.Duration{0, 700 * time.Millisecond, 1500 * time.Millisecond, 4 * time.Second} {
		t.Run(fmt.Sprint(blind), func(t *testing.T) {
			begin := time.Unix(1000, 0)
			looks := func(at time.Duration) float64 {
				dark := min(max(at-5*time.Second, 0), blind)
				return float64((at - dark) / (100 * time.Millisecond))
			}
			g := newGaps(10)
			for at := time.Duration(0); at < 12*time.Second; at += 100 * time.Millisecond {
				reported := at.Truncate(time.Second)
				g.add(map[string]float64{"steady": looks(reported), "killed": 5}, begin.Add(at))
			}
			if got := g.worst("killed"); got < blind || got > blind+200*time.Millisecond {
				t.Errorf("longest gap %v, want %v or a little more", got, blind)
			}
			if got := g.worst("steady"); got < 10*time.Second {
				t.Errorf("a camera that was never looked at was without a look for %v only", got)
			}
		})
	}
}

func TestLedgerFindsWhatIsDoubled(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(1000, 0).Add(time.Duration(s * float64(time.Second))) }
	event := func(id string, rule bongsu.RuleID, start float64, revisions ...int) (all []bongsu.Event) {
		for _, r := range revisions {
			all = append(all, bongsu.Event{ID: bongsu.EventID(id), Revision: r, Camera: "cam1", Rule: rule, Start: at(start)})
		}
		return all
	}
	l := newLedger()
	l.add(event("a", "wait0", 5, 1, 2, 3))
	l.add(event("c", "wait0", 10, 1, 2))
	l.add(event("b", "wait1", 5.2, 1))
	l.add(nil)
	if n, where := l.again(3 * time.Second); n != 0 || l.twice() != 0 || len(l.keys) != 6 {
		t.Errorf("all is well: %d again %v, %d twice, %d keys", n, where, l.twice(), len(l.keys))
	}
	l.add(event("d", "wait0", 11.9, 1))
	if n, where := l.again(3 * time.Second); n != 1 || len(where) != 1 {
		t.Errorf("one thing twice: %d %v", n, where)
	}
	l.add(event("b", "wait1", 5.2, 1))
	if l.twice() != 1 {
		t.Errorf("%d rows too many, want 1", l.twice())
	}
}
