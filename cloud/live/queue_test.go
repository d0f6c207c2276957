package live

import (
	"strings"
	"testing"
	"time"

	"bongsu"
)

// clock is a time that the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// feed fills a queue by letters: f a format, i an init segment, k a key frame, p another picture,
// w a state; a figure lets so many hundred milliseconds pass.
func feed(q *queue, c *clock, letters string) {
	for _, l := range letters {
		m := &message{at: c.t, payload: make([]byte, 100)}
		switch l {
		case 'f':
			m.text, m.format, m.payload = []byte("{}"), true, nil
		case 'w':
			m.text, m.payload = []byte("{}"), nil
		case 'i':
			m.head.Kind = bongsu.LiveInit
		case 'k':
			m.head.Kind, m.head.Flags = bongsu.LiveFragment, bongsu.LiveKey
		case 'p':
			m.head.Kind = bongsu.LiveFragment
		default:
			c.t = c.t.Add(time.Duration(l-'0') * 100 * time.Millisecond)
			continue
		}
		q.put(m)
	}
}

// drain reads a queue back in the same letters; s is the state that says that the viewer is slow.
func drain(q *queue) string {
	var b strings.Builder
	for m := q.take(); m != nil; m = q.take() {
		switch {
		case m.format:
			b.WriteByte('f')
		case m.text != nil && strings.Contains(string(m.text), bongsu.LiveTooSlow):
			b.WriteByte('s')
		case m.text != nil:
			b.WriteByte('w')
		case m.head.Kind == bongsu.LiveInit:
			b.WriteByte('i')
		case m.head.Key():
			b.WriteByte('k')
		default:
			b.WriteByte('p')
		}
	}
	return b.String()
}

func TestQueue(t *testing.T) {
	for _, c := range []struct {
		name, in, out string
		dropped       int
	}{
		{"in order", "fikppkpp", "fikppkpp", 0},
		{"a key frame replaces what waits for long", "fikppp99kpp", "fiskpp", 4},
		{"what is in force stays", "fikppfikpp99kp", "fiskp", 6},
		{"the last state counts", "wwfikpwp", "fikpwp", 0},
		{"too late: up to the next key frame", "fikp99997ppkp", "fiskp", 4},
		{"too much", "fikpppppppppppppkp", "fiskp", 14},
		{"one picture that is too much alone", "fik", "fik", 0},
		{"set-ups that no picture follows", "fififiwiifikpfiiffik", "wfikpfik", 0},
		{"told once", "fikp99kp99kp", "fiskp", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, dropped := &clock{time.Unix(1000, 0)}, 0
			q := newQueue(1050, now.now, func(n int) { dropped += n })
			feed(q, now, c.in)
			if got := drain(q); got != c.out || dropped != c.dropped {
				t.Errorf("%s came out as %s with %d dropped, want %s with %d", c.in, got, dropped, c.out, c.dropped)
			}
			if q.bytes != 0 {
				t.Errorf("%d bytes are left in an empty queue", q.bytes)
			}
		})
	}
}

// TestQueuePrimed: a group of pictures that is larger than the bound gets through to who comes.
func TestQueuePrimed(t *testing.T) {
	now := &clock{time.Unix(1000, 0)}
	source := newQueue(1<<20, now.now, func(int) {})
	feed(source, now, "fik"+strings.Repeat("p", 50))
	var group []*message
	for m := source.take(); m != nil; m = source.take() {
		m.at = m.at.Add(-time.Minute) // of a camera with a key frame a minute
		group = append(group, m)
	}
	q := newQueue(1050, now.now, func(n int) { t.Errorf("%d dropped", n) })
	q.prime(group)
	feed(q, now, "ppp")
	if got := drain(q); got != "fik"+strings.Repeat("p", 53) {
		t.Errorf("got %s", got)
	}
}

func TestQueueSlowAndCaughtUp(t *testing.T) {
	now := &clock{time.Unix(1000, 0)}
	q := newQueue(1<<20, now.now, func(int) {})
	feed(q, now, "fikp")
	if q.caughtUp() || q.slowFor(now.t) != 0 {
		t.Error("slow from the beginning")
	}
	q.jam()
	feed(q, now, "9pp")
	if got := q.slowFor(now.t); got != 900*time.Millisecond {
		t.Errorf("slow for %v", got)
	}
	drain(q)
	if q.caughtUp() {
		t.Error("caught up without a key frame")
	}
	feed(q, now, "kp")
	if q.caughtUp() {
		t.Error("caught up while something waits")
	}
	if got := drain(q); got != "kp" || !q.caughtUp() || q.caughtUp() || q.slowFor(now.t) != 0 {
		t.Errorf("%s, slow for %v", got, q.slowFor(now.t))
	}
}

// TestGroupIsBounded: an edge that sends one key frame and then pictures of no bytes, without end,
// fills no memory.
func TestGroupIsBounded(t *testing.T) {
	h := New(Options{CacheBytes: 64 << 10})
	p := newPull(key{"e", "c", bongsu.LiveVideo}, h)
	p.live = "s"
	head := bongsu.LiveHeader{Kind: bongsu.LiveFragment, Flags: bongsu.LiveKey}
	most := 0
	for range 10_000 {
		p.picture("s", head, nil, time.Unix(1000, 0))
		head.Flags = 0
		most = max(most, len(p.group))
	}
	if most < 2 || most > 64 || p.group != nil {
		t.Errorf("%d messages were kept at most, and now %d", most, len(p.group))
	}
}
