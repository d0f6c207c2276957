package worker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/streams"
	"bongsu/streams/ring"
	"bongsu/streams/streamstest"
)

const (
	sessionA = "01890a5d-ac96-774b-bcce-b302099a8057"
	sessionB = "01890a5d-ac96-774b-bcce-b302099a8058"
)

// got is a frame that came over the media channel.
type got struct {
	link.MediaHeader
	payload []byte
}

// watcher reads a media channel as the node does.
type watcher struct {
	mu  sync.Mutex
	all []got
}

func (w *watcher) read(c net.Conn) {
	r := link.NewMediaReader(c)
	for {
		h, p, err := r.Next()
		if err != nil {
			return
		}
		w.mu.Lock()
		w.all = append(w.all, got{h, p})
		w.mu.Unlock()
	}
}

// of gives the frames of a session and kind.
func (w *watcher) of(session string, kind bongsu.LiveKind) (out []got) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.all {
		if g.Session == session && g.Kind == kind {
			out = append(out, g)
		}
	}
	return out
}

// startLive runs live view over a pair of sockets; the caller reads the node's end.
func startLive(t *testing.T) (*live, net.Conn) {
	t.Helper()
	node, file, err := link.Pair()
	if err != nil {
		t.Fatal(err)
	}
	worker, err := net.FileConn(file)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	l := newLive(worker, func(f *bongsu.Frame) ([]byte, error) {
		if f.Tainted {
			return nil, errors.New("cannot be encoded")
		}
		return []byte{0xff, 0xd8, byte(f.Seq)}, nil
	}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		node.Close()
	})
	return l, node
}

