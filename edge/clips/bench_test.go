package clips

import (
	"testing"
	"time"
)

// BenchmarkAddIdle is what a unit costs while nothing happens.
func BenchmarkAddIdle(b *testing.B) {
	r := newRig(b, nil)
	au := newCamera(10).next()
	b.ReportAllocs()
	for b.Loop() {
		r.rec.Add(au)
	}
}

// BenchmarkAddRecording is what a unit costs the caller while an event is recorded; the
// writing is on another goroutine.
func BenchmarkAddRecording(b *testing.B) {
	r := newRig(b, func(o *Options) { o.FS, o.MaxClip, o.QueueBytes = &faultyFS{lazy: true}, 1000*time.Hour, 1<<40 })
	c := newCamera(50)
	r.rec.Event(open("e", base, base))
	b.ReportAllocs()
	for b.Loop() {
		r.rec.Add(c.next())
	}
	b.StopTimer()
	r.idle()
}

// BenchmarkEvent is what the first revision of an event costs the caller: 10 s of the ring at
// 25 pictures a second are taken over by reference.
func BenchmarkEvent(b *testing.B) {
	r := newRig(b, func(o *Options) { o.MaxEvents, o.QueueBytes, o.PreRoll = 1, 1<<40, 10*time.Second })
	c := newCamera(50)
	c.step = 40 * time.Millisecond
	for range 300 {
		r.ring.Add(c.next())
	}
	b.ReportAllocs()
	for b.Loop() {
		units := since(r.ring.From(c.wall.Add(-10*time.Second)), c.wall)
		if len(units) < 250 {
			b.Fatal(len(units))
		}
	}
}
