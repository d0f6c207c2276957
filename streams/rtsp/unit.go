package rtsp

import (
	"time"

	"github.com/pion/rtcp"

	"bongsu/streams"
)

// clockSet is by how much this box's wall clock may move against its steady one between two
// units. A larger step ends the run: a new one gets a new offset.
const clockSet = time.Second

// reportSeen is a sender report in the camera's own terms.
type reportSeen struct {
	ntp uint64
	rtp uint32
}

// control takes one RTCP packet.
func (s *Source) control(pkt rtcp.Packet) {
	sr, ok := pkt.(*rtcp.SenderReport)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Reports++
	r := reportSeen{ntp: sr.NTPTime, rtp: sr.RTPTime}
	if !s.line.begun {
		s.report = &r
		return
	}
	s.believe(r)
}

func (s *Source) believe(r reportSeen) {
	if r.ntp != 0 { // 0: the camera has no clock
		believed := s.mapping.reported()
		if !s.mapping.Report(duration(s.line.at(r.rtp)), ntpTime(r.ntp)) && believed > 0 {
			s.stats.Quirks[QuirkReportDisagrees]++
			if believed > 1 {
				s.stats.Quirks[QuirkClaimStep]++
			}
		}
	}
}

// unit gives one assembled picture its place in time and puts it in the queue. The lock is held.
func (s *Source) unit(u *rawUnit) {
	if s.err != nil {
		return
	}
	stepped := s.clockStepped(u.arrived)
	s.lastIn = u.arrived
	for _, nal := range u.nals {
		s.sets.add(nal)
	}
	params := s.params()
	if s.stats.Units == 0 {
		if params == nil || !u.key || u.torn {
			s.stats.Waiting++
			return
		}
		s.firstUnit(u)
		u.after = false // what came before the first picture is not missed
	}
	if stepped {
		s.err = s.failure("read", streams.ReasonClockSet, nil,
			"this box's clock was set by more than %s; a new run begins with the new time", clockSet)
		s.queue.signal()
		return
	}
	au := s.place(u, params)
	s.stats.Units++
	s.good = u.arrived
	s.pts = au.PTS
	s.habits.see(au, s.declared(), &s.stats)
	au.Lost = u.torn || u.after || s.skipped
	if au.Lost {
		s.stats.Tainted++
	}
	s.skipped = !s.queue.push(au)
	if s.skipped {
		s.stats.Dropped++
	}
}

// place makes the access unit of u.
func (s *Source) place(u *rawUnit, params *streams.Params) *streams.AccessUnit {
	in := s.sets.info
	s.line.begin(in.fps, in.reorder, in.reorderKnown && in.reorder > 0 || u.b)
	pts, dts, fresh := s.line.place(u.rtp, u.arrived)
	if fresh {
		s.mapping.Forget()
	}
	au := &streams.AccessUnit{
		Camera: s.o.Camera, Run: s.o.Run, Seq: s.seq, Codec: s.offer.codec,
		Params: params, NALs: u.nals, PTS: duration(pts), DTS: duration(dts),
		Arrived: u.arrived, Key: u.key,
	}
	s.seq++
	au.Wall = s.mapping.Observe(au.PTS, u.arrived)
	s.stats.Quirks[QuirkStampStep] = s.mapping.Steps()
	if s.report != nil {
		s.believe(*s.report)
		s.report = nil
	}
	au.CameraClock = s.mapping.Claim(au.PTS)
	return au
}

// clockStepped reports whether the wall clock was set between the unit before and now.
func (s *Source) clockStepped(now time.Time) bool {
	if s.lastIn.IsZero() {
		return false
	}
	return apart(now.Round(0).Sub(s.lastIn.Round(0)), now.Sub(s.lastIn))
}

// apart reports whether the wall clock and the steady one measured different times.
func apart(wall, steady time.Duration) bool { return (wall - steady).Abs() > clockSet }

// over maps the end of the client to the end of the run.
func (s *Source) over(cause error) *streams.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asm != nil {
		s.asm.flush()
	}
	return s.failure("read", streams.ReasonEnded, cause, "%s closed the session", s.target.host)
}

// params gives the parameter sets in force, and counts their changes within the run.
func (s *Source) params() *streams.Params {
	before, size := s.sets.now, s.sets.size
	now := s.sets.current()
	if s.stats.Units > 0 && now != before {
		s.stats.Quirks[QuirkParamsChange]++
		if s.sets.size != size {
			s.stats.Quirks[QuirkSizeChange]++
		}
	}
	return now
}

// firstUnit counts what the first key picture shows of the camera.
func (s *Source) firstUnit(u *rawUnit) {
	for _, nal := range u.nals {
		if kindOf(s.offer.codec, nal).sps {
			return
		}
	}
	s.stats.Quirks.once(QuirkNoInBandParams)
}

// declared is the rate of pictures that the camera tells; 0 when it does not.
func (s *Source) declared() float64 {
	if s.sets.info.fps > 0 {
		return s.sets.info.fps
	}
	return s.offer.fps
}
