package batch

import (
	"slices"
	"time"

	"bongsu"
)

// Stats counts since the Batcher was made.
type Stats struct {
	Runs     uint64        // of the model
	Failed   uint64        // of those, returned an error
	Late     uint64        // of those, took longer than Options.Late
	Pictures uint64        // places that were run
	Sizes    []uint64      // runs by batch size; index 0 is not used
	RunTime  time.Duration // of all runs together
	RunMax   time.Duration // the longest run
	Running  time.Duration // how long the present run has taken so far; 0 between runs
	Waiting  int           // cameras that wait for a place now
	Cameras  []CameraStats // in the order in which detectors were made
}

// CameraStats counts the pictures of one camera: at any instant Asked = Answered + Skipped +
// Failed, and one more while a picture is under way.
type CameraStats struct {
	Camera   bongsu.CameraID
	Asked    uint64
	Answered uint64
	Skipped  uint64        // ctx or Run ended first
	Failed   uint64        // the picture could not be written or the run failed
	Took     time.Duration // from asking to answer, of all answered ones together
	TookMax  time.Duration
}

func (s *Stats) ran(n int, took time.Duration, err error) {
	s.Runs++
	s.Pictures += uint64(n)
	s.Sizes[n]++
	s.RunTime += took
	s.RunMax = max(s.RunMax, took)
	if err != nil {
		s.Failed++
	}
}

// Stats gives the counts at one instant.
func (b *Batcher) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Sizes = slices.Clone(s.Sizes)
	if !b.runFrom.IsZero() {
		s.Running = b.o.Now().Sub(b.runFrom)
	}
	for d := b.waiting.first; d != nil; d = d.next {
		s.Waiting++
	}
	for _, d := range b.cameras {
		s.Cameras = append(s.Cameras, d.stats)
	}
	return s
}
