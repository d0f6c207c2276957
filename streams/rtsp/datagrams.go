package rtsp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"golang.org/x/sys/unix"
)

// reportEvery is between two receiver reports. Some cameras take their lack for the end of
// the session; they also keep the way through a firewall open.
const reportEvery = 5 * time.Second

// drainWait is how long the last datagrams of a session may take.
const drainWait = 20 * time.Millisecond

// lookFor is the least time for which a socket is looked at before packets are given up.
const lookFor = time.Millisecond

// maxDatagram is the largest payload of a datagram.
const maxDatagram = 65535

// errNoServerPorts says that a camera does not tell from where it sends.
var errNoServerPorts = errors.New("the camera does not say from which ports it sends")

// datagrams is the pair of sockets on which one track comes over UDP (RFC 3550, section 11).
// What does not come from the camera's address, and from the ports that it announced, is
// dropped.
type datagrams struct {
	s     *Source
	socks [2]*net.UDPConn // RTP, RTCP
	peer  netip.Addr      // the other end of the RTSP connection
	stop  chan struct{}
	done  sync.WaitGroup

	mu    sync.Mutex
	sends [2]uint16 // ports of the camera; 0 = not known yet
	begun bool
	ended bool

	last    atomic.Bool   // nothing more will be sent
	drained chan struct{} // closed when readRTP has ended
}

// listenDatagrams opens two neighbouring ports on the address that reaches the camera.
func listenDatagrams(s *Source, conn net.Conn) (*datagrams, error) {
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return nil, fmt.Errorf("UDP needs a connection with an address: %w", err)
	}
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return nil, fmt.Errorf("UDP needs a connection with an address: %w", err)
	}
	d := &datagrams{s: s, peer: peer.Addr().Unmap(), stop: make(chan struct{}), drained: make(chan struct{})}
	for range 100 {
		port := uint16(10000 + 2*rand.IntN(27000))
		if d.socks, err = listenPair(local.Addr(), port); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("no two neighbouring UDP ports are free: %w", err)
	}
	got, err := receiveBuffer(d.socks[0], s.o.UDPBuffer)
	if err != nil {
		d.close()
		return nil, fmt.Errorf("receive buffer: %w", err)
	}
	s.buffered(got)
	return d, nil
}

func listenPair(at netip.Addr, port uint16) (socks [2]*net.UDPConn, err error) {
	for i := range socks {
		socks[i], err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, port+uint16(i))))
		if err != nil {
			if i > 0 {
				socks[0].Close()
			}
			return socks, err
		}
	}
	return socks, nil
}

// receiveBuffer asks the kernel for a buffer of the given bytes and tells what it gave. Linux
// answers with twice what it lets be used, for its own needs (socket(7)).
func receiveBuffer(c *net.UDPConn, bytes int) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	got := 0
	ctl := raw.Control(func(fd uintptr) {
		// Forcing needs a capability that the edge rarely has; without it the limit of the
		// system holds (net.core.rmem_max).
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bytes) != nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
		}
		if err == nil {
			got, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
		}
	})
	return got / 2, errors.Join(ctl, err)
}

// ports are written as Transport headers have them.
func (d *datagrams) ports() string {
	port := d.socks[0].LocalAddr().(*net.UDPAddr).Port
	return strconv.Itoa(port) + "-" + strconv.Itoa(port+1)
}

// from notes where the camera says it sends from, and begins to listen. Another address than
// that of the RTSP connection is not believed (source=).
func (d *datagrams) from(t transportAnswer) error {
	if t.source != "" && t.source != d.peer.String() {
		d.s.quirkOnce(QuirkForeignHost)
	}
	known := t.serverPorts[0] > 1 && t.serverPorts[1] > 1
	if !known {
		d.s.quirkOnce(QuirkNoServerPorts)
		if !d.s.o.AnyPort {
			return errNoServerPorts
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known && !d.s.o.AnyPort {
		d.sends = [2]uint16{uint16(t.serverPorts[0]), uint16(t.serverPorts[1])}
	}
	if d.begun || d.ended {
		return nil
	}
	d.begun = true
	d.done.Go(d.readRTP)
	d.done.Go(d.readRTCP)
	d.done.Go(d.report)
	return nil
}

// accepts reports whether a datagram for socket i may come from at. With AnyPort the first
// port of the camera's address that sends is the one.
func (d *datagrams) accepts(i int, at netip.AddrPort) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at.Addr().Unmap() == d.peer {
		if d.sends[i] == 0 && d.s.o.AnyPort {
			d.sends[i] = at.Port()
		}
		if d.sends[i] == at.Port() {
			return true
		}
	}
	d.s.quirk(QuirkForeignSender)
	return false
}

// readRTP takes the media. A deadline that passed while this process did not run hides what waits
// in the socket, so that packets are given up only when there was time to look for them.
func (d *datagrams) readRTP() {
	defer close(d.drained)
	buf := make([]byte, maxDatagram)
	silent := 0 // deadlines in a row that passed
	for {
		last := d.last.Load()
		var limit time.Time
		enough := 2
		wait, holds := d.s.holds()
		if last {
			limit, enough = time.Now().Add(drainWait), 3 // finish makes the first one pass
		} else if holds {
			limit = time.Now().Add(max(wait, lookFor))
		}
		d.socks[0].SetReadDeadline(limit) //nolint:errcheck // a closed socket shows below
		n, at, err := d.socks[0].ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if silent++; silent < enough {
				continue
			}
			silent = 0
			d.s.expire(last)
			if last {
				return
			}
		case err != nil:
			return
		case d.accepts(0, at):
			silent = 0
			d.s.rtp(append([]byte(nil), buf[:n]...), d.s.o.Now())
		case holds && wait <= 0: // strangers do not hold up what is due
			d.s.expire(false)
		}
	}
}

// finish takes what the camera sent before it ended the session.
func (d *datagrams) finish() {
	d.mu.Lock()
	begun := d.begun
	d.mu.Unlock()
	if !begun {
		return
	}
	d.last.Store(true)
	d.socks[0].SetReadDeadline(time.Now()) //nolint:errcheck // a closed socket has ended readRTP
	limit := time.NewTimer(time.Second)
	defer limit.Stop()
	select {
	case <-d.drained:
	case <-limit.C:
	}
}

func (d *datagrams) readRTCP() {
	buf := make([]byte, maxDatagram)
	for {
		n, at, err := d.socks[1].ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if d.accepts(1, at) {
			d.s.rtcp(append([]byte(nil), buf[:n]...))
		}
	}
}

// report sends receiver reports until the end.
func (d *datagrams) report() {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-tick.C:
			if b, err := d.s.receiverReport().Marshal(); err == nil {
				d.write(1, b)
			}
		}
	}
}

// punch opens the way through a firewall towards this end, as players do.
func (d *datagrams) punch() {
	d.write(0, append([]byte{0x80, 0}, make([]byte, 10)...))
	if b, err := (&rtcp.ReceiverReport{}).Marshal(); err == nil {
		d.write(1, b)
	}
}

// write sends a datagram; one that is lost is no matter.
func (d *datagrams) write(i int, b []byte) {
	d.mu.Lock()
	port := d.sends[i]
	d.mu.Unlock()
	if port != 0 {
		d.socks[i].WriteToUDPAddrPort(b, netip.AddrPortFrom(d.peer, port)) //nolint:errcheck // as above
	}
}

// close ends the reading and waits for it.
func (d *datagrams) close() {
	d.mu.Lock()
	ended := d.ended
	d.ended = true
	d.mu.Unlock()
	if ended {
		return
	}
	close(d.stop)
	for _, c := range d.socks {
		if c != nil {
			c.Close()
		}
	}
	d.done.Wait()
}
