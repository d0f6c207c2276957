package relay

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"
)

// sink takes packets that begin with a number, until the test ends.
type sink struct {
	c   *net.UDPConn
	mu  sync.Mutex
	got []uint32
}

func newSink(t *testing.T, answers bool) *sink {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	s := &sink{c: c}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, maxPacket)
		for {
			n, from, err := c.ReadFromUDP(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.got = append(s.got, binary.BigEndian.Uint32(buf))
			s.mu.Unlock()
			if answers {
				_, _ = c.WriteToUDP(buf[:n], from)
			}
		}
	})
	t.Cleanup(func() { c.Close(); wg.Wait() })
	return s
}

func (s *sink) numbers() []uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]uint32(nil), s.got...)
}

// through sends n numbered packets through a relay and gives the order of their arrival.
func through(t *testing.T, seed uint64, n int, set func(*Relay)) ([]uint32, Stats) {
	t.Helper()
	s := newSink(t, false)
	r, err := UDP(s.c.LocalAddr().String(), Options{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	set(r)
	c, err := net.Dial("udp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range n {
		b := make([]byte, 200)
		binary.BigEndian.PutUint32(b, uint32(i))
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if i%64 == 63 { // no faster than the sink reads
			eventually(t, "taken", func() bool {
				st := r.Stats()
				return st.Up/200+st.Lost+st.Swallowed/200+64 >= int64(i)
			})
		}
	}
	eventually(t, "all settled", func() bool {
		st := r.Stats()
		return st.Up/200+st.Lost+st.Swallowed/200-st.Duplicated >= int64(n) && int64(len(s.numbers())) >= st.Up/200 // doubles count in both
	})
	return s.numbers(), r.Stats()
}

func outOfOrder(got []uint32) (late, distance int) {
	highest := -1
	for _, n := range got {
		if int(n) < highest {
			late++
			distance = max(distance, highest-int(n))
		}
		highest = max(highest, int(n))
	}
	return late, distance
}

func TestUDPPassesInOrder(t *testing.T) {
	got, st := through(t, 1, 500, func(*Relay) {})
	if late, _ := outOfOrder(got); len(got) != 500 || late != 0 || st.Lost != 0 || st.Connections != 1 {
		t.Errorf("%d packets, %d late, %+v", len(got), late, st)
	}
}

func TestUDPLossIsAsAskedAndSeeded(t *testing.T) {
	lose := func(r *Relay) { r.SetLoss(0.2) }
	a, st := through(t, 42, 2000, lose)
	if st.Lost < 300 || st.Lost > 500 || int64(len(a)) != 2000-st.Lost {
		t.Errorf("%d arrived, %+v", len(a), st)
	}
	b, _ := through(t, 42, 2000, lose)
	if len(a) != len(b) {
		t.Fatalf("the same seed lost %d and %d", 2000-len(a), 2000-len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("the same seed lost other packets: %d and %d", a[i], b[i])
		}
	}
}

func TestUDPReorderKeepsItsDistance(t *testing.T) {
	got, st := through(t, 3, 1000, func(r *Relay) { r.SetReorder(0.1, 60) })
	late, distance := outOfOrder(got)
	if len(got) != 1000 || late == 0 || st.Reordered < 50 || distance > 2*60+64 {
		t.Errorf("%d arrived, %d late by up to %d, %+v", len(got), late, distance, st)
	}
}

func TestUDPDuplicate(t *testing.T) {
	got, st := through(t, 4, 1000, func(r *Relay) { r.SetDuplicate(0.1) })
	if st.Duplicated < 50 || st.Duplicated > 150 || int64(len(got)) != 1000+st.Duplicated {
		t.Errorf("%d arrived, %+v", len(got), st)
	}
}

func TestUDPJitterAndDelay(t *testing.T) {
	began := time.Now()
	got, _ := through(t, 5, 200, func(r *Relay) { r.SetDelay(20*time.Millisecond, 20*time.Millisecond) })
	if len(got) != 200 || time.Since(began) < 20*time.Millisecond {
		t.Errorf("%d after %v", len(got), time.Since(began))
	}
	if late, _ := outOfOrder(got); late == 0 {
		t.Error("20 ms of jitter brought nothing out of order")
	}
}

func TestUDPRateAndHalfOpen(t *testing.T) {
	began := time.Now()
	if got, _ := through(t, 6, 200, func(r *Relay) { r.SetRate(200 << 10) }); len(got) != 200 || time.Since(began) < 180*time.Millisecond {
		t.Errorf("%d of 200 in %v: 40,000 bytes at 200 KiB/s", len(got), time.Since(began))
	}
	if got, st := through(t, 7, 100, func(r *Relay) { r.HalfOpen(true) }); len(got) != 0 || st.Swallowed != 100*200 {
		t.Errorf("%d arrived, %+v", len(got), st)
	}
}

// TestUDPAnswersComeBack: each client gets its own answers.
func TestUDPAnswersComeBack(t *testing.T) {
	s := newSink(t, true)
	r, err := UDP(s.c.LocalAddr().String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range uint32(3) {
		c, err := net.Dial("udp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		b := binary.BigEndian.AppendUint32(nil, 100+i)
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(b); err != nil || n != 4 || binary.BigEndian.Uint32(b) != 100+i {
			t.Errorf("%d bytes %v, %v", n, b, err)
		}
		c.Close()
	}
	if st := r.Stats(); st.Connections != 3 || st.Packets != 6 {
		t.Errorf("%+v", st)
	}
}
