package demo

import (
	"os/exec"
	"runtime"
	"sync"
)

type startRequest struct {
	cmd    *exec.Cmd
	result chan error
}

var (
	starter sync.Once
	starts  = make(chan startRequest)
)

// startThread starts processes on one locked thread that never ends, so that the death signal
// of the children means the death of this program and not of a passing thread.
func startThread() {
	runtime.LockOSThread()
	for r := range starts {
		r.result <- r.cmd.Start()
	}
}
