package relay

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers each connection with what it says, until the test ends.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

func newTCP(t *testing.T) *Relay {
	t.Helper()
	r, err := TCP(echo(t), Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func dial(t *testing.T, r *Relay) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// say writes b and reads as much back.
func say(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() { _, err := c.Write(b); sent <- err }()
	got := make([]byte, len(b))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil || !bytes.Equal(got, b) {
		t.Fatalf("%d bytes came back as others, %v", len(b), err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(15 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after 15 s still not: %s", what)
		}
	}
}

func TestBytesPassUnchangedBothWays(t *testing.T) {
	r := newTCP(t)
	rng := rand.New(rand.NewPCG(7, 7))
	var wg sync.WaitGroup
	for range 4 {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		c := dial(t, r)
		wg.Go(func() { say(t, c, b) })
	}
	wg.Wait()
	if s := r.Stats(); s.Connections != 4 || s.Up != 4<<20 || s.Down != 4<<20 {
		t.Errorf("%+v", s)
	}
}

func TestOneEndedConnectionStillHears(t *testing.T) {
	r := newTCP(t)
	c := dial(t, r).(*net.TCPConn)
	if _, err := c.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || string(b) != "last words" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestDelayHoldsBack(t *testing.T) {
	r := newTCP(t)
	r.SetDelay(60*time.Millisecond, 10*time.Millisecond)
	c, began := dial(t, r), time.Now()
	say(t, c, []byte("there and back"))
	if d := time.Since(began); d < 120*time.Millisecond {
		t.Errorf("back after %v, 2 × 60 ms were asked for", d)
	}
	r.SetDelay(0, 0)
	say(t, c, []byte("and again"))
}

// TestRateIsShared: two connections over a narrow line both get on, and together no faster
// than the line.
func TestRateIsShared(t *testing.T) {
	r := newTCP(t)
	r.SetRate(400 << 10)
	var wg sync.WaitGroup
	began := time.Now()
	for range 2 {
		c := dial(t, r)
		wg.Go(func() { say(t, c, make([]byte, 60<<10)) })
	}
	wg.Wait()
	if d := time.Since(began); d < 280*time.Millisecond {
		t.Errorf("120 KiB went in %v at 400 KiB/s", d)
	}
	r.SetRate(0)
	say(t, dial(t, r), make([]byte, 1<<20))
}

func TestCutResetsAll(t *testing.T) {
	r := newTCP(t)
	a, b := dial(t, r), dial(t, r)
	say(t, a, []byte("a"))
	say(t, b, []byte("b"))
	if n := r.Cut(); n != 2 {
		t.Errorf("%d connections were cut", n)
	}
	for _, c := range []net.Conn{a, b} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a cut connection says %v", err)
		}
	}
	say(t, dial(t, r), []byte("a new one works"))
	if s := r.Stats(); s.Cuts != 2 || s.Connections != 3 {
		t.Errorf("%+v", s)
	}
}

func TestCutAfterIsExactAndOnce(t *testing.T) {
	for _, d := range []Direction{Up, Down} {
		r := newTCP(t)
		r.CutAfter(100, d)
		c := dial(t, r)
		go func() { _, _ = c.Write(make([]byte, 300)) }()
		n, err := io.Copy(io.Discard, c)
		if !errors.Is(err, syscall.ECONNRESET) || n > 100 { // a reset overtakes what was not read yet
			t.Errorf("%v: %d bytes, %v", d, n, err)
		}
		s := r.Stats()
		if passed := map[Direction]int64{Up: s.Up, Down: s.Down}[d]; passed != 100 || s.Cuts != 1 {
			t.Errorf("%v: %+v", d, s)
		}
		say(t, dial(t, r), make([]byte, 1000))
	}
}

func TestCutAfterCalledOff(t *testing.T) {
	r := newTCP(t)
	r.CutAfter(10, Up)
	r.CutAfter(-1, Up)
	say(t, dial(t, r), make([]byte, 100))
}

// served reports whether a new connection gets anything; the reset may come as early as in dial.
func served(r *Relay) bool {
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		return false
	}
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	return err == nil
}

// TestLoseReply: the connection that is named loses its answer, another keeps it.
func TestLoseReply(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := TCP(l.Addr().String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, lose := range []bool{true, false} {
		c := dial(t, r)
		if _, err := c.Write([]byte("question")); err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(server, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		if lose {
			r.LoseReply(server.RemoteAddr().String())
		}
		if _, err := server.Write([]byte("answer")); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 10)); lose != (err != nil) || lose != (n == 0) {
			t.Errorf("lose %v: %d bytes, %v", lose, n, err)
		}
		server.Close()
	}
	if s := r.Stats(); s.Cuts != 1 || s.Up != 16 || s.Down != 6 {
		t.Errorf("%+v", s)
	}
}

func TestRefuse(t *testing.T) {
	r := newTCP(t)
	old := dial(t, r)
	say(t, old, []byte("x"))
	r.Refuse(true)
	if served(r) {
		t.Error("a refused connection was served")
	}
	say(t, old, []byte("still there"))
	r.Refuse(false)
	say(t, dial(t, r), []byte("back"))
	if s := r.Stats(); s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

func TestHalfOpenSaysNothing(t *testing.T) {
	r := newTCP(t)
	old := dial(t, r)
	say(t, old, []byte("before"))
	r.HalfOpen(true)
	fresh := dial(t, r)
	for _, c := range []net.Conn{old, fresh} {
		if _, err := c.Write([]byte("into the void")); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "swallowed", func() bool { return r.Stats().Swallowed == 26 })
	r.HalfOpen(false)
	for _, c := range []net.Conn{old, fresh} {
		if _, err := c.Write([]byte("more")); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 10)); n > 0 || !isTimeout(err) {
			t.Errorf("%d bytes, %v: a connection that lost bytes is to stay silent", n, err)
		}
	}
	say(t, dial(t, r), []byte("a new one works"))
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func TestNobodyAtTheTarget(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	r, err := TCP(addr, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if served(r) {
		t.Error("somebody answered")
	}
	if _, err := TCP(addr, Options{Listen: "256.0.0.1:0"}); err == nil {
		t.Error("listening nowhere")
	}
	if _, err := UDP("nowhere", Options{}); err == nil {
		t.Error("a target without a port")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error("closing twice:", err)
	}
}

// TestCloseWhileEverythingIsBusy: no goroutine and no connection outlives Close.
func TestCloseWhileEverythingIsBusy(t *testing.T) {
	r := newTCP(t)
	r.SetRate(10 << 10)
	r.SetDelay(time.Minute, 0)
	for range 3 {
		c := dial(t, r)
		go func() { _, _ = c.Write(make([]byte, 1<<20)) }()
	}
	eventually(t, "connected", func() bool { return r.Stats().Connections == 3 })
	began := time.Now()
	if err := r.Close(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
