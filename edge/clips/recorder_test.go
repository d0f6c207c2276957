package clips

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/mp4"
	"bongsu/streams/ring"
)

const second = time.Second

// TestRecordsHaveNoClip: what is only counted is not kept in pictures.
func TestRecordsHaveNoClip(t *testing.T) {
	r := newRig(t, nil)
	c := newCamera(10)
	r.add(c, 40)
	ev := closing(open("e", base.Add(second), base.Add(3*second)), base.Add(3*second))
	ev.Kind = bongsu.KindLineCounting
	r.rec.Event(ev)
	r.add(c, 40)
	if s := r.rec.Stats(); s.Events != 0 || s.Live != 0 {
		t.Errorf("%+v", s)
	}
}

// TestOneEvent follows one event from its pre-roll to its post-roll.
func TestOneEvent(t *testing.T) {
	r := newRig(t, nil)
	c := newCamera(10)
	units := r.add(c, 80) // 8 s
	ev := open("e", base.Add(7500*time.Millisecond), base.Add(7900*time.Millisecond))
	r.rec.Event(ev)
	ev.Revision++ // a later revision changes nothing
	r.rec.Event(ev)
	units = append(units, r.add(c, 40)...)
	r.rec.Event(closing(ev, base.Add(11*second)))
	units = append(units, r.add(c, 40)...)
	r.wait("the clip is closed", func(s Stats) bool { return s.Live == 0 })
	// Start − 3 s is 4.5 s: the key unit before is at 4 s. End + 2 s is 13 s.
	r.wantUnits("e", units[40:131])
	parts := r.parts("e")
	if len(parts) != 1 {
		t.Fatalf("%d parts", len(parts))
	}
	p := parts[0]
	if p.State != bongsu.ClipReady || !p.Start.Equal(base.Add(4*second)) || p.Duration() != 9100*time.Millisecond || len(p.SHA256) != 64 || p.Codec != "avc1.4d400d" || p.Tainted || p.Camera != "cam" {
		t.Errorf("%+v", p)
	}
	if st, err := os.Stat(r.path(p.Key())); err != nil || st.Size() != p.Bytes {
		t.Errorf("%d bytes said, %v, %v", p.Bytes, st, err)
	}
	r.rec.Event(closing(ev, base.Add(11*second))) // late: nothing begins
	r.add(c, 10)
	if s := r.rec.Stats(); s.Events != 1 || s.Live != 0 || s.Parts != 1 || s.Ready != 1 || s.QueueBytes != 0 {
		t.Errorf("%+v", s)
	}
	if n := r.rec.Parts("e"); n != 1 {
		t.Errorf("%d parts are said to be begun", n)
	}
	if n := r.rec.Parts("unknown"); n != 0 {
		t.Errorf("%d parts of an unknown event", n)
	}
}

// TestPulse: opened and closed in one, also long after the fact.
func TestPulse(t *testing.T) {
	for _, later := range []int{0, 20, 60} {
		r := newRig(t, nil)
		c := newCamera(10)
		units := r.add(c, 60+later)
		at := base.Add(5500 * time.Millisecond)
		r.rec.Event(bongsu.Event{ID: "p", Revision: 1, State: bongsu.EventClosed, Start: at, Fired: at, End: at})
		units = append(units, r.add(c, 40)...)
		r.wait("the clip is closed", func(s Stats) bool { return s.Live == 0 && s.Ready == 1 })
		r.wantUnits("p", units[20:76])
	}
}

// TestOverlappingEvents: each gets its own parts; beyond the bound they are refused and counted.
func TestOverlappingEvents(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxEvents = 2 })
	c := newCamera(10)
	units := r.add(c, 50)
	a, b, x := open("a", base.Add(4*second), base.Add(4*second)), open("b", base.Add(6*second), base.Add(6*second)), open("x", base.Add(7*second), base.Add(7*second))
	r.rec.Event(a)
	units = append(units, r.add(c, 20)...)
	r.rec.Event(b)
	r.rec.Event(x)
	units = append(units, r.add(c, 20)...)
	r.rec.Event(closing(a, base.Add(8*second)))
	r.rec.Event(closing(x, base.Add(8*second)))
	r.rec.Event(closing(b, base.Add(9*second)))
	units = append(units, r.add(c, 40)...)
	r.wait("both are closed", func(s Stats) bool { return s.Ready == 2 && s.Live == 0 })
	r.wantUnits("a", units[10:101])
	r.wantUnits("b", units[30:111])
	if s := r.rec.Stats(); s.Refused != 1 || s.Events != 2 {
		t.Errorf("%+v", s)
	}
}

