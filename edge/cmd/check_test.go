package cmd

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/deploy/faults/witness"
	"bongsu/edge/outbox"
)

// checkJSON is what `check --json` prints.
type checkJSON struct {
	Findings []struct{ Level, Area, Invariant, Where, What string }
	Outbox   *outbox.Report
}

// breaches runs the check of an outbox as JSON and gives the invariants that are named as
// breached, each once.
func breaches(t *testing.T, dir string) (code int, named []string, said checkJSON) {
	t.Helper()
	code, out, errs := tool(t, "check", "--outbox", dir, "--json")
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, out, errs)
	}
	for _, f := range said.Findings {
		if f.Level == "bad" && !slices.Contains(named, f.Invariant) {
			named = append(named, f.Invariant)
		}
	}
	return code, named, said
}

// fixed are the IDs of the planted store's events.
func fixed(n int) bongsu.EventID {
	return bongsu.EventID(fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", n))
}

// fillOutbox makes an outbox of several segments: open and closed events, some acknowledged,
// clips that wait and clips that were sent.
func fillOutbox(t *testing.T, dir string) *outbox.Outbox {
	t.Helper()
	o, err := outbox.Open(dir, outbox.Options{SegmentBytes: 8192, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for n := range 40 {
		for rev := 1; rev <= 2; rev++ {
			e := bongsu.Event{ID: fixed(n), Revision: rev, Camera: "yard", Rule: "fence", Kind: bongsu.KindIntrusion,
				Priority: bongsu.PriorityHigh, State: bongsu.EventOpen, Start: at, Fired: at}
			_, err := o.PutEvent(bongsu.EventRecord{Event: e, Snapshot: bytes.Repeat([]byte("picture "), 40)})
			try(err)
		}
		if n%10 == 9 {
			try(o.AckEvents(bongsu.EventKey{ID: fixed(n), Revision: 1}))
		}
		if n%8 == 0 {
			clip := bongsu.Clip{Event: fixed(n), Camera: "yard"}
			path, err := o.OpenClip(clip)
			try(err)
			content := bytes.Repeat([]byte{byte(n)}, 500)
			try(os.WriteFile(path, content, 0o600))
			sum := sha256.Sum256(content)
			clip.State, clip.Bytes, clip.SHA256 = bongsu.ClipReady, 500, hex.EncodeToString(sum[:])
			try(o.CloseClip(clip))
		}
	}
	try(o.AckClip(bongsu.ClipKey{Event: fixed(0)}))
	return o
}

// logFile is a segment of the log, read and forged by the format of docs/design/durability.md.
type logFile struct {
	t    *testing.T
	path string
	b    []byte
}

func segment(t *testing.T, dir string, number int) *logFile {
	t.Helper()
	path := filepath.Join(dir, "journal", fmt.Sprintf("%010d.log", number))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return &logFile{t, path, b}
}

// records gives where the records of a kind begin; kind 0: all.
func (l *logFile) records(kind byte) (at []int) {
	for off := 0; off+32 <= len(l.b) && bytes.Equal(l.b[off:off+4], []byte{0xF5, 0x42, 0xFF, 0x4F}); {
		if kind == 0 || l.b[off+5] == kind {
			at = append(at, off)
		}
		n := 32 + int(binary.LittleEndian.Uint32(l.b[off+16:])) + int(binary.LittleEndian.Uint32(l.b[off+20:]))
		off += (n + 7) &^ 7
	}
	return at
}

// swap replaces text of one length in the meta of the record at off, and makes the checksum
// of its head right again.
func (l *logFile) swap(off int, from, to string) {
	l.t.Helper()
	end := off + 32 + int(binary.LittleEndian.Uint32(l.b[off+16:]))
	m := l.b[off+32 : end]
	if len(from) != len(to) || !bytes.Contains(m, []byte(from)) {
		l.t.Fatalf("%q is not in %s", from, m)
	}
	copy(m, bytes.Replace(m, []byte(from), []byte(to), 1))
	l.seal(off)
}

// seal makes the checksum of a record's head right.
func (l *logFile) seal(off int) {
	end := off + 32 + int(binary.LittleEndian.Uint32(l.b[off+16:]))
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	sum.Write(l.b[off : off+28])
	sum.Write(l.b[off+32 : end])
	binary.LittleEndian.PutUint32(l.b[off+28:], sum.Sum32())
}

// field gives `"name":number` as it stands in the meta at off.
func (l *logFile) field(off int, name string) string {
	l.t.Helper()
	_, rest, ok := bytes.Cut(l.b[off+32:off+32+int(binary.LittleEndian.Uint32(l.b[off+16:]))], []byte(`"`+name+`":`))
	if !ok {
		l.t.Fatalf("the record at %d has no %s", off, name)
	}
	return `"` + name + `":` + string(rest[:bytes.IndexAny(rest, ",}")])
}

func (l *logFile) save() {
	l.t.Helper()
	if err := os.WriteFile(l.path, l.b, 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// planted are the breaches, each with the one invariant that it breaks.
var planted = []struct {
	name, invariant string
	plant           func(t *testing.T, dir string)
}{
	{"a bit of a picture is flipped", "I1", func(t *testing.T, dir string) {
		l := segment(t, dir, 2)
		l.b[bytes.LastIndex(l.b, []byte("picture"))] ^= 1
		l.save()
	}},
	{"a bit of a record's head is flipped", "I1", func(t *testing.T, dir string) {
		l := segment(t, dir, 2)
		l.b[l.records(2)[1]+9] ^= 4
		l.save()
	}},
	{"a segment is cut off", "I1", func(t *testing.T, dir string) {
		l := segment(t, dir, 2)
		l.b = l.b[:l.records(0)[3]]
		l.save()
	}},
	{"a page of a segment reads as zeros", "I1", func(t *testing.T, dir string) {
		l := segment(t, dir, 2)
		clear(l.b[512:1024])
		l.save()
	}},
	{"a segment begins with another record than a checkpoint", "I2", func(t *testing.T, dir string) {
		l := segment(t, dir, 2)
		l.b[5] = 3 // an acknowledgement of nothing
		l.seal(0)
		l.save()
	}},
	{"a checkpoint names another segment before it", "I2", func(t *testing.T, dir string) {
		l := segment(t, dir, 3)
		l.swap(0, `"prev":2`, `"prev":9`)
		l.save()
	}},
	{"a segment between others is gone", "I2", func(t *testing.T, dir string) {
		if err := os.Remove(segment(t, dir, 3).path); err != nil {
			t.Fatal(err)
		}
	}},
	{"more events were made than there are", "I3", func(t *testing.T, dir string) { sums(t, dir, `"events":{"created":`) }},
	{"more clips were made than there are", "I3", func(t *testing.T, dir string) { sums(t, dir, `"clips":{"created":`) }},
	{"two revisions have one number", "I4", func(t *testing.T, dir string) {
		l := segment(t, dir, 2)
		r := l.records(2)
		l.swap(r[1], l.field(r[1], "ord"), l.field(r[0], "ord"))
		l.save()
	}},
	{"a revision comes after a higher one", "I4", func(t *testing.T, dir string) {
		l := segment(t, dir, 2)
		for _, off := range l.records(2) {
			if l.field(off, "rev") == `"rev":2` {
				l.swap(off, `"rev":2`, `"rev":1`)
				l.save()
				return
			}
		}
		t.Fatal("there is no second revision")
	}},
	{"a byte of a clip is another", "I5", func(t *testing.T, dir string) { harmClip(t, dir, func(b []byte) []byte { b[77]++; return b }) }},
	{"a clip is shorter than its row says", "I5", func(t *testing.T, dir string) { harmClip(t, dir, func(b []byte) []byte { return b[:499] }) }},
	{"a clip is gone", "I5", func(t *testing.T, dir string) {
		if err := os.Remove(clipPath(dir)); err != nil {
			t.Fatal(err)
		}
	}},
	{"a file of nobody is among the clips", "I6", func(t *testing.T, dir string) {
		put(t, filepath.Join(dir, "clips"), string(fixed(77))+"-0.mp4", "nobody's")
	}},
}

// sums changes a sum in the newest checkpoint that has one.
func sums(t *testing.T, dir, before string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "journal", "*.log"))
	if err != nil || len(all) < 4 {
		t.Fatalf("%v, %v", all, err)
	}
	l := segment(t, dir, len(all))
	_, rest, _ := bytes.Cut(l.b[:1024], []byte(before))
	n := string(rest[:bytes.IndexAny(rest, ",}")])
	l.swap(0, before+n, before+strings.Repeat("9", len(n)))
	l.save()
}

func clipPath(dir string) string { return filepath.Join(dir, "clips", string(fixed(8))+"-0.mp4") }

func harmClip(t *testing.T, dir string, harm func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(clipPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Dir(clipPath(dir)), filepath.Base(clipPath(dir)), string(harm(b)))
}

// TestCheckFindsWhatIsPlanted plants one breach at a time, in a dead store and in one that a
// process has open: that invariant is named and no other, and nothing is changed.
func TestCheckFindsWhatIsPlanted(t *testing.T) {
	found, all := 0, 0
	for _, live := range []bool{false, true} {
		for i, c := range planted {
			if live && i%4 != 0 && os.Getenv("BONGSU_LONG") == "" {
				continue // each waits to see whether it stays so
			}
			all++
			t.Run(fmt.Sprintf("%s, live %v", c.name, live), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "outbox")
				o := fillOutbox(t, dir)
				if live {
					defer o.Close()
				} else if err := o.Close(); err != nil {
					t.Fatal(err)
				}
				if code, named, _ := breaches(t, dir); code != ExitOK || len(named) > 0 {
					t.Fatalf("before: exit code %d, %v", code, named)
				}
				c.plant(t, dir)
				before := witness.Tree(t, dir)
				code, named, said := breaches(t, dir)
				if code != ExitFound || !slices.Equal(named, []string{c.invariant}) || said.Outbox.InUse != live {
					t.Errorf("exit code %d, %v, in use %v; want %s alone\n%+v", code, named, said.Outbox.InUse, c.invariant, said.Findings)
				}
				if after := witness.Tree(t, dir); fmt.Sprint(before) != fmt.Sprint(after) {
					t.Errorf("the check changed something:\n%v\n%v", before, after)
				}
				if !t.Failed() {
					found++
				}
			})
		}
	}
	t.Logf("figure CHECK-EDGE: %d planted breaches found of %d, each named exactly; live and dead stores", found, all)
}

// TestCheckOfNoOutbox: what cannot be read is no clean bill.
func TestCheckOfNoOutbox(t *testing.T) {
	dir := t.TempDir()
	if code, _, errs := tool(t, "check", "--outbox", dir); code != ExitFailed || !strings.Contains(errs, "there is no outbox in "+dir) {
		t.Errorf("exit code %d: %s", code, errs)
	}
	good := put(t, dir, "edge.yaml", "edge: {name: box}\ndata_dir: "+dir+"\n")
	code, out, errs := tool(t, "check", "--config", good, "--only", "outbox", "--json")
	var said checkJSON
	if err := json.Unmarshal([]byte(out), &said); err != nil || code != ExitOK || len(said.Findings) != 2 || said.Findings[1].Area != "outbox" {
		t.Errorf("exit code %d, %v\n%s%s", code, err, out, errs)
	}
}
