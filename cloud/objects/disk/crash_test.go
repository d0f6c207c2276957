package disk

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/objectstest"
)

// crashDir names the folder that a child process writes into until it is killed.
const crashDir = "BONGSU_TEST_CRASH_DIR"

// content is what the n-th object holds.
func content(n int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("%08d", n)), 2000) }

func keyOf(n int) string { return fmt.Sprintf("events/%d/clip-0.mp4", n) }

// crashChild stores objects, every second one as an upload in two pieces, and says on standard
// output what the store has promised.
func crashChild(dir string) {
	ctx := context.Background()
	s, err := Open(Options{Dir: dir})
	var n int
	fmt.Sscan(os.Getenv(crashDir+"_FROM"), &n)
	for ; err == nil; n++ {
		if n%2 == 0 {
			err = put(s, keyOf(n), content(n))
		} else {
			err = send(ctx, s, n)
		}
		if err == nil {
			fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func send(ctx context.Context, s *Store, n int) error {
	b := content(n)
	u, err := s.Begin(ctx, keyOf(n), "video/mp4", int64(len(b)), objectstest.Hash(b))
	if err != nil || u.Done() {
		return err
	}
	for at := u.Offset(); at < int64(len(b)); {
		if at, err = u.Write(ctx, at, bytes.NewReader(b[at:min(at+9000, int64(len(b)))])); err != nil {
			return err
		}
	}
	return u.Complete(ctx)
}

// TestKilled kills a writing process at random instants: what was promised is there and whole, what
// is there is whole, and what was under way can be finished or swept.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	promised := 0
	for round := range 8 {
		promised = killedOnce(t, dir, promised, 1+r.IntN(15))
		s := open(t, dir)
		seen := 0
		err := s.List(t.Context(), "", func(i objects.Info) error {
			seen++
			return s.Verify(t.Context(), i.Key)
		})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for n := range promised {
			if _, err := s.Stat(t.Context(), keyOf(n)); err != nil {
				t.Fatalf("round %d: %d of %d: %v", round, n, promised, err)
			}
		}
		if seen < promised || seen > promised+1 {
			t.Fatalf("round %d: %d objects, promised %d", round, seen, promised)
		}
	}
	s := open(t, dir)
	if err := send(t.Context(), s, promised|1); err != nil {
		t.Fatalf("what was under way cannot be finished: %v", err)
	}
	if _, err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, f := range files(t, dir) {
		if !strings.HasPrefix(f, "objects/") {
			t.Errorf("left behind: %s", f)
		}
	}
}

// killedOnce runs the child until it has promised so many objects more, and kills it.
func killedOnce(t *testing.T, dir string, from, more int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir, fmt.Sprintf("%s_FROM=%d", crashDir, from))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	promised := from
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var n int
		if _, err := fmt.Sscan(lines.Text(), &n); err == nil {
			promised = n + 1
		}
		if promised == from+more {
			cmd.Process.Kill() // the lines that were written before it died are still read
		}
	}
	cmd.Wait() // always "killed"
	if promised < from+more {
		t.Fatalf("the child ended by itself after %d of %d", promised-from, more)
	}
	return promised
}

// TestRandomAgainstModel does random things to a store and to a map and compares them, across
// restarts.
func TestRandomAgainstModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	s := open(t, dir)
	model := map[string]int{} // key to which content it has
	for step := range 400 {
		n, version := r.IntN(6), r.IntN(2)
		key, b := keyOf(n), content(version)
		have, there := model[key]
		switch r.IntN(6) {
		case 0, 1:
			want := bongsu.Code("")
			if there && have != version {
				want = bongsu.CodeConflict
			} else {
				model[key] = version
			}
			if err := put(s, key, b); bongsu.CodeOf(err) != want {
				t.Fatalf("step %d: Put: %v, want %q", step, err, want)
			}
		case 2:
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatalf("step %d: Delete: %v", step, err)
			}
			delete(model, key)
		case 3:
			u, err := s.Begin(t.Context(), key, "video/mp4", int64(len(b)), objectstest.Hash(b))
			if there && have != version {
				if bongsu.CodeOf(err) != bongsu.CodeConflict {
					t.Fatalf("step %d: Begin: %v", step, err)
				}
				continue
			}
			if err != nil || u.Done() != there {
				t.Fatalf("step %d: Begin: %v, done %v", step, err, u.Done())
			}
			if at := u.Offset(); at < int64(len(b)) {
				u.Write(t.Context(), at, bytes.NewReader(b[at:min(at+7000, int64(len(b)))]))
			}
			if u.Complete(t.Context()) == nil {
				model[key] = version
			}
		case 4:
			s.Close()
			s = open(t, dir)
		case 5:
			compare(t, s, model)
		}
	}
	compare(t, s, model)
}

func compare(t *testing.T, s *Store, model map[string]int) {
	t.Helper()
	n := 0
	err := s.List(t.Context(), "", func(i objects.Info) error {
		n++
		if version, ok := model[i.Key]; !ok || i.SHA256 != objectstest.Hash(content(version)) {
			t.Fatalf("%s should not be there so", i.Key)
		}
		return s.Verify(t.Context(), i.Key)
	})
	if err != nil || n != len(model) {
		t.Fatalf("%d objects, %v; want %d", n, err, len(model))
	}
}
