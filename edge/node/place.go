package node

import (
	"fmt"
	"slices"
	"time"

	"bongsu"
)

// When a worker that keeps dying is dealt with.
const (
	splitAfter  = 3 // deaths within splitWindow: its cameras are parted
	splitWindow = time.Minute
	crashLimit  = 5 // deaths within crashWindow: a pause
	crashWindow = 5 * time.Minute
)

// slot is the place of one worker process and its successors. It is owned by Node.run.
type slot struct {
	number    int
	cameras   []bongsu.CameraID
	proc      *process // nil: none is running
	notBefore time.Time
	idleSince time.Time
	deaths    []time.Time // within crashWindow
	// suspect: it was made by parting a worker that kept dying. One more death parts it
	// again, so that the camera that kills its workers soon is alone. Others are not put here.
	suspect bool
}

func (s *slot) drop(id bongsu.CameraID) {
	s.cameras = slices.DeleteFunc(s.cameras, func(c bongsu.CameraID) bool { return c == id })
}

func (n *Node) slotOf(id bongsu.CameraID) *slot {
	for _, s := range n.slots {
		if slices.Contains(s.cameras, id) {
			return s
		}
	}
	return nil
}

// place puts a camera where it was before, if that worker still lives, so that its events are
// in one hand; otherwise where there is room, or in a slot of its own.
func (n *Node) place(id bongsu.CameraID) {
	for _, s := range n.slots {
		if s.proc != nil && s.proc.knew(id) {
			s.cameras = append(s.cameras, id)
			return
		}
	}
	for _, s := range n.slots {
		if !s.suspect && len(s.cameras) < n.opt.CamerasPerWorker {
			s.cameras = append(s.cameras, id)
			return
		}
	}
	n.newSlot(id)
}

func (n *Node) newSlot(cameras ...bongsu.CameraID) *slot {
	number := 1
	for _, s := range n.slots {
		number = max(number, s.number+1)
	}
	s := &slot{number: number, cameras: cameras}
	n.slots = append(n.slots, s)
	return s
}

// workerEnded deals with the end of a worker's life: its cameras wait for a successor, which
// comes soon after the first death and later after each further one.
func (n *Node) workerEnded(p *process) {
	s := p.slot
	s.proc = nil
	if p.asked() {
		return
	}
	now := n.opt.Now()
	s.deaths = append(s.deaths, now)
	s.deaths = slices.DeleteFunc(s.deaths, func(t time.Time) bool { return now.Sub(t) > crashWindow })
	lately := 0
	for _, t := range s.deaths {
		if now.Sub(t) <= splitWindow {
			lately++
		}
	}
	n.view.died(s.cameras, p.reason())
	n.dark(s.cameras)
	n.log.Error("a worker has ended; another takes its cameras over", "worker", s.number, "pid", p.pid(), "cameras", s.cameras,
		"reason", p.reason(), "deaths", len(s.deaths))
	switch {
	case len(s.cameras) > 1 && (lately >= splitAfter || s.suspect):
		n.part(s, now)
	case len(s.deaths) >= crashLimit:
		s.notBefore = now.Add(n.opt.CrashPause)
		n.log.Error("a worker keeps dying and is left alone for a while", "worker", s.number, "cameras", s.cameras, "until", s.notBefore)
		n.view.paused(s.cameras, fmt.Sprintf("its worker process has ended %d times within %v, the next try is at %s; last: %s",
			len(s.deaths), crashWindow, s.notBefore.UTC().Format("15:04:05")+" UTC", p.reason()))
	default:
		s.notBefore = now.Add(min(n.opt.RestartBackoff<<min(lately-1, 5), 3*time.Second))
	}
	n.tellNews()
}

// part divides the cameras of a worker that keeps dying over two workers. The half that goes
// on dying is divided again, until the camera that kills its workers is alone.
func (n *Node) part(s *slot, now time.Time) {
	half := len(s.cameras) / 2
	other := n.newSlot(slices.Clone(s.cameras[half:])...)
	other.deaths = slices.Clone(s.deaths)
	s.cameras = slices.Clone(s.cameras[:half])
	for _, x := range []*slot{s, other} {
		x.suspect, x.notBefore = true, now.Add(n.opt.RestartBackoff)
	}
	n.log.Warn("a worker keeps dying: its cameras are parted to find the one that kills it", "worker", s.number, "cameras", s.cameras,
		"other_worker", other.number, "other_cameras", other.cameras)
}
