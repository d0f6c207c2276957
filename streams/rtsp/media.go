package rtsp

import (
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"bongsu/streams"
)

// adoptAfter is how many packets of one payload type that was not announced must come, and
// none of the announced one, before it is taken for the video.
const adoptAfter = 32

// reception is what the packets of a session are judged by. Guarded by Source.mu.
type reception struct {
	payload   uint8 // that the video has
	seen      bool  // a packet of it came
	other     uint8 // another type, and how often it came
	others    int
	announced *uint32 // SSRC
	order     reorder // over UDP
	ready     []arrival
}

// rtp takes one RTP packet as it came in. It never waits. The payload belongs to it.
func (s *Source) rtp(payload []byte, arrived time.Time) {
	if len(payload) > 1 && payload[1] >= 192 && payload[1] <= 223 { // RFC 5761, section 4
		s.quirk(QuirkRTCPOnRTP)
		s.rtcp(payload)
		return
	}
	s.mu.Lock()
	var end *streams.Error
	if s.asm != nil {
		if pkt := s.readable(payload); pkt != nil {
			end = s.deliver(pkt, arrived)
		}
	}
	s.mu.Unlock()
	if end != nil {
		s.end(end)
	}
}

// readable gives the packet, nil when it is not of the video. The lock is held.
func (s *Source) readable(payload []byte) *rtp.Packet {
	pkt := &rtp.Packet{}
	if err := pkt.Unmarshal(payload); err != nil || pkt.Version != 2 {
		s.stats.Malformed++
		s.stats.Quirks[QuirkBrokenRTP]++
		return nil
	}
	in := &s.in
	if pkt.PayloadType == in.payload {
		in.seen = true
		return pkt
	}
	s.stats.Quirks[QuirkPayloadType]++
	if in.seen {
		s.stats.Malformed++
		return nil
	}
	if pkt.PayloadType != in.other {
		in.other, in.others = pkt.PayloadType, 0
	}
	if in.others++; in.others < adoptAfter {
		s.stats.Malformed++
		return nil
	}
	in.payload, in.seen = pkt.PayloadType, true
	return pkt
}

// deliver gives the packet, and those it releases, to the assembler. The lock is held.
func (s *Source) deliver(pkt *rtp.Packet, arrived time.Time) *streams.Error {
	if a := s.in.announced; a != nil {
		if pkt.SSRC != *a {
			s.stats.Quirks.once(QuirkSSRCMismatch)
		}
		s.in.announced = nil // said once
	}
	if otherCodec(s.offer.codec, pkt.Payload) {
		s.stats.Quirks[QuirkCodecChange]++
		return s.failure("read", streams.ReasonEnded, nil, "%s changed its codec within the session; a new run reads what it sends now", s.target.host)
	}
	if s.o.Transport != UDP {
		s.asm.push(pkt, arrived)
		return nil
	}
	s.assemble(s.in.order.push(pkt, arrived, s.in.ready[:0]))
	return nil
}

// assemble takes packets that are in order. The lock is held.
func (s *Source) assemble(ready []arrival) {
	o := &s.in.order
	s.stats.Quirks[QuirkReordered] = o.moved
	s.stats.Packets += o.doubled
	s.stats.Duplicates += o.doubled
	o.doubled = 0
	for i, a := range ready {
		s.asm.push(a.pkt, a.at)
		ready[i] = arrival{}
	}
	s.in.ready = ready
}

// holds says how long packets may still wait for others; false when none does.
func (s *Source) holds() (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in.order.wait(s.o.Now())
}

// expire gives up packets that others have waited for too long, or, at the last, all.
func (s *Source) expire(last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last {
		s.assemble(s.in.order.flush(s.in.ready[:0]))
		return
	}
	s.assemble(s.in.order.expire(s.o.Now(), s.in.ready[:0]))
}