// TestAdopted: a worker's successor goes on with the next part number, also when the number
// that the event's revision carries is behind.
func TestAdopted(t *testing.T) {
	taken := map[int]bool{2: true, 3: true}
	var r *rig
	r = newRig(t, func(o *Options) {
		o.Open = func(ctx context.Context, c bongsu.Clip) (string, error) {
			if taken[c.Part] {
				return "", bongsu.Errorf(bongsu.CodeConflict, "part %d is there", c.Part)
			}
			return r.open(ctx, c)
		}
	})
	ev := open("e", base, base)
	ev.ClipParts = 2
	c := newCamera(10)
	r.rec.Event(ev) // the ring is empty: the clip begins with the first key unit
	units := r.add(c, 30)
	r.rec.Event(closing(ev, base.Add(second)))
	r.add(c, 30)
	r.wait("the clip is closed", func(s Stats) bool { return s.Live == 0 })
	if p := r.parts("e"); len(p) != 1 || p[0].Part != 4 || r.rec.Parts("e") != 5 {
		t.Fatalf("%+v", p)
	}
	if got := r.all("e"); len(got) < 30 || got[0] != string(units[0].NALs[0]) {
		t.Errorf("%d units", len(got))
	}
}

// TestParts cuts a long clip: no part is longer than asked, none begins but with a key unit,
// no unit is missing or doubled, and each part begins when the one before it ends.
func TestParts(t *testing.T) {
	for name, gop := range map[string]int{"even": 10, "does not divide the part": 33, "as long as the part": 100, "just longer": 101} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.MaxClip = time.Hour })
			c := newCamera(gop)
			ev := open("e", base, base)
			units := r.add(c, 1)
			r.rec.Event(ev)
			units = append(units, r.add(c, 605)...)
			r.rec.Event(closing(ev, base.Add(60*second)))
			units = append(units, r.add(c, 200)...)
			r.wait("the clip is closed", func(s Stats) bool { return s.Live == 0 })
			r.wantUnits("e", units[:621])
			parts := r.parts("e")
			for i, p := range parts {
				if p.Part != i || p.State != bongsu.ClipReady {
					t.Errorf("part %d: %+v", i, p)
				}
				if p.Duration() > 10*second && gop <= 100 {
					t.Errorf("part %d lasts %v", i, p.Duration())
				}
				if _, samples := r.held(p); !samples[0].Key {
					t.Errorf("part %d does not begin with a key unit", i)
				}
				if i > 0 && !p.Start.Equal(parts[i-1].Start.Add(parts[i-1].Duration())) {
					t.Errorf("part %d begins at %v, the one before ends at %v", i, p.Start, parts[i-1].Start.Add(parts[i-1].Duration()))
				}
			}
			if s := r.rec.Stats(); (s.LongParts > 0) != (gop > 100) {
				t.Errorf("%d parts are said to be too long", s.LongParts)
			}
		})
	}
}

// TestFirstPart: the first part of a long event is there early, the others are of full length.
func TestFirstPart(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstPart, o.MaxClip = 4*second, time.Hour })
	c := newCamera(10)
	r.rec.Event(open("e", base, base))
	units := r.add(c, 60)
	r.wait("the first part is ready", func(s Stats) bool { return s.Ready == 1 })
	units = append(units, r.add(c, 200)...)
	r.stop()
	r.wantUnits("e", units)
	parts := r.parts("e")
	if len(parts) != 4 || parts[0].Duration() != 4*second || parts[1].Duration() != 10*second || r.rec.Stats().LongParts != 0 {
		t.Errorf("%+v", parts)
	}
}

// TestEndlessGOP: a part of one GOP ends at five times its length, tainted, and the next
// begins with the next key unit.
func TestEndlessGOP(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxPart, o.MaxClip = 2*second, time.Hour })
	c := newCamera(300)
	r.rec.Event(open("e", base, base))
	units := r.add(c, 320)
	r.stop()
	parts := r.parts("e")
	if len(parts) != 2 || !parts[0].Tainted || parts[0].Duration() > 10*second+200*time.Millisecond || parts[0].Duration() < 9*second {
		t.Fatalf("%+v", parts)
	}
	if s := r.rec.Stats(); s.LongParts != 1 || s.SkippedUnits == 0 {
		t.Errorf("%+v", s)
	}
	got, _ := r.held(parts[1])
	if got[0] != string(units[300].NALs[0]) {
		t.Errorf("the second part begins with %.20q", got[0])
	}
}

