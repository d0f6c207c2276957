package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

const aSession = "01890a5d-ac96-774b-bcce-b302099a8057"

// filming is a fake worker with a media channel.
type filming struct {
	*fakeWorker
	ours net.Conn
}

func (f filming) Media() net.Conn { return f.ours }

// studio gives every fake worker a media channel, and hears what they are told about live view.
type studio struct {
	mu    sync.Mutex
	media map[*fakeWorker]net.Conn // the worker's end
	told  []link.Message
}

func newStudio(t *testing.T) (*rig, *studio) {
	t.Helper()
	s := &studio{media: map[*fakeWorker]net.Conn{}}
	r := newRig(t, func(o *Options, f *fleet) {
		f.onTold = func(_ *fakeWorker, m *link.Message) {
			if m.Type == link.TypeLiveStart || m.Type == link.TypeLiveStop {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.told = append(s.told, *m)
			}
		}
		o.StartWorker = func(ctx context.Context) (net.Conn, Process, error) {
			c, p, err := f.start(ctx)
			if err != nil {
				return nil, nil, err
			}
			ours, file, err := link.Pair()
			if err != nil {
				return nil, nil, err
			}
			theirs, err := net.FileConn(file)
			file.Close()
			if err != nil {
				return nil, nil, err
			}
			w := p.(*fakeWorker)
			s.mu.Lock()
			s.media[w] = theirs
			s.mu.Unlock()
			f.running.Go(func() {
				<-w.done
				theirs.Close()
			})
			return c, filming{w, ours}, nil
		}
	})
	return r, s
}

// heard counts messages of a type about a session.
func (s *studio) heard(typ, session string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.told {
		if m.Type == typ && m.Session == session {
			n++
		}
	}
	return n
}

// boxes lists whether boxes were wanted, start by start.
func (s *studio) boxes(session string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, m := range s.told {
		if m.Type == link.TypeLiveStart && m.Session == session {
			out = append(out, fmt.Sprint(m.Boxes))
		}
	}
	return strings.Join(out, " ")
}

// film sends one picture of a camera from its worker.
func (s *studio) film(t *testing.T, w *fakeWorker, camera bongsu.CameraID, session string) {
	t.Helper()
	s.mu.Lock()
	c := s.media[w]
	s.mu.Unlock()
	h := link.MediaHeader{Session: session, Camera: camera, Kind: bongsu.LiveFragment, Flags: bongsu.LiveKey, AgeUS: 5000}
	if _, err := link.WriteMedia(c, nil, &h, []byte("picture")); err != nil {
		t.Fatal(err)
	}
}

// audience is a sink.
type audience struct {
	mu  sync.Mutex
	all []bongsu.LiveItem
}

func (a *audience) take(it bongsu.LiveItem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, it)
}

func (a *audience) pictures() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, it := range a.all {
		if it.Kind == bongsu.LiveFragment && it.Age == 5*time.Millisecond && string(it.Payload) == "picture" {
			n++
		}
	}
	return n
}

func (a *audience) said(code string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.all, func(it bongsu.LiveItem) bool { return it.Text != nil && it.Text.Code == code })
}

