package streamstest

import (
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"bongsu/streams"
)

// packet is one thing that a fake camera sends: an RTP or RTCP packet, or bytes between them.
type packet struct {
	at    time.Duration // media time at which it leaves
	unit  int
	first bool // of its NAL unit
	last  bool // of its NAL unit
	final bool // of its unit
	nal   byte // type of the NAL unit
	rtp   *rtp.Packet
	rtcp  []byte
	raw   []byte
	on    int // channel instead of the usual one; -1 = the usual one
}

// packetizer makes a script's packets.
type packetizer struct {
	s        *Script
	units    []*streams.AccessUnit
	ssrc     uint32
	seq      uint16
	out      []packet
	reported int
	epoch    time.Time // the camera's clock at media time 0
}

// firstSequence is the number of the first packet.
const firstSequence = 100

func packetize(s *Script, units []*streams.AccessUnit, epoch time.Time) []packet {
	p := &packetizer{s: s, units: units, ssrc: 0x1234abcd, seq: firstSequence, epoch: epoch}
	if s.Media.SSRC != nil {
		p.ssrc = *s.Media.SSRC
	}
	for i, au := range units {
		p.unit(i, au)
	}
	for _, c := range s.Media.Changes {
		p.change(c)
	}
	return p.out
}

func (p *packetizer) stamp(au *streams.AccessUnit) uint32 {
	return p.s.Media.Start + uint32(int64(au.PTS*90000/time.Second))
}

func (p *packetizer) unit(i int, au *streams.AccessUnit) {
	nals := au.NALs
	for _, c := range p.s.Media.Changes {
		if c.covers(i) {
			nals = c.nals(au, nals)
		}
	}
	if p.s.Media.NoBand {
		nals = slices.DeleteFunc(slices.Clone(nals), func(n []byte) bool { return IsParam(au.Codec, n) })
	}
	begin := len(p.out)
	for _, nal := range nals {
		p.nal(i, au, nal)
	}
	if len(p.out) > begin {
		end := &p.out[len(p.out)-1]
		end.final, end.rtp.Marker = true, true
	}
	if every := p.s.Media.Reports.Every; every > 0 && i%every == 0 {
		p.report(i, au)
	}
}

// nal cuts one NAL unit: RFC 6184 sections 5.6 and 5.8, RFC 7798 sections 4.4.1 and 4.4.3.
func (p *packetizer) nal(i int, au *streams.AccessUnit, nal []byte) {
	mtu := p.s.Media.MTU
	if mtu == 0 {
		mtu = 1200
	}
	kind := nal[0] & 0x1f
	if au.Codec == streams.H265 {
		kind = nal[0] >> 1 & 0x3f
	}
	if mtu < 0 || len(nal) <= mtu {
		p.add(i, au, packet{first: true, last: true, nal: kind}, nal)
		return
	}
	head := []byte{nal[0]&0xe0 | 28, kind}
	rest := nal[1:]
	if au.Codec == streams.H265 {
		head = []byte{nal[0]&0x81 | 49<<1, nal[1], kind}
		rest = nal[2:]
	}
	for n := 0; len(rest) > 0; n++ {
		size := min(mtu-len(head), len(rest))
		payload := slices.Concat(head, rest[:size])
		rest = rest[size:]
		flags := &payload[len(head)-1]
		if n == 0 {
			*flags |= 0x80
		}
		if len(rest) == 0 {
			*flags |= 0x40
		}
		p.add(i, au, packet{first: n == 0, last: len(rest) == 0, nal: kind}, payload)
	}
}

func (p *packetizer) add(i int, au *streams.AccessUnit, k packet, payload []byte) {
	k.unit, k.at, k.on = i, au.DTS, -1
	k.rtp = &rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: p.seq, SSRC: p.ssrc, Timestamp: p.stamp(au)},
		Payload: payload,
	}
	p.seq++
	p.out = append(p.out, k)
}

// report makes a sender report, true or not.
func (p *packetizer) report(i int, au *streams.AccessUnit) {
	r := p.s.Media.Reports
	now := p.epoch.Add(au.PTS)
	n := p.reported
	p.reported++
	ntp := ntpOf(now)
	if n >= r.From {
		switch r.Clock {
		case "years":
			ntp = ntpOf(now.AddDate(-30, 0, 0))
		case "zero":
			ntp = 0
		case "step":
			ntp = ntpOf(now.Add(time.Duration(n*n) * time.Hour))
		case "hour": // summer time, by a camera that knows no UTC
			ntp = ntpOf(now.Add(time.Hour))
		case "fraction": // milliseconds where a binary fraction belongs
			ntp = ntp>>32<<32 | uint64(now.Nanosecond()/1e6+n%2*2e9) // no two in a row agree, wherever in its second the camera begins
		}
	}
	b, err := (&rtcp.SenderReport{SSRC: p.ssrc, NTPTime: ntp, RTPTime: p.stamp(au)}).Marshal()
	if err == nil {
		p.out = append(p.out, packet{at: au.DTS, unit: i, rtcp: b, on: -1})
	}
}

// covers reports whether unit is among those that c is about.
func (c *Change) covers(unit int) bool {
	switch {
	case len(c.At) > 0:
		return slices.Contains(c.At, unit)
	case unit < c.From || c.To > 0 && unit >= c.To:
		return false
	case c.Every > 0:
		return (unit-c.From)%c.Every == 0
	}
	return true
}

