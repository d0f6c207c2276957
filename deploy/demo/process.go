package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is one started program. Its lines go to a log file and, line by line, to whoever
// waits for one.
type Process struct {
	Name string

	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when it has ended
	told func(string)  // is given each line; may be nil

	mu      sync.Mutex
	lines   []string      // guarded by mu: of standard output, at most keepLines
	changed chan struct{} // guarded by mu: closed and replaced at every line
	err     error         // guarded by mu: how it ended
}

// keepLines is how many lines of a program's output are kept to wait on and to explain its end:
// the newest half of them, and the first ones that it printed.
const keepLines = 2000

// StartProcess starts program with args. Standard output and error go to logPath as well;
// env adds to this process's environment. It does not block.
func StartProcess(name, logPath string, env []string, program string, args ...string) (*Process, error) {
	return startProcess(name, logPath, env, nil, program, args...)
}

func startProcess(name, logPath string, env []string, told func(string), program string, args ...string) (*Process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: its log cannot be opened: %w", name, err)
	}
	p := &Process{Name: name, log: log, done: make(chan struct{}), told: told, changed: make(chan struct{})}
	p.cmd = exec.Command(program, args...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("%s: cannot be started: %w", name, err)
	}
	go p.read(r)
	go p.wait(w)
	return p, nil
}

// start begins the process on a thread that lives as long as this program: the kernel ties
// Pdeathsig to the thread that started the child.
func (p *Process) start() error {
	result := make(chan error)
	starter.Do(func() { go startThread() })
	starts <- startRequest{p.cmd, result}
	return <-result
}

func (p *Process) read(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		fmt.Fprintln(p.log, s.Text())
		p.mu.Lock()
		p.lines = append(p.lines, s.Text())
		if len(p.lines) > keepLines {
			p.lines = slices.Delete(p.lines, keepLines/2, keepLines/2+1)
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
		if p.told != nil {
			p.told(s.Text())
		}
	}
	_, _ = io.Copy(p.log, r) // a line too long to keep still goes to the log
}

func (p *Process) wait(w *io.PipeWriter) {
	err := p.cmd.Wait()
	w.Close()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	p.log.Close()
	close(p.done)
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// ErrEnded says that a process ended before it did what was waited for.
var ErrEnded = errors.New("ended")

// Line blocks until a line for which want is true has been printed, and returns it. It fails
// when the process or ctx ends first, quoting what was printed last.
func (p *Process) Line(ctx context.Context, want func(string) bool) (string, error) {
	for {
		p.mu.Lock()
		for _, l := range p.lines {
			if want(l) {
				p.mu.Unlock()
				return l, nil
			}
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-p.done:
			return "", fmt.Errorf("%s %w: %s", p.Name, ErrEnded, p.Tail())
		case <-ctx.Done():
			return "", fmt.Errorf("%s: %w; its last words: %s", p.Name, ctx.Err(), p.Tail())
		}
	}
}

// Tail is the last lines that the process printed, on one line.
func (p *Process) Tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := max(len(p.lines)-5, 0)
	return strings.Join(p.lines[n:], " | ")
}

// Signal sends sig to the process.
func (p *Process) Signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// Kill ends the process and everything in its process group at once, and waits for its end.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// Stop asks the process to end and waits; after patience it is killed.
func (p *Process) Stop(patience time.Duration) {
	select {
	case <-p.done:
		return
	default:
	}
	p.Signal(syscall.SIGTERM)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.Kill()
	}
}