// TestMaxClip: the clip of an event that does not end is full at some time.
func TestMaxClip(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxClip = 25 * second })
	c := newCamera(10)
	r.rec.Event(open("e", base, base))
	units := r.add(c, 400)
	r.wait("the clip is full", func(s Stats) bool { return s.Live == 0 })
	r.wantUnits("e", units[:250])
	if n := len(r.parts("e")); n != 3 {
		t.Errorf("%d parts", n)
	}
}

// TestRunAndParametersChange: a reconnect and a new picture size begin new parts.
func TestRunAndParametersChange(t *testing.T) {
	r := newRig(t, nil)
	c := newCamera(10)
	r.rec.Event(open("e", base, base))
	units := r.add(c, 25)
	c.reconnect(4 * second)
	units = append(units, r.add(c, 20)...)
	c.params = sets[1]
	units = append(units, r.add(c, 20)...)
	same := *sets[1]
	c.params = &same // equal in another place: no new part
	units = append(units, r.add(c, 20)...)
	r.stop()
	r.wantUnits("e", units)
	parts := r.parts("e")
	if len(parts) != 3 || !parts[1].Start.Equal(base.Add(6500*time.Millisecond)) || parts[2].Codec != "avc1.42c00d" {
		t.Errorf("%+v", parts)
	}
}

// TestCameraWasAway: what a run before the outage showed long ago is not part of the clip.
func TestCameraWasAway(t *testing.T) {
	r := newRig(t, nil)
	c := newCamera(10)
	r.add(c, 50)
	c.reconnect(time.Hour)
	units := r.add(c, 15)
	at := base.Add(time.Hour + 6*second)
	r.rec.Event(open("e", at, at))
	units = append(units, r.add(c, 5)...)
	r.stop()
	r.wantUnits("e", units)
}

// TestIdle: without units a part is closed; the event's end then needs no unit.
func TestIdle(t *testing.T) {
	r := newRig(t, nil)
	c := newCamera(10)
	ev := open("e", base, base)
	r.rec.Event(ev)
	units := r.add(c, 20)
	r.idle()
	r.advance(4 * second)
	r.advance(2 * second)
	r.wait("the part is closed", func(s Stats) bool { return s.Ready == 1 })
	if s := r.rec.Stats(); s.Live != 1 {
		t.Errorf("%+v", s)
	}
	r.rec.Event(closing(ev, base.Add(3*second)))
	r.idle()
	r.advance(second)
	r.wait("the event is done", func(s Stats) bool { return s.Live == 0 })
	r.wantUnits("e", units)
}

// TestIdleForEver: an event whose end never comes does not hold its place for ever.
func TestIdleForEver(t *testing.T) {
	r := newRig(t, nil)
	r.rec.Event(open("e", base, base))
	r.idle()
	r.advance(time.Hour)
	r.wait("the event is done", func(s Stats) bool { return s.Live == 0 })
}

// TestDiskBlocks: while the disk hangs, inputs return at once, memory is bounded, and what was
// dropped shows in the parts.
func TestDiskBlocks(t *testing.T) {
	gate := make(chan struct{})
	var r *rig
	r = newRig(t, func(o *Options) {
		o.QueueBytes = 4000
		o.Open = func(ctx context.Context, c bongsu.Clip) (string, error) {
			<-gate
			return r.open(ctx, c)
		}
	})
	c := newCamera(10) // 64 bytes a unit: the queue holds 62
	r.rec.Event(open("e", base, base))
	units := r.add(c, 200)
	s := r.rec.Stats()
	if s.QueueBytes > 4000 || s.DroppedUnits < 130 {
		t.Errorf("%+v", s)
	}
	r.rec.Event(open("f", base.Add(15*second), base.Add(15*second))) // its pre-roll finds no room
	if s := r.rec.Stats(); s.CutPreRolls != 1 {
		t.Errorf("%+v", s)
	}
	close(gate)
	r.idle()
	units = append(units, r.add(c, 30)...)
	r.stop()
	parts := r.parts("e")
	if len(parts) != 2 || !parts[0].Tainted || !parts[1].Tainted {
		t.Fatalf("%+v", parts)
	}
	first, _ := r.held(parts[0])
	second, _ := r.held(parts[1])
	if len(first) != 62 || first[61] != string(units[61].NALs[0]) || second[0] != string(units[200].NALs[0]) || len(second) != 30 {
		t.Errorf("%d units, then %d from %.20q", len(first), len(second), second[0])
	}
	if f := r.parts("f"); len(f) != 1 || !f[0].Tainted {
		t.Errorf("%+v", f)
	}
}