func watch(t *testing.T, c net.Conn) *watcher {
	t.Helper()
	w := &watcher{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.read(c)
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return w
}

// camUnits are units of a camera that came just now.
func camUnits(n int, o streamstest.SyntheticOptions) []*streams.AccessUnit {
	o.Units = n
	units := streamstest.Synthetic(o)
	for _, au := range units {
		au.Camera, au.Run, au.Arrived, au.Wall = "gate", "run", time.Now(), time.Now()
	}
	return units
}

func TestLiveBeginsWithTheRing(t *testing.T) {
	l, node := startLive(t)
	w := watch(t, node)
	tap, r := l.tapOf("gate"), ring.New(ring.Options{Keep: 10 * time.Second})
	tap.follow(r)
	units := camUnits(30, streamstest.SyntheticOptions{GOP: 10, BFrames: 2})
	feed := func(all []*streams.AccessUnit) {
		for _, au := range all {
			r.Add(au)
			tap.Add(au)
		}
	}
	feed(units[:15])
	l.start("gate", sessionA, bongsu.LiveVideo, false)
	l.start("gate", sessionA, bongsu.LiveVideo, false) // told twice
	tap.Add(units[14])                                 // on its way while the session began
	feed(units[15:])
	streamstest.Eventually(t, "all fragments from the newest key unit on", func() bool { return len(w.of(sessionA, bongsu.LiveFragment)) == 20 })
	inits, frags := w.of(sessionA, bongsu.LiveInit), w.of(sessionA, bongsu.LiveFragment)
	if len(inits) != 1 || inits[0].Text == nil || inits[0].Text.MIME != `video/mp4; codecs="avc1.4d400d"` || inits[0].Text.Width != 320 || inits[0].Text.FPS < 20 || inits[0].Text.FPS > 30 {
		t.Errorf("init segments %+v", inits)
	}
	for i, f := range frags {
		if key := f.Flags&bongsu.LiveKey != 0; key != (i%10 == 0) || f.Flags&bongsu.LiveTainted != 0 || f.AgeUS < 0 || f.Camera != "gate" {
			t.Errorf("fragment %d: %+v", i, f.MediaHeader)
		}
	}
	l.stop(sessionA)
	l.stop(sessionA)
	if n := tap.eyes.Load(); n != 0 {
		t.Errorf("%d eyes after the end", n)
	}
	tap.Add(units[0])
	if n := l.dropped.Load(); n != 0 {
		t.Errorf("%d units are counted as dropped", n)
	}
}

// TestLiveForgetsACamera: a camera that is taken away takes its sessions along, so that nothing is
// written for nobody when it comes back; those of others go on.
func TestLiveForgetsACamera(t *testing.T) {
	node, worker := net.Pipe()
	defer node.Close()
	defer worker.Close()
	w := &Worker{live: newLive(worker, nil, slog.New(slog.DiscardHandler)), cameras: map[bongsu.CameraID]*slot{}}
	for session, camera := range map[string]bongsu.CameraID{sessionA: "gate", sessionB: "yard"} {
		w.look(&link.Message{Type: link.TypeLiveStart, Camera: camera, Session: session, Mode: bongsu.LiveVideo})
	}
	if err := w.obey(t.Context(), &link.Message{Type: link.TypeUnassign, Camera: "gate"}); err != nil {
		t.Fatal(err)
	}
	if n := w.live.tapOf("gate").eyes.Load(); n != 0 || len(w.live.sessions) != 1 || w.live.sessions[sessionB] == nil {
		t.Errorf("%d look at the camera that went; sessions left: %v", n, w.live.sessions)
	}
}

// TestLiveOddCameras: what a camera claims of its size and rate never makes a message that the node
// would take for a broken worker, which other cameras share.
func TestLiveOddCameras(t *testing.T) {
	good := streamstest.SyntheticParams(streams.H264, 0)
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		l, node := newLive(nil, nil, slog.New(slog.DiscardHandler)), &bytes.Buffer{}
		l.conn = writeConn{node}
		units := camUnits(6, streamstest.SyntheticOptions{GOP: 3})
		for i, au := range units {
			au.PTS = time.Duration(i) * time.Second / 90000 // as a clock that stands is mended to
			au.DTS = au.PTS
			p := *good
			if n > 0 && i >= 3 {
				p.SPS = bytes.Clone(good.SPS)
				for range 1 + rnd.IntN(6) {
					p.SPS[4+rnd.IntN(len(p.SPS)-4)] = byte(rnd.Uint32())
				}
			}
			au.Params = &p
		}
		s := &showing{id: sessionA, mode: bongsu.LiveVideo, tap: l.tapOf("gate"), skip: true}
		for _, au := range units {
			s.add(au)
		}
		for au := s.take(); au != nil; au = s.take() {
			if err := l.show(s, au); err != nil {
				t.Fatal(err)
			}
		}
		r := link.NewMediaReader(node)
		for got := 0; ; got++ {
			if _, _, err := r.Next(); errors.Is(err, io.EOF) && got > 0 {
				break
			} else if err != nil {
				t.Fatalf("case %d, after %d messages: %v", n, got, err)
			}
		}
	}
}

// writeConn is a connection that is only written to.
type writeConn struct{ io.Writer }

func (writeConn) Read([]byte) (int, error)         { return 0, io.EOF }
func (writeConn) Close() error                     { return nil }
func (writeConn) LocalAddr() net.Addr              { return nil }
func (writeConn) RemoteAddr() net.Addr             { return nil }
func (writeConn) SetDeadline(time.Time) error      { return nil }
func (writeConn) SetReadDeadline(time.Time) error  { return nil }
func (writeConn) SetWriteDeadline(time.Time) error { return nil }

