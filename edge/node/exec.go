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
	cmd.Env = withHeaps(c.Env)
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

// heaps is what the C library is told, unless somebody has told it already: how many heaps it may
// have, and from how many bytes on a block is one of its own. It makes up to eight heaps for each core otherwise, and
// as Go's threads come and go decoders and the model touch one after the other, each of which
// keeps what was freed in it. And it raises the size each time a block of its own is freed, so that
// after a camera's first break its decoder's pictures lie in the heaps, between what lives on.
var heaps = []string{"MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=131072"}

// withHeaps is a worker's environment. nil is this process's.
func withHeaps(env []string) []string {
	if env == nil {
		env = os.Environ()
	}
	env = slices.Clone(env)
	for _, h := range heaps {
		name, _, _ := strings.Cut(h, "=")
		if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") }) {
			env = append(env, h)
		}
	}
	return env
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
