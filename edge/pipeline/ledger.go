package pipeline

import "sync"

// Counts are the sums of one camera since its pipeline was made. At any instant, exactly:
//
//	units:  Received = UnitsDecoded + UnitsDropped + UnitsSkipped + UnitsInFlight
//	frames: FramesDecoded = Inferred + SampledOut + Gated + FramesSkipped + FramesTainted + FramesFailed + FramesInFlight
type Counts struct {
	Received      uint64 // access units from the source that feeds detection
	UnitsDecoded  uint64 // handed to the decoder and accepted
	UnitsDropped  uint64 // queue full, decoder refused, or the run ended
	UnitsSkipped  uint64 // by plan
	UnitsInFlight uint64

	FramesDecoded  uint64 // pictures that left the decoder
	Inferred       uint64
	SampledOut     uint64 // not looked at, by the rate wanted
	Gated          uint64 // not looked at, for want of motion
	FramesSkipped  uint64 // a newer picture took its place
	FramesTainted  uint64 // not looked at: data was lost since the last key frame
	FramesFailed   uint64 // the model gave no answer
	FramesInFlight uint64

	Runs       uint64 // sessions with the camera that delivered a picture
	Reconnects uint64 // attempts after the first
	LostUnits  uint64 // units that arrived with loss in or before them
	Events     uint64 // revisions handed over
}

// ledger keeps Counts so that their sums hold whenever they are read.
type ledger struct {
	mu sync.Mutex
	c  Counts // guarded by mu
}

// Read gives all counts at one instant.
func (l *ledger) Read() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.c
}

func (l *ledger) add(p *uint64, n uint64) {
	l.mu.Lock()
	*p += n
	l.mu.Unlock()
}

func (l *ledger) received(lost bool) {
	l.mu.Lock()
	l.c.Received++
	l.c.UnitsInFlight++
	if lost {
		l.c.LostUnits++
	}
	l.mu.Unlock()
}

// unit settles n units that were in flight into one of the end states.
func (l *ledger) unit(end *uint64, n int) {
	l.mu.Lock()
	l.c.UnitsInFlight -= uint64(n)
	*end += uint64(n)
	l.mu.Unlock()
}

func (l *ledger) decoded() {
	l.mu.Lock()
	l.c.FramesDecoded++
	l.c.FramesInFlight++
	l.mu.Unlock()
}

// frame settles one picture that was in flight into one of the end states.
func (l *ledger) frame(end *uint64) {
	l.mu.Lock()
	l.c.FramesInFlight--
	*end++
	l.mu.Unlock()
}
