package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/outbox"
)

// blinkRules make an event each of every bright stretch: it begins 0.2 s into it and is over half
// a second after it.
func blinkRules(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `
      - id: anyone%d
        kind: intrusion
        zone: [[0, 0.0%d], [0.99, 0.0%d], [0.99, 0.99], [0, 0.99]]
        confirm_s: 0.2
        linger_s: 0.5
        classes: [person]`, i+1, i+1, i+1)
	}
	return b.String() + "\n"
}

// blinkers are n cameras that are dark for 1.5 s and bright for 1.5 s, for ever, half of them
// later than the others, each with so many rules.
func blinkers(t *testing.T, n, rules int) []Show {
	t.Helper()
	films := []string{
		film(t, "libx264", scene{1.5, false}, scene{1.5, true}),
		film(t, "libx264", scene{0.7, false}, scene{1.5, true}, scene{0.8, false}),
	}
	var shows []Show
	for i := range n {
		shows = append(shows, Show{ID: fmt.Sprintf("blink%d", i+1), Name: fmt.Sprintf("점멸 %d", i+1), File: films[i%len(films)], Rules: blinkRules(rules)})
	}
	return shows
}

// dice are seeded by BONGSU_SEED or by the time, and say by what.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("BONGSU_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("BONGSU_SEED: %v", err)
		}
	}
	t.Logf("seed: BONGSU_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// edgeCamera is a camera on the edge's debug port.
type edgeCamera struct {
	ID      bongsu.CameraID    `json:"id"`
	State   bongsu.CameraState `json:"state"`
	Reason  string             `json:"reason"`
	Worker  int                `json:"worker"`
	PID     int                `json:"pid"`
	Deaths  int                `json:"deaths"`
	InferPS float64            `json:"infer_ps"`
}

// debug reads a JSON page of the edge's debug port whatever its status is.
func (s *System) debug(ctx context.Context, path string, out any) error {
	body, err := s.debugPage(ctx, path)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, out)
}

func (s *System) debugPage(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.DebugURL+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	return b.Bytes(), err
}

func (s *System) edgeCameras(ctx context.Context) ([]edgeCamera, error) {
	var page struct {
		Cameras []edgeCamera `json:"cameras"`
	}
	err := s.debug(ctx, "/debug/cameras?format=json", &page)
	return page.Cameras, err
}

// edgeStatus is what the debug port says of the uplink and the outbox.
type edgeStatus struct {
	Outbox outbox.Counts `json:"outbox"`
	Uplink struct {
		State  string    `json:"state"`
		Reason string    `json:"reason"`
		Since  time.Time `json:"since"`
		Sent   struct {
			Events int64 `json:"events"`
			Known  int64 `json:"known"`
		} `json:"sent"`
	} `json:"uplink"`
}

func (s *System) edgeStatus(ctx context.Context) (st edgeStatus, err error) {
	return st, s.debug(ctx, "/debug/status", &st)
}

// edgeHealth is the edge's /healthz.
type edgeHealth struct {
	OK      bool         `json:"ok"`
	Reasons []edgeReason `json:"reasons"`
	Notes   []edgeReason `json:"notes"`
}

type edgeReason struct{ Code, Message string }

func (h edgeHealth) has(code string) bool {
	for _, r := range append(append([]edgeReason(nil), h.Reasons...), h.Notes...) {
		if r.Code == code {
			return true
		}
	}
	return false
}

func (s *System) edgeHealth(ctx context.Context) (h edgeHealth, err error) {
	return h, s.debug(ctx, "/healthz", &h)
}

// inferred reads how many pictures of each camera the model has looked at.
func (s *System) inferred(ctx context.Context) (map[string]int, error) {
	page, err := s.debugPage(ctx, "/metrics")
	out := map[string]int{}
	for _, line := range strings.Split(string(page), "\n") {
		rest, ok := strings.CutPrefix(line, `bongsu_frames_inferred_total{camera="`)
		if !ok {
			continue
		}
		id, value, _ := strings.Cut(rest, `"} `)
		n, perr := strconv.ParseFloat(value, 64)
		err = errors.Join(err, perr)
		out[id] = int(n)
	}
	return out, err
}

// waitLive waits until n cameras are analysed.
func (s *System) waitLive(t *testing.T, ctx context.Context, n int) {
	t.Helper()
	eventually(t, ctx, fmt.Sprintf("%d cameras are analysed", n), func() (bool, string) {
		cams, err := s.edgeCameras(ctx)
		live := 0
		for _, c := range cams {
			if c.State == bongsu.CameraLive && c.PID > 0 {
				live++
			}
		}
		seen, merr := s.inferred(ctx)
		return err == nil && merr == nil && live == n && len(seen) == n, fmt.Sprintf("%+v %v %v %v", cams, seen, err, merr)
	})
}

// running reports whether a process has a thread that runs. One that has ended but whose end
// nobody has read does not; its first thread alone may have ended before the others.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return !strings.HasPrefix(after, "Z") || err == nil && len(threads) > 1
}

// workers gives the worker processes of this system's edge, orphans included: each names the
// system's folder of models.
func (s *System) workers(t *testing.T) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		args := strings.Split(string(line), "\x00")
		if err == nil && len(args) > 3 && args[1] == "worker" && args[3] == filepath.Join(s.Dir, "models") && running(pid) {
			out = append(out, pid)
		}
	}
	return out
}

// killNow ends one process at once, without its children, and waits until it is gone.
func killNow(t *testing.T, ctx context.Context, p *Process) {
	t.Helper()
	p.Signal(syscall.SIGKILL)
	gone(t, ctx, p.PID())
}

// gone waits until none of the processes runs, looking every few milliseconds, and says how long
// that took.
func gone(t *testing.T, ctx context.Context, pids ...int) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		left := 0
		for _, pid := range pids {
			if running(pid) {
				left++
			}
		}
		if left == 0 {
			return time.Since(began)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Errorf("%d of the processes %v are still running %v after their end was due", left, pids, time.Since(began))
			return time.Since(began)
		}
	}
}

// drain takes the cameras out of the configuration and waits until the outbox is empty and the
// archive has worked through all that it got.
func (s *System) drain(t *testing.T, ctx context.Context) {
	t.Helper()
	if err := s.WriteEdgeConfig(nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, ctx, "everything is in the cloud", func() (bool, string) {
		st, err := s.edgeStatus(ctx)
		if err != nil {
			return false, err.Error()
		}
		cams, err := s.edgeCameras(ctx)
		if err != nil || len(cams) > 0 || st.Outbox.Events.Pending > 0 || st.Outbox.Clips.Pending+st.Outbox.Clips.Untold > 0 {
			return false, fmt.Sprintf("%d cameras, %+v, uplink %s %s", len(cams), st.Outbox, st.Uplink.State, st.Uplink.Reason)
		}
		events, err := s.events(ctx, "")
		open := 0
		for _, e := range events {
			if e.State != bongsu.EventClosed {
				open++
			}
		}
		return err == nil && open == 0, fmt.Sprintf("%d of %d events are open, %v", open, len(events), err)
	})
}

// waits lets d pass, or ctx end.
func waits(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
