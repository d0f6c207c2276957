// Package replay plays a recorded MP4 file as a streams.Source: in real time, as a camera
// would deliver it, or as fast as it is read.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/mp4"
)

// File is what a recording is read from. *os.File is one.
type File interface {
	io.ReaderAt
	io.Closer
}

// Options say how a file is played. The zero value plays it once, flat out.
type Options struct {
	Camera   bongsu.CameraID // named in units and errors
	Run      bongsu.RunID    // "" = a new one
	RealTime bool            // hold each unit back until its decoding time has come
	Loops    int             // times the file is played again after the first; media time goes on
	Start    time.Time       // wall clock of media time 0, the first picture shown; zero = when Open is called

	Now  func() time.Time                                  // nil = time.Now
	Wait func(ctx context.Context, d time.Duration) error  // nil = a timer; must return at once when ctx ends
	Open func(path string) (f File, size int64, err error) // nil = os.Open
}

// Source plays one file. Open makes it. It implements streams.Source. Media times are those
// of the file: the first picture is shown at 0, and decoded before it where the file holds
// pictures out of order. A unit's Arrived is when it was read.
type Source struct {
	// set before use
	o      Options
	path   string
	file   File
	reader *mp4.Reader
	length time.Duration // of one round
	began  time.Time     // when the first unit was asked for, of the pacing clock

	closing context.Context // ends when Close is called
	stop    context.CancelFunc

	busy sync.Mutex // held by Next

	// owned by Next
	params  *streams.Params
	next    int
	round   int
	seq     uint64
	lastPTS time.Duration
	err     error
}

// Open reads the file's index. Errors are a *streams.Error whose Err is a sentence for
// people: no such file, no MP4, no H.264 or H.265 track. Whoever gets a Source closes it.
func Open(path string, o Options) (*Source, error) {
	o = o.withDefaults()
	s := &Source{o: o, path: path}
	f, size, err := o.Open(path)
	if err != nil {
		return nil, s.failure("open", streams.ReasonNotFound, fmt.Errorf("%s cannot be opened: %w", path, err))
	}
	s.file = f
	if s.reader, err = mp4.Open(f, size); err != nil {
		f.Close()
		return nil, s.failure("open", streams.ReasonNoVideo, fmt.Errorf("%s cannot be played: %w", path, err))
	}
	if err := s.measure(); err != nil {
		f.Close()
		return nil, s.failure("open", streams.ReasonNoVideo, fmt.Errorf("%s cannot be played: %w", path, err))
	}
	s.closing, s.stop = context.WithCancel(context.Background())
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Open == nil {
		o.Open = openFile
	}
	if o.Start.IsZero() {
		o.Start = o.Now()
	}
	if o.Run == "" {
		o.Run = bongsu.NewRunID(o.Now())
	}
	return o
}

func openFile(path string) (File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// measure finds where the file begins and how long one round of it is.
func (s *Source) measure() error {
	p := s.reader.Params()
	if !p.Complete() {
		return errors.New("its parameter sets are missing")
	}
	s.params = &p
	all := s.reader.Samples()
	for s.next < len(all) && !all[s.next].Key {
		s.next++
	}
	if s.next == len(all) {
		return errors.New("it holds no key picture")
	}
	first := all[s.next].DTS
	var shown, decoded time.Duration
	for _, m := range all[s.next:] {
		shown, decoded = max(shown, m.PTS), max(decoded, m.DTS)
	}
	frame := 40 * time.Millisecond
	if fps := s.reader.FPS(); fps > 0 {
		frame = time.Duration(float64(time.Second) / fps)
	}
	s.length = max(shown, decoded-first) + frame
	return nil
}

// Next gives the next unit, io.EOF at the end of the last round. With RealTime it blocks
// until the unit's time has come, or ctx ends (its error is returned, and the run goes on).
func (s *Source) Next(ctx context.Context) (*streams.AccessUnit, error) {
	s.busy.Lock()
	defer s.busy.Unlock()
	if s.closing.Err() != nil && s.err == nil {
		s.err = s.closed()
	}
	if s.err != nil {
		return nil, s.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.next >= s.reader.Len() {
		if s.round >= s.o.Loops {
			s.err = io.EOF
			return nil, s.err
		}
		s.round++
		s.rewind()
	}
	m := s.reader.Samples()[s.next]
	offset := time.Duration(s.round) * s.length
	if err := s.pace(ctx, m.DTS+offset); err != nil {
		return nil, err
	}
	nals, err := s.reader.Sample(s.next)
	if err != nil {
		s.err = s.failure("read", streams.ReasonEnded, fmt.Errorf("%s: %w", s.path, err))
		return nil, s.err
	}
	au := s.unit(m, nals, offset)
	s.next++
	s.seq++
	s.lastPTS = au.PTS
	return au, nil
}

func (s *Source) rewind() {
	s.next = 0
	for !s.reader.Samples()[s.next].Key {
		s.next++
	}
}

func (s *Source) unit(m mp4.Sample, nals [][]byte, offset time.Duration) *streams.AccessUnit {
	pts := m.PTS + offset
	wall := s.o.Start.Add(pts).UTC()
	arrived := s.o.Now()
	return &streams.AccessUnit{
		Camera: s.o.Camera, Run: s.o.Run, Seq: s.seq, Codec: s.params.Codec, Params: s.params,
		NALs: nals, PTS: pts, DTS: m.DTS + offset, Wall: wall, Arrived: arrived, Key: m.Key,
	}
}

// pace waits until the unit that is decoded at dts is due.
func (s *Source) pace(ctx context.Context, dts time.Duration) error {
	if !s.o.RealTime {
		return nil
	}
	if s.began.IsZero() {
		s.began = s.o.Now().Add(-dts)
	}
	d := s.began.Add(dts).Sub(s.o.Now())
	if d <= 0 {
		return nil
	}
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.closing, cancel)
	defer stop()
	err := s.o.Wait(both, d)
	if s.closing.Err() != nil {
		s.err = s.closed()
		return s.err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (s *Source) closed() error {
	return s.failure("close", streams.ReasonClosed, errors.New("closed"))
}

func (s *Source) failure(op, code string, err error) *streams.Error {
	state := bongsu.CameraOffline
	if op == "open" {
		state = bongsu.CameraFailed
	}
	return &streams.Error{
		Camera: s.o.Camera, Run: s.o.Run, Seq: s.seq, PTS: s.lastPTS, Op: op, State: state, Code: code, Err: err,
	}
}

// Close ends the run and closes the file. A blocked Next returns first.
func (s *Source) Close() error {
	if s.closing.Err() != nil {
		return nil
	}
	s.stop()
	s.busy.Lock()
	defer s.busy.Unlock()
	if s.err == nil {
		s.err = s.closed()
	}
	f := s.file
	s.file = nil
	if f == nil {
		return nil
	}
	return f.Close()
}

// Units is how many units one round has at most, for progress.
func (s *Source) Units() int { return s.reader.Len() }

// Length is the media time of one round.
func (s *Source) Length() time.Duration { return s.length }

// Params are the parameter sets of the file. They do not change.
func (s *Source) Params() *streams.Params { return s.params }

// Codec is the coding of the pictures.
func (s *Source) Codec() streams.Codec { return s.params.Codec }

// Size is the width and height of the pictures, in pixels, as the file says.
func (s *Source) Size() (width, height int) { return s.reader.Width(), s.reader.Height() }
