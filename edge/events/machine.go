// Package events turns firings into events that open, are revised and close. It is a pure state
// machine: no goroutine, and every clock and ID is given. docs/design/events.md draws it.
package events

import (
	"slices"
	"sync/atomic"
	"time"

	"bongsu"
)

// Options say whose events these are. Only Camera is needed; the zero value of the rest means
// what is written beside it.
type Options struct {
	Camera     bongsu.CameraID
	CameraName string
	Model      bongsu.ModelRef

	Update      time.Duration // least between two revisions of an event that goes on; 10 s
	Adoption    time.Duration // how long an adopted event waits for its rule to fire again; 10 s
	MaxRevision int           // beyond it an event is revised once more only, by its end; 200
	StormLimit  int           // new events of one rule within StormWindow, beyond which they are gathered into one; 50
	StormWindow time.Duration // 10 s; a storm is over when there was nothing new for as long
	Fold        time.Duration // what its rule finds again at the same place within this after its end goes on; 5 s, below 0 nothing does

	NewID       func(time.Time) bongsu.EventID // bongsu.NewEventID
	Now         func() time.Time               // time.Now
	Monotonic   func() time.Duration           // the box's clock since its boot, for Clock.MonotonicUS; none
	WallQuality func() string                  // "synchronised", "unsynchronised" or "unknown"; always "unknown"
}

