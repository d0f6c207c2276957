package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"bongsu"
	"bongsu/deploy/demo"
)

// Floors of the way to the screen, and what makes a run of it count.
const (
	durableWithin = 500 * time.Millisecond
	paintedWithin = 1500 * time.Millisecond
	wantedRate    = 10.0 // inferences a second and camera
	leastRate     = 9.5  // of them over the whole run
	leastEvents   = 100
)

// measureLatency lets events go from two cameras through everything to a browser, and holds
// their stamps against each other.
func measureLatency(ctx context.Context, b *bench) error {
	file, err := b.film(ctx)
	if err != nil {
		return err
	}
	cams := shows(2, file, b.busyRules)
	s, err := b.startSystem(ctx, "latency", b.o.model, cams, false)
	if err != nil {
		return err
	}
	defer s.Stop()
	p, err := openPage(ctx, s)
	if err != nil {
		return err
	}
	defer p.close()
	if err := waitLive(ctx, s, len(cams)); err != nil {
		return err
	}
	before, begin, err := inferred(ctx, s)
	if err != nil {
		return err
	}
	cards, err := b.watch(ctx, s, p)
	if err != nil {
		return err
	}
	after, end, err := inferred(ctx, s)
	if err != nil {
		return err
	}
	trips, flaws, err := collect(ctx, s, cards)
	if err != nil {
		return err
	}
	b.judgeLatency(trips, flaws, slowest(before, after, end.Sub(begin)))
	return nil
}

// watch lets time pass, as an operator who judges each card soon after it came: a repeat is then
// a new card and not one more on the old one. It returns what was painted, by event.
func (b *bench) watch(ctx context.Context, s *demo.System, p *page) (map[string]int64, error) {
	cards := map[string]int64{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	end := time.NewTimer(time.Duration(b.o.seconds) * time.Second)
	defer end.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
		case <-end.C:
			return cards, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		all, err := p.painted()
		if err != nil {
			return nil, fmt.Errorf("read what the console painted: %w", err)
		}
		for _, c := range all {
			if _, known := cards[c.Event]; known {
				continue
			}
			cards[c.Event] = c.PaintedUS
			if err := dismiss(ctx, s, c.Alert); err != nil {
				return nil, err
			}
		}
		if n%15 == 0 {
			b.say("latency: %d of %d s, %d cards painted", n, b.o.seconds, len(cards))
		}
	}
}

// dismiss judges an alert as an operator does: claim, look, verdict.
func dismiss(ctx context.Context, s *demo.System, alert string) error {
	for _, step := range []string{"claim", "evidence", "verdict"} {
		var in any
		if step == "verdict" {
			in = map[string]string{"verdict": string(bongsu.VerdictFalseAnimal)}
		}
		if err := s.API(ctx, http.MethodPost, "/alerts/"+alert+"/"+step, in, nil); err != nil {
			return err
		}
	}
	return nil
}

