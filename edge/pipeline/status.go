package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/obs"
	"bongsu/streams"
)

// statusBoard is what is told about a camera. Rates are over the last windowSeconds.
type statusBoard struct {
	mu    sync.Mutex
	s     bongsu.CameraStatus // guarded by mu
	model string              // set before Run

	pictures, looks rate
	faults          *obs.Fold // set before Run; a line a second for what comes at frame rate
}

const windowSeconds = 5

// rate counts in whole seconds.
type rate struct {
	sec    [windowSeconds + 1]int64
	counts [windowSeconds + 1]int
}

func (r *rate) add(now time.Time) {
	s := now.Unix()
	i := s % int64(len(r.sec))
	if r.sec[i] != s {
		r.sec[i], r.counts[i] = s, 0
	}
	r.counts[i]++
}

// perSecond is the mean of the last whole seconds.
func (r *rate) perSecond(now time.Time) float64 {
	s, n := now.Unix(), 0
	for i, sec := range r.sec {
		if sec < s && sec >= s-windowSeconds {
			n += r.counts[i]
		}
	}
	return float64(n) / windowSeconds
}

func (b *statusBoard) init(id bongsu.CameraID, name string, now time.Time, log *slog.Logger) {
	b.faults = obs.NewFold(log, time.Second)
	b.s = bongsu.CameraStatus{ID: id, Name: name, State: bongsu.CameraStarting, Since: now.UTC()}
}

func (b *statusBoard) set(now time.Time, state bongsu.CameraState, code, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.setLocked(now, state, code, reason)
}

func (b *statusBoard) setLocked(now time.Time, state bongsu.CameraState, code, reason string) {
	if state == bongsu.CameraStarting && b.s.Code != "" {
		return // a further attempt does not hide why the last one failed
	}
	if b.s.State != state || b.s.Code != code {
		b.s.Since = now.UTC()
	}
	b.s.State, b.s.Code, b.s.Reason = state, code, reason
}

func (b *statusBoard) codec(c streams.Codec) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.s.Codec = c.String()
}

// failed records why a run ended.
func (b *statusBoard) failed(now time.Time, err error) {
	var se *streams.Error
	if errors.As(err, &se) {
		state := se.State
		if state == "" {
			state = bongsu.CameraOffline
		}
		b.set(now, state, se.Code, se.Err.Error())
		return
	}
	b.set(now, bongsu.CameraFailed, string(bongsu.CodeOf(err)), err.Error())
}

func (b *statusBoard) picture(now time.Time, f *bongsu.Frame) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pictures.add(now)
	b.s.Width, b.s.Height = f.Width, f.Height
	if f.Tainted && b.s.Code == codeBlind {
		return
	}
	if f.Tainted {
		b.setLocked(now, bongsu.CameraWaitingKey, "tainted", "data was lost; waiting for the next key frame")
	} else if b.s.State != bongsu.CameraFailed {
		b.setLocked(now, bongsu.CameraLive, "", "")
	}
}

// codeBlind is a camera's code when it sends pictures and none can be trusted for long.
const codeBlind = "untrusted"

// blind tells that pictures do come and none could be trusted for long.
func (b *statusBoard) blind(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.s.State == bongsu.CameraWaitingKey && b.s.Code == "tainted" {
		b.setLocked(now, bongsu.CameraWaitingKey, codeBlind,
			"data is lost again and again: no picture could be trusted for 10 s, so no event can begin; use transport tcp, or set a shorter key frame interval (GOP) in the camera")
	}
}

func (b *statusBoard) inferred(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks.add(now)
	if b.s.State == bongsu.CameraFailed {
		b.setLocked(now, bongsu.CameraLive, "", "")
	}
}

// fault reports a decoding error.
func (b *statusBoard) fault(err error) { b.faults.Error("decode", err, "camera", b.s.ID) }

// modelFault marks the camera failed until the model answers again.
func (b *statusBoard) modelFault(ctx context.Context, now time.Time, err error) {
	if ctx.Err() != nil {
		return
	}
	b.set(now, bongsu.CameraFailed, "model", "the model gives no answer: "+err.Error())
	b.faults.Error("inference", err, "camera", b.s.ID)
}

// Status tells how the camera is, with rates over the last five seconds.
func (c *Camera) Status() bongsu.CameraStatus {
	b, now := &c.status, c.o.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.s
	s.FPS, s.InferPS = b.pictures.perSecond(now), b.looks.perSecond(now)
	s.Model = b.model
	return s
}
