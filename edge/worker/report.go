package worker

import (
	"context"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// report tells the node every second how the cameras are, until ctx ends or sending fails.
func (w *Worker) report(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		for _, m := range w.health() {
			if _, err := w.o.Conn.Send(m); err != nil {
				if ctx.Err() == nil {
					w.o.Log.Error("health cannot be reported", "error", err)
				}
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// watch ends the process when a call of a camera into C does not come back: nothing else can help
// the camera, and its neighbours are back in a second. It ends with ctx.
func (w *Worker) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		w.mu.Lock()
		slots := make([]*slot, 0, len(w.cameras))
		for _, s := range w.cameras {
			slots = append(slots, s)
		}
		w.mu.Unlock()
		for _, s := range slots {
			s.mu.Lock()
			r := s.runner
			s.mu.Unlock()
			if r == nil {
				continue
			}
			if stage, since := r.Stuck(); stage != "" {
				w.o.Log.Error("a camera hangs and cannot be helped from within; the worker ends itself", "camera", s.assignment.Camera, "stage", stage, "for", since.Round(time.Second))
				w.o.Abort(link.ExitStuck)
				return
			}
		}
	}
}

// giveBack calls for memory that was freed to be given back, until ctx ends: what a break of one camera
// leaves lies between what others hold, and grows with the breaks if nobody asks.
func (w *Worker) giveBack(ctx context.Context) {
	tick := time.NewTicker(w.o.GiveBackEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.o.GiveBack()
		case <-ctx.Done():
			return
		}
	}
}

// health makes one health message a camera, since a message bounds what it can carry, and one
// of counters.
func (w *Worker) health() []link.Message {
	w.mu.Lock()
	slots := make([]*slot, 0, len(w.cameras))
	for _, s := range w.cameras {
		slots = append(slots, s)
	}
	w.mu.Unlock()
	var out []link.Message
	var counters []link.Counter
	for _, s := range slots {
		status, look, more := s.report()
		m := link.Message{Type: link.TypeHealth, Health: []bongsu.CameraStatus{status}}
		if look != nil {
			m.Looks = []link.Look{*look}
		}
		out = append(out, m)
		counters = append(counters, more...)
	}
	if len(slots) == 0 {
		out = append(out, link.Message{Type: link.TypeHealth})
	}
	if w.live != nil {
		counters = append(counters, w.live.counters()...)
	}
	return append(out, link.Message{Type: link.TypeCounters, Counters: append(counters, w.hand.counters()...)})
}

func (s *slot) report() (bongsu.CameraStatus, *link.Look, []link.Counter) {
	s.mu.Lock()
	r, status := s.runner, s.broken
	s.mu.Unlock()
	if r == nil {
		return status, nil, nil
	}
	status = r.Status()
	plain, boxed, at := r.Stills()
	if plain != nil {
		status.Still, status.StillAt = plain, at.UTC()
	}
	if boxed == nil {
		return status, nil, r.Counters()
	}
	return status, &link.Look{Camera: status.ID, At: at.UTC(), JPEG: boxed}, r.Counters()
}

func (h *handover) counters() []link.Counter {
	h.mu.Lock()
	defer h.mu.Unlock()
	return []link.Counter{
		{Name: "bongsu_handover_events_total", Value: float64(h.handed)},
		{Name: "bongsu_handover_coalesced_total", Value: float64(h.coalesced)},
		{Name: "bongsu_handover_bare_total", Value: float64(h.bare)},
		{Name: "bongsu_handover_pending", Value: float64(len(h.items)), Gauge: true},
	}
}