// otherCodec reports whether payload holds a parameter set of the other codec: one whose
// first bytes the codec has no meaning for.
func otherCodec(codec streams.Codec, payload []byte) bool {
	if len(payload) < 8 {
		return false
	}
	switch codec {
	case streams.H264: // VPS: type 32, layer 0, temporal layer 1; H.264 type 0 is unspecified
		return payload[0] == 0x40 && payload[1] == 0x01
	case streams.H265: // SPS with a profile that exists; H.265 types 51 and 19 with layer 8 and more are not
		return payload[0] == 0x67 && (payload[1] == 66 || payload[1] == 77 || payload[1] == 88 || payload[1] == 100)
	}
	return false
}

// rtcp takes one compound RTCP packet. Of a broken one the sender report in front is used,
// when it is whole.
func (s *Source) rtcp(payload []byte) {
	pkts, err := rtcp.Unmarshal(payload)
	if err != nil {
		s.mu.Lock()
		s.stats.Malformed++
		s.stats.Quirks[QuirkBrokenRTCP]++
		s.mu.Unlock()
		const whole = 28
		var sr rtcp.SenderReport
		if len(payload) < whole || payload[0]>>6 != 2 || payload[1] != 200 {
			return
		}
		front := append([]byte{0x80, 200, 0, 6}, payload[4:whole]...)
		if sr.Unmarshal(front) != nil {
			return
		}
		pkts = []rtcp.Packet{&sr}
	}
	for _, p := range pkts {
		s.control(p)
	}
}

// receiverReport says what was received: RFC 3550, section 6.4.2.
func (s *Source) receiverReport() *rtcp.ReceiverReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &rtcp.ReceiverReport{SSRC: 0x626f6e67}
	if s.asm != nil && s.asm.begun {
		r.Reports = []rtcp.ReceptionReport{{
			SSRC: s.asm.ssrc, TotalLost: uint32(min(s.stats.Missing, 1<<23-1)), LastSequenceNumber: uint32(s.asm.next - 1),
		}}
	}
	return r
}

// quirk counts one occurrence.
func (s *Source) quirk(q Quirk) {
	s.mu.Lock()
	s.stats.Quirks[q]++
	s.mu.Unlock()
}

// quirkOnce counts what is said once a session.
func (s *Source) quirkOnce(q Quirk) {
	s.mu.Lock()
	s.stats.Quirks.once(q)
	s.mu.Unlock()
}

// buffered notes what receive buffer the kernel gave.
func (s *Source) buffered(bytes int) {
	s.mu.Lock()
	s.stats.SocketBuffer = bytes
	if bytes < s.o.UDPBuffer {
		s.stats.Quirks.once(QuirkSmallBuffer)
	}
	s.mu.Unlock()
	if bytes < s.o.UDPBuffer {
		s.o.Log.Warn("the kernel gives less receive buffer than asked for; raise net.core.rmem_max, or a burst of the camera is lost",
			"camera", s.o.Camera, "asked", s.o.UDPBuffer, "got", bytes)
	}
}

// announced notes the SSRC that the camera said it would use.
func (s *Source) announced(ssrc *uint32) {
	s.mu.Lock()
	s.in.announced = ssrc
	s.mu.Unlock()
}

// offers notes the first description that came.
func (s *Source) offers(o *offer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offer == nil {
		s.offer = o
		s.in.payload = o.payload
		s.stats.Quirks.Add(&o.quirks)
	}
}

// challenged notes that the camera asked for a login, and what could be made of it.
func (s *Source) challenged(known []*challenge, best *challenge, odd, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login.asked = true
	if odd {
		s.stats.Quirks.once(QuirkOddChallenge)
	}
	if s.o.Username != "" && best == nil && first {
		s.login.basicRefused = len(known) > 0
		s.login.unknown = len(known) == 0
	}
}

// loggedIn notes that a request was granted.
func (s *Source) loggedIn(digest bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login.accepted = s.login.accepted || s.login.asked
	if digest && s.login.accepted {
		s.stats.Quirks.once(QuirkDigestLogin)
	}
}
