package eval

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bongsu"
)

// File names of a rendered data set.
const (
	SetFile    = "dataset.json"
	LabelsFile = "labels.jsonl"
	FramesFile = "frames.i420"
)

// Limits of a data set that is read.
const (
	maxLine   = 1 << 20 // bytes of one picture's labels
	maxFrames = 1 << 22
	maxPixels = 1 << 12 // a side
	maxBoxes  = 4096    // of one picture
)

// Source gives the pictures of a data set, one after another.
type Source interface {
	// Classes are those that the set labels.
	Classes() []bongsu.Class
	// Len is the number of pictures.
	Len() int
	// Read gives the labels of picture i, 0 to Len less one, and the picture itself, which is
	// valid until the next call.
	Read(i int) (*Picture, *bongsu.Frame, error)
	// Close frees the files.
	Close() error
}

// Open opens the data set in a folder: a rendered one, photographs labelled as by PASCAL VOC
// (images, gts/pascalvoc_format), or photographs with labelled people (images,
// labels_person_kpts). The caller closes it.
func Open(dir string) (Source, error) {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	switch {
	case has(SetFile):
		return openSet(dir)
	case has("images") && has(vocFolder):
		return openVOC(dir)
	case has("images") && has(cocoFolder):
		return openCOCO(dir)
	}
	return nil, bongsu.Errorf(bongsu.CodeInvalid,
		"%s is no data set: it holds neither %s, as `bongsu-edge scene dataset` writes, nor images with %s or %s", dir, SetFile, vocFolder, cocoFolder)
}

// header is dataset.json.
type header struct {
	Schema  int      `json:"schema"`
	Look    string   `json:"look"`
	Width   int      `json:"width"`
	Height  int      `json:"height"`
	Format  string   `json:"format"`
	Frames  int      `json:"frames"`
	Classes []string `json:"classes"`
}

func parseHeader(data []byte) (header, error) {
	bad := func(path, format string, args ...any) (header, error) {
		return header{}, &bongsu.FieldError{File: SetFile, Path: path, Message: fmt.Sprintf(format, args...)}
	}
	var h header
	if err := json.Unmarshal(data, &h); err != nil {
		return bad("", "not readable as JSON: %v", err)
	}
	switch {
	case h.Schema != 1:
		return bad("schema", "it is %d: this program reads schema 1", h.Schema)
	case h.Format != "i420":
		return bad("format", "%q is not known: i420 is", h.Format)
	case h.Width < 2 || h.Height < 2 || h.Width > maxPixels || h.Height > maxPixels || h.Width%2 != 0 || h.Height%2 != 0:
		return bad("width", "pictures of %d×%d: both sides are even and at most %d", h.Width, h.Height, maxPixels)
	case h.Frames < 1 || h.Frames > maxFrames:
		return bad("frames", "%d frames: 1 to %d are possible", h.Frames, maxFrames)
	case len(h.Classes) == 0:
		return bad("classes", "it is empty: nothing could be judged")
	}
	for i, c := range h.Classes {
		if err := bongsu.CheckName(string(classOf(c))); err != nil || slices.Contains(h.Classes[:i], c) {
			return bad(fmt.Sprintf("classes[%d]", i), "%q is no class, or is listed twice", c)
		}
	}
	return h, nil
}

// classOf is the domain's word for a label: "fallen person" is fallen-person.
func classOf(label string) bongsu.Class { return bongsu.Class(strings.ReplaceAll(label, " ", "-")) }

// line is one line of labels.jsonl.
type line struct {
	Frame   *int   `json:"frame"`
	Scene   string `json:"scene"`
	Time    string `json:"time"`
	Weather string `json:"weather"`
	Boxes   []struct {
		Class      string   `json:"class"`
		X          float64  `json:"x"`
		Y          float64  `json:"y"`
		W          float64  `json:"w"`
		H          float64  `json:"h"`
		Visibility *float64 `json:"visibility"`
		Truncated  bool     `json:"truncated"`
	} `json:"boxes"`
}

// parseLine reads the labels of one picture; number counts from 1.
func (h *header) parseLine(number int, data []byte) (frame int, p Picture, err error) {
	bad := func(path, format string, args ...any) (int, Picture, error) {
		return 0, Picture{}, &bongsu.FieldError{File: LabelsFile, Line: number, Path: path, Message: fmt.Sprintf(format, args...)}
	}
	var l line
	if err := json.Unmarshal(data, &l); err != nil {
		return bad("", "not readable as JSON: %v", err)
	}
	if l.Frame == nil || *l.Frame < 0 || *l.Frame >= h.Frames {
		return bad("frame", "it is missing, or not within 0 to %d", h.Frames-1)
	}
	if len(l.Boxes) > maxBoxes {
		return bad("boxes", "%d boxes: at most %d are possible", len(l.Boxes), maxBoxes)
	}
	p = Picture{Name: l.Scene, Time: l.Time, Weather: l.Weather, Width: h.Width, Height: h.Height}
	for i, b := range l.Boxes {
		at := fmt.Sprintf("boxes[%d]", i)
		if !slices.Contains(h.Classes, b.Class) {
			return bad(at+".class", "%q is not among the classes of %s", b.Class, SetFile)
		}
		if !(b.W >= 0 && b.H >= 0 && b.X >= -maxPixels && b.Y >= -maxPixels && b.X+b.W <= 2*maxPixels && b.Y+b.H <= 2*maxPixels) {
			return bad(at, "x %v, y %v, w %v, h %v is no box of a picture", b.X, b.Y, b.W, b.H)
		}
		t := Truth{Class: classOf(b.Class), Visibility: 1, Box: pixels(b.X, b.Y, b.X+b.W, b.Y+b.H, h.Width, h.Height)}
		if b.Visibility != nil {
			if !(*b.Visibility >= 0 && *b.Visibility <= 1) {
				return bad(at+".visibility", "%v is not within 0 to 1", *b.Visibility)
			}
			t.Visibility = float32(*b.Visibility)
		}
		p.Truths = append(p.Truths, t)
	}
	return *l.Frame, p, nil
}

