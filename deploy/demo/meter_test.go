package demo

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// meter samples how much memory processes take that live as long as it does.
type meter struct {
	// set before run
	pids  map[string]int // by what they are called
	every time.Duration
	warm  time.Duration // samples before are not judged

	// out, after run
	began  time.Time
	series map[string][]sample
}

type sample struct {
	at  time.Duration
	mib float64
}

// meter watches the node, the cloud and all workers but the first, which the soak kills.
func (x *soak) meter(t *testing.T) *meter {
	t.Helper()
	m := &meter{pids: map[string]int{}, every: 5 * time.Second, warm: 10 * time.Minute, series: map[string][]sample{}}
	for _, name := range []string{"edge", "cloud", "cloud-2"} {
		if p := x.Process(name); p != nil {
			m.pids[name] = p.PID()
		}
	}
	cams, err := x.edgeCameras(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := 0
	for _, c := range cams {
		if strings.HasSuffix(string(c.ID), "1") {
			first = c.PID
		}
	}
	for _, c := range cams {
		if c.PID != first {
			m.pids[fmt.Sprintf("worker %d", c.Worker)] = c.PID
		}
	}
	return m
}

// run samples until ctx ends.
func (m *meter) run(ctx context.Context) {
	m.began = time.Now()
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		for name, pid := range m.pids {
			if mib, err := rss(pid); err == nil {
				m.series[name] = append(m.series[name], sample{time.Since(m.began), mib})
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// judge prints each process's slope, and fails the test on one above the bound. A run that is
// too short to say anything says so.
func (m *meter) judge(t *testing.T) {
	t.Helper()
	if time.Since(m.began) < 3*m.warm {
		t.Logf("the run was too short to judge slopes: they need %v", 3*m.warm)
		for name, all := range m.series {
			for at := 0; at < len(all); at += max(1, len(all)/6) {
				t.Logf("%s: %.1f MiB after %.0f s", name, all[at].mib, all[at].at.Seconds())
			}
		}
		return
	}
	worst, who := 0.0, ""
	for name, all := range m.series {
		var late []sample
		for _, s := range all {
			if s.at > m.warm {
				late = append(late, s)
			}
		}
		if len(late) == 0 || late[len(late)-1].at < all[0].at+2*m.warm {
			t.Errorf("%s did not live through the run", name)
			continue
		}
		slope := theilSen(minima(late, 2*time.Minute))
		t.Logf("%s: %.1f MiB after warming up, %.1f at the end, slope %+.2f MiB/h", name, late[0].mib, late[len(late)-1].mib, slope)
		if who == "" || slope > worst {
			worst, who = slope, name
		}
	}
	t.Logf("figure SOAK: resident memory rises by %.2f MiB/h at most (%s)", worst, who)
	if worst > slopeBound {
		t.Errorf("%s takes %.2f MiB more each hour, at most %.0f is promised", who, worst, slopeBound)
	}
}

// minima keeps the least sample of each stretch: what a collector has yet to give back is no leak.
func minima(in []sample, stretch time.Duration) []sample {
	var out []sample
	for _, s := range in {
		if n := len(out); n == 0 || s.at/stretch != out[n-1].at/stretch {
			out = append(out, s)
		} else if s.mib < out[n-1].mib {
			out[n-1] = s
		}
	}
	return out
}

// theilSen is the median of the slopes between all pairs, in MiB an hour (Theil 1950, Sen 1968):
// single outliers do not move it.
func theilSen(in []sample) float64 {
	var slopes []float64
	for i, a := range in {
		for _, b := range in[i+1:] {
			slopes = append(slopes, (b.mib-a.mib)/(b.at-a.at).Hours())
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2]
}

// rss is a process's resident memory in MiB.
func rss(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no memory", pid)
}

func TestTheilSen(t *testing.T) {
	var in []sample
	for i := range 60 {
		mib := 100 + float64(i)*0.1 // 6 MiB an hour
		if i%7 == 0 {
			mib += 50 // a heap not yet collected
		}
		in = append(in, sample{time.Duration(i) * time.Minute, mib})
	}
	if got := theilSen(minima(in, 2*time.Minute)); got < 5.5 || got > 6.5 {
		t.Errorf("slope %.2f, want 6", got)
	}
	if got := theilSen(nil); got != 0 {
		t.Errorf("slope of nothing %v", got)
	}
}
