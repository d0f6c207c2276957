package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"

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

// Start starts a worker process with its end of a connection at file descriptor link.FD, and of the
// media channel at link.MediaFD; it is
// made for Options.StartWorker. The worker ends by itself when the node's end is closed, so
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
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = c.Env
	cmd.Stdout, cmd.Stderr = c.Stderr, c.Stderr
	cmd.ExtraFiles = []*os.File{theirs, theirMedia} // at link.FD and link.MediaFD
	// In a group of its own: Ctrl-C in a terminal reaches the node only, which then hears its
	// workers out.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		_ = ours.Close()
		_ = media.Close()
		return nil, nil, fmt.Errorf("start a worker: %w", err)
	}
	return ours, &child{cmd, media}, nil
}

// child is a Process of the operating system.
type child struct {
	cmd   *exec.Cmd
	media net.Conn
}

func (c *child) PID() int                 { return c.cmd.Process.Pid }
func (c *child) Signal(s os.Signal) error { return c.cmd.Process.Signal(s) }
func (c *child) Wait() error              { return c.cmd.Wait() }
func (c *child) Media() net.Conn          { return c.media }
