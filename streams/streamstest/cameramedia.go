package streamstest

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// cameraUDP is the pair of sockets of one track.
type cameraUDP struct {
	socks   [2]*net.UDPConn // RTP, RTCP
	foreign *net.UDPConn    // from which nothing should be believed
	to      [2]*net.UDPAddr
	told    [2]int // ports that are announced
}

func openUDP(conn net.Conn, port int, other bool) (*cameraUDP, error) {
	local := conn.LocalAddr().(*net.TCPAddr).IP
	peer := conn.RemoteAddr().(*net.TCPAddr).IP
	u := &cameraUDP{}
	for i := range u.to {
		u.to[i] = &net.UDPAddr{IP: peer, Port: port + i}
	}
	var err error
	for range 100 {
		if u.socks[0], err = net.ListenUDP("udp", &net.UDPAddr{IP: local}); err != nil {
			return nil, err
		}
		u.told[0] = u.socks[0].LocalAddr().(*net.UDPAddr).Port
		if u.socks[1], err = net.ListenUDP("udp", &net.UDPAddr{IP: local, Port: u.told[0] + 1}); err == nil {
			break
		}
		u.socks[0].Close()
	}
	if err != nil {
		return nil, err
	}
	u.told[1] = u.told[0] + 1
	if u.foreign, err = net.ListenUDP("udp", &net.UDPAddr{IP: local}); err != nil {
		u.close()
		return nil, err
	}
	if other {
		u.told = [2]int{9, 10} // nothing is there
	}
	return u, nil
}

func (u *cameraUDP) ports() string { return fmt.Sprintf("%d-%d", u.told[0], u.told[1]) }

// Datagrams that the reader has not taken yet: how often that is looked at, and what is too much.
const (
	lookEvery  = 16 // packets
	mayWait    = 32 << 10
	lookAgain  = 2 * time.Millisecond
	lookAtMost = 5000 // times: a reader that takes nothing for 10 s never will
)

// waits gives the bytes in the kernel that the reader has not taken, by /proc/net/udp (proc(5)); 0
// where that cannot be known.
func (u *cameraUDP) waits() (bytes uint64) {
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return 0
	}
	port := fmt.Sprintf(":%04X", u.to[0].Port)
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 5 || !strings.HasSuffix(f[1], port) {
			continue
		}
		_, queued, _ := strings.Cut(f[4], ":")
		if n, err := strconv.ParseUint(queued, 16, 64); err == nil {
			bytes += n
		}
	}
	return bytes
}

// taken waits until no more than most bytes wait for the reader: on a busy machine the kernel would
// drop what the script does not.
func (k *cameraConn) taken(most uint64) {
	for n := 0; k.udp.waits() > most && n < lookAtMost; n++ {
		if !waitUntil(k.ctx, time.Now().Add(lookAgain)) {
			return
		}
	}
}

func (u *cameraUDP) close() {
	for _, s := range append(u.socks[:], u.foreign) {
		if s != nil {
			s.Close()
		}
	}
}

// write sends bytes on the RTSP connection.
func (k *cameraConn) write(b []byte) (int, error) {
	k.wmu.Lock()
	defer k.wmu.Unlock()
	if m := k.camera.o.Mangle; m != nil {
		b = m(b)
	}
	return k.conn.Write(b)
}

// prepare makes the packets of this session, once.
func (k *cameraConn) prepare() {
	if k.packets != nil {
		return
	}
	k.begin = time.Now()
	epoch := k.camera.o.Epoch
	if epoch.IsZero() {
		epoch = k.begin
	}
	all := packetize(k.camera.script, k.camera.units(), epoch)
	if p := k.camera.o.Published; p != nil {
		all = nil
		for _, pkt := range p.Packets {
			at := time.Duration(pkt.Timestamp-p.Packets[0].Timestamp) * time.Second / 90000
			all = append(all, packet{at: at, on: -1, rtp: pkt})
		}
	}
	if k.udp == nil {
		for i, p := range all {
			k.packets = append(k.packets, flight{packet: p, place: i, due: p.at})
		}
		return
	}
	var fate Fate
	k.packets, fate = k.camera.script.Media.Path.travel(all)
	k.camera.mu.Lock()
	k.camera.fate = fate
	k.camera.mu.Unlock()
}

// sendMedia sends the next n packets at once.
func (k *cameraConn) sendMedia(n int) {
	for range n {
		if k.sent < len(k.packets) {
			if k.sendPacket(k.packets[k.sent]) != nil {
				return // whoever reads the connection sees its end
			}
			k.sent++
		}
	}
}

