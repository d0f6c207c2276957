package mp4

import (
	"encoding/binary"
	"time"

	"bongsu"
	"bongsu/streams"
)

// Live makes of a camera's units what a browser's MediaSource takes (W3C Media Source
// Extensions, ISO BMFF byte stream format): an initialisation segment, and one fragment for
// each unit, complete as soon as the unit is. It holds nothing back and copies each byte once.
// It is for one goroutine.
//
// On its time line every picture is shown at its own time; DTS lags one step behind that of the
// stream. So a fragment lasts as long as the step before its unit, which is known, decoding times
// follow each other without a hole, and no unit has to wait for the next one to learn how long
// it lasts. Steps are bounded by maxLiveStep, across reconnects of the camera too.
type Live struct {
	track   clipTrack
	params  *streams.Params // that track was made of
	run     bool            // units were added
	runID   string
	number  uint32  // of the last fragment
	at      int64   // ticks: where the next fragment begins
	shift   int64   // ticks, added to stamps to get times on the track
	step    int64   // ticks, the last one
	average float64 // ticks, of steps
}

// liveDay is after how long the time lines' beginnings start over. A time line begins at its first
// unit's wall clock, so that those that follow one another on a screen do not go back.
const liveDay = 100_000 * time.Second

// maxLiveStep bounds the time between two units, in ticks: a browser must not wait out on its
// screen what a camera's clock jumped.
const maxLiveStep = 2 * timescale

// LiveInfo describes what an initialisation segment announces.
type LiveInfo struct {
	Codec         streams.Codec
	String        string  // RFC 6381
	Width, Height int     // pixels; 0 when the SPS could not be read
	FPS           float64 // of the steps seen so far; 0 when none was
}

// Init appends the initialisation segment for au to dst when the units from au on need another
// one than those before: the first time, and when parameter sets have changed. fresh tells. It
// returns ErrNotKey when au needs one and decoding cannot start with it, ErrNoParams when
// nothing could decode it.
func (l *Live) Init(dst []byte, au *streams.AccessUnit) (out []byte, info LiveInfo, fresh bool, err error) {
	if l.params != nil && (au.Params == l.params || au.Params != nil && sameParams(au.Params, l.params)) {
		return dst, info, false, nil
	}
	if !au.Key {
		return dst, info, false, ErrNotKey
	}
	track, err := newTrack(au)
	if err != nil {
		return dst, info, false, err
	}
	track.addInBand(au.NALs)
	pic, unread := parseSPS(au.Codec, au.Params.SPS)
	if unread != nil { // players read the SPS themselves
		pic.width, pic.height = 0, 0
	}
	track.pic = pic
	l.track, l.params = track, au.Params
	o := builder{b: dst}
	o.ftyp(&l.track, true)
	o.liveMoov(&l.track)
	info = LiveInfo{Codec: au.Codec, String: track.codecString(), Width: track.pic.width, Height: track.pic.height}
	if l.average > 0 {
		info.FPS = timescale / l.average
	}
	return o.b, info, true, nil
}

// sameParams reports whether a and b say the same.
func sameParams(a, b *streams.Params) bool {
	return a.Codec == b.Codec && string(a.VPS) == string(b.VPS) && string(a.SPS) == string(b.SPS) && string(a.PPS) == string(b.PPS)
}

// Hint tells a stream's usual step before its first unit is added; without it the first
// picture lasts 40 ms. It is for callers who have several units at hand.
func (l *Live) Hint(step time.Duration) {
	if !l.run && step > 0 {
		l.step = min(toTicks(step), maxLiveStep)
		l.average = float64(l.step)
	}
}

// FragmentBytes is the size of the fragment of au.
func FragmentBytes(au *streams.AccessUnit) int {
	return liveHeadBytes + au.Size() + 4*len(au.NALs)
}

// liveHeadBytes is the size of a fragment without its samples: moof of one sample and the head
// of mdat.
const liveHeadBytes = 8 + 16 + 8 + 16 + 20 + 36 + 8

