package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"syscall"
	"time"

	"bongsu"
	"bongsu/deploy/demo"
)

// Floors and shape of the recovery run. A worker may die at most mostDeaths times within five
// minutes before the node leaves it alone for a while; that is by design and not measured here.
const (
	backWithin   = 2 * time.Second
	keyEvery     = time.Second // of the films: the longest wait for a key picture
	othersWithin = time.Second
	reportEvery  = time.Second // of a worker's counters
	aloneCameras = 4
	mostDeaths   = 4
	mostKills    = aloneCameras * mostDeaths
)

// camera is what the edge's debug page tells of one.
type camera struct {
	bongsu.CameraStatus
	PID    int `json:"pid"`
	Deaths int `json:"deaths"`
}

func debugGet(ctx context.Context, s *demo.System, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.DebugURL+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return string(body), err
}

func debugCameras(ctx context.Context, s *demo.System) ([]camera, error) {
	body, err := debugGet(ctx, s, "/debug/cameras")
	if err != nil {
		return nil, err
	}
	var list struct {
		Cameras []camera `json:"cameras"`
	}
	return list.Cameras, json.Unmarshal([]byte(body), &list)
}

// measureRecovery kills workers, one camera in each, and looks how long their cameras are blind
// and whether the others are.
func measureRecovery(ctx context.Context, b *bench) error {
	file, err := b.film(ctx)
	if err != nil {
		return err
	}
	s, err := b.startSystem(ctx, "recovery", b.o.model, shows(aloneCameras, file, calmRules), true)
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := waitLive(ctx, s, aloneCameras); err != nil {
		return err
	}
	var live, told []time.Duration
	worst := time.Duration(0)
	rng := rand.New(rand.NewPCG(b.o.seed, 1))
	for i := range b.o.kills {
		if err := pause(ctx, rng, 0, keyEvery); err != nil { // or every kill falls on the same part of a group of pictures
			return err
		}
		r, err := kill(ctx, s, i%aloneCameras)
		if err != nil {
			return err
		}
		live, told, worst = append(live, r.live), append(told, r.told), max(worst, r.others)
		b.say("recovery: kill %d of %d, live again after %s s, looks counted after %s s, others blind for at most %s s",
			i+1, b.o.kills, seconds(r.live), seconds(r.told), seconds(r.others))
	}
	b.judgeRecovery(newSpread(live), newSpread(told), worst)
	return nil
}

// pause waits at random between least and most.
func pause(ctx context.Context, rng *rand.Rand, least, most time.Duration) error {
	t := time.NewTimer(least + time.Duration(rng.Int64N(int64(most-least))))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recovered is what one kill cost.
type recovered struct {
	live   time.Duration // until the first picture that can be trusted left the successor's decoder
	told   time.Duration // until the node has counted pictures that the model looked at; workers report once a second
	others time.Duration // the longest that another camera can have been without a look
}

// settle is how long a kill's aftermath is watched on the other cameras.
const settle = 3 * time.Second

// kill ends the worker of camera number i and watches all cameras until it is back, and a
// little longer.
func kill(ctx context.Context, s *demo.System, i int) (r recovered, err error) {
	cams, err := debugCameras(ctx, s)
	if err != nil || i >= len(cams) || cams[i].PID == 0 {
		return r, errors.Join(fmt.Errorf("the edge names no worker for camera %d: %+v", i, cams), err)
	}
	id, pid := string(cams[i].ID), cams[i].PID
	gaps := newGaps(wantedRate)
	before, at, err := inferred(ctx, s)
	if err != nil {
		return r, err
	}
	gaps.add(before, at)
	deaths, base := cams[i].Deaths, -1.0
	killed := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return r, fmt.Errorf("kill worker of %s: %w", id, err)
	}
	err = poll(ctx, 30*time.Second, id+" looked at again", func() (bool, error) {
		counts, at, err := inferred(ctx, s)
		if err != nil {
			return false, err
		}
		gaps.add(counts, at)
		cams, err := debugCameras(ctx, s)
		if err != nil || len(cams) <= i {
			return false, err
		}
		c := cams[i]
		if r.live == 0 && c.PID != 0 && c.PID != pid && c.State == bongsu.CameraLive {
			r.live = c.Since.Sub(killed)
		}
		switch {
		case c.Deaths == deaths:
		case base < 0:
			base = math.Inf(1) // what the dead one counted is in from the next reading on
		case math.IsInf(base, 1):
			base = counts[id]
		case r.told == 0 && counts[id] > base:
			r.told = at.Sub(killed)
		}
		return r.live != 0 && r.told != 0 && at.Sub(killed) > settle, nil
	})
	r.others = gaps.worst(id)
	return r, err
}

// gaps finds the longest time that a camera can have been without a look, from a counter that
// is read now and then and moves about once a second.
type gaps struct {
	rate  float64 // looks a second when all is well
	moves map[string][]move
	last  time.Time // of the readings
}

type move struct {
	at time.Time
	n  float64
}

func newGaps(rate float64) *gaps { return &gaps{rate: rate, moves: map[string][]move{}} }

// add notes the counters' values at an instant.
func (g *gaps) add(counts map[string]float64, at time.Time) {
	g.last = at
	for camera, n := range counts {
		m := g.moves[camera]
		if len(m) == 0 || m[len(m)-1].n != n {
			g.moves[camera] = append(m, move{at, n})
		}
	}
}

// worst is the longest gap of all cameras but one. Between two moves of a counter, looks at the
// full rate fill a part of the time; the rest is taken for one gap. A gap may lie across a move,
// so two neighbours are looked at together. The first move is left out: when the counter really
// had its first value is not known. A counter that has stopped counts from a second, the time
// between two reports, after its last move.
func (g *gaps) worst(but string) time.Duration {
	worst := time.Duration(0)
	for camera, m := range g.moves {
		if camera == but {
			continue
		}
		for i := 3; i < len(m); i++ {
			busy := time.Duration((m[i].n - m[i-2].n - 1) / g.rate * float64(time.Second))
			worst = max(worst, m[i].at.Sub(m[i-2].at)-busy)
		}
		worst = max(worst, g.last.Sub(m[len(m)-1].at)-reportEvery)
	}
	return worst
}

func (b *bench) judgeRecovery(live, told spread, others time.Duration) {
	t := table{head: []string{"after the kill", "p50 s", "p95 s", "max s", "n"}}
	for _, row := range []struct {
		name string
		s    spread
	}{
		{"first picture that can be trusted", live},
		{"its looks in the node's counters (reported once a second)", told},
	} {
		t.rows = append(t.rows, []string{row.name, seconds(row.s.quantile(0.5)), seconds(row.s.quantile(0.95)), seconds(row.s.quantile(1)), fmt.Sprint(len(row.s))})
	}
	b.report.show(part{title: "A worker is killed", table: t, notes: []string{
		fmt.Sprintf("%d cameras, each in a worker of its own; SIGKILL at random instants, seed %d, one worker after the other; a key picture comes every %s s", aloneCameras, b.o.seed, seconds(keyEvery)),
		"the camera's wait for a key picture is within the figures",
	}})
	limit := backWithin + keyEvery
	b.report.add(
		floor{"worker killed → its cameras analysed again, the wait for a key picture included, worst", "≤ " + seconds(limit) + " s",
			fmt.Sprintf("%s s, n = %d", seconds(live.quantile(1)), len(live)), len(live) >= 10 && live.quantile(1) <= limit},
		floor{"meanwhile, another worker's camera without a look, longest", "≤ " + seconds(othersWithin) + " s", seconds(others) + " s", others <= othersWithin},
	)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }
