package live

import (
	"context"
	"errors"
	"net"
	"net/http"

	"golang.org/x/sys/unix"
)

// notSent is how much of what was written may wait in this box's kernel: what waits there can
// no longer be dropped for a newer picture.
const notSent = 64 << 10

// lowerEffort is the differentiated services code point CS1 (RFC 8622 names it the older mark of
// lower effort), where IP_TOS has it.
const lowerEffort = 8 << 2

// Client makes of the uplink's HTTP client one for live view: with the same authorities and
// limits, but connections of its own whose bytes give way to those of events.
func Client(uplink *http.Client) *http.Client {
	t, ok := uplink.Transport.(*http.Transport)
	if !ok {
		return uplink
	}
	t = t.Clone()
	dial := t.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			// Where the kernel has no such setting, pictures come a little later, or compete.
			_ = giveWay(tcp)
		}
		return c, nil
	}
	mine := *uplink
	mine.Transport = t
	return &mine
}

// giveWay sets what makes a connection's bytes few in the kernel and late in the queues.
func giveWay(c *net.TCPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var errs []error
	err = raw.Control(func(fd uintptr) {
		errs = append(errs,
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSent),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, lowerEffort),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, lowerEffort),
		)
	})
	return errors.Join(append(errs, err)...)
}
