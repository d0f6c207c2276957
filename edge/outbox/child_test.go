package outbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bongsu"
	"bongsu/deploy/faults/powercut"
)

// childDir makes the test binary store events and clips in that folder until it is killed.
const childDir = "BONGSU_OUTBOX_TEST_CHILD"

// childOptions are those of the child and of whoever looks at what it left.
func childOptions() Options {
	return Options{SegmentBytes: 256 << 10, ReserveBytes: -1, MinFreeBytes: -1}
}

// runChild is the process that gets killed. It prints one line for each thing that it was
// promised, after it was: "put ID", "acked ID", "clip ID HASH"; and "ack ID" before it
// acknowledges one.
func runChild() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	if err := childWork(dir); err != nil {
		fmt.Println("fail", err)
	}
	return true
}

func childWork(dir string) error {
	o, err := Open(dir, childOptions())
	if err != nil {
		return err
	}
	fmt.Println("ready .")
	for {
		rec := anEvent(0, 1, bongsu.EventClosed)
		rec.Event.ID = bongsu.NewEventID(time.Now())
		rec.Snapshot = make([]byte, 8<<10)
		if _, err := o.PutEvent(rec); err != nil {
			return err
		}
		fmt.Println("put", rec.Event.ID)
		switch last := rec.Event.ID[len(rec.Event.ID)-1]; {
		case last < '8': // half of them
			fmt.Println("ack", rec.Event.ID)
			if err := o.AckEvents(rec.Event.Key()); err != nil {
				return err
			}
			fmt.Println("acked", rec.Event.ID)
		case last < 'b':
			if err := childClip(o, rec.Event.ID); err != nil {
				return err
			}
		}
	}
}

// childClip records a part as a worker does: file and folder are fsynced before CloseClip.
func childClip(o *Outbox, id bongsu.EventID) error {
	clip := bongsu.Clip{Event: id, Camera: "yard", Start: time.Now()}
	path, err := o.OpenClip(clip)
	if err != nil {
		return err
	}
	content := bytes.Repeat([]byte(id), 600)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	folder, oerr := os.Open(filepath.Dir(path))
	if err := errors.Join(err, oerr, f.Sync(), f.Close(), folder.Sync(), folder.Close()); err != nil {
		return err
	}
	clip.State, clip.Bytes, clip.SHA256 = bongsu.ClipReady, int64(len(content)), hashHex(content)
	if err := o.CloseClip(clip); err != nil {
		return err
	}
	fmt.Println("clip", id, clip.SHA256)
	return nil
}

// promises is what a child was promised, over all its lives.
type promises struct {
	said  map[string]string // ID → last word about the event
	clips map[string]string // ID → hash
	ready []time.Duration   // from the start of a process to its outbox being open

	// late says that what a child tells after its end has begun is no promise. It is so when the
	// power is cut: the kernel lives on for a moment, and an fsync that was under way may then
	// return without an error although what it was about is gone with the power (ext4 keeps to
	// itself that the extents could not be marked as written). With the power the machine would
	// have gone too, and nobody would have heard it.
	late   bool
	unsure int // events of which something was told after the end had begun
}

func newPromises() *promises { return &promises{said: map[string]string{}, clips: map[string]string{}} }

// live runs the child until it has said so many lines, calls end, and reads what it said before
// it died.
func (p *promises) live(t *testing.T, dir string, lines int, end func(*os.Process) error) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	r := bufio.NewScanner(out)
	for n := 0; r.Scan(); n++ {
		var word, id, hash string
		if k, err := fmt.Sscan(r.Text(), &word, &id, &hash); k < 2 || (word == "fail" && !ended) {
			t.Errorf("child: %s, %v", r.Text(), err)
		}
		if p.late && ended {
			p.perhaps(word, id)
			continue
		}
		switch word {
		case "ready":
			p.ready = append(p.ready, time.Since(began))
		case "clip":
			p.clips[id] = hash
		case "fail": // as a program does whose disk is gone
		default:
			p.said[id] = word
		}
		if n == lines {
			ended = true
			if err := end(cmd.Process); err != nil {
				t.Error(err)
				_ = cmd.Process.Kill()
			}
		}
	}
	_ = cmd.Wait() // killed, as wanted
}

// perhaps takes down what was told too late to count: it may be there or not.
func (p *promises) perhaps(word, id string) {
	switch word {
	case "put", "ack", "acked":
		if p.said[id] != "perhaps" {
			p.said[id] = "perhaps"
			p.unsure++
		}
	}
}

// verify holds what is on disk against the promises.
func (p *promises) verify(t *testing.T, dir string) {
	t.Helper()
	rep, err := Check(dir)
	if err != nil || len(rep.Violations) > 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	o, err := Open(dir, childOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	seen := map[string]bool{}
	for _, k := range pendingKeys(t, o, false) {
		id := string(k.ID)
		if seen[id] || p.said[id] == "acked" {
			t.Fatalf("%s is given out again", id)
		}
		seen[id] = true
	}
	for id, word := range p.said {
		if word == "put" && !seen[id] {
			t.Fatalf("%s is lost", id)
		}
	}
	clips := map[string]string{}
	for _, c := range o.PendingClips(1<<20, nil) {
		sum, size, err := hashFile(o.fs, clipName(c.Key()))
		if err != nil || sum != c.SHA256 || size != c.Bytes {
			t.Fatalf("clip %s, %s: its file has another hash than its row, %v", c.Event, c.State, err)
		}
		if c.State == bongsu.ClipReady {
			clips[string(c.Event)] = sum
		}
	}
	for id, sum := range p.clips {
		if clips[id] != sum {
			t.Fatalf("the clip of %s was whole and is %q now", id, clips[id])
		}
	}
	sumsHold(t, o)
}

// TestKilledProcess kills a process that stores events and clips, again and again, and compares
// what it was promised with what is there (row R1): nothing lost, nothing doubled, each clip
// whole or marked.
func TestKilledProcess(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	rounds := 25
	if os.Getenv("BONGSU_LONG") != "" {
		rounds = 500
	}
	dir := t.TempDir()
	p := newPromises()
	for range rounds {
		p.live(t, dir, 1+rng.IntN(200), (*os.Process).Kill)
		p.verify(t, dir)
	}
	slices.Sort(p.ready)
	t.Logf("figure R1: outbox: %d kills, %d events and %d clips promised, 0 lost, 0 doubled; ready after %v at most",
		rounds, len(p.said), len(p.clips), p.ready[len(p.ready)-1].Round(time.Millisecond))
}

// TestPowerCuts takes the power from a disk while a process stores events and clips on it (row
// R2): after each cut the log is sound, nothing acknowledged is lost and no clip is other than
// its row says.
func TestPowerCuts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	rounds := 20
	if os.Getenv("BONGSU_LONG") != "" {
		rounds = 300
	}
	disk := powercut.New(t, 256)
	dir := filepath.Join(disk.Path, "outbox")
	p := newPromises()
	p.late = true
	for range rounds {
		p.live(t, dir, 1+rng.IntN(200), func(child *os.Process) error {
			return errors.Join(disk.Cut(), child.Kill())
		})
		if err := disk.Remount(); err != nil {
			t.Fatal(err)
		}
		p.verify(t, dir)
	}
	t.Logf("figure R2: outbox: %d power cuts, %d events and %d clips promised, 0 lost, 0 violations, 0 clips with another hash (of %d events something was told while the power went: not counted)",
		disk.Cuts(), len(p.said)-p.unsure, len(p.clips), p.unsure)
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
