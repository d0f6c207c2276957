package node

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/crash"
	"bongsu/edge/link"
)

// childEnv makes the test binary a worker process of its own.
const childEnv = "BONGSU_NODE_TEST_CHILD"

func runChild() int {
	conn, err := link.FromFD(link.FD)
	if err != nil {
		return 3
	}
	tapes, err := crash.OpenFD(crash.FD)
	if err != nil {
		return 6
	}
	l := link.NewConn(conn, link.Worker)
	if _, err := l.Send(link.Message{Type: link.TypeHello, PID: os.Getpid()}); err != nil {
		return 4
	}
	c := &childWorker{tapes: tapes, cameras: map[bongsu.CameraID]string{}}
	go c.beat(l)
	for {
		m, err := l.Receive()
		if err != nil {
			return 0
		}
		if m.Type == link.TypeAssign {
			c.mu.Lock()
			c.cameras[m.Assign.Camera] = m.Assign.URL
			c.mu.Unlock()
		}
	}
}

// childWorker reports its cameras as live, counts its reports as pictures a second, and does what
// stands in the file that a camera's URL names, once.
type childWorker struct {
	mu      sync.Mutex
	cameras map[bongsu.CameraID]string
	tapes   *crash.Recorder
	beats   float64
}

func (c *childWorker) beat(l *link.Conn) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		c.mu.Lock()
		c.beats++
		var h []bongsu.CameraStatus
		for _, id := range slices.Sorted(maps.Keys(c.cameras)) {
			h = append(h, bongsu.CameraStatus{ID: id, State: bongsu.CameraLive, Reason: fmt.Sprint(os.Getpid()), FPS: c.beats})
			if fault, err := os.ReadFile(c.cameras[id]); err == nil && os.Remove(c.cameras[id]) == nil {
				tape := c.tapes.Tape(id)
				tape.Begin(&crash.Unit{Codec: "h264", Seq: 41, Key: true, NALs: [][]byte{fault}})
				suffer(string(fault))
			}
		}
		c.mu.Unlock()
		if _, err := l.Send(link.Message{Type: link.TypeHealth, Health: h}); err != nil {
			return
		}
	}
}

// suffer does to this process what a decoder or a library may do.
func suffer(fault string) {
	kill := func(s syscall.Signal) {
		_ = syscall.Kill(os.Getpid(), s)
		select {}
	}
	switch fault {
	case "SIGSEGV":
		kill(syscall.SIGSEGV)
	case "SIGABRT":
		kill(syscall.SIGABRT)
	case "SIGKILL":
		kill(syscall.SIGKILL)
	case "SIGSTOP":
		kill(syscall.SIGSTOP)
	case "panic":
		go func() { panic("in a goroutine of a library") }()
		select {}
	case "memory":
		_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: 64 << 20, Max: 64 << 20})
		for all := []byte{1}; ; { // doubles until there is no more
			all = append(all, all...)
		}
	case "stuck":
		os.Exit(link.ExitStuck)
	}
}

// TestRealProcess kills a real worker process with SIGKILL.
func TestRealProcess(t *testing.T) {
	cmd := Command{Path: os.Args[0], Env: append(os.Environ(), childEnv+"=1"), Stderr: os.Stderr}
	r := newRig(t, func(o *Options, _ *fleet) { o.StartWorker = cmd.Start })
	r.Assign(assignments("yard"))
	eventually(t, "live", func() bool { return r.state("yard").State == bongsu.CameraLive })
	first := r.DebugCameras()[0].PID
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	eventually(t, "another process", func() bool {
		d := r.DebugCameras()[0]
		return d.State == bongsu.CameraLive && d.PID != first && d.PID != 0
	})
	t.Logf("live again after %v", time.Since(killed))
	if _, _, err := (Command{Path: "/no/such/binary"}).Start(t.Context()); err == nil {
		t.Error("a worker was started from nothing")
	}
}

// TestWorkersHaveFewHeaps: a worker's C library is told how many heaps it may have and what is kept out of
// them, unless somebody said it already.
func TestWorkersHaveFewHeaps(t *testing.T) {
	for _, h := range heaps {
		name, _, _ := strings.Cut(h, "=")
		t.Setenv(name, "")
		_ = os.Unsetenv(name) // put back by t.Setenv
	}
	if env := withHeaps(nil); len(env) != len(os.Environ())+2 || !slices.Equal(env[len(env)-2:], heaps) {
		t.Errorf("of this process's: %q", env)
	}
	mine := make([]string, 1, 10)
	mine[0] = "A=b"
	if env := withHeaps(mine); !slices.Equal(env, append([]string{"A=b"}, heaps...)) || mine[:2][1] != "" {
		t.Errorf("%q of %q", env, mine[:2])
	}
	said := []string{"MALLOC_ARENA_MAX=7", "A=b"}
	if env := withHeaps(said); !slices.Equal(env, append(slices.Clone(said), heaps[1])) {
		t.Errorf("one said already: %q", env)
	}
}
