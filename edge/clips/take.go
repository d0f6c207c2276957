package clips

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/mp4"
)

// take is the recording of one event. All of it is owned by Run once it is queued.
type take struct {
	rec   *Recorder
	id    bongsu.EventID
	units []*streams.AccessUnit // what the ring held
	limit time.Time             // units beyond are not wanted; zero: not known yet
	part  int                   // number of the next part
	begun int                   // parts that this take began
	lost  bool                  // units are missing before the next one
	done  bool

	run    bongsu.RunID  // of the last unit fed
	seq    uint64        // of the last unit fed
	seen   bool          // run and seq are set
	fed    time.Time     // when the last unit was fed, Options.Now
	retry  time.Time     // no part is begun before
	closed time.Duration // media time of all closed parts

	w       *mp4.Writer // nil between parts
	clip    bongsu.Clip // of w
	path    string      // of w
	params  *streams.Params
	keyAt   int                   // sample number in w of the last key unit
	gop     []*streams.AccessUnit // from that key unit on
	tainted bool                  // units after the last one in w were dropped by us
	long    bool                  // w is longer than MaxPart
}

// feed takes one unit. Units that it has had already, because they were in the ring and in
// the queue, are left out.
func (t *take) feed(ctx context.Context, au *streams.AccessUnit) {
	if t.done || t.seen && au.Run == t.run && au.Seq <= t.seq {
		return
	}
	if t.w != nil && au.Run != t.run {
		t.closePart(ctx) // the clock began anew: a part holds one run
	}
	t.run, t.seq, t.seen, t.fed = au.Run, au.Seq, true, t.rec.opt.Now()
	// By the time of decoding: pictures shown within the limit are all decoded within it.
	if decoded := au.Wall.Add(au.DTS - au.PTS); !t.limit.IsZero() && decoded.After(t.limit) {
		t.rec.finish(ctx, t)
		return
	}
	if t.w != nil && au.Key && !sameParams(t.params, au.Params) {
		t.closePart(ctx)
	}
	t.write(ctx, au)
}

// write puts au into the part that it belongs to.
func (t *take) write(ctx context.Context, au *streams.AccessUnit) {
	if t.w != nil {
		at, step := t.w.Next(au)
		if t.closed+at+step > t.rec.opt.MaxClip {
			t.rec.opt.Log.Info("the clip of an event has its full length: the rest is not recorded", "camera", t.rec.opt.Camera, "event", t.id)
			t.rec.finish(ctx, t)
			return
		}
		if at+step > t.most() || t.w.Bytes()+int64(au.Size()) > maxPartBytes {
			t.cut(ctx, au, at+step)
			if t.done {
				return
			}
		}
	}
	if t.w == nil && !t.openPart(ctx, au) {
		t.rec.count(func(s *Stats) { s.SkippedUnits++ })
		return
	}
	if err := t.w.Add(au); err != nil {
		t.rec.opt.Log.Error("writing a clip failed; what was whole is kept", "camera", t.rec.opt.Camera, "event", t.id, "part", t.clip.Part, "err", err)
		t.closePart(ctx)
		t.retry = t.rec.opt.Now().Add(t.rec.opt.RetryAfter)
		return
	}
	if au.Key {
		t.keyAt, t.gop = t.w.Samples()-1, t.gop[:0]
	}
	t.gop = append(t.gop, au)
}

// most is how long the open part may be.
func (t *take) most() time.Duration {
	if t.begun == 1 {
		return t.rec.opt.FirstPart
	}
	return t.rec.opt.MaxPart
}

// cut ends the part that au would make too long (it would last until end), at the last place where the next one can
// begin: au itself, or the key unit before it, whose GOP then moves to the next part. A part
// of one GOP goes on, up to hardParts times its length.
func (t *take) cut(ctx context.Context, au *streams.AccessUnit, end time.Duration) {
	switch {
	case au.Key:
		t.closePart(ctx)
	case t.keyAt > 0:
		gop := append([]*streams.AccessUnit(nil), t.gop...)
		t.closeAt(ctx, t.keyAt)
		for _, u := range gop {
			t.write(ctx, u)
		}
	case end > hardParts*t.rec.opt.MaxPart || t.w.Bytes()+int64(au.Size()) > maxPartBytes:
		t.rec.opt.Log.Error("a part of a clip is ended within a group of pictures that is too long; the rest of the group is not recorded",
			"camera", t.rec.opt.Camera, "event", t.id, "part", t.clip.Part, "lasts", end)
		t.breakOff(ctx)
	case !t.long && end > t.rec.opt.MaxPart:
		t.long = true
		t.rec.count(func(s *Stats) { s.LongParts++ })
		t.rec.opt.Log.Warn("a part of a clip becomes longer than asked, because the camera's group of pictures is",
			"camera", t.rec.opt.Camera, "event", t.id, "part", t.clip.Part, "most", t.rec.opt.MaxPart)
	}
}