// nals changes the NAL units of one unit.
func (c *Change) nals(au *streams.AccessUnit, nals [][]byte) [][]byte {
	switch extra, _ := hex.DecodeString(c.Hex); c.Do {
	case "sps-append":
		out := slices.Clone(nals)
		for i, n := range out {
			if IsParam(au.Codec, n) && (n[0]&0x1f == 7 || au.Codec == streams.H265 && n[0]>>1 == 33) {
				out[i] = slices.Concat(n, extra)
			}
		}
		return out
	case "sei":
		sei := []byte{0x06, 0x05, 0x04, 1, 2, 3, 4, 0x80}
		if au.Codec == streams.H265 {
			sei = []byte{0x4e, 0x01, 0x05, 0x04, 1, 2, 3, 4, 0x80}
		}
		return append([][]byte{sei}, nals...)
	case "aud-first": // the delimiter stands behind the first slice
		return append(slices.Clone(nals), []byte{0x46, 0x01, 0x50})
	case "annexb":
		return [][]byte{AnnexB(nals)}
	case "drop-units":
		return nil
	}
	return nals
}

// change changes packets that are made.
func (p *packetizer) change(c Change) {
	switch c.Do {
	case "drop", "double", "swap", "insert", "frame":
		p.move(c)
		return
	case "fu-empty":
		p.emptyFragments(c)
		return
	}
	ssrc := p.ssrc
	for i := range p.out {
		k := &p.out[i]
		if c.Do == "ssrc" && k.rtp != nil {
			if c.covers(k.unit) && (i == 0 || p.out[i-1].unit != k.unit) {
				if ssrc++; c.Value > 0 {
					ssrc = uint32(c.Value)
				}
			}
			k.rtp.SSRC = ssrc
			continue
		}
		if k.rtp != nil && (c.covers(k.unit) || c.Do == "payload-type" && slices.Contains(c.At, i)) {
			c.packet(k)
		}
	}
}

// packet changes one packet.
func (c *Change) packet(k *packet) {
	h := &k.rtp.Header
	switch c.Do {
	case "marker":
		switch c.Text {
		case "never":
			h.Marker = false
		case "slices":
			h.Marker = k.last && k.nal <= 5
		case "sei":
			h.Marker = h.Marker || k.nal == 6
		case "nals":
			h.Marker = k.last
		}
	case "payload-type":
		h.PayloadType = uint8(c.Value)
	case "stamp":
		c.stamp(k)
	case "fu-type":
		if !k.first && k.rtp.Payload[0]&0x1f == 28 {
			k.rtp.Payload[1] = k.rtp.Payload[1]&0xe0 | byte(c.Value)
		}
	case "fu-single":
		if n := k.rtp.Payload; k.first && k.last {
			k.rtp.Payload = slices.Concat([]byte{n[0]&0xe0 | 28, n[0]&0x1f | 0xc0}, n[1:])
		}
	case "channel":
		k.on = int(c.Value)
	case "set-bytes":
		b, _ := hex.DecodeString(c.Hex)
		k.rtp.Payload = b
	}
}

// stamp moves timestamps: by Value ticks, by Value ticks more with every unit (Text "each"),
// to those of the unit before (Text "same"), or by a rate.
func (c *Change) stamp(k *packet) {
	h := &k.rtp.Header
	switch c.Text {
	case "each":
		h.Timestamp += uint32(c.Value * int64(k.unit-c.From+1))
	case "rate":
		h.Timestamp = uint32(float64(h.Timestamp) * c.Rate)
	default:
		h.Timestamp += uint32(c.Value)
	}
}

// move drops, doubles, swaps or inserts at packets.
func (p *packetizer) move(c Change) {
	var out []packet
	for i := 0; i < len(p.out); i++ {
		k := p.out[i]
		hit := slices.Contains(c.At, i) || len(c.At) == 0 && c.Every > 0 && i > 0 && i%c.Every == 0
		switch {
		case hit && c.Do == "drop":
			continue
		case hit && c.Do == "swap" && i+1 < len(p.out):
			out = append(out, p.out[i+1], k)
			i++
			continue
		case hit && c.Do == "double":
			out = append(out, k)
		case hit && (c.Do == "insert" || c.Do == "frame"):
			out = append(out, c.inserted(k))
		}
		out = append(out, k)
	}
	p.out = out
}

// inserted makes what is put before k: bytes as they are, or a frame for channel Value.
func (c *Change) inserted(k packet) packet {
	b, _ := hex.DecodeString(c.Hex)
	b = append([]byte(unquote(c.Text)), b...)
	in := packet{at: k.at, unit: k.unit, raw: b, on: -1}
	if c.Do == "frame" {
		in.raw = slices.Concat([]byte{'$', byte(c.Value), byte(len(b) >> 8), byte(len(b))}, b)
	}
	return in
}

// unquote reads \r, \n and the like.
func unquote(s string) string {
	if out, err := strconv.Unquote(`"` + s + `"`); err == nil {
		return out
	}
	return s
}

// emptyFragments puts a fragment without data behind the first one of every NAL unit.
func (p *packetizer) emptyFragments(c Change) {
	var out []packet
	seq := p.out[0].rtp.SequenceNumber
	for _, k := range p.out {
		if k.rtp == nil {
			out = append(out, k)
			continue
		}
		k.rtp.SequenceNumber = seq
		seq++
		out = append(out, k)
		if k.first && !k.last && c.covers(k.unit) {
			again := k
			again.rtp = k.rtp.Clone()
			again.rtp.SequenceNumber = seq
			seq++
			again.rtp.Payload = []byte{k.rtp.Payload[0], k.rtp.Payload[1] & 0x1f}
			again.first = false
			out = append(out, again)
		}
	}
	p.out = out
}