// revisions calls see with all revisions of every event in the archive, lowest first.
func revisions(ctx context.Context, s *demo.System, see func([]bongsu.Event)) error {
	for after := ""; ; {
		q := url.Values{"limit": {"200"}}
		if after != "" {
			q.Set("after", after)
		}
		var page struct {
			Events []struct {
				ID bongsu.EventID `json:"id"`
			} `json:"events"`
			Next string `json:"next"`
		}
		if err := s.API(ctx, http.MethodGet, "/events?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for _, ev := range page.Events {
			var all struct {
				Revisions []bongsu.Event `json:"revisions"`
			}
			if err := s.API(ctx, http.MethodGet, "/events/"+string(ev.ID)+"/revisions", nil, &all); err != nil {
				return err
			}
			see(all.Revisions)
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// collect reads the stamps of every event's first revision from the archive.
func collect(ctx context.Context, s *demo.System, cards map[string]int64) (trips []trip, flaws []string, err error) {
	err = revisions(ctx, s, func(all []bongsu.Event) {
		if len(all) == 0 || all[0].Revision != 1 {
			flaws = append(flaws, fmt.Sprintf("an event has no first revision: %+v", all))
			return
		}
		t := tripOf(all[0].Stamps, cards[string(all[0].ID)])
		if f := t.flaw(); f != "" {
			flaws = append(flaws, fmt.Sprintf("event %s: %s", all[0].ID, f))
		}
		trips = append(trips, t)
	})
	return trips, flaws, err
}

func (b *bench) judgeLatency(trips []trip, flaws []string, rate float64) {
	durable, seen := between(trips, atPacket, atDurable), between(trips, atPacket, atPainted)
	b.report.show(part{
		title: "Latency per hop",
		notes: append([]string{
			fmt.Sprintf("two cameras, 768×432, over RTSP; %d events in %d s, of which %d raised a card that was painted; the others joined one", len(trips), b.o.seconds, len(seen)),
			fmt.Sprintf("pictures looked at: %.2f a second for the slower camera, wanted %g", rate, wantedRate),
		}, flaws[:min(len(flaws), 10)]...),
		table: hopTable(trips),
	})
	n := fmt.Sprintf("n = %d", len(seen))
	b.report.add(
		floor{"last packet → durable on the edge, p95", fmt.Sprintf("≤ %d ms", durableWithin.Milliseconds()), fmt.Sprintf("%s ms, n = %d", millis(durable.quantile(0.95)), len(durable)),
			len(durable) > 0 && durable.quantile(0.95) <= durableWithin},
		floor{"last packet → painted in a browser, p95", fmt.Sprintf("≤ %d ms", paintedWithin.Milliseconds()), millis(seen.quantile(0.95)) + " ms, " + n,
			len(seen) > 0 && seen.quantile(0.95) <= paintedWithin},
		floor{"events behind these two", fmt.Sprintf("≥ %d painted", leastEvents), n, len(seen) >= leastEvents},
		floor{"inferences a second, each of two cameras", fmt.Sprintf("≥ %g", leastRate), fmt.Sprintf("%.2f", rate), rate >= leastRate},
		floor{"stamps in the order of the hops", "all", fmt.Sprintf("%d of %d", len(trips)-len(flaws), len(trips)), len(trips) > 0 && len(flaws) == 0},
	)
}

// waitLive waits until n cameras are looked at.
func waitLive(ctx context.Context, s *demo.System, n int) error {
	return poll(ctx, time.Minute, fmt.Sprintf("%d cameras live", n), func() (bool, error) {
		cams, err := debugCameras(ctx, s)
		live := 0
		for _, c := range cams {
			if c.State == bongsu.CameraLive && c.InferPS > 0 {
				live++
			}
		}
		return live == n, err
	})
}

// poll looks ten times a second until done, for at most limit.
func poll(ctx context.Context, limit time.Duration, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := done()
		if ok && err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %v (last: %w)", what, limit, ctx.Err())
		}
	}
}

// inferred reads how many pictures of each camera the model has looked at, and when.
func inferred(ctx context.Context, s *demo.System) (map[string]float64, time.Time, error) {
	body, err := debugGet(ctx, s, "/metrics")
	if err != nil {
		return nil, time.Time{}, err
	}
	return cameraCounts(body, "bongsu_frames_inferred_total"), time.Now(), nil
}

// cameraCounts reads a metric by camera from Prometheus' text format.
func cameraCounts(text, name string) map[string]float64 {
	out := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name+`{camera="`)
		if !ok {
			continue
		}
		camera, rest, ok := strings.Cut(rest, `"`)
		_, number, split := strings.Cut(rest, "} ")
		if v, err := strconv.ParseFloat(number, 64); ok && split && err == nil {
			out[camera] += v
		}
	}
	return out
}

// slowest is the least rate of any camera.
func slowest(before, after map[string]float64, d time.Duration) float64 {
	least := -1.0
	for camera, n := range after {
		if rate := (n - before[camera]) / d.Seconds(); least < 0 || rate < least {
			least = rate
		}
	}
	return max(least, 0)
}
