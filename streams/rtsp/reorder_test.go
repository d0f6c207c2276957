package rtsp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func numbered(seq uint16, ssrc uint32) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, SSRC: ssrc}}
}

// TestReorder: any order in which no packet is overtaken by more than the distance is put
// right, from any beginning, across the wrap.
func TestReorder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		var o reorder
		begin := uint16(r.Uint32())
		order := make([]uint16, 500)
		for i := range order {
			order[i] = uint16(i)
		}
		for i := 1; i < len(order); i++ { // swaps within windows of 30
			j := min(len(order)-1, i+r.IntN(30))
			if j/30 == i/30 {
				order[i], order[j] = order[j], order[i]
			}
		}
		var out []arrival
		now := t0
		for _, n := range order {
			now = now.Add(time.Millisecond)
			out = o.push(numbered(begin+n, 1), now, out)
			if r.IntN(20) == 0 {
				out = o.push(numbered(begin+n, 1), now, out)
			}
		}
		out = o.flush(out)
		next, last := begin, time.Time{}
		for _, a := range out {
			if a.at.Before(last) {
				t.Fatal("a time of arrival goes back")
			}
			last = a.at
			switch seq := a.pkt.SequenceNumber; {
			case seq == next:
				next++
			case int16(seq-next) < 0: // a second time: the assembler knows
			default:
				t.Fatalf("%d came where %d belongs", seq-begin, next-begin)
			}
		}
		if next-begin != 500 {
			t.Fatalf("%d packets of 500", next-begin)
		}
	}
}

func TestReorderGivesUp(t *testing.T) {
	var o reorder
	out := o.push(numbered(1000, 1), t0, nil)
	if len(out) != 0 {
		t.Fatal("the first packet did not wait for those that it may have overtaken")
	}
	if wait, ok := o.wait(t0); !ok || wait != reorderHold {
		t.Fatalf("it waits %v, %v", wait, ok)
	}
	out = o.expire(t0.Add(reorderHold), nil)
	if len(out) != 1 || o.n != 0 {
		t.Fatalf("%d packets after the wait", len(out))
	}
	out = o.push(numbered(1002, 1), t0.Add(time.Second), nil)
	if len(out) != 0 || o.moved != 1 {
		t.Fatalf("%d packets past a gap, %d moved", len(out), o.moved)
	}
	for n := uint16(1003); n < 1002+reorderDistance; n++ {
		out = o.push(numbered(n, 1), t0.Add(time.Second), out)
	}
	if len(out) == 0 {
		t.Fatal("a gap is waited for by more packets than may be")
	}
	// A new sender goes first; a number far away counts when its successor comes.
	out = o.push(numbered(7, 2), t0.Add(time.Second), nil)
	if len(out) != 1 || out[0].pkt.SSRC != 2 {
		t.Fatalf("a new sender's packet waits: %d", len(out))
	}
	out = o.push(numbered(40000, 2), t0.Add(time.Second), nil)
	out = o.push(numbered(40001, 2), t0.Add(time.Second), out)
	out = o.push(numbered(40002, 2), t0.Add(time.Second), out)
	if len(out) != 3 || o.next != 40003 {
		t.Fatalf("%d packets after a restart, next is %d", len(out), o.next)
	}
}

func FuzzReorder(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 9, 4, 5})
	f.Add([]byte{0, 200, 0, 0, 0, 7, 255, 1})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var o reorder
		seq, now := uint16(0), t0
		in, out := 0, 0
		for i, b := range steps {
			seq += uint16(int8(b)) * uint16(1+i%3*40)
			now = now.Add(time.Duration(b%16) * 20 * time.Millisecond)
			in++
			out += len(o.push(numbered(seq, uint32(b>>7)), now, nil))
			if b%5 == 0 {
				out += len(o.expire(now, nil))
			}
			if o.n < 0 || o.n > reorderDistance {
				t.Fatalf("%d packets are held", o.n)
			}
		}
		out += len(o.flush(nil))
		if o.n != 0 || out+int(o.doubled) != in {
			t.Fatalf("%d packets in, %d out, %d doubled, %d held", in, out, o.doubled, o.n)
		}
	})
}
