package worker

import (
	"time"

	"bongsu"
	"bongsu/edge/events"
)

// leftEvents are the events that a camera's former run left open, until a new run has them. A
// camera that cannot be built must not keep them open for ever.
type leftEvents struct {
	machine *events.Machine // of one goroutine
	put     func(ev bongsu.Event, f *bongsu.Frame)
}

// takeOver takes the open events of a camera, those that the node sent and those of an earlier
// assignment.
func (w *Worker) takeOver(id bongsu.CameraID) *leftEvents {
	l := &leftEvents{put: w.hand.Put, machine: events.New(events.Options{Camera: id, Adoption: w.o.Rebuild})}
	w.mu.Lock()
	defer w.mu.Unlock()
	l.machine.Adopt(w.open[id])
	delete(w.open, id)
	return l
}

// Open gives what is still open.
func (l *leftEvents) Open() []bongsu.Event { return l.machine.Open() }

// expire closes what has waited too long, as interrupted.
func (l *leftEvents) expire(now time.Time) {
	for _, ev := range l.machine.Tick(now) {
		l.put(ev, nil)
	}
}

// Retire closes everything because the camera leaves the configuration.
func (l *leftEvents) Retire() {
	for _, ev := range l.machine.CloseAll(time.Now(), bongsu.CloseRuleRemoved) {
		l.put(ev, nil)
	}
}
