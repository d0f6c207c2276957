package rtsp

import (
	"context"
	"errors"
	"time"

	"bongsu/streams"
)

// ProbeResult is what a camera offers, as measured over a few seconds.
type ProbeResult struct {
	Host   string // host:port
	Tracks []Track

	Codec         streams.Codec
	Profile       string  // such as "High"; "" when the parameter set cannot be read
	Width, Height int     // pixels; 0 when the parameter set cannot be read
	DeclaredFPS   float64 // by the parameter set; 0 when it does not say
	FPS           float64 // pictures a second, measured in media time; 0 with fewer than two
	KBitPS        float64 // measured, thousands of bits a second of media time

	GOPUnits    int           // pictures from one key picture to the next, 0 when only one came
	GOPDuration time.Duration // the same in media time
	KeyWait     time.Duration // from the session's beginning to the first key picture

	HasClock    bool          // two sender reports agreed
	ClockOffset time.Duration // the camera's clock minus this box's, by the last unit

	Key   *streams.AccessUnit // the first key picture, for a still
	Stats Stats
}

// Probe opens a session, reads for the given time (0 = 4 s) and closes it again. It reads on
// up to twice that time while no second key picture has come. When the camera cannot be read
// at all the error says why; one that ends early gives what was seen and no error.
func Probe(ctx context.Context, o Options, length time.Duration) (*ProbeResult, error) {
	o = o.withDefaults()
	if length <= 0 {
		length = 4 * time.Second
	}
	began := o.Now()
	src, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	p := &prober{result: &ProbeResult{Host: src.target.host, Tracks: src.Tracks()}, began: began}
	first, err := src.Next(ctx)
	if err != nil {
		return nil, err
	}
	p.add(first)
	ctx, cancel := context.WithTimeout(ctx, 2*length)
	defer cancel()
	for enough := o.Now().Add(length); o.Now().Before(enough) || p.result.GOPUnits == 0; {
		au, err := src.Next(ctx)
		if err != nil {
			break
		}
		p.add(au)
	}
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return nil, err
	}
	return p.finish(src), nil
}

// prober gathers what units tell.
type prober struct {
	result      *ProbeResult
	began       time.Time
	first, last *streams.AccessUnit
	units       int
	bytes       int
	sinceKey    int
	key         time.Duration
}

func (p *prober) add(au *streams.AccessUnit) {
	r := p.result
	if p.first == nil {
		p.first, r.Key, r.KeyWait = au, au, au.Arrived.Sub(p.began)
		p.key = au.PTS
	} else if au.Key {
		if r.GOPUnits == 0 {
			r.GOPUnits, r.GOPDuration = p.sinceKey, au.PTS-p.key
		}
		p.sinceKey, p.key = 0, au.PTS
	}
	p.last = au
	p.units++
	p.sinceKey++
	p.bytes += au.Size()
}

func (p *prober) finish(src *Source) *ProbeResult {
	r := p.result
	r.Codec, r.Stats = p.first.Codec, src.Stats()
	if in := readSPS(r.Codec, p.first.Params.SPS); in.known {
		r.Profile, r.Width, r.Height, r.DeclaredFPS = in.profile, in.width, in.height, in.fps
	}
	// In decoding order: a picture that was shown ahead of others would make the span longer.
	if span := (p.last.DTS - p.first.DTS).Seconds(); span > 0 && p.units > 1 {
		r.FPS = float64(p.units-1) / span
		r.KBitPS = float64(p.bytes) * 8 / 1000 / span * float64(p.units-1) / float64(p.units)
	}
	if !p.last.CameraClock.IsZero() {
		r.HasClock, r.ClockOffset = true, p.last.CameraClock.Sub(p.last.Wall)
	}
	return r
}
