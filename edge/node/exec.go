package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"bongsu/edge/crash"
	"bongsu/edge/link"
)

// Command says how worker processes are started. Its arguments are visible to everybody on the
// machine: nothing secret goes there.
type Command struct {
	Path   string
	Args   []string
	Env    []string  // nil: this process's
	Stderr io.Writer // the worker's log; also its standard output, which it does not use
}

// Start starts a worker process with its end of a connection at file descriptor link.FD, of the
// media channel at link.MediaFD, and memory for its last input at crash.FD; it is made for
// Options.StartWorker. The worker ends by itself when the node's end is closed, so
// that none outlives a node that was killed.
func (c Command) Start(context.Context) (net.Conn, Process, error) {
	ours, theirs, err := link.Pair()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	media, theirMedia, err := link.Pair()
	if err != nil {
		_ = ours.Close()
		return nil, nil, err
	}
	defer theirMedia.Close()
	input, err := crash.NewRegion()
	if err != nil {
		_, _ = ours.Close(), media.Close()
		return nil, nil, err
	}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = withArenas(c.Env)
	cmd.Stdout, cmd.Stderr = c.Stderr, c.Stderr
	cmd.ExtraFiles = []*os.File{theirs, theirMedia, input.File()} // at link.FD, link.MediaFD and crash.FD
	// In a group of its own: Ctrl-C in a terminal reaches the node only, which then hears its
	// workers out.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		_, _, _ = ours.Close(), media.Close(), input.Close()
		return nil, nil, fmt.Errorf("start a worker: %w", err)
	}
	return ours, &child{cmd, media, input}, nil
}

// arenas is what the C library is told: how many heaps it may have. It makes up to eight for each core
// otherwise, and as Go's threads come and go decoders and the model touch one after the other,
// each of which keeps what was freed in it.
const arenas = "MALLOC_ARENA_MAX"

// withArenas is a worker's environment; who sets the number himself is left alone. nil is this process's.
func withArenas(env []string) []string {
	if env == nil {
		env = os.Environ()
	}
	for _, v := range env {
		if strings.HasPrefix(v, arenas+"=") {
			return env
		}
	}
	return append(slices.Clone(env), arenas+"=2")
}

// child is a Process of the operating system.
type child struct {
	cmd   *exec.Cmd
	media net.Conn
	input *crash.Region
}

func (c *child) PID() int                 { return c.cmd.Process.Pid }
func (c *child) Signal(s os.Signal) error { return c.cmd.Process.Signal(s) }

// Wait blocks until the process has ended.
func (c *child) Wait() error {
	err := c.cmd.Wait()
	if x := (*exec.ExitError)(nil); errors.As(err, &x) && x.ExitCode() == link.ExitStuck {
		return errors.New("it found itself hanging: a call into the decoder or the model did not come back, its log says which")
	}
	return err
}

// LastInput is what its decoders were given last. The caller closes it.
func (c *child) LastInput() *crash.Region { return c.input }
func (c *child) Media() net.Conn          { return c.media }
