package outbox

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"bongsu"
)

// childDir makes the test binary store events in that folder until it is killed.
const childDir = "BONGSU_OUTBOX_TEST_CHILD"

// runChild is the process that gets killed: it prints each key once PutEvent has returned, and
// "ack ID" before it acknowledges one.
func runChild() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	o, err := Open(dir, Options{SegmentBytes: 256 << 10, ReserveBytes: -1})
	if err != nil {
		fmt.Println("fail", err)
		return true
	}
	for {
		rec := anEvent(0, 1, bongsu.EventClosed)
		rec.Event.ID = bongsu.NewEventID(time.Now())
		rec.Snapshot = make([]byte, 8<<10)
		if _, err := o.PutEvent(rec); err != nil {
			fmt.Println("fail", err)
			return true
		}
		fmt.Println("put", rec.Event.ID)
		if rec.Event.ID[len(rec.Event.ID)-1] < '8' { // half of them
			fmt.Println("ack", rec.Event.ID)
			if err := o.AckEvents(rec.Event.Key()); err != nil {
				fmt.Println("fail", err)
				return true
			}
			fmt.Println("acked", rec.Event.ID)
		}
	}
}

// TestKilledProcess kills a process that stores events, again and again, and compares what it
// said with what is there (row R1): nothing lost, nothing doubled.
func TestKilledProcess(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	rounds := 12
	if os.Getenv("BONGSU_LONG") != "" {
		rounds = 200
	}
	dir := t.TempDir()
	said := map[string]string{} // ID → last word about it
	for round := range rounds {
		killAfter(t, dir, 20+rng.IntN(200), said)
		rep, err := Check(dir)
		if err != nil || len(rep.Violations) > 0 {
			t.Fatalf("round %d: %+v, %v", round, rep, err)
		}
		o, err := Open(dir, Options{SegmentBytes: 256 << 10, ReserveBytes: -1})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, k := range pendingKeys(t, o, false) {
			id := string(k.ID)
			if seen[id] || said[id] == "acked" {
				t.Fatalf("round %d: %s is given out again", round, id)
			}
			seen[id] = true
		}
		for id, word := range said {
			if word == "put" && !seen[id] {
				t.Fatalf("round %d: %s is lost", round, id)
			}
		}
		sumsHold(t, o)
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d events", rounds, len(said))
}

// killAfter runs the child until it has said so many lines, and kills it.
func killAfter(t *testing.T, dir string, lines int, said map[string]string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewScanner(out)
	for n := 0; r.Scan(); n++ {
		var word, id string
		if _, err := fmt.Sscan(r.Text(), &word, &id); err != nil || word == "fail" {
			t.Errorf("child: %s", r.Text())
		}
		said[id] = word
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed, as wanted
}

// FuzzScan: whatever lies in a segment, reading it ends, without a panic, and gives records
// that lie where they say.
func FuzzScan(f *testing.F) {
	m := newMemFS()
	o, err := Open("mem", testOptions(m))
	if err != nil {
		f.Fatal(err)
	}
	put(f, o, anEvent(1, 1, bongsu.EventOpen), anEvent(1, 2, bongsu.EventClosed))
	if err := o.AckEvents(bongsu.EventKey{ID: eventID(1), Revision: 1}); err != nil {
		f.Fatal(err)
	}
	o.Close()
	good := m.names[segmentName(1)].seen[:1200]
	f.Add(good)
	f.Add(good[:300])
	f.Add(append(make([]byte, 64), good...))
	f.Add([]byte{})
	f.Add(magic[:])
	f.Fuzz(func(t *testing.T, in []byte) {
		c := newMemFS()
		node := &inode{seen: in, synced: in}
		c.names[segmentName(1)], c.durable[segmentName(1)] = node, node
		end := int64(0)
		file, _ := c.Open(segmentName(1))
		if _, err := scan(file, 1, int64(len(in)), true, func(r *record) {
			if r.at.offset < end || r.at.offset+r.at.size > int64(len(in)) {
				t.Fatalf("record at %d of %d bytes after %d", r.at.offset, r.at.size, end)
			}
			end = r.at.offset + r.at.size
		}); err != nil {
			t.Fatal(err)
		}
		o, err := Open("mem", testOptions(c))
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		if _, err := o.PendingEvents(true, 100, 1<<20, nil); err != nil {
			t.Fatal(err)
		}
		sumsHold(t, o)
		put(t, o, anEvent(7, 1, bongsu.EventClosed))
	})
}

// FuzzDecodeEvent: a body that has a right checksum but strange bytes is an error, no panic.
func FuzzDecodeEvent(f *testing.F) {
	rec := anEvent(1, 1, bongsu.EventOpen)
	b, err := encodeEvent(&rec)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:3])
	f.Add([]byte{255, 255, 255, 255, '{', '}'})
	f.Add([]byte{2, 0, 0, 0, '{', '}', 1, 2, 3})
	f.Fuzz(func(t *testing.T, body []byte) {
		rec, err := decodeEvent(body)
		if err != nil {
			return
		}
		if _, err := json.Marshal(rec); err != nil {
			t.Skip("a time beyond year 9999, which JSON cannot say")
		}
	})
}