// TestCallbacksFail: an Open that fails is tried again later, a Closed that fails is counted.
func TestCallbacksFail(t *testing.T) {
	fail := true
	var r *rig
	r = newRig(t, func(o *Options) {
		o.Open = func(ctx context.Context, c bongsu.Clip) (string, error) {
			if fail {
				return "", errors.New("the node is away")
			}
			return r.open(ctx, c)
		}
		o.Closed = func(ctx context.Context, c bongsu.Clip) error {
			r.close(ctx, c)
			return errors.New("the node is away")
		}
	})
	c := newCamera(10)
	r.rec.Event(open("e", base, base))
	r.add(c, 25)
	r.idle()
	if s := r.rec.Stats(); s.OpenErrors != 1 || s.SkippedUnits != 25 {
		t.Errorf("%+v", s)
	}
	fail = false
	r.advance(6 * second)
	units := r.add(c, 15)
	r.stop()
	r.wantUnits("e", units[5:])
	if s := r.rec.Stats(); s.ClosedErrors != 1 || s.Ready != 1 {
		t.Errorf("%+v", s)
	}
}

// TestNoTimeLeft: what cannot be finished in time is salvaged at the next start.
func TestNoTimeLeft(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.StopWithin = time.Nanosecond
		closed := o.Closed
		o.Closed = func(ctx context.Context, c bongsu.Clip) error {
			<-ctx.Done() // the node is gone: only the end of the time ends this
			return closed(ctx, c)
		}
	})
	c := newCamera(10)
	r.rec.Event(open("a", base, base))
	r.rec.Event(open("b", base, base))
	units := r.add(c, 25)
	r.idle()
	r.stop()
	s := r.rec.Stats()
	if s.Left == 0 || s.Left+s.Ready != 2 {
		t.Fatalf("%+v", s)
	}
	clip, err := Salvage(nil, bongsu.Clip{Event: "b", State: bongsu.ClipWriting}, r.path(bongsu.ClipKey{Event: "b"}))
	if err != nil || clip.State != bongsu.ClipTorn || !clip.Tainted || clip.Duration() != 2500*time.Millisecond {
		t.Fatalf("%+v, %v", clip, err)
	}
	got, _ := r.held(clip)
	if len(got) != len(units) {
		t.Errorf("%d units of %d", len(got), len(units))
	}
}

// TestManyEvents: finished events are forgotten at last.
func TestManyEvents(t *testing.T) {
	r := newRig(t, nil)
	c := newCamera(5)
	for i := range rememberedEvents + 20 {
		at := c.wall
		r.rec.Event(bongsu.Event{ID: bongsu.NewEventID(at), State: bongsu.EventClosed, Start: at, Fired: at, End: at.Add(-3 * second)})
		r.add(c, 1)
		r.wait("it is over", func(s Stats) bool { return s.Events == uint64(i+1) && s.Live == 0 })
	}
	r.rec.mu.Lock()
	defer r.rec.mu.Unlock()
	if len(r.rec.known) != rememberedEvents || len(r.rec.finished) != rememberedEvents {
		t.Errorf("%d events are known, %d finished", len(r.rec.known), len(r.rec.finished))
	}
}

// TestProperty drives a recorder with random streams and events and compares each clip with a
// plain model: what the ring held, then every unit up to the limit.
func TestProperty(t *testing.T) {
	rnd := newRand(t)
	for range 15 {
		propertyRound(t, rnd)
	}
}

// expected is the model of one event's clip.
type expected struct {
	ev    bongsu.Event
	units []*streams.AccessUnit
	limit time.Time
	done  bool
}

func propertyRound(t *testing.T, rnd *rand.Rand) {
	keep := time.Duration(1+rnd.IntN(15)) * second
	r := newRig(t, func(o *Options) {
		o.Ring, o.MaxEvents = ring.New(ring.Options{Keep: keep}), 1000
		o.MaxPart = time.Duration(2+rnd.IntN(8)) * second
		o.PreRoll, o.PostRoll = time.Duration(rnd.IntN(6000))*time.Millisecond, time.Duration(rnd.IntN(4000))*time.Millisecond
		o.MaxClip, o.StopWithin, o.FS = time.Hour, time.Minute, &faultyFS{lazy: true}
	})
	c := newCamera(1 + rnd.IntN(25))
	c.delay = time.Duration(rnd.IntN(3)) * 100 * time.Millisecond
	var all []*expected
	for i := range 400 {
		switch n := rnd.IntN(120); {
		case n < 2 && i%c.gop == 0:
			c.params = sets[rnd.IntN(2)]
		case n == 3:
			c.reconnect(time.Duration(rnd.IntN(8000)) * time.Millisecond)
		case n < 8:
			all = append(all, beginExpected(r, c, rnd, i))
		case n < 16:
			for _, x := range all {
				if x.limit.IsZero() && rnd.IntN(2) == 0 {
					x.ev = closing(x.ev, c.wall.Add(-time.Duration(rnd.IntN(1500))*time.Millisecond))
					x.limit = x.ev.End.Add(r.rec.opt.PostRoll)
					r.rec.Event(x.ev)
				}
			}
		}
		au := r.add(c, 1)[0]
		for _, x := range all {
			x.feed(au)
		}
	}
	r.stop()
	for _, x := range all {
		r.wantUnits(x.ev.ID, x.units)
		checkParts(t, r, x)
	}
	if s := r.rec.Stats(); s.Parts != s.Ready || s.DroppedUnits+s.Refused+s.CutPreRolls != 0 || s.Live != 0 || s.QueueBytes != 0 {
		t.Fatalf("%+v", s)
	}
}