// Fragment appends the fragment of au to dst: moof with one sample, and mdat with the bytes of
// its NAL units, unchanged. Init comes first for every unit. It allocates only when dst has too
// little room for FragmentBytes.
func (l *Live) Fragment(dst []byte, au *streams.AccessUnit) []byte {
	begin, lasts, cts := l.place(au)
	l.number++
	size := au.Size() + 4*len(au.NALs)
	flags := uint32(flagsNotKey)
	if au.Key {
		flags = flagsKey
	}
	put := binary.BigEndian.AppendUint32
	b := append(put(dst, liveHeadBytes-8), "moof"...)
	b = append(put(b, 16), "mfhd"...)
	b = put(put(b, 0), l.number)
	b = append(put(b, 8+16+20+36), "traf"...)
	b = append(put(b, 16), "tfhd"...)
	b = put(put(b, 0x020000), 1) // offsets count from this moof
	b = append(put(b, 20), "tfdt"...)
	b = binary.BigEndian.AppendUint64(put(b, 1<<24), uint64(begin))
	b = append(put(b, 36), "trun"...)
	b = put(put(put(b, 0xf01), 1), liveHeadBytes)
	b = put(put(put(put(b, uint32(lasts)), uint32(size)), flags), uint32(cts))
	b = append(put(b, uint32(8+size)), "mdat"...)
	for _, nal := range au.NALs {
		b = append(put(b, uint32(len(nal))), nal...)
	}
	return b
}

// place gives a unit's decoding time, how long it lasts, and how much later it is shown.
func (l *Live) place(au *streams.AccessUnit) (begin, lasts, cts int64) {
	if !l.run {
		l.run = true
		if l.step == 0 {
			l.step = defaultStep
		}
		l.at = max(toTicks(time.Duration(au.Wall.UnixNano())%liveDay), 0)
		l.shift = l.at + l.step - toTicks(au.DTS)
	} else {
		l.advance(au)
	}
	l.runID = string(au.Run)
	begin, lasts = l.at, l.step
	l.at += lasts
	shown := toTicks(au.PTS) + l.shift
	if wait := au.PTS - au.DTS; wait < 0 || wait > time.Minute {
		shown = l.at // a wild stamp: shown when the next is decoded
	}
	return begin, lasts, min(max(shown-begin, 0), maxReorder)
}

// Shown gives where a picture of the units added last stands on the time line; ok is false when they
// are of another run of the camera.
func (l *Live) Shown(run bongsu.RunID, pts time.Duration) (at time.Duration, ok bool) {
	if !l.run || l.runID != string(run) {
		return 0, false
	}
	ticks := toTicks(pts) + l.shift
	return time.Duration(ticks/timescale)*time.Second + time.Duration(ticks%timescale)*time.Second/timescale, ticks >= 0
}

// advance sets step to the time since the unit before, and mends the shift where that is not
// what the stamps say.
func (l *Live) advance(au *streams.AccessUnit) {
	want := toTicks(au.DTS) + l.shift // where au would be decoded, one step after its begin
	step := want - l.at
	if string(au.Run) != l.runID || step <= -backStep || step > maxLiveStep {
		jump := l.step
		if step > maxLiveStep && string(au.Run) == l.runID {
			jump = maxLiveStep
		}
		l.shift += l.at + jump - want
		step = jump
	}
	l.step = max(step, 1) // stamps that stand still are expected to catch up
	if l.average == 0 {
		l.average = float64(l.step)
	}
	l.average += (float64(l.step) - l.average) / 16
}

// liveMoov writes the movie box of an initialisation segment: no samples, no duration.
func (o *builder) liveMoov(c *clipTrack) {
	o.box("moov", func() {
		o.full("mvhd", 1, 0, func() {
			o.u64(0)
			o.u64(0)
			o.u32(timescale)
			o.u64(0)
			o.u32(0x10000)
			o.u16(0x100)
			o.zero(10)
			o.matrix()
			o.zero(24)
			o.u32(2)
		})
		o.box("trak", func() { o.trak(c, 0, 0, 0, nil) })
		o.box("mvex", func() {
			o.full("trex", 0, 0, func() { o.u32(1, 1, 0, 0, 0) })
		})
	})
}
