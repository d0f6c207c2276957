package mp4

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bongsu/streams"
)

// journalOf writes units and gives the journal's bytes as they were before closing.
func journalOf(t testing.TB, units []*streams.AccessUnit) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.mp4")
	w, err := Create(path, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, au := range units {
		if err := w.Add(au); err != nil {
			t.Fatal(err)
		}
	}
	p := readAll(t, path)
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSalvageEveryCut cuts a journal at every byte: what was whole comes back, nothing else,
// and never a panic.
func TestSalvageEveryCut(t *testing.T) {
	units := fakeUnits(newRand(t), 40, 10, 100*time.Millisecond)
	units[25].Lost = true
	journal := journalOf(t, units)
	best, saved := 0, 0
	for cut := range len(journal) + 1 {
		mem := newMemFS()
		mem.put("d/clip.mp4", journal[:cut])
		s, err := Salvage(mem, "d/clip.mp4")
		if err != nil {
			if !errors.Is(err, ErrNothingWhole) || best > 0 {
				t.Fatalf("cut at %d: %v after %d samples", cut, err, best)
			}
			continue
		}
		if s.Samples < best || s.Samples > len(units) {
			t.Fatalf("cut at %d: %d samples, earlier %d", cut, s.Samples, best)
		}
		if s.Samples == best && cut%97 != 0 {
			continue // seen already
		}
		best = s.Samples
		saved++
		if s.Whole || s.Tainted != (s.Samples > 25) || !s.Start.Equal(testStart) {
			t.Fatalf("cut at %d: %+v", cut, s)
		}
		sameUnits(t, mem.open(t, "d/clip.mp4"), units[:s.Samples])
	}
	if best != 30 {
		t.Errorf("the whole journal gave %d samples, want the 30 of the closed fragments", best)
	}
	t.Logf("%d cuts of a journal, %d compared in full", len(journal)+1, saved)
}

// TestSalvageFlippedBytes flips every byte of a journal: no wrong picture comes back.
func TestSalvageFlippedBytes(t *testing.T) {
	units := fakeUnits(newRand(t), 22, 10, 100*time.Millisecond)
	journal := journalOf(t, units)
	for i := range journal {
		flipped := append([]byte{}, journal...)
		flipped[i] ^= 0x55
		mem := newMemFS()
		mem.put("d/clip.mp4", flipped)
		s, err := Salvage(mem, "d/clip.mp4")
		if err != nil {
			continue
		}
		rd := mem.open(t, "d/clip.mp4")
		for k := range s.Samples {
			nals, err := rd.Sample(k)
			if err != nil {
				t.Fatalf("byte %d: sample %d: %v", i, k, err)
			}
			got := &streams.AccessUnit{NALs: nals, Key: rd.Samples()[k].Key}
			if err := sameUnit(got, units[k]); err != nil {
				t.Fatalf("byte %d flipped: sample %d: %v", i, k, err)
			}
		}
	}
}

// TestJournalPlays: players read the journal of a dead writer as it is.
func TestJournalPlays(t *testing.T) {
	units, _ := encode(t, "libx264", "-g", "25", "-bf", "2")
	path := filepath.Join(t.TempDir(), "torn.mp4")
	journal := journalOf(t, units)
	if err := os.WriteFile(path, journal[:len(journal)-100], 0o600); err != nil {
		t.Fatal(err)
	}
	before := len(ffprobe(t, path).Packets)
	if before < 50 {
		t.Errorf("ffprobe reads %d packets of a torn journal", before)
	}
	if _, err := Open(mustOpen(t, path), int64(len(journal)-100)); !errors.Is(err, ErrFragmented) {
		t.Errorf("Open says %v", err)
	}
	s, err := Salvage(nil, path)
	if err != nil {
		t.Fatal(err)
	}
	decodesClean(t, path, s.Samples)
	sameUnits(t, openFile(t, path), units[:s.Samples])
}

func mustOpen(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestSalvageWhatIsNoClip(t *testing.T) {
	dir := t.TempDir()
	if _, err := Salvage(nil, filepath.Join(dir, "none.mp4")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	path := filepath.Join(dir, "text.mp4")
	for _, text := range []string{"", "short", "this is a text file and no film at all, whatever its name says"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Salvage(nil, path); !errors.Is(err, ErrNothingWhole) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestSalvageFinished: a machine that died after the rename and before the record.
func TestSalvageFinished(t *testing.T) {
	units := fakeUnits(newRand(t), 50, 25, 40*time.Millisecond)
	path := filepath.Join(t.TempDir(), "clip.mp4")
	want := record(t, path, units)
	if err := os.WriteFile(path+tempSuffix, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Salvage(nil, path)
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if _, err := os.Stat(path + tempSuffix); !os.IsNotExist(err) {
		t.Error("the half file is still there")
	}
	p := readAll(t, path)
	if err := os.WriteFile(path, p[:len(p)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Salvage(nil, path); err == nil {
		t.Error("a cut-off finished clip was taken for whole")
	}
}
