package streamstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"bongsu/streams"
)

// Path is one stream of a server. It is fed from the first PLAY on, as a camera that goes on
// whether or not anybody looks. At its end, or the end of the file, its readers' sessions are
// closed.
type Path struct {
	Name string // rtsp://host:port/Name

	// What is sent: Units, or what Open gives. With Open, Params must be set.
	Units  []*streams.AccessUnit
	Open   func(ctx context.Context) (streams.Source, error)
	Params *streams.Params // nil = those of the first of Units

	Flat    bool          // as fast as it goes, instead of in real time
	Loop    bool          // begin again at the end, time going on
	Again   bool          // at the end be ready for another reader, from the beginning
	Hold    bool          // at the end keep the sessions open, silent
	Delay   time.Duration // everything leaves later by this: a slow encoder
	Group   string        // paths of one group start together, once each has a reader
	NoSDP   bool          // no parameter sets in the description
	NoBand  bool          // no parameter sets among the pictures
	Audio   bool          // describe an audio track as well
	NoVideo bool          // describe nothing but the audio track

	RTPStart    uint32        // timestamp of media time 0
	Reports     time.Duration // between sender reports; 0 = none
	CameraAhead time.Duration // of the camera's clock before this machine's

	Stamp  func(unit int, stamp uint32) uint32             // changes timestamps; nil = no change
	Mangle func(packet int, pkt *rtp.Packet) []*rtp.Packet // drops, doubles or reorders; nil = no change
	Report func(n int, ntp time.Time) time.Time            // changes what the camera claims; nil = no change
}

// path is a Path at work.
type path struct {
	server *Server
	o      *Path
	ctx    context.Context // ends the feed

	// guarded by server.mu
	stream  *gortsplib.ServerStream
	video   *description.Media
	encoder encoder
	read    bool // somebody has asked to play
	feeding bool

	// owned by feed
	packets  int
	sequence uint16
	units    int
	reported int
	next     time.Duration // media time of the next sender report
}

// encoder cuts access units into RTP packets.
type encoder interface {
	Encode(au [][]byte) ([]*rtp.Packet, error)
}

func newPath(s *Server, o *Path) (*path, error) {
	c := *o
	if c.Params == nil && len(c.Units) > 0 {
		c.Params = c.Units[0].Params
	}
	if c.Params == nil {
		return nil, fmt.Errorf("streamstest: path %q has no parameter sets", c.Name)
	}
	return &path{server: s, o: &c}, nil
}

// open makes the stream that readers attach to. The server's lock is held.
func (p *path) open() error {
	desc := &description.Session{}
	if !p.o.NoVideo {
		f, e, err := p.format()
		if err != nil {
			return err
		}
		p.encoder = e
		p.video = &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f}}
		desc.Medias = append(desc.Medias, p.video)
	}
	if p.o.Audio || p.o.NoVideo {
		desc.Medias = append(desc.Medias, &description.Media{
			Type: description.MediaTypeAudio, Formats: []format.Format{&format.G711{PayloadTyp: 0, MULaw: true, SampleRate: 8000, ChannelCount: 1}},
		})
	}
	st := &gortsplib.ServerStream{Server: p.server.rtsp, Desc: desc}
	if err := st.Initialize(); err != nil {
		return err
	}
	p.stream = st
	p.read, p.feeding = false, false
	return nil
}

func (p *path) format() (format.Format, encoder, error) {
	sets := p.o.Params
	if p.o.NoSDP {
		sets = &streams.Params{Codec: sets.Codec}
	}
	if sets.Codec == streams.H265 {
		f := &format.H265{PayloadTyp: 96, VPS: sets.VPS, SPS: sets.SPS, PPS: sets.PPS}
		e, err := f.CreateEncoder()
		return f, e, err
	}
	f := &format.H264{PayloadTyp: 96, SPS: sets.SPS, PPS: sets.PPS, PacketizationMode: 1}
	e, err := f.CreateEncoder()
	return f, e, err
}

func (p *path) current() *gortsplib.ServerStream {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	return p.stream
}

func (p *path) close() {
	if st := p.current(); st != nil {
		st.Close()
	}
}

// feed sends everything once (or for ever) and deals with the end.
func (p *path) feed(begin time.Time) {
	if p.video != nil {
		p.send(begin)
	}
	if p.o.Hold || p.video == nil {
		<-p.ctx.Done()
	}
	if p.ctx.Err() != nil {
		return
	}
	p.goodbye()
	p.close()
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	p.stream = nil
	if p.o.Again {
		p.units, p.next = 0, 0
		p.open() //nolint:errcheck // it went well before; otherwise the path is gone
	}
}

