package worker

import (
	"reflect"
	"time"

	"bongsu"
	"bongsu/edge/events"
	"bongsu/edge/link"
	"bongsu/edge/pipeline"
)

// adjuster is a Runner whose rules can be exchanged while it runs.
type adjuster interface {
	// Adjust takes over an assignment that differs from the last one in name and in what its rules judge
	// by only. It reports whether it does; it does not block.
	Adjust(a link.Assignment) bool
}

// adjust has a camera that runs go on with other rules, where that is all that is new. It reports
// whether it does. The caller holds mu.
func (w *Worker) adjust(s *slot, a link.Assignment) bool {
	if s == nil || s.retire || !onlyRules(s.current, a) {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
	}
	s.mu.Lock()
	r, ok := s.runner.(adjuster)
	s.mu.Unlock()
	if !ok || !r.Adjust(a) {
		return false
	}
	s.current = a
	return true
}

// onlyRules reports whether two assignments are the same but for name, rules, and the ground and the
// time zone that rules judge by.
func onlyRules(was, is link.Assignment) bool {
	was.Name, was.Rules, was.Ground, was.Timezone = is.Name, is.Rules, is.Ground, is.Timezone
	return reflect.DeepEqual(was, is)
}

// Adjust implements adjuster.
func (c *camera) Adjust(a link.Assignment) bool {
	set, whole, err := judgesOf(a)
	if err != nil {
		return false // a new run says why
	}
	a.Rules = whole
	o := c.eventOptions
	o.CameraName = a.Name
	c.ring.Lengthen(ringKeep(a))
	c.pipe.Exchange(func(at time.Time) (pipeline.Rules, pipeline.Events) {
		next := events.New(o)
		c.mu.Lock()
		was := c.machine
		c.machine, c.gathered = next, c.gathered+was.Gathered()
		c.mu.Unlock()
		c.rules = a.Rules
		c.stills.setRules(a.Rules)
		c.adopt(at, was.Open(), a.Rules, set)
		return set, next
	})
	return true
}

// events gives the machine that is in force.
func (c *camera) events() *events.Machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine
}

// found is how many findings were gathered into events since the camera was built.
func (c *camera) found() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gathered + c.machine.Gathered()
}

// setRules changes the rules that are drawn into stills.
func (s *stills) setRules(rules []link.Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = rules
}

var _ adjuster = (*camera)(nil)

// closes are the events whose rule is not there any more.
func closes(with []link.Rule) func(*bongsu.Event) bool {
	return func(ev *bongsu.Event) bool {
		for _, r := range with {
			if r.ID == ev.Rule && r.Kind == ev.Kind {
				return false
			}
		}
		return true
	}
}
