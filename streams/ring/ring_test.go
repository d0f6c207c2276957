package ring

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// unit makes a unit of size bytes at dts of run, shown at the same time.
func unit(run string, seq int, dts time.Duration, key bool, size int) *streams.AccessUnit {
	return &streams.AccessUnit{Run: bongsu.RunID(run), Seq: uint64(seq), DTS: dts, PTS: dts, Wall: start.Add(dts), Key: key,
		NALs: [][]byte{make([]byte, size/2), make([]byte, size-size/2)}}
}

// fill adds n units of 100 bytes, 100 ms apart, with a key unit every gop.
func fill(r *Ring, n, gop int) {
	for i := range n {
		r.Add(unit("a", i, time.Duration(i)*100*time.Millisecond, i%gop == 0, 100))
	}
}

func TestFrom(t *testing.T) {
	r := New(Options{Keep: 5 * time.Second})
	if got := r.From(start); len(got) != 0 {
		t.Fatalf("an empty ring gives %d units", len(got))
	}
	fill(r, 200, 10) // 20 s, a key every second
	s := r.Stats()
	if s.Oldest != start.Add(14*time.Second) || s.Newest != start.Add(19900*time.Millisecond) || s.Units != 60 || s.Bytes != 6000 || s.DroppedUnits != 0 || s.Span != 5900*time.Millisecond {
		t.Errorf("%+v", s)
	}
	for _, tc := range []struct {
		name  string
		at    time.Duration
		first time.Duration
	}{
		{"on a key unit", 16 * time.Second, 16 * time.Second},
		{"just before a key unit", 16*time.Second - 1, 15 * time.Second},
		{"between", 16500 * time.Millisecond, 16 * time.Second},
		{"older than all", 3 * time.Second, 14 * time.Second},
		{"the future", time.Hour, 19 * time.Second},
	} {
		got := r.From(start.Add(tc.at))
		if got[0].DTS != tc.first || !got[0].Key || got[len(got)-1].DTS != 19900*time.Millisecond {
			t.Errorf("%s: begins at %v", tc.name, got[0].DTS)
		}
	}
}

func TestLongGOPIsHeldWhole(t *testing.T) {
	r := New(Options{Keep: time.Second})
	fill(r, 300, 1000)
	if got := r.From(start.Add(29 * time.Second)); len(got) != 300 {
		t.Errorf("%d of 300 units of a GOP of 30 s are held", len(got))
	}
}

func TestGOPBeyondTheCap(t *testing.T) {
	r := New(Options{Keep: time.Minute, MaxBytes: 1000})
	fill(r, 15, 100) // the 11th unit breaks the cap
	if s := r.Stats(); s.Units != 0 || s.Bytes != 0 || s.DroppedUnits != 15 || !s.Oldest.IsZero() || s.Span != 0 {
		t.Errorf("%+v", s)
	}
	r.Add(unit("a", 15, 1500*time.Millisecond, true, 100))
	r.Add(unit("a", 16, 1600*time.Millisecond, false, 100))
	if s := r.Stats(); s.Units != 2 || s.DroppedUnits != 15 {
		t.Errorf("after the next key unit: %+v", s)
	}
}

func TestRunsAreNotMixed(t *testing.T) {
	r := New(Options{Keep: time.Minute})
	r.Add(unit("a", 0, 0, false, 100)) // a run must begin with a key unit
	r.Add(unit("a", 1, 1, true, 100))
	r.Add(unit("b", 0, 0, false, 100))
	r.Add(unit("b", 1, 1, true, 100))
	if s := r.Stats(); s.Units != 2 || s.DroppedUnits != 2 {
		t.Errorf("%+v", s)
	}
}

// model is the plain form of what Ring promises: a list of units, cut by looking at all of it.
type model struct {
	keep    time.Duration
	max     int64
	units   []*streams.AccessUnit
	dropped uint64
}

// starts gives the index of each key unit.
func (m *model) starts() (out []int) {
	for i, au := range m.units {
		if au.Key {
			out = append(out, i)
		}
	}
	return out
}

// span sums up the steps of DTS within each GOP and to the next key unit of the same run.
func (m *model) span(from int) (sum time.Duration) {
	keys := append(m.starts(), len(m.units))
	for k := 0; k+1 < len(keys); k++ {
		i, end := keys[k], keys[k+1]
		if i < from {
			continue
		}
		longest := time.Duration(0)
		for n := i; n < end || n == end && n < len(m.units) && m.units[n].Run == m.units[i].Run; n++ {
			longest = max(longest, m.units[n].DTS-m.units[i].DTS)
		}
		sum += longest
	}
	return sum
}