func (o *Options) defaults() {
	if o.Update <= 0 {
		o.Update = 10 * time.Second
	}
	if o.Adoption <= 0 {
		o.Adoption = 10 * time.Second
	}
	if o.MaxRevision <= 0 {
		o.MaxRevision = 200
	}
	if o.StormLimit <= 0 {
		o.StormLimit = 50
	}
	if o.StormWindow <= 0 {
		o.StormWindow = 10 * time.Second
	}
	if o.Fold == 0 {
		o.Fold = 5 * time.Second
	}
	if o.NewID == nil {
		o.NewID = bongsu.NewEventID
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.WallQuality == nil {
		o.WallQuality = func() string { return "unknown" }
	}
}

// Machine holds the open events of one camera. It is used by one goroutine at a time.
type Machine struct {
	o       Options
	open    []*running
	ended   []*running // whose close is held back: the rule may find it again, see fold.go
	adopted []*running // of a worker that was lost; they wait for their rule to fire again
	storms  map[bongsu.RuleID]*storm

	gathered atomic.Uint64 // findings that storms took
	folded   atomic.Uint64 // begins that went on with an event
}

// running is one event that is not closed.
type running struct {
	ev      bongsu.Event
	stay    uint64
	revised time.Time     // frame time of the latest revision
	expires time.Time     // adopted only
	end     time.Time     // ended only: frame time of the end
	heard   time.Time     // ended only: when that was told, on the machine's clock
	offset  time.Duration // of the box's wall clock from its monotonic one when the event began
}

// New makes a machine without events.
func New(o Options) *Machine {
	o.defaults()
	return &Machine{o: o, storms: map[bongsu.RuleID]*storm{}}
}

// Apply turns the firings of one picture into revisions, in the order of the firings. now is
// frame time; f may be nil when no picture is behind them; inferred is when the model answered,
// zero when it was not asked. The events are the caller's: what they point to is not changed
// afterwards.
func (m *Machine) Apply(now time.Time, f *bongsu.Frame, inferred time.Time, firings []bongsu.Firing) []bongsu.Event {
	out := m.settle(now, nil)
	for i := range firings {
		fi := &firings[i]
		if ev, news, taken := m.gather(now, f, inferred, fi); taken {
			if news {
				out = append(out, ev)
			}
			continue
		}
		switch fi.Phase {
		case bongsu.FiringBegin:
			if r := m.fold(fi); r == nil {
				out = append(out, m.begin(now, f, inferred, fi))
			} else if m.due(r, now) {
				out = append(out, m.stamp(r, now, f, inferred))
			}
		case bongsu.FiringPulse:
			r := m.fresh(f, fi)
			r.close(fi.At, bongsu.CloseEnded)
			out = append(out, m.stamp(r, now, f, inferred))
		case bongsu.FiringHold:
			if r := m.find(fi); r != nil && m.due(r, now) {
				r.take(fi)
				out = append(out, m.stamp(r, now, f, inferred))
			}
		case bongsu.FiringEnd, bongsu.FiringLost:
			if r := m.find(fi); r != nil {
				r.take(fi)
				if m.holdBack(r, fi) {
					continue
				}
				r.close(fi.At, closeReason(fi.Phase))
				m.open = slices.DeleteFunc(m.open, func(o *running) bool { return o == r })
				out = append(out, m.stamp(r, now, f, inferred))
			}
		}
	}
	return out
}

func closeReason(p bongsu.FiringPhase) string {
	if p == bongsu.FiringLost {
		return bongsu.CloseInterrupted
	}
	return bongsu.CloseEnded
}

// begin opens an event, or continues one that a lost worker left open.
func (m *Machine) begin(now time.Time, f *bongsu.Frame, inferred time.Time, fi *bongsu.Firing) bongsu.Event {
	r := m.adopt(fi)
	if r == nil {
		r = m.fresh(f, fi)
	} else {
		r.take(fi)
	}
	r.stay = fi.Stay
	m.open = append(m.open, r)
	return m.stamp(r, now, f, inferred)
}

// fresh makes the event of a firing, not yet numbered.
func (m *Machine) fresh(f *bongsu.Frame, fi *bongsu.Firing) *running {
	ev := bongsu.Event{
		ID: m.o.NewID(fi.At), Camera: m.o.Camera, CameraName: m.o.CameraName, Model: m.o.Model,
		Rule: fi.Rule, Kind: fi.Kind, Priority: fi.Priority, State: bongsu.EventOpen,
		Start: utc(fi.Since), Fired: utc(fi.At),
		Class: fi.Track.Class, Score: fi.Track.Score, Track: fi.Track.ID, Box: fi.Track.Box,
		Zone: slices.Clone(fi.Zone), Line: slices.Clone(fi.Line), Direction: fi.Direction,
		Trail: trailUTC(fi.Trail), Reasons: slices.Clone(fi.Reasons),
		RuleVersion: fi.RuleVersion, Frames: framesUTC(fi.Frames),
	}
	if ev.Start.IsZero() || ev.Start.After(ev.Fired) {
		ev.Start = ev.Fired
	}
	ev.Clock.WallQuality = m.o.WallQuality()
	if m.o.Monotonic != nil {
		ev.Clock.MonotonicUS = (m.o.Monotonic() - m.age(fi.At)).Microseconds()
	}
	if f != nil {
		ev.Run, ev.Tainted = f.Run, f.Tainted
		ev.Clock.MediaPTSUS = f.PTS.Microseconds()
		if !f.CameraClock.IsZero() {
			ev.Clock.CameraClaim = utc(f.CameraClock)
		}
	}
	return &running{ev: ev, offset: m.offset()}
}

// take brings an event up to what a later firing says. What was true of the deciding picture
// (Fired, Box, Clock) stays.
func (r *running) take(fi *bongsu.Firing) {
	r.ev.Score = max(r.ev.Score, fi.Track.Score)
	r.ev.Trail = joinTrails(r.ev.Trail, trailUTC(fi.Trail))
	if len(fi.Reasons) > 0 {
		r.ev.Reasons = slices.Clone(fi.Reasons)
	}
	if !fi.Since.IsZero() && fi.Since.Before(r.ev.Start) {
		r.ev.Start = utc(fi.Since)
	}
}

// close ends the event; an end before its decision is one at it.
func (r *running) close(at time.Time, reason string) {
	r.ev.State, r.ev.CloseReason = bongsu.EventClosed, reason
	r.ev.End = utc(at)
	if r.ev.End.Before(r.ev.Fired) {
		r.ev.End = r.ev.Fired
	}
}

// stamp numbers a revision and notes when the picture behind it passed each hop.
func (m *Machine) stamp(r *running, now time.Time, f *bongsu.Frame, inferred time.Time) bongsu.Event {
	r.ev.Revision++
	r.revised = now
	if d := m.offset() - r.offset; d.Abs() > clockStep {
		r.ev.Clock.WallQuality = "unsynchronised"
	}
	r.ev.Stamps = bongsu.Stamps{FiredUS: micros(m.o.Now()), InferredUS: micros(inferred)}
	if f != nil {
		r.ev.Stamps.PacketUS, r.ev.Stamps.DecodedUS = micros(f.Arrived), micros(f.Decoded)
	}
	return r.ev
}

// due reports whether an event that goes on is worth another revision. The older it is, the less
// a few seconds more tell an operator: after its first 40 s the interval is a quarter of its age,
// so that a day of standing in a zone is 31 revisions and not 8,640.
func (m *Machine) due(r *running, now time.Time) bool {
	wait := max(m.o.Update, now.Sub(r.ev.Start)/4)
	return now.Sub(r.revised) >= wait && r.ev.Revision < m.o.MaxRevision
}

func (m *Machine) find(fi *bongsu.Firing) *running {
	for _, r := range m.open {
		if r.stay == fi.Stay && r.ev.Rule == fi.Rule {
			return r
		}
	}
	return nil
}

// Open gives the events that are open, those adopted included, as they were last revised.
func (m *Machine) Open() []bongsu.Event {
	var out []bongsu.Event
	for _, r := range slices.Concat(m.adopted, m.ended, m.open) {
		out = append(out, r.ev)
	}
	return out
}

// CloseAll closes every open event at frame time now, for a reason such as
// bongsu.CloseRuleRemoved.
func (m *Machine) CloseAll(now time.Time, reason string) []bongsu.Event {
	return m.Close(now, reason, func(*bongsu.Event) bool { return true })
}

// Close closes the open events that which chooses, at frame time now.
func (m *Machine) Close(now time.Time, reason string, which func(*bongsu.Event) bool) []bongsu.Event {
	var out []bongsu.Event
	shut := func(r *running) bool {
		if !which(&r.ev) {
			return false
		}
		r.close(now, reason)
		out = append(out, m.stamp(r, now, nil, time.Time{}))
		return true
	}
	m.adopted = slices.DeleteFunc(m.adopted, shut)
	m.ended = slices.DeleteFunc(m.ended, func(r *running) bool {
		if !which(&r.ev) {
			return false
		}
		out = append(out, m.conclude(now, r)) // it is known when that was over, and that it was
		return true
	})
	m.open = slices.DeleteFunc(m.open, shut)
	return out
}

// clockStep is by how much the wall clock may leave the monotonic one within an event before the
// event's times are in doubt. Both are slewed alike, so only a clock that was set does that.
const clockStep = 500 * time.Millisecond

// offset is the box's wall clock less its monotonic one; it changes when the clock is set.
func (m *Machine) offset() time.Duration {
	if m.o.Monotonic == nil {
		return 0
	}
	return m.o.Now().Sub(time.Unix(0, 0)) - m.o.Monotonic()
}

// age is how long ago a picture was taken. A picture of before the clock was set says nothing
// about it.
func (m *Machine) age(at time.Time) time.Duration {
	const most = time.Minute
	if d := m.o.Now().Sub(at); d > 0 && d < most {
		return d
	}
	return 0
}

// Shift says that the box's clock was set by d. Events that are open are dated on the clock as it
// is now, and say that their times are in doubt.
func (m *Machine) Shift(d time.Duration) {
	for _, r := range slices.Concat(m.adopted, m.ended, m.open) {
		r.end = r.end.Add(d)
		r.ev.Start, r.ev.Fired, r.revised = r.ev.Start.Add(d), r.ev.Fired.Add(d), r.revised.Add(d)
		r.ev.Trail = slices.Clone(r.ev.Trail)
		for i := range r.ev.Trail {
			r.ev.Trail[i].At = r.ev.Trail[i].At.Add(d)
		}
		r.ev.Frames = slices.Clone(r.ev.Frames)
		for i := range r.ev.Frames {
			r.ev.Frames[i].At = r.ev.Frames[i].At.Add(d)
		}
		r.ev.Clock.WallQuality = "unsynchronised"
	}
	for _, s := range m.storms {
		s.shift(d)
	}
}

func utc(t time.Time) time.Time { return t.Round(0).UTC() }

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
