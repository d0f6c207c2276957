package node

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// childEnv makes the test binary a worker process of its own.
const childEnv = "BONGSU_NODE_TEST_CHILD"

func runChild() int {
	conn, err := link.FromFD(link.FD)
	if err != nil {
		return 3
	}
	l := link.NewConn(conn, link.Worker)
	if _, err := l.Send(link.Message{Type: link.TypeHello, PID: os.Getpid()}); err != nil {
		return 4
	}
	cameras := map[bongsu.CameraID]bool{}
	for {
		m, err := l.Receive()
		if err != nil {
			return 0
		}
		if m.Type == link.TypeAssign {
			cameras[m.Assign.Camera] = true
		}
		var h []bongsu.CameraStatus
		for _, id := range slices.Sorted(maps.Keys(cameras)) {
			h = append(h, bongsu.CameraStatus{ID: id, State: bongsu.CameraLive, Reason: fmt.Sprint(os.Getpid())})
		}
		if _, err := l.Send(link.Message{Type: link.TypeHealth, Health: h}); err != nil {
			return 5
		}
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
	if took := time.Since(killed); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, _, err := (Command{Path: "/no/such/binary"}).Start(t.Context()); err == nil {
		t.Error("a worker was started from nothing")
	}
}