// pixels makes a box of the picture of one in pixels.
func pixels(x0, y0, x1, y1 float64, w, h int) bongsu.Box {
	c := func(v float64, size int) float32 { return float32(min(max(v/float64(size), 0), 1)) }
	return bongsu.Box{X0: c(x0, w), Y0: c(y0, h), X1: c(x1, w), Y1: c(y1, h)}
}

// parseLabels reads labels.jsonl: each frame has one line, in any order.
func (h *header) parseLabels(r io.Reader) ([]Picture, error) {
	var pictures []Picture
	var seen []bool
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxLine)
	number, told := 0, 0
	for sc.Scan() {
		number++
		if len(sc.Bytes()) == 0 {
			continue
		}
		frame, p, err := h.parseLine(number, sc.Bytes())
		if err != nil {
			return nil, err
		}
		// Grown by what is there, not by what the header claims.
		for len(pictures) <= frame {
			pictures, seen = append(pictures, Picture{}), append(seen, false)
		}
		if seen[frame] {
			return nil, &bongsu.FieldError{File: LabelsFile, Line: number, Path: "frame", Message: fmt.Sprintf("frame %d has a line already", frame)}
		}
		pictures[frame], seen[frame] = p, true
		told++
	}
	if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, &bongsu.FieldError{File: LabelsFile, Line: number + 1, Message: fmt.Sprintf("it is longer than %d bytes", maxLine)}
	} else if err != nil {
		return nil, err
	}
	if told != h.Frames {
		return nil, &bongsu.FieldError{File: LabelsFile, Message: fmt.Sprintf("it has lines for %d of %d frames: the set was not written to its end", told, h.Frames)}
	}
	return pictures, nil
}

// set is a rendered data set.
type set struct {
	header   header
	classes  []bongsu.Class
	pictures []Picture
	file     *os.File
	frame    bongsu.Frame
	buf      []byte
}

func openSet(dir string) (Source, error) {
	data, err := os.ReadFile(filepath.Join(dir, SetFile))
	if err != nil {
		return nil, err
	}
	s := &set{}
	if s.header, err = parseHeader(data); err != nil {
		return nil, err
	}
	labels, err := os.Open(filepath.Join(dir, LabelsFile))
	if err != nil {
		return nil, err
	}
	defer labels.Close()
	if s.pictures, err = s.header.parseLabels(labels); err != nil {
		return nil, err
	}
	for _, c := range s.header.Classes {
		s.classes = append(s.classes, classOf(c))
	}
	if err := s.openFrames(filepath.Join(dir, FramesFile)); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *set) openFrames(path string) error {
	w, h := s.header.Width, s.header.Height
	s.buf = make([]byte, w*h*3/2)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	want := int64(len(s.buf)) * int64(s.header.Frames)
	if st, err := f.Stat(); err != nil || st.Size() != want {
		size := int64(0)
		if err == nil {
			size = st.Size()
		}
		return errors.Join(bongsu.Errorf(bongsu.CodeInvalid, "%s has %d bytes, but %d frames of %d×%d have %d: the set was not written to its end",
			path, size, s.header.Frames, w, h, want), err, f.Close())
	}
	s.file = f
	s.frame = planar(w, h, s.buf, bongsu.Color{Matrix: 6, SampleAspectW: 1, SampleAspectH: 1})
	return nil
}

// planar is a frame over a buffer that holds Y, U and V one after another.
func planar(w, h int, buf []byte, color bongsu.Color) bongsu.Frame {
	cw, ch := (w+1)/2, (h+1)/2
	return bongsu.Frame{Width: w, Height: h, Format: bongsu.FormatI420, Color: color, Planes: [3]bongsu.Plane{
		{Data: buf[:w*h], Stride: w}, {Data: buf[w*h:][:cw*ch], Stride: cw}, {Data: buf[w*h+cw*ch:][:cw*ch], Stride: cw}}}
}

// Classes implements Source.
func (s *set) Classes() []bongsu.Class { return s.classes }

// Len implements Source.
func (s *set) Len() int { return len(s.pictures) }

// Read implements Source.
func (s *set) Read(i int) (*Picture, *bongsu.Frame, error) {
	if _, err := s.file.ReadAt(s.buf, int64(i)*int64(len(s.buf))); err != nil {
		return nil, nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "frame %d of %s cannot be read", i, s.file.Name())
	}
	s.frame.Seq = uint64(i)
	return &s.pictures[i], &s.frame, nil
}

// Close implements Source.
func (s *set) Close() error { return s.file.Close() }
