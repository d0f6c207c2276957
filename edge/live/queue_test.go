package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// clock is a time that the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// script feeds a queue by letters and reads it back so: i an init segment, k a key frame, p
// another picture, J a still, w a state, and a figure lets so many hundred milliseconds pass.
func feed(q *queue, c *clock, letters string) {
	for _, l := range letters {
		it := bongsu.LiveItem{Payload: make([]byte, 100)}
		switch l {
		case 'i':
			it.Kind = bongsu.LiveInit
		case 'k':
			it.Kind, it.Flags = bongsu.LiveFragment, bongsu.LiveKey
		case 'p':
			it.Kind = bongsu.LiveFragment
		case 'J':
			it.Kind, it.Flags = bongsu.LiveJPEG, bongsu.LiveKey
		case 'w':
			it.Kind, it.Payload, it.Text = bongsu.LiveNone, nil, new(bongsu.LiveState(bongsu.LiveWaiting, "", ""))
		default:
			c.t = c.t.Add(time.Duration(l-'0') * 100 * time.Millisecond)
			continue
		}
		q.put(it)
	}
}

func drain(q *queue, keysOnly bool) string {
	var b strings.Builder
	for {
		it, ok := q.take(keysOnly)
		if !ok {
			return b.String()
		}
		switch {
		case it.Kind == bongsu.LiveInit:
			b.WriteByte('i')
		case it.Kind == bongsu.LiveJPEG:
			b.WriteByte('J')
		case it.Kind == bongsu.LiveNone:
			b.WriteByte('w')
		case it.Flags&bongsu.LiveKey != 0:
			b.WriteByte('k')
		default:
			b.WriteByte('p')
		}
	}
}

func TestQueue(t *testing.T) {
	for _, c := range []struct {
		name, in, out string
		dropped       int
		keysOnly      bool
	}{
		{"in order", "ikppkpp", "ikppkpp", 0, false},
		{"a key frame replaces what waits for long", "ikpppp9955kpp", "ikpp", 5, false},
		{"the init segment in force stays", "ikppikpp9955kp", "ikp", 6, false},
		{"a state stays", "ikpw9955kp", "iwkp", 2, false},
		{"the last state counts", "wwikpw", "ikpw", 0, false},
		{"too late without a key frame: up to the next", "ikp99995ppkp", "ikp", 4, false},
		{"too much", "ikppppppppppppkp", "ikp", 13, false},
		{"one GOP that is too much", "ikpppppppppppppppp", "i", 17, false},
		{"keys only", "ikppkppkp", "ikkk", 5, true},
		{"a still takes the place of those that wait", "J9J9J", "J", 2, false},
		{"a burst at once is no delay", "ikpppppkp", "ikpppppkp", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, dropped := &clock{time.Unix(1000, 0)}, 0
			q := newQueue(1050, now.now, func(n int) { dropped += n })
			feed(q, now, c.in)
			if got := drain(q, c.keysOnly); got != c.out || dropped != c.dropped {
				t.Errorf("%s came out as %s with %d dropped, want %s with %d", c.in, got, dropped, c.out, c.dropped)
			}
			if q.bytes != 0 {
				t.Errorf("%d bytes are left in an empty queue", q.bytes)
			}
			feed(q, now, "ppkp")
			if got := drain(q, false); !strings.HasSuffix(got, "kp") {
				t.Errorf("afterwards comes %s", got)
			}
		})
	}
}

func TestQueueJam(t *testing.T) {
	now, dropped := &clock{time.Unix(1000, 0)}, 0
	q := newQueue(1<<20, now.now, func(n int) { dropped += n })
	feed(q, now, "ikpp")
	q.jam()
	feed(q, now, "pp")
	q.jam()
	feed(q, now, "pkp")
	if got := drain(q, false); got != "ikp" || dropped != 6 {
		t.Errorf("after a jam comes %s with %d dropped", got, dropped)
	}
}

func TestWay(t *testing.T) {
	var w way
	at := time.Unix(1000, 0)
	for i, c := range []struct {
		after     time.Duration
		out, back bool
		want      time.Duration
	}{
		{0, false, false, 0},
		{0, true, false, 0},
		{300 * time.Millisecond, false, false, 300 * time.Millisecond}, // the ping is out for so long
		{0, false, true, 300 * time.Millisecond},
		{time.Second, false, false, 300 * time.Millisecond},
		{0, true, false, 300 * time.Millisecond},
		{400 * time.Millisecond, false, false, 400 * time.Millisecond},
		{0, false, true, 400 * time.Millisecond},
	} {
		at = at.Add(c.after)
		if c.out {
			w.out(at)
		}
		if c.back {
			w.back(at)
		}
		if got := w.takes(at); got != c.want {
			t.Errorf("step %d: %v, want %v", i, got, c.want)
		}
	}
	(*way)(nil).out(at)
	(*way)(nil).back(at)
}

func ExampleLive_Status() {
	l, err := New(Options{URL: "https://cloud.example", Credential: "secret"})
	fmt.Println(l.Status().Connected, err)
	// Output: false <nil>
}