// play sends the media, in a goroutine of the connection's.
func (k *cameraConn) play() {
	if k.camera.script.Media.Quiet && len(k.tracks) < 2 {
		k.playing = true
		return
	}
	k.prepare()
	k.playing = true
	if k.udp != nil {
		k.media.Go(k.discard)
	}
	k.camera.mu.Lock()
	k.camera.keptAlive = time.Now()
	k.begin = k.camera.keptAlive
	k.camera.began = k.begin
	k.camera.mu.Unlock()
	k.media.Go(k.feed)
}

// discard takes what the reader sends on its sockets, until they are closed.
func (k *cameraConn) discard() {
	buf := make([]byte, 2048)
	for {
		if _, _, err := k.udp.socks[1].ReadFromUDP(buf); err != nil {
			return
		}
	}
}

// feed sends everything at its time, and deals with the end.
func (k *cameraConn) feed() {
	if k.udp != nil {
		defer k.udp.close()
	}
	m := &k.camera.script.Media
	begin := k.begin
	for n := k.sent; n < len(k.packets); n++ {
		p := k.packets[n]
		at := begin
		switch {
		case m.Speed > 0:
			at = begin.Add(time.Duration(float64(p.due) / m.Speed))
		case k.udp != nil: // as fast as sockets take it
			at = begin.Add(time.Duration(n) * 50 * time.Microsecond)
		}
		if k.udp != nil && m.Speed == 0 && n%lookEvery == 0 {
			k.taken(mayWait)
		}
		if !waitUntil(k.ctx, at) || !k.camera.pause(k.ctx) || k.camera.expired(m.Speed) {
			k.cancel()
			return
		}
		if k.sendPacket(p) != nil {
			k.cancel()
			return
		}
		if k.udp != nil && m.Foreign > 0 && n%m.Foreign == 0 {
			k.spoof(p)
		}
	}
	k.finish()
}

// expired reports whether no keepalive came for too long.
func (c *Camera) expired(speed float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.script.Sessions.Timeout
	return t > 0 && speed > 0 && time.Since(c.keptAlive) > t+t/4
}

func (k *cameraConn) sendPacket(p flight) error {
	if p.raw != nil {
		_, err := k.write(p.raw)
		return err
	}
	b, i := p.rtcp, 1
	if p.rtp != nil {
		var err error
		if b, err = p.rtp.Marshal(); err != nil {
			return err
		}
		i = 0
	}
	if k.udp != nil {
		_, err := k.udp.socks[i].WriteToUDP(b, k.udp.to[i])
		return err
	}
	channel := k.channels[i]
	if p.on >= 0 {
		channel = p.on
	}
	head := []byte{'$', byte(channel), 0, 0}
	binary.BigEndian.PutUint16(head[2:], uint16(len(b)))
	_, err := k.write(append(head, b...))
	return err
}

// spoof sends the packet with other bytes from a port that was not announced.
func (k *cameraConn) spoof(p flight) {
	if p.rtp == nil {
		return
	}
	fake := p.rtp.Clone()
	fake.SequenceNumber++
	for i := range fake.Payload[min(2, len(fake.Payload)):] {
		fake.Payload[min(2, len(fake.Payload))+i] ^= 0x55
	}
	if b, err := fake.Marshal(); err == nil {
		k.udp.foreign.WriteToUDP(b, k.udp.to[0]) //nolint:errcheck // it is not meant to arrive
	}
}

// finish ends the session as the script says.
func (k *cameraConn) finish() {
	m := &k.camera.script.Media
	if k.udp != nil { // what waits for its turn at the reader is still to be taken
		k.taken(0)
		waitUntil(k.ctx, time.Now().Add(400*time.Millisecond))
	}
	switch m.End {
	case "hold":
		<-k.ctx.Done()
		return
	case "teardown":
		k.write([]byte("TEARDOWN * RTSP/1.0\r\nCSeq: 99\r\nSession: " + k.session + "\r\n\r\n")) //nolint:errcheck // the end shows below
		waitUntil(k.ctx, time.Now().Add(time.Second))
	case "reset":
		if c, ok := k.conn.(*net.TCPConn); ok {
			c.SetLinger(0) //nolint:errcheck // a closed connection is as good
		}
	default:
		if c, ok := k.conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
			waitUntil(k.ctx, time.Now().Add(5*time.Second)) // the reader closes
		}
	}
	k.cancel()
}