// TestLiveLeavesOldPicturesAlone: a camera that went off an hour ago begins with nothing.
func TestLiveLeavesOldPicturesAlone(t *testing.T) {
	l, node := startLive(t)
	w := watch(t, node)
	tap, r := l.tapOf("gate"), ring.New(ring.Options{})
	tap.follow(r)
	units := camUnits(20, streamstest.SyntheticOptions{GOP: 10})
	for _, au := range units[:10] {
		au.Arrived = au.Arrived.Add(-time.Hour)
		r.Add(au)
	}
	l.start("gate", sessionA, bongsu.LiveVideo, false)
	tap.Add(units[10])
	streamstest.Eventually(t, "the new picture", func() bool { return len(w.of(sessionA, bongsu.LiveFragment)) == 1 })
	if age := w.of(sessionA, bongsu.LiveFragment)[0].AgeUS; age > int64(time.Minute/time.Microsecond) {
		t.Errorf("the first picture is %d µs old", age)
	}
}

// TestLiveChannelThatIsNotRead: the pipeline goes on at its speed, and what comes later begins
// with a key unit and an exact count of what is missing.
func TestLiveChannelThatIsNotRead(t *testing.T) {
	l, node := startLive(t)
	tap := l.tapOf("gate")
	units := camUnits(4000, streamstest.SyntheticOptions{GOP: 25, Bytes: 8_000})
	l.start("gate", sessionA, bongsu.LiveVideo, false)
	began := time.Now()
	worst := time.Duration(0)
	for _, au := range units[:3000] {
		at := time.Now()
		tap.Add(au)
		worst = max(worst, time.Since(at))
	}
	t.Logf("3000 units handed over to a channel that nobody reads in %v, the slowest in %v", time.Since(began).Round(time.Millisecond), worst.Round(time.Microsecond))
	if l.dropped.Load() == 0 {
		t.Error("24 MB wait for a channel that is not read")
	}
	w := watch(t, node)
	for i := 3000; i < len(units); i += 25 { // a group of pictures as soon as the one before has gone
		for _, au := range units[i : i+25] {
			tap.Add(au)
		}
		streamstest.Eventually(t, "the channel drains", func() bool {
			tap.mu.Lock()
			defer tap.mu.Unlock()
			return len(tap.showings[0].queue) == 0
		})
	}
	t.Cleanup(func() {
		t.Logf("%d of %d units were sent, %d dropped", len(w.of(sessionA, bongsu.LiveFragment)), len(units), l.dropped.Load())
	})
	streamstest.Eventually(t, "sent and dropped make all", func() bool {
		return len(w.of(sessionA, bongsu.LiveFragment))+int(l.dropped.Load()) == len(units)
	})
	last := -1
	for _, f := range w.of(sessionA, bongsu.LiveFragment) {
		n := indexOf(f.payload)
		if n != last+1 && n%25 != 0 {
			t.Fatalf("after unit %d comes unit %d, which is no key unit", last, n)
		}
		last = n
	}
}

// indexOf reads from a fragment the place at which its unit was made.
func indexOf(fragment []byte) int {
	au := &streams.AccessUnit{Codec: streams.H264}
	for p := fragment[bytes.Index(fragment, []byte("mdat"))+4:]; len(p) > 4; {
		n := int(binary.BigEndian.Uint32(p))
		au.NALs = append(au.NALs, p[4:4+n])
		p = p[4+n:]
	}
	return streamstest.Index(au)
}

func TestLiveTaintAndFormats(t *testing.T) {
	l, node := startLive(t)
	w := watch(t, node)
	tap := l.tapOf("gate")
	units := camUnits(40, streamstest.SyntheticOptions{GOP: 10})
	units[13].Lost = true
	other := camUnits(40, streamstest.SyntheticOptions{GOP: 10, BFrames: 1, Codec: streams.H265})
	broken := *units[0].Params
	broken.PPS = nil
	for i := 20; i < 30; i++ {
		units[i].Params = &broken
	}
	l.start("gate", sessionA, bongsu.LiveVideo, false)
	feed := func(all []*streams.AccessUnit, want int) {
		t.Helper()
		for _, au := range all {
			tap.Add(au)
		}
		streamstest.Eventually(t, "fragments", func() bool { return len(w.of(sessionA, bongsu.LiveFragment)) == want })
	}
	feed(units[5:20], 10) // those before the first key unit are left out
	for i, f := range w.of(sessionA, bongsu.LiveFragment) {
		if tainted := f.Flags&bongsu.LiveTainted != 0; tainted != (i >= 3) {
			t.Errorf("fragment %d: tainted %v", i, tainted)
		}
	}
	tap.Add(units[20])
	streamstest.Eventually(t, "that the stream cannot be shown", func() bool {
		said := w.of(sessionA, bongsu.LiveNone)
		return len(said) == 1 && said[0].Text.Code == bongsu.LiveWaitingKeyFrame
	})
	for _, au := range other[10:] {
		au.Run = "other"
	}
	feed(other[10:20], 20)
	inits := w.of(sessionA, bongsu.LiveInit)
	if len(inits) != 2 || inits[1].Text.Codec != "h265" {
		t.Errorf("init segments %+v", inits)
	}
}

