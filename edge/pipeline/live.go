package pipeline

import (
	"bongsu"
	"bongsu/streams"
)

// Live is whoever shows the camera to people who look on. Neither call blocks, for both are
// made on the way of a frame.
type Live interface {
	// Add takes each unit of the main stream, after the ring has it.
	Add(au *streams.AccessUnit)
	// Picture sees each decoded picture; it retains f when it keeps it.
	Picture(f *bongsu.Frame)
}

// noLive is for cameras that nobody can look at.
type noLive struct{}

func (noLive) Add(*streams.AccessUnit) {}
func (noLive) Picture(*bongsu.Frame)   {}
