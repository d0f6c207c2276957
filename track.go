package bongsu

import "time"

// TrackState says how sure the tracker is of a track.
type TrackState uint8

// States of a track.
const (
	TrackTentative TrackState = iota // seen too briefly to be used by rules
	TrackConfirmed                   // seen in this picture
	TrackLost                        // confirmed before, not seen in this picture; Box is predicted
)

// Track is one thing followed from picture to picture.
type Track struct {
	ID    TrackID
	State TrackState
	Class Class
	Score float32 // of the last detection that matched
	Box   Box     // in 0..1 of the full picture

	First time.Duration // PTS of the first picture it was seen in
	Last  time.Duration // PTS of the last picture it was seen in
	Hits  int           // pictures it was seen in
	VX    float32       // of the foot point, widths of the picture per second
	VY    float32       // of the foot point, heights of the picture per second
}