func TestLiveStills(t *testing.T) {
	l, node := startLive(t)
	w := watch(t, node)
	var mu sync.Mutex
	now := time.Now()
	l.now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	owner := &counted{}
	tap := l.tapOf("gate")
	seq := uint64(0)
	picture := func(after time.Duration, tainted bool) {
		mu.Lock()
		now = now.Add(after)
		seq++
		f := &bongsu.Frame{Seq: seq, Tainted: tainted, Arrived: now.Add(-40 * time.Millisecond), Width: 320, Height: 240, Owner: owner}
		mu.Unlock()
		tap.Picture(f)
	}
	picture(0, false)
	if n := owner.held(); n != 0 {
		t.Fatalf("%d pictures are held for nobody", n)
	}
	l.start("gate", sessionA, bongsu.LiveStill, false)
	l.start("gate", sessionB, bongsu.LiveVideo, false)
	picture(0, false)
	streamstest.Eventually(t, "a still", func() bool { return len(w.of(sessionA, bongsu.LiveJPEG)) == 1 })
	picture(900*time.Millisecond, false) // too soon
	picture(200*time.Millisecond, true)  // cannot be encoded
	streamstest.Eventually(t, "it is let go", func() bool { return owner.held() == 0 })
	picture(time.Second, false)
	streamstest.Eventually(t, "a second still", func() bool { return len(w.of(sessionA, bongsu.LiveJPEG)) == 2 })
	stills := w.of(sessionA, bongsu.LiveJPEG)
	if a, b := stills[0], stills[1]; a.payload[2] != 2 || b.payload[2] != 5 || a.Flags != bongsu.LiveKey || a.AgeUS != 40_000 ||
		a.Text == nil || a.Text.MIME != "image/jpeg" || a.Text.Width != 320 || b.Text != nil {
		t.Errorf("stills %+v %+v", a, b)
	}
	if n := len(w.of(sessionB, bongsu.LiveJPEG)); n != 0 {
		t.Errorf("the video session got %d stills", n)
	}
	l.stop(sessionA)
	tap.follow(nil)
	picture(5*time.Second, false)
	if n := owner.held(); n != 0 {
		t.Errorf("%d pictures are held after the end", n)
	}
}

// counted counts references to pictures.
type counted struct {
	mu sync.Mutex
	n  int
}

func (c *counted) Retain()  { c.add(1) }
func (c *counted) Release() { c.add(-1) }

func (c *counted) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
}

func (c *counted) held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// TestTapCostsNothing: on the way of a frame, with nobody looking on or without a media channel,
// a tap allocates nothing.
func TestTapCostsNothing(t *testing.T) {
	l, _ := startLive(t)
	au, f := camUnits(1, streamstest.SyntheticOptions{})[0], &bongsu.Frame{}
	for _, tap := range []*Tap{nil, l.tapOf("gate")} {
		if n := testing.AllocsPerRun(100, func() {
			tap.Add(au)
			tap.Picture(f)
			tap.found(f, boxTracks, boxRules)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}