func TestLiveOutlivesItsWorker(t *testing.T) {
	r, s := newStudio(t)
	r.Assign(assignments("yard", "gate"))
	w := r.worker(t, "yard")
	eventually(t, "the camera is live", func() bool { return r.state("yard").State == bongsu.CameraLive })
	var a audience
	if err := r.LiveStart("yard", aSession, bongsu.LiveVideo, a.take); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker is told", func() bool { return s.heard(link.TypeLiveStart, aSession) == 1 })
	s.film(t, w, "yard", aSession)
	s.film(t, w, "gate", aSession)                               // not this session's camera
	s.film(t, w, "yard", "01890a5d-ac96-774b-bcce-b302099a8059") // nobody's session
	s.film(t, w, "cellar", aSession)                             // not this worker's camera
	s.film(t, w, "yard", aSession)
	eventually(t, "two pictures", func() bool { return a.pictures() == 2 })
	for _, on := range []bool{true, true, false, true} { // what is no news is not told
		r.LiveBoxes(aSession, on)
	}
	r.LiveBoxes("nobody's", true)
	eventually(t, "the worker is told of boxes", func() bool { return s.boxes(aSession) == "false true false true" })
	w.die(errors.New("exit status 2"))
	eventually(t, "the successor is told", func() bool {
		return s.heard(link.TypeLiveStart, aSession) == 5 && s.boxes(aSession) == "false true false true true"
	})
	if !a.said(bongsu.LiveCameraOffline) {
		t.Error("nobody said that the worker had gone")
	}
	w = r.worker(t, "yard")
	s.film(t, w, "yard", aSession)
	eventually(t, "a picture of the successor", func() bool { return a.pictures() == 3 })
	r.LiveStop(aSession)
	r.LiveStop(aSession)
	eventually(t, "the worker is told of the end", func() bool { return s.heard(link.TypeLiveStop, aSession) == 1 })
	s.film(t, w, "yard", aSession)
	r.stop()
	if n := a.pictures(); n != 3 {
		t.Errorf("%d pictures, one of them after the end", n)
	}
}

func TestLiveStates(t *testing.T) {
	r, _ := newStudio(t)
	var a audience
	if err := r.LiveStart("yard", aSession, bongsu.LiveVideo, a.take); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Errorf("a camera that is not there: %v", err)
	}
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	eventually(t, "the camera is live", func() bool { return r.state("yard").State == bongsu.CameraLive })
	if err := r.LiveStart("yard", aSession, bongsu.LiveVideo, a.take); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.mute = true
	w.mu.Unlock()
	for _, c := range []struct {
		state bongsu.CameraState
		code  string
	}{
		{bongsu.CameraStarting, bongsu.LiveStarting}, {bongsu.CameraWaitingKey, bongsu.LiveWaitingKeyFrame}, {bongsu.CameraDenied, bongsu.LiveCameraOffline},
	} {
		for range 3 { // every second; told once
			w.send(link.Message{Type: link.TypeHealth, Health: []bongsu.CameraStatus{{ID: "yard", State: c.state, Reason: "because"}}})
		}
		eventually(t, string(c.state), func() bool { return a.said(c.code) })
	}
	r.Assign(nil)
	eventually(t, "that the camera is gone", func() bool { return a.said(bongsu.LiveNoSuchCamera) })
	a.mu.Lock()
	defer a.mu.Unlock()
	// A report that was on its way when the worker fell mute may stand between them.
	if n := len(a.all); n < 4 || n > 6 || a.all[n-2].Text.Message != "because" || a.all[n-1].Text.State != bongsu.LiveEnded {
		t.Errorf("%d items %+v", n, a.all)
	}
}

// TestLiveRubbishKillsTheWorker: what breaks the protocol on the media channel is no better than
// on the other.
func TestLiveRubbishKillsTheWorker(t *testing.T) {
	r, s := newStudio(t)
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	s.mu.Lock()
	c := s.media[w]
	s.mu.Unlock()
	if _, err := c.Write([]byte("\xff\xff\xff\xff\xff\xff\xff\xff")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker is killed", w.dead)
	eventually(t, "another one", func() bool { return r.worker(t, "yard") != w })
}

// TestLiveBesideADiskThatHangs: while the keeper of events waits for the disk, who looks on comes
// and goes.
func TestLiveBesideADiskThatHangs(t *testing.T) {
	r, s := newStudio(t)
	r.Assign(assignments("yard"))
	eventually(t, "live", func() bool { return r.state("yard").State == bongsu.CameraLive })
	r.hold.mu.Lock() // as closeForsaken has it
	defer r.hold.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		err := r.LiveStart("yard", aSession, bongsu.LiveVideo, func(bongsu.LiveItem) {})
		r.LiveStop(aSession)
		done <- err
	}()
	var err error
	eventually(t, "begun and ended", func() bool {
		select {
		case err = <-done:
			return true
		default:
			return false
		}
	})
	if err != nil {
		t.Error(err)
	}
	eventually(t, "its worker was told", func() bool {
		return s.heard(link.TypeLiveStart, aSession) == 1 && s.heard(link.TypeLiveStop, aSession) == 1
	})
}