// breakOff ends the part because the units that follow it are missing.
func (t *take) breakOff(ctx context.Context) {
	t.tainted = t.w != nil
	t.closePart(ctx)
	t.lost = true
}

// maxTaken bounds the search for a free part number.
const maxTaken = 1000

// openPart begins a part with au, if one can begin there and now.
func (t *take) openPart(ctx context.Context, au *streams.AccessUnit) bool {
	o := &t.rec.opt
	if !au.Key || au.Params == nil || !au.Params.Complete() || o.Now().Before(t.retry) || ctx.Err() != nil {
		return false
	}
	clip := bongsu.Clip{Event: t.id, Camera: o.Camera, State: bongsu.ClipWriting, Start: au.Wall.UTC()}
	var path string
	var err error
	for range maxTaken {
		clip.Part = t.part
		t.part++
		if path, err = o.Open(ctx, clip); bongsu.CodeOf(err) != bongsu.CodeConflict {
			break
		}
	}
	if err == nil {
		if t.w, err = mp4.Create(path, mp4.WriterOptions{FS: o.FS, Log: o.Log}); err != nil {
			clip.State = bongsu.ClipFailed
			t.report(ctx, clip)
		}
	}
	if err != nil {
		t.retry = o.Now().Add(o.RetryAfter)
		t.rec.count(func(s *Stats) { s.OpenErrors++ })
		o.Log.Error("a part of a clip could not be begun", "camera", o.Camera, "event", t.id, "part", clip.Part, "err", err)
		return false
	}
	t.clip, t.path, t.params, t.long, t.keyAt, t.gop = clip, path, au.Params, false, 0, t.gop[:0]
	t.tainted, t.lost = t.lost, false
	t.begun++
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	t.rec.stats.Parts++
	t.rec.known[t.id].parts = t.part
	return true
}

// closePart closes the open part with all that was added, if there is one.
func (t *take) closePart(ctx context.Context) {
	if t.w != nil {
		t.closeAt(ctx, t.w.Samples())
	}
}

// closeAt closes the open part with its first n units and reports it.
func (t *take) closeAt(ctx context.Context, n int) {
	w, clip, o := t.w, t.clip, &t.rec.opt
	t.w, t.gop = nil, t.gop[:0]
	if ctx.Err() != nil {
		err := w.Leave()
		t.rec.count(func(s *Stats) { s.Left++ })
		o.Log.Warn("no time was left to finish a part of a clip: it is finished at the next start", "camera", o.Camera, "event", t.id, "part", clip.Part, "err", err)
		return
	}
	s, err := w.CloseAt(n)
	fill(&clip, s)
	clip.Tainted = clip.Tainted || t.tainted
	switch {
	case err == nil:
		clip.State = bongsu.ClipReady
	case s.Samples > 0:
		clip.State = bongsu.ClipTorn
		clip.Tainted = true
	default:
		clip.State = bongsu.ClipFailed
		if err := remove(o.FS, t.path); err != nil {
			o.Log.Error("the rest of a failed clip could not be removed", "camera", o.Camera, "path", t.path, "err", err)
		}
	}
	if err != nil {
		o.Log.Error("a part of a clip was not finished", "camera", o.Camera, "event", t.id, "part", clip.Part, "state", clip.State, "err", err)
	}
	t.closed += clip.Duration()
	t.rec.count(func(s *Stats) {
		switch clip.State {
		case bongsu.ClipReady:
			s.Ready++
		case bongsu.ClipTorn:
			s.Torn++
		default:
			s.Failed++
		}
	})
	t.report(ctx, clip)
}

// report tells that a part is closed.
func (t *take) report(ctx context.Context, clip bongsu.Clip) {
	if err := t.rec.opt.Closed(ctx, clip); err != nil {
		t.rec.count(func(s *Stats) { s.ClosedErrors++ })
		t.rec.opt.Log.Error("a closed part of a clip could not be recorded: it is found again at the next start",
			"camera", t.rec.opt.Camera, "event", t.id, "part", clip.Part, "err", err)
	}
}

// fill copies what the file is into its clip.
func fill(c *bongsu.Clip, s mp4.Summary) {
	c.SHA256, c.Bytes, c.Codec, c.DurationUS, c.Tainted = s.SHA256, s.Bytes, s.Codec, s.Duration.Microseconds(), s.Tainted
	if !s.Start.IsZero() {
		c.Start = s.Start
	}
}

// remove deletes a file durably; one that is not there is gone already.
func remove(files mp4.FS, path string) error {
	if err := files.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return files.SyncDir(filepath.Dir(path))
}

// sameParams reports whether a decoder that was begun with a goes on with b.
func sameParams(a, b *streams.Params) bool {
	if a == b || b == nil {
		return true
	}
	return a.Codec == b.Codec && bytes.Equal(a.VPS, b.VPS) && bytes.Equal(a.SPS, b.SPS) && bytes.Equal(a.PPS, b.PPS)
}
