package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/archivetest"
)

// crashDir names the folder that a child process writes into until it is killed.
const crashDir = "BONGSU_TEST_CRASH_DIR"

// crashChild stores and applies events and says on standard output what the archive has promised.
func crashChild(dir string) {
	ctx := context.Background()
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	a, err := Open(ctx, Options{Path: filepath.Join(dir, "a.db")})
	if err != nil {
		fail(err)
	}
	var begin int
	fmt.Sscan(os.Getenv(crashDir+"_FROM"), &begin)
	for n := begin; ; n++ {
		ev := archivetest.Event(n, 1)
		if _, err := a.PutInbox(ctx, archivetest.EdgeA, archivetest.T0, []bongsu.EventRecord{{Event: ev, Snapshot: make([]byte, 8<<10)}}); err != nil {
			fail(err)
		}
		fmt.Println(n)
		if n%2 == 0 {
			if _, err := a.Apply(ctx, ev.Key(), archive.ApplyOptions{At: archivetest.T0}); err != nil {
				fail(err)
			}
		}
	}
}

// TestKilled kills a writing process at random instants: what was promised is there, once, and the
// archive passes its own check.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	a := open(t, filepath.Join(dir, "a.db"))
	enrol(t, a)
	a.Close()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	promised := 0
	for round := range 5 {
		promised = killedOnce(t, dir, promised, 3+r.IntN(20))
		a := open(t, filepath.Join(dir, "a.db"))
		if err := a.Check(t.Context()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for n := range promised {
			if _, err := a.GetEvent(t.Context(), archivetest.ID(n)); err == nil {
				continue
			}
			if _, err := a.GetInbox(t.Context(), archivetest.Key(n, 1)); err != nil {
				t.Fatalf("round %d: promised event %d of %d is lost: %v", round, n, promised, err)
			}
		}
		a.Close()
	}
}

// killedOnce runs the child until it has promised so many events more, and kills it.
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
