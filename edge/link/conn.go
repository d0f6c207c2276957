package link

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// WriteTimeout is how long Send waits for a peer that does not read.
const WriteTimeout = 10 * time.Second

// keepBytes is the largest receive buffer that is kept from one message to the next.
const keepBytes = 64 << 10

// Conn sends and receives messages over one connection. Send may be called by many
// goroutines, Receive by one. It starts no goroutine.
type Conn struct {
	// set before use
	side Side
	net  net.Conn

	// guarded by sending
	sending sync.Mutex
	sent    uint64
	out     []byte

	// owned by the receiver
	r        *bufio.Reader
	received uint64
	in       []byte
}

// NewConn makes the given side's end of c. Close closes c.
func NewConn(c net.Conn, side Side) *Conn {
	return &Conn{side: side, net: c, r: bufio.NewReaderSize(c, keepBytes)}
}

// Send numbers m, writes it and returns its number, by which an answer refers to it. V and Seq
// of m are ignored. It blocks while the peer does not read, at most WriteTimeout. After an
// error of the connection the Conn is closed; a message that breaks the protocol's rules is
// refused before anything is written, and the Conn goes on.
func (c *Conn) Send(m Message) (uint64, error) {
	c.sending.Lock()
	defer c.sending.Unlock()
	if s, ok := shapes[m.Type]; ok && s.from != c.side {
		return 0, fmt.Errorf("message %q cannot be sent by a %s", m.Type, c.side)
	}
	m.V, m.Seq = Version, c.sent+1
	out, err := Encode(c.out[:0], &m)
	if err != nil {
		return 0, err
	}
	if cap(out) <= keepBytes {
		c.out = out
	}
	c.sent++
	if err := c.net.SetWriteDeadline(time.Now().Add(WriteTimeout)); err != nil {
		return 0, fmt.Errorf("send %q: %w", m.Type, err)
	}
	if _, err := c.net.Write(out); err != nil {
		_ = c.net.Close() // a part of a frame may be out: nothing more can follow it
		return 0, fmt.Errorf("send %q: %w", m.Type, err)
	}
	return m.Seq, nil
}

// Receive blocks for the next message. io.EOF means that the peer closed in good order. Any
// error ends the connection; ErrProtocol is in it when the peer broke the protocol.
func (c *Conn) Receive() (*Message, error) {
	m, err := c.receive()
	if err != nil {
		_ = c.net.Close()
		return nil, err
	}
	return m, nil
}

func (c *Conn) receive() (*Message, error) {
	body, err := readFrame(c.r, c.in)
	if err != nil {
		return nil, err
	}
	if cap(body) <= keepBytes {
		c.in = body
	}
	m, err := Decode(body)
	if err != nil {
		return nil, err
	}
	if shapes[m.Type].from == c.side {
		return nil, broken("message %q came to the %s that sends it", m.Type, c.side)
	}
	if m.Seq != c.received+1 {
		return nil, broken("message %q has number %d after %d", m.Type, m.Seq, c.received)
	}
	c.received = m.Seq
	return m, nil
}

// Close closes the connection; a blocked Receive or Send returns with an error.
func (c *Conn) Close() error { return c.net.Close() }

// FD is the file descriptor at which a worker finds its end of the connection.
const FD = 3

// Pair makes a connected pair of local sockets. The node keeps the first; the second goes
// into exec.Cmd.ExtraFiles as its first entry, so that the child finds it at FD, and is closed
// by the caller once the child has started. Neither leaks into other children.
func Pair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair for a worker: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "worker end")
	ours, err := fromFile(os.NewFile(uintptr(fds[0]), "node end"))
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// FromFD makes the worker's end from an inherited descriptor, which is closed: the connection
// has its own. It fails with a sentence when the descriptor is no socket, which is what
// somebody sees who starts a worker by hand.
func FromFD(fd uintptr) (net.Conn, error) {
	f := os.NewFile(fd, "node connection")
	if f == nil {
		return nil, fmt.Errorf("file descriptor %d is not open: workers are started by `bongsu-edge run`", fd)
	}
	c, err := fromFile(f)
	if err != nil {
		return nil, fmt.Errorf("file descriptor %d is not the node's socket, workers are started by `bongsu-edge run`: %w", fd, err)
	}
	return c, nil
}

// fromFile turns a socket's file into a connection and closes the file.
func fromFile(f *os.File) (net.Conn, error) {
	c, err := net.FileConn(f)
	if cerr := f.Close(); err == nil && cerr != nil {
		_ = c.Close()
		return nil, cerr
	}
	return c, err
}