func beginExpected(r *rig, c *camera, rnd *rand.Rand, i int) *expected {
	start := c.wall.Add(-time.Duration(rnd.IntN(3000)) * time.Millisecond)
	x := &expected{ev: open(string(bongsu.NewEventID(base)), start, c.wall)}
	from := start.Add(-r.rec.opt.PreRoll)
	raw := r.ring.From(from)
	held := since(raw, from)
	// What is asked for and held must be there: the first unit is at or before it, unless the
	// camera was away then.
	if s := r.ring.Stats(); len(raw) > 0 && !s.Oldest.After(from) && raw[0].Wall.After(from) {
		r.t.Fatalf("the ring begins %v after what was asked for", raw[0].Wall.Sub(from))
	}
	if cut := len(raw) - len(held); cut > 0 && (!raw[cut-1].Wall.Before(from) || raw[cut-1].Run == raw[cut].Run) {
		r.t.Fatalf("%d units were left out", cut)
	}
	for _, au := range held {
		x.feed(au)
	}
	r.rec.Event(x.ev)
	return x
}

func (x *expected) feed(au *streams.AccessUnit) {
	if x.done = x.done || !x.limit.IsZero() && au.Wall.Add(au.DTS-au.PTS).After(x.limit); !x.done {
		x.units = append(x.units, au)
	}
}

// checkParts looks at each part of an event's clip by itself.
func checkParts(t *testing.T, r *rig, x *expected) {
	t.Helper()
	for i, p := range r.parts(x.ev.ID) {
		_, samples := r.held(p)
		keys := 0
		for _, s := range samples {
			if s.Key {
				keys++
			}
		}
		if p.Part != i || p.State != bongsu.ClipReady || p.Tainted || !samples[0].Key || samples[0].PTS != 0 {
			t.Fatalf("event %s: %+v, first sample %+v", x.ev.ID, p, samples[0])
		}
		if p.Duration() > r.rec.opt.MaxPart && keys > 1 {
			t.Fatalf("event %s: part %d lasts %v, the most is %v, and it could have been cut", x.ev.ID, i, p.Duration(), r.rec.opt.MaxPart)
		}
		clip, err := Salvage(&faultyFS{lazy: true}, bongsu.Clip{Event: p.Event, Part: p.Part, Camera: p.Camera, State: bongsu.ClipWriting}, r.path(p.Key()))
		if err != nil || clip.SHA256 != p.SHA256 || clip.State != bongsu.ClipReady || !clip.Start.Equal(p.Start) || clip.Bytes != p.Bytes {
			t.Fatalf("read back: %+v, %v\nwant %+v", clip, err, p)
		}
	}
}

var _ mp4.FS = (*faultyFS)(nil)

// TestAddWithoutEventIsFree: what every unit of every camera costs when nothing happens.
func TestAddWithoutEventIsFree(t *testing.T) {
	r := newRig(t, nil)
	au := newCamera(10).next()
	if n := testing.AllocsPerRun(1000, func() { r.rec.Add(au) }); n != 0 {
		t.Errorf("%v allocations a unit", n)
	}
}

// TestFloodOfEvents: a thousand events at one time are refused by count, not by log lines.
func TestFloodOfEvents(t *testing.T) {
	var lines bytes.Buffer
	r := newRig(t, func(o *Options) {
		o.MaxEvents = 3
		o.Log = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelError}))
	})
	for i := range 1000 {
		r.rec.Event(open(fmt.Sprint("flood-", i), base, base))
	}
	if s := r.rec.Stats(); s.Refused != 997 || s.Live != 3 || bytes.Count(lines.Bytes(), []byte("\n")) != 1 {
		t.Errorf("%+v\n%s", s, lines.String())
	}
}