func (p *path) send(begin time.Time) {
	var shift, end time.Duration
	for {
		err := p.pass(func(au *streams.AccessUnit) bool {
			end = max(end, max(au.PTS, au.DTS)+shift+time.Second/25)
			return p.deliver(begin, au, shift)
		})
		if err != nil || !p.o.Loop || p.ctx.Err() != nil {
			return
		}
		shift = end
	}
}

// pass goes over all units once, until each says false.
func (p *path) pass(each func(*streams.AccessUnit) bool) error {
	if p.o.Open == nil {
		for _, au := range p.o.Units {
			if !each(au) {
				break
			}
		}
		return nil
	}
	src, err := p.o.Open(p.ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	for {
		au, err := src.Next(p.ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !each(au) {
			return nil
		}
	}
}

// deliver sends one unit when its time has come. It reports false when the server stops.
func (p *path) deliver(begin time.Time, au *streams.AccessUnit, shift time.Duration) bool {
	if !p.o.Flat && !waitUntil(p.ctx, begin.Add(au.DTS+shift+p.o.Delay)) {
		return false
	}
	nals := au.NALs
	if p.o.NoBand {
		nals = nil
		for _, nal := range au.NALs {
			if !IsParam(au.Codec, nal) {
				nals = append(nals, nal)
			}
		}
	}
	pts := au.PTS + shift
	stamp := p.o.RTPStart + uint32(int64(pts*90000/time.Second))
	if p.o.Stamp != nil {
		stamp = p.o.Stamp(p.units, stamp)
	}
	p.units++
	p.claim(begin, pts, stamp)
	pkts, err := p.encoder.Encode(nals)
	if err != nil {
		return p.ctx.Err() == nil
	}
	for _, pkt := range pkts {
		pkt.SequenceNumber = p.sequence
		p.sequence++
		pkt.Timestamp = stamp
		p.write(pkt)
	}
	return p.ctx.Err() == nil
}

func (p *path) write(pkt *rtp.Packet) {
	out := []*rtp.Packet{pkt}
	if p.o.Mangle != nil {
		out = p.o.Mangle(p.packets, pkt)
	}
	p.packets++
	for _, pkt := range out {
		p.stream.WritePacketRTP(p.video, pkt) //nolint:errcheck // a reader that left is no matter
	}
}

// claim sends a sender report when one is due: RFC 3550, section 6.4.1.
func (p *path) claim(begin time.Time, pts time.Duration, stamp uint32) {
	if p.o.Reports <= 0 || pts < p.next {
		return
	}
	p.next = pts + p.o.Reports
	ntp := begin.Add(pts + p.o.CameraAhead)
	if p.o.Report != nil {
		ntp = p.o.Report(p.reported, ntp)
	}
	p.reported++
	p.stream.WritePacketRTCP(p.video, &rtcp.SenderReport{ //nolint:errcheck // a reader that left is no matter
		SSRC: 1, NTPTime: ntpOf(ntp), RTPTime: stamp,
	})
}

// ntpOf writes t as an NTP timestamp: seconds since 1900 and a binary fraction.
func ntpOf(t time.Time) uint64 {
	return uint64(t.Unix()+2208988800)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// waitUntil waits for t. It reports false when ctx ended first.
func waitUntil(ctx context.Context, t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Drop leaves out the packets at the given places, counted from 0.
func Drop(at ...int) func(int, *rtp.Packet) []*rtp.Packet {
	return func(n int, pkt *rtp.Packet) []*rtp.Packet {
		for _, d := range at {
			if n == d {
				return nil
			}
		}
		return []*rtp.Packet{pkt}
	}
}

// Double sends the packets at the given places twice.
func Double(at ...int) func(int, *rtp.Packet) []*rtp.Packet {
	return func(n int, pkt *rtp.Packet) []*rtp.Packet {
		for _, d := range at {
			if n == d {
				again := pkt.Clone()
				return []*rtp.Packet{pkt, again}
			}
		}
		return []*rtp.Packet{pkt}
	}
}

// Swap sends the packet at each given place after the one that follows it.
func Swap(at ...int) func(int, *rtp.Packet) []*rtp.Packet {
	var kept *rtp.Packet
	return func(n int, pkt *rtp.Packet) []*rtp.Packet {
		for _, d := range at {
			if n == d {
				kept = pkt
				return nil
			}
		}
		if kept != nil {
			out := []*rtp.Packet{pkt, kept}
			kept = nil
			return out
		}
		return []*rtp.Packet{pkt}
	}
}
