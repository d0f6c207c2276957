package node

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// shows are the live sessions that somebody looks at. They outlive workers: the successor of one
// that dies is told of them again.
type shows struct {
	mu   sync.Mutex
	byID map[string]*show // guarded by mu
}

// show is one live session.
type show struct {
	camera bongsu.CameraID
	mode   string
	sink   func(bongsu.LiveItem)
	boxes  bool               // guarded by shows.mu: what is found in the pictures is wanted, too
	told   bongsu.CameraState // guarded by shows.mu: what the viewer was told of last
}

// LiveStart begins to send a camera's pictures to sink, and what is to be said when there are
// none. sink must not block; it is called by several goroutines, one at a time, until LiveStop
// returns. A camera that is not configured here is bongsu.CodeNotFound.
func (n *Node) LiveStart(camera bongsu.CameraID, session, mode string, sink func(bongsu.LiveItem)) error {
	status, ok := n.view.status(camera)
	if !ok {
		return bongsu.Errorf(bongsu.CodeNotFound, "this edge has no camera %q", camera)
	}
	s := &show{camera: camera, mode: mode, sink: sink, told: bongsu.CameraLive}
	n.shows.mu.Lock()
	n.shows.byID[session] = s
	s.tell(status)
	n.shows.mu.Unlock()
	if p := n.hold.holder(camera); p != nil {
		p.tell(command{live: &link.Message{Type: link.TypeLiveStart, Camera: camera, Session: session, Mode: mode}})
	}
	return nil
}

// LiveBoxes says whether what is found in the pictures of a session is wanted beside them. A session
// that is not known has ended.
func (n *Node) LiveBoxes(session string, on bool) {
	n.shows.mu.Lock()
	s := n.shows.byID[session]
	news := s != nil && s.boxes != on
	if news {
		s.boxes = on
	}
	n.shows.mu.Unlock()
	if !news {
		return
	}
	if p := n.hold.holder(s.camera); p != nil {
		p.tell(command{live: &link.Message{Type: link.TypeLiveStart, Camera: s.camera, Session: session, Mode: s.mode, Boxes: on}})
	}
}

// LiveStop ends a session. One that is not known has ended.
func (n *Node) LiveStop(session string) {
	n.shows.mu.Lock()
	s := n.shows.byID[session]
	delete(n.shows.byID, session)
	n.shows.mu.Unlock()
	if s == nil {
		return
	}
	if p := n.hold.holder(s.camera); p != nil {
		p.tell(command{live: &link.Message{Type: link.TypeLiveStop, Session: session}})
	}
}

// sessions gives the messages that begin all sessions of a camera in a worker.
func (l *shows) sessions(camera bongsu.CameraID) []link.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []link.Message
	for id, s := range l.byID {
		if s.camera == camera {
			out = append(out, link.Message{Type: link.TypeLiveStart, Camera: camera, Session: id, Mode: s.mode, Boxes: s.boxes})
		}
	}
	return out
}

// health tells viewers what is the matter with the cameras they look at.
func (l *shows) health(all ...bongsu.CameraStatus) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.byID {
		for _, status := range all {
			if status.ID == s.camera {
				s.tell(status)
			}
		}
	}
}

// tell passes a camera's state on when it is another than before. The caller holds shows.mu.
func (s *show) tell(status bongsu.CameraStatus) {
	if status.State == s.told {
		return
	}
	s.told = status.State
	code := bongsu.LiveCameraOffline
	switch status.State {
	case bongsu.CameraLive:
		return // pictures say so themselves
	case bongsu.CameraStarting:
		code = bongsu.LiveStarting
	case bongsu.CameraWaitingKey:
		code = bongsu.LiveWaitingKeyFrame
	}
	s.sink(bongsu.LiveItem{Text: new(bongsu.LiveState(bongsu.LiveWaiting, code, status.Reason))})
}

// gone ends the sessions of a camera that is not configured any more.
func (l *shows) gone(camera bongsu.CameraID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, s := range l.byID {
		if s.camera == camera {
			delete(l.byID, id)
			s.sink(bongsu.LiveItem{Text: new(bongsu.LiveState(bongsu.LiveEnded, bongsu.LiveNoSuchCamera, "the camera was taken out of this edge's configuration"))})
		}
	}
}

// deliver hands a worker's frame to whoever looks at its session.
func (l *shows) deliver(h *link.MediaHeader, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.byID[h.Session]; s != nil && s.camera == h.Camera {
		s.sink(bongsu.LiveItem{Kind: h.Kind, Flags: h.Flags, Age: time.Duration(h.AgeUS) * time.Microsecond, Text: h.Text, Payload: payload})
	}
}

// holder gives the process that has a camera's events in its hands; nil when none has. It does not
// wait for the disk: who looks on is not held up by one that hangs.
func (h *holders) holder(id bongsu.CameraID) *process {
	h.look.Lock()
	defer h.look.Unlock()
	return h.by[id]
}

// mediaChannel is a Process that has a channel for live pictures: the node's end of it.
type mediaChannel interface{ Media() net.Conn }

// media passes on a worker's live pictures until the channel ends. What a worker sends about
// cameras that are not its own is left out.
func (p *process) media(c net.Conn) {
	r := link.NewMediaReader(c)
	for {
		h, payload, err := r.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				p.because(err.Error())
				if errors.Is(err, link.ErrProtocol) {
					p.kill(err.Error())
				}
			}
			return
		}
		if p.knew(h.Camera) {
			p.node.shows.deliver(&h, payload)
		}
	}
}

// showMedia begins to pass on live pictures of proc, when it has a channel for them, and gives
// what ends that.
func (p *process) showMedia(proc Process, parts *sync.WaitGroup) (end func()) {
	m, ok := proc.(mediaChannel)
	if !ok {
		return func() {}
	}
	c := m.Media()
	parts.Go(func() { p.media(c) })
	return func() { _ = c.Close() }
}

// resume tells a worker of the sessions of a camera it was given.
func (p *process) resume(c *link.Conn, camera bongsu.CameraID) error {
	for _, m := range p.node.shows.sessions(camera) {
		if _, err := c.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// dark tells those who look at a dead worker's cameras.
func (n *Node) dark(cameras []bongsu.CameraID) {
	for _, id := range cameras {
		if status, ok := n.view.status(id); ok {
			n.shows.health(status)
		}
	}
}

// status gives how a camera is; ok is false when it is not configured.
func (v *view) status(id bongsu.CameraID) (s bongsu.CameraStatus, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.cams[id]
	if c == nil {
		return s, false
	}
	return c.status, true
}