func (m *model) bytes() (n int64) {
	for _, au := range m.units {
		n += int64(au.Size())
	}
	return n
}

func (m *model) add(au *streams.AccessUnit) {
	if !au.Key && (len(m.units) == 0 || m.units[len(m.units)-1].Run != au.Run) {
		m.dropped++
		return
	}
	m.units = append(m.units, au)
	for {
		keys := m.starts()
		switch {
		case len(keys) > 1 && (m.span(keys[1]) >= m.keep || m.bytes() > m.max):
			m.units = m.units[keys[1]:]
			continue
		case len(keys) == 1 && m.bytes() > m.max:
			m.dropped += uint64(len(m.units))
			m.units = nil
		}
		return
	}
}

func (m *model) from(t time.Time) []*streams.AccessUnit {
	keys := m.starts()
	for k := len(keys) - 1; k > 0; k-- {
		if !m.units[keys[k]].Wall.After(t) {
			return m.units[keys[k]:]
		}
	}
	return m.units
}

// TestAgainstModel drives ring and model with random streams: GOPs of any length, runs,
// clocks that step, bounds of any size.
func TestAgainstModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 2))
	for round := range 60 {
		keep := time.Duration(rnd.IntN(8000)) * time.Millisecond
		limit := int64(1000 + rnd.IntN(40000))
		r, m := New(Options{Keep: keep, MaxBytes: limit}), &model{keep: keep, max: limit}
		run, seq, dts, wall := "run-0", 0, time.Duration(0), start
		keyEvery := 1 + rnd.IntN(40)
		for i := range 400 {
			switch rnd.IntN(100) {
			case 0:
				run, seq, dts = "run-"+string(rune('a'+rnd.IntN(26))), 0, 0
			case 1:
				wall = wall.Add(time.Duration(rnd.IntN(20)-10) * time.Second)
			case 2:
				dts += time.Duration(rnd.IntN(6)-3) * time.Second
			case 3:
				keyEvery = 1 + rnd.IntN(40)
			}
			step := time.Duration(rnd.IntN(120)) * time.Millisecond
			dts, wall = dts+step, wall.Add(step)
			au := unit(run, seq, dts, rnd.IntN(keyEvery) == 0, 1+rnd.IntN(900))
			au.Wall = wall
			seq++
			r.Add(au)
			m.add(au)
			s := r.Stats()
			if s.Units != len(m.units) || s.Bytes != m.bytes() || s.DroppedUnits != m.dropped || s.Span != m.span(0) {
				t.Fatalf("round %d unit %d: %+v, model has %d units, %d bytes, %d dropped, %v", round, i, s, len(m.units), m.bytes(), m.dropped, m.span(0))
			}
			if s.Bytes > limit {
				t.Fatalf("round %d: %d bytes are held, the cap is %d", round, s.Bytes, limit)
			}
			at := wall.Add(time.Duration(rnd.IntN(12000)-10000) * time.Millisecond)
			got, want := r.From(at), m.from(at)
			if len(got) != len(want) {
				t.Fatalf("round %d unit %d: From gives %d units, model %d", round, i, len(got), len(want))
			}
			for k := range got {
				if got[k] != want[k] {
					t.Fatalf("round %d unit %d: From differs at %d", round, i, k)
				}
			}
		}
	}
}

// TestReadersBesideTheWriter is for the race detector.
func TestReadersBesideTheWriter(t *testing.T) {
	r := New(Options{Keep: time.Second})
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if got := r.From(start.Add(time.Second)); len(got) > 0 && !got[0].Key {
					t.Error("does not begin with a key unit")
					return
				}
				r.Stats()
			}
		})
	}
	fill(r, 5000, 10)
	close(done)
	wg.Wait()
}

func BenchmarkAdd(b *testing.B) {
	r := New(Options{Keep: 10 * time.Second})
	units := make([]*streams.AccessUnit, 1000)
	for i := range units {
		units[i] = unit("a", i, time.Duration(i)*40*time.Millisecond, i%50 == 0, 1000)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		au := *units[i%1000]
		au.DTS += time.Duration(i/1000) * 40 * time.Second
		r.Add(&au)
	}
}
