package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// each calls look every d until it says that it is done, or ctx or a program ends.
func (s *System) each(ctx context.Context, d time.Duration, look func() (done bool, err error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cancel(s.Wait(ctx))
	}()
	defer func() { cancel(nil); <-ended }()
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		if done, err := look(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ringing is an alert as the demo tells of it.
type ringing struct {
	Camera  string    `json:"camera"`
	Kind    string    `json:"kind"`
	Created time.Time `json:"created"`
}

// alertsNow gives the alerts that are open.
func (s *System) alertsNow(ctx context.Context) ([]ringing, error) {
	var page struct {
		Alerts []ringing `json:"alerts"`
	}
	err := s.API(ctx, http.MethodGet, "/alerts?state=open&limit=100", nil, &page)
	return page.Alerts, err
}

// Figures are what an edge and the machine did over a stretch of time.
type Figures struct {
	Over     time.Duration
	Cameras  int
	Decoded  float64 // pictures a second, of all cameras
	Inferred float64 // of them, those that the model looked at
	Behind   float64 // pictures and access units that were left out because something was behind, in all
	Waiting  float64 // most pictures and access units that waited at one time, of one camera
	Growing  float64 // how many more of them waited in the second half than in the first, of all cameras, on average
	CPU      map[string]float64
}

// String is one line for people.
func (f Figures) String() string {
	var cpu []string
	sum := 0.0
	for name, share := range f.CPU {
		cpu = append(cpu, fmt.Sprintf("%s %.2f", name, share))
		sum += share
	}
	slices.Sort(cpu)
	n := float64(max(f.Cameras, 1))
	return fmt.Sprintf("%d cameras over %.0f s: %.1f pictures/s each, the model looks at %.1f of them; %.2f of %d cores (%s); at most %.0f wait, %.0f were left out",
		f.Cameras, f.Over.Seconds(), f.Decoded/n, f.Inferred/n, sum, runtime.NumCPU(), strings.Join(cpu, ", "), f.Waiting, f.Behind)
}

// Measure watches the edge's metrics and the programs' processor time for d.
func (s *System) Measure(ctx context.Context, d time.Duration) (Figures, error) {
	began, cpuBefore := time.Now(), s.processorTime()
	first, err := s.metrics(ctx)
	if err != nil {
		return Figures{}, err
	}
	f := Figures{CPU: map[string]float64{}}
	var waiting []float64
	last := first
	err = s.each(ctx, time.Second, func() (bool, error) {
		if last, err = s.metrics(ctx); err != nil {
			return false, err
		}
		all := 0.0
		for _, name := range []string{"bongsu_units_in_flight", "bongsu_frames_in_flight"} {
			for _, n := range last[name] {
				f.Waiting = max(f.Waiting, n)
				all += n
			}
		}
		waiting = append(waiting, all)
		return time.Since(began) >= d, nil
	})
	if err != nil {
		return f, err
	}
	f.Over = time.Since(began)
	rise := func(name string) float64 { return sum(last[name]) - sum(first[name]) }
	f.Cameras = len(last["bongsu_frames_decoded_total"])
	f.Decoded, f.Inferred = rise("bongsu_frames_decoded_total")/f.Over.Seconds(), rise("bongsu_frames_inferred_total")/f.Over.Seconds()
	f.Behind = rise("bongsu_frames_skipped_total") + rise("bongsu_units_dropped_total")
	half := len(waiting) / 2
	f.Growing = mean(waiting[half:]) - mean(waiting[:half])
	for name, after := range s.processorTime() {
		f.CPU[name] = (after - cpuBefore[name]).Seconds() / f.Over.Seconds()
	}
	return f, nil
}

// metrics reads the edge's counters and gauges: by name, one number a series.
func (s *System) metrics(ctx context.Context) (map[string][]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.DebugURL+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the edge's metrics: %s", resp.Status)
	}
	out := map[string][]float64{}
	for line := range strings.Lines(string(text)) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if v, bad := strconv.ParseFloat(value, 64); ok && bad == nil {
			name, _, _ := strings.Cut(series, "{")
			out[name] = append(out[name], v)
		}
	}
	return out, err
}

func sum(of []float64) (s float64) {
	for _, v := range of {
		s += v
	}
	return s
}

func mean(of []float64) float64 { return sum(of) / float64(max(len(of), 1)) }

// processorTime gives what each program and its children have used.
func (s *System) processorTime() map[string]time.Duration {
	parents, used := map[int]int{}, map[int]time.Duration{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, file := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		text, err2 := os.ReadFile(file)
		// The name, in brackets, may hold anything: proc(5).
		_, rest, ok := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); err == nil && err2 == nil && ok && len(f) > 12 {
			parents[pid], _ = strconv.Atoi(f[1])
			user, _ := strconv.Atoi(f[11])
			system, _ := strconv.Atoi(f[12])
			used[pid] = time.Duration(user+system) * (time.Second / 100) // USER_HZ
		}
	}
	out := map[string]time.Duration{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, p := range s.processes {
		for pid := range used {
			for up := pid; up > 1; up = parents[up] {
				if up == p.PID() {
					out[name] += used[pid]
					break
				}
			}
		}
	}
	return out
}
