package s3

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu/cloud/objects"
	"bongsu/cloud/objects/objectstest/s3servers"
)

// What a child process is told, which writes into a bucket until it is killed.
const (
	crashEndpoint = "BONGSU_TEST_S3_ENDPOINT"
	crashFiles    = "BONGSU_TEST_S3_FILES" // access and secret key files
	crashPlace    = "BONGSU_TEST_S3_PLACE" // bucket and prefix
	crashFrom     = "BONGSU_TEST_S3_FROM"
)

// content is what the n-th object holds: every third one is larger than a part.
func content(n int) []byte {
	size := 40_000 + n
	if n%3 == 2 {
		size = PartBytes + n
	}
	return slices.Repeat(fmt.Appendf(nil, "%08d", n), size/8+1)[:size]
}

func keyOf(n int) string { return fmt.Sprintf("events/%d/clip-0.mp4", n) }

// crashChild stores objects, every third at one go, and says on standard output what the store
// has promised.
func crashChild() {
	ctx := context.Background()
	files, place := strings.Fields(os.Getenv(crashFiles)), strings.Fields(os.Getenv(crashPlace))
	s, err := New(ctx, Options{
		Endpoint: os.Getenv(crashEndpoint), Region: "us-east-1", Bucket: place[0], Prefix: place[1], PathStyle: true,
		AccessKeyFile: files[0], SecretKeyFile: files[1],
	})
	var n int
	fmt.Sscan(os.Getenv(crashFrom), &n)
	for ; err == nil; n++ {
		if n%3 == 0 {
			err = put(ctx, s, keyOf(n), content(n))
		} else {
			err = send(ctx, s, keyOf(n), content(n), 30_000+n%3*3<<20)
		}
		if err == nil {
			fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilled kills a writing process at random instants: what was promised is there and whole, what
// is there is whole, what was under way can be finished, and the sweep leaves nothing of it.
func TestKilled(t *testing.T) {
	rounds := 3
	if os.Getenv("BONGSU_LONG") != "" {
		rounds = 100
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	servers(t, func(t *testing.T, srv *s3servers.Server) {
		r := rand.New(rand.NewPCG(seed, 1))
		o := options(t, srv)
		s := open(t, o)
		promised := 0
		for round := range rounds {
			promised = killedOnce(t, o, promised, 1+r.IntN(12), time.Duration(r.IntN(20_000))*time.Microsecond)
			seen := 0
			err := s.List(t.Context(), "", func(i objects.Info) error {
				seen++
				return s.Verify(t.Context(), i.Key)
			})
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if seen < promised || seen > promised+2 {
				t.Fatalf("round %d: %d objects, promised %d", round, seen, promised)
			}
			for n := range promised {
				if _, err := s.Stat(t.Context(), keyOf(n)); err != nil {
					t.Fatalf("round %d: %d of %d: %v", round, n, promised, err)
				}
			}
		}
		if err := send(t.Context(), s, keyOf(promised), content(promised), 1<<20); err != nil {
			t.Fatalf("what was under way cannot be finished: %v", err)
		}
		if _, err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		for _, n := range names(t, srv, o.Prefix) {
			if !strings.HasPrefix(n, o.Prefix+"objects/") {
				t.Errorf("left behind: %s", n)
			}
		}
		t.Logf("%s: %d kills, %d objects promised, all whole", srv.Kind, rounds, promised)
	})
}

// killedOnce runs the child until it has promised so many objects more, and kills it a moment
// later.
func killedOnce(t *testing.T, o Options, from, more int, later time.Duration) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashEndpoint+"="+o.Endpoint, crashFiles+"="+o.AccessKeyFile+" "+o.SecretKeyFile,
		crashPlace+"="+o.Bucket+" "+o.Prefix, fmt.Sprintf("%s=%d", crashFrom, from))
	cmd.Stderr = testLog{t}
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
		if promised == from+more { // the lines that were written before it died are still read
			time.AfterFunc(later, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait() // always "killed"
	if promised < from+more {
		t.Fatalf("the child ended by itself after %d of %d", promised-from, more)
	}
	return promised
}
