// Package rtsp reads one camera over RTSP: rtsp.Open gives a streams.Source for one session
// (a run). H.264 and H.265 are read over one TCP connection, RTP interleaved (RFC 2326,
// section 10.12), with TLS or without, or over UDP. Audio and metadata are never asked for. gortsplib v4 speaks the protocol;
// what is decided here is the login, the joining of packets into access units, what was lost,
// time, and the words for what went wrong.
//
// The user name and the password are fields of their own. A URL that holds them is refused,
// and neither is ever part of a log line or an error.
package rtsp

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"

	"bongsu/streams"
)

// Stats counts what a Source met. All counts begin at 0 with the run.
type Stats struct {
	Packets    uint64 // RTP packets delivered
	Missing    uint64 // packets that the sequence numbers say are missing
	Gaps       uint64 // places where packets are missing
	Duplicates uint64 // packets that came again or late; not used
	Restarts   uint64 // new sequences of packet numbers; no loss by itself
	Damaged    uint64 // payloads that could not be used whole
	Headless   uint64 // pictures without their first slice
	Discarded  uint64 // units that were headless or too large
	Restamped  uint64 // units whose timestamp did not rise, or could not be right
	Timelines  uint64 // new timelines: the camera's timestamps jumped for good
	Malformed  uint64 // packets that are no RTP or of another track
	Reports    uint64 // sender reports

	Quirks QuirkCounts // ways in which the camera is odd

	SocketBuffer int // bytes of receive buffer that the kernel gave for UDP; 0 over TCP

	Units   uint64 // access units assembled from the first key unit on: the next Seq
	Waiting uint64 // units before the first key unit, not delivered
	Tainted uint64 // units with Lost set, of Units
	Dropped uint64 // units dropped because Next was called too late, of Units
}

// Source is one RTSP session. It implements streams.Source. Open makes it.
type Source struct {
	// set before the session begins
	o      Options
	target target
	tls    *tls.Config   // nil without TLS
	done   chan struct{} // closed when the session's goroutines have ended

	// owned by the client's reader goroutine
	asm     *assembler
	sets    *paramSets
	line    timeline
	mapping *Mapping

	mu      sync.Mutex
	client  *gortsplib.Client
	login   loginFacts
	offer   *offer
	stats   Stats
	queue   *unitQueue
	skipped bool // a unit was dropped at the queue: the next is Lost
	playing bool
	began   time.Time // of the session
	good    time.Time // arrival of the last decodable unit, or when the session began
	seq     uint64
	pts     time.Duration
	lastIn  time.Time // arrival of the last unit, decodable or not
	in      reception
	habits  habits
	report  *reportSeen // a sender report that came before the first unit
	err     error       // why the run ended
	closed  bool
}

// Next blocks for the next access unit, until ctx ends (its error is returned, and the run
// goes on) or the run does (a *streams.Error, the same at every later call). It returns
// streams.ReasonSilent when nothing decodable came for StallAfter. One goroutine at a time.
func (s *Source) Next(ctx context.Context) (*streams.AccessUnit, error) {
	for {
		au, wait, err := s.take()
		if au != nil || err != nil {
			return au, err
		}
		if wait <= 0 {
			s.end(s.stalled())
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.queue.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

// take gives a unit, or why the run ended, or how long to wait before it counts as silent.
func (s *Source) take() (*streams.AccessUnit, time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, 0, s.err
	}
	if au := s.queue.pop(); au != nil {
		return au, 0, nil
	}
	if s.err != nil {
		return nil, 0, s.err
	}
	now := s.o.Now()
	wait := s.o.StallAfter - now.Sub(s.good)
	if s.awaitsKey() {
		wait = max(min(s.o.KeyAfter-now.Sub(s.began), s.o.StallAfter-now.Sub(s.lastIn)), 0)
	}
	return nil, wait, nil
}

// awaitsKey reports whether pictures arrive that a decoder could use, were there a key picture.
func (s *Source) awaitsKey() bool {
	return s.stats.Units == 0 && s.stats.Waiting > 0 && s.sets.now != nil
}

// stalled says in what way the camera is silent.
func (s *Source) stalled() *streams.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.awaitsKey() && s.o.Now().Sub(s.lastIn) < s.o.StallAfter:
		return s.failure("read", streams.ReasonSilent, nil,
			"%s sends pictures, but no key picture came in %s: set a shorter key frame interval (GOP) in the camera", s.target.host, s.o.KeyAfter)
	case s.stats.Units == 0 && s.stats.Waiting > 0 && s.sets.now == nil:
		return s.failure("read", streams.ReasonNoParameters, nil,
			"%s sends %s pictures, but the parameter sets to decode them came neither in its description nor with the pictures in %s: restart the camera, or choose another stream of it", s.target.host, s.offer.codec, s.o.StallAfter)
	case s.stats.Units == 0 && s.stats.Waiting == 0:
		return s.failure("read", streams.ReasonSilent, nil,
			"%s accepted the session, but sent no picture in %s: check that the camera's encoder is on and that no firewall cuts the stream", s.target.host, s.o.StallAfter)
	}
	return s.failure("read", streams.ReasonSilent, nil,
		"%s stopped sending: no picture for %s; check its power and network", s.target.host, s.o.StallAfter)
}

// end ends the run with err, unless it has ended. Units that wait are still delivered.
func (s *Source) end(err *streams.Error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
		s.o.Log.Debug("run ended", "camera", s.o.Camera, "run", s.o.Run, "code", err.Code, "error", err.Err)
	}
	s.mu.Unlock()
	s.queue.signal()
}

// Close ends the session: it sends TEARDOWN, closes the connection and returns when all that
// Open began has ended, at most a few seconds. It may be called at any time and more than
// once. Units that wait are dropped.
func (s *Source) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		if s.err == nil {
			s.err = s.failure("close", streams.ReasonClosed, nil, "closed")
		}
	}
	client := s.client
	s.mu.Unlock()
	s.queue.signal()
	client.Close()
	<-s.done
	return nil
}

// Stats gives the counts so far. It may be called at any time.
func (s *Source) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Tracks lists what the camera offers, in its own order.
func (s *Source) Tracks() []Track {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Track(nil), s.offer.tracks...)
}
