// Package redistest starts real redis-servers for tests: on a free port, with data in a folder of
// the test, killed and started again as the test wants.
package redistest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to start or end.
const patience = time.Minute

// Options of a server. The zero Options is a server without persistence.
type Options struct {
	Dir       string // its folder; "" is one of the test
	Fsync     string // appendfsync: "always" or "everysec"; "" is no persistence
	MaxMemory string // such as "64mb", refusing what is over it; "" is no limit
	Password  string
	TLS       *TLS     // the port speaks TLS only
	Args      []string // more of its configuration, as on its command line
}

// TLS names PEM files.
type TLS struct{ Cert, Key, CA string }

// Server is a redis-server of one test.
type Server struct {
	// set before use
	t    testing.TB
	o    Options
	port string

	cmd   *exec.Cmd
	ended chan struct{}
	out   *output
}

// output keeps what a server said.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Start starts a server and waits until it answers. It ends with the test. Without a redis-server
// on this machine the test is skipped.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("SKIPPED: there is no redis-server here; `make deps` installs it")
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s := &Server{t: t, o: o}
	t.Cleanup(s.Kill)
	for range 5 { // the port may be taken between finding and using it
		s.port = freePort(t)
		if s.start() == nil {
			return s
		}
		s.Kill()
	}
	t.Fatalf("redis-server does not start: %s", s.out)
	return nil
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// Address is host:port, the same after a restart.
func (s *Server) Address() string { return "127.0.0.1:" + s.port }

// PID is the process's number; 0 when it does not run.
func (s *Server) PID() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

func (s *Server) args() []string {
	args := []string{"--bind", "127.0.0.1", "--dir", s.o.Dir, "--save", "", "--daemonize", "no", "--databases", "16"}
	if s.o.TLS != nil {
		args = append(args, "--port", "0", "--tls-port", s.port, "--tls-cert-file", s.o.TLS.Cert, "--tls-key-file", s.o.TLS.Key,
			"--tls-ca-cert-file", s.o.TLS.CA, "--tls-auth-clients", "no")
	} else {
		args = append(args, "--port", s.port)
	}
	if s.o.Fsync != "" {
		args = append(args, "--appendonly", "yes", "--appendfsync", s.o.Fsync)
	}
	if s.o.MaxMemory != "" {
		args = append(args, "--maxmemory", s.o.MaxMemory, "--maxmemory-policy", "noeviction")
	}
	return append(args, s.o.Args...)
}

// start starts the process and waits until it answers.
func (s *Server) start() error {
	// The password stands in a file: arguments can be read by everybody on the machine.
	args := s.args()
	if s.o.Password != "" {
		conf := filepath.Join(s.o.Dir, "redis.conf")
		if err := os.WriteFile(conf, []byte("requirepass "+s.o.Password+"\n"), 0o600); err != nil {
			return err
		}
		args = append([]string{conf}, args...)
	}
	s.out = &output{}
	cmd := exec.Command("redis-server", args...)
	cmd.Stdout, cmd.Stderr = s.out, s.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is told by what it wrote
		close(ended)
	}()
	s.cmd, s.ended = cmd, ended
	return s.answers()
}

// answers waits for the first answer that is not that it still loads.
func (s *Server) answers() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		if s.ping() {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return fmt.Errorf("redis-server ended: %s", s.out)
		case <-deadline.C:
			return fmt.Errorf("redis-server does not answer: %s", s.out)
		}
	}
}

func (s *Server) ping() bool {
	c, err := net.DialTimeout("tcp", s.Address(), time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	if s.o.TLS != nil {
		return true
	}
	if c.SetDeadline(time.Now().Add(time.Second)) != nil {
		return false
	}
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && (strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-NOAUTH"))
}

// Kill ends the server as a power cut does, if it runs, and waits for its end.
func (s *Server) Kill() { s.signal(syscall.SIGKILL) }

// Stop ends the server in good order.
func (s *Server) Stop() { s.signal(syscall.SIGTERM) }

func (s *Server) signal(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig) // it may have ended by itself
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case <-s.ended:
	case <-deadline.C:
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	s.cmd = nil
}

// Pause stops the server's process without closing anything, as a hanging machine does.
func (s *Server) Pause() { s.raise(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.raise(syscall.SIGCONT) }

func (s *Server) raise(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Restart starts a server that was killed or stopped, on its port and with its folder.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// Do sends one command and gives the first line of the answer, an error's included: "+OK", ":1",
// "-OOM ...".
func (s *Server) Do(words ...string) string {
	s.t.Helper()
	c, err := net.DialTimeout("tcp", s.Address(), patience)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := c.Write(b.Bytes()); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimRight(line, "\r\n")
}

// Wipe empties the folder of a server that does not run: the next start has no data.
func (s *Server) Wipe() {
	s.t.Helper()
	if s.cmd != nil {
		s.t.Fatal("redistest: the server runs")
	}
	if err := os.RemoveAll(filepath.Join(s.o.Dir, "appendonlydir")); err != nil {
		s.t.Fatal(err)
	}
}
