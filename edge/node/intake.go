package node

import (
	"context"
	"log/slog"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// storeRetry is the wait after the disk refused a revision.
const storeRetry = 250 * time.Millisecond

// store makes durable what the worker sends, in its order, and answers. It ends when the
// connection has ended and all that came is stored.
func (p *process) store(c *link.Conn, exited <-chan struct{}) {
	for m := range p.inbox {
		p.deal(c, m, exited)
		p.dealt(m)
	}
}

// deal makes one message durable and answers it.
func (p *process) deal(c *link.Conn, m *link.Message, exited <-chan struct{}) {
	answer := link.Message{Type: link.TypeAck, Ref: m.Seq}
	var err error
	switch m.Type {
	case link.TypeEvent:
		if !p.storeEvent(m, exited) {
			return // it is not durable, and there is nobody left to tell
		}
	case link.TypeClipOpen:
		answer.Path, err = p.openClip(m.Clip)
	case link.TypeClipClosed:
		err = p.closeClip(m.Clip)
	}
	if err != nil {
		level := slog.LevelWarn
		if bongsu.CodeOf(err) == bongsu.CodeConflict {
			level = slog.LevelDebug // the part of a former run of the camera; the worker goes on with the next number
		}
		p.node.log.Log(context.Background(), level, "a worker's wish is refused", "worker", p.slot.number, "message", m.Type, "err", err)
		answer = link.Message{Type: link.TypeNack, Ref: m.Seq, Message: err.Error(), Code: bongsu.CodeOf(err)}
	}
	// The worker may be gone: its successor will hear of the event, and the clip's row
	// stays for AbandonClips.
	if _, err := c.Send(answer); err != nil {
		p.node.log.Debug("an answer found no worker", "worker", p.slot.number, "err", err)
	}
}

// storeEvent completes a revision with what only the node knows and stores it, trying again
// while the disk refuses: the order of revisions must stay. It reports whether to acknowledge.
func (p *process) storeEvent(m *link.Message, exited <-chan struct{}) bool {
	n := p.node
	rec := bongsu.EventRecord{Event: *m.Event, Snapshot: m.Snapshot}
	n.complete(&rec.Event)
	if !p.knew(rec.Event.Camera) {
		n.view.refused()
		n.log.Error("an event of a camera that its worker does not run is refused", "worker", p.slot.number, "event", rec.Event.ID, "camera", rec.Event.Camera)
		return true
	}
	var since time.Time
	for {
		began := n.opt.Now()
		known, err := n.opt.Outbox.PutEvent(rec)
		switch {
		case err == nil:
			n.view.stored(known, n.opt.Now().Sub(began), n.opt.Now().Sub(time.UnixMicro(rec.Event.Stamps.PacketUS)), rec.Event.Stamps.PacketUS > 0)
			return true
		case bongsu.CodeOf(err) == bongsu.CodeInvalid || bongsu.CodeOf(err) == bongsu.CodeTooLarge:
			n.view.refused()
			n.log.Error("an event cannot be stored as it is", "event", rec.Event.ID, "revision", rec.Event.Revision, "err", err)
			return true // again it would be the same
		}
		if since.IsZero() {
			since = began
			n.log.Error("an event cannot be stored now, trying again", "event", rec.Event.ID, "revision", rec.Event.Revision, "err", err)
		}
		if n.past(rec) {
			return true
		}
		if !p.again(exited, since) {
			n.view.lost()
			n.log.Error("an event is lost: the disk refuses it and its worker is gone", "event", rec.Event.ID, "revision", rec.Event.Revision, "err", err)
			return false
		}
	}
}

// past sends a revision that the disk refuses to the cloud past it, where there is a way. It
// reports whether the cloud has it: the worker may forget it then as if it were stored.
func (n *Node) past(rec bongsu.EventRecord) bool {
	if n.opt.SendNow == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), n.opt.StoreTimeout)
	defer cancel()
	if err := n.opt.SendNow(ctx, rec); err != nil {
		n.log.Debug("a revision that the disk refuses cannot be sent now either", "event", rec.Event.ID, "revision", rec.Event.Revision, "err", err)
		return false
	}
	n.opt.Outbox.TakeSent(rec)
	n.view.unspooled()
	return true
}

// again waits before another try. It is false when the worker is gone and time is up: nothing
// was promised to anybody then.
func (p *process) again(exited <-chan struct{}, since time.Time) bool {
	select {
	case <-exited:
		if p.node.opt.Now().Sub(since) > p.node.opt.StoreTimeout || p.asked() {
			return false
		}
	default:
	}
	t := time.NewTimer(storeRetry)
	defer t.Stop()
	<-t.C
	return true
}

// complete fills in what a worker cannot know.
func (n *Node) complete(ev *bongsu.Event) {
	if n.opt.Edge != nil {
		ev.Edge = n.opt.Edge()
	}
	if name := n.view.name(ev.Camera); name != "" {
		ev.CameraName = name
	}
	if n.opt.WallQuality != nil && (ev.Clock.WallQuality == "" || ev.Clock.WallQuality == "unknown") {
		ev.Clock.WallQuality = n.opt.WallQuality()
	}
}

func (p *process) openClip(clip *bongsu.Clip) (string, error) {
	if !p.knew(clip.Camera) {
		return "", bongsu.Errorf(bongsu.CodeForbidden, "camera %.80q is not this worker's", clip.Camera)
	}
	path, err := p.node.opt.Outbox.OpenClip(*clip)
	if err == nil {
		p.clips[clip.Key()] = true
	}
	return path, err
}

func (p *process) closeClip(clip *bongsu.Clip) error {
	if !p.clips[clip.Key()] {
		return bongsu.Errorf(bongsu.CodeNotFound, "part %d of event %s was not opened by this worker", clip.Part, clip.Event)
	}
	return p.node.opt.Outbox.CloseClip(*clip)
}
