package truth

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"bongsu"
)

// maxJSONBytes is the most of a truth file that is read: hours of a busy street.
const maxJSONBytes = 1 << 30

// maxSide is the largest side of a picture that is read, in pixels.
const maxSide = 1 << 16

// WriteJSON writes the sequence, a frame a line: two equal sequences give the same bytes.
func (s *Sequence) WriteJSON(w io.Writer) error {
	b := bufio.NewWriter(w)
	head := *s
	head.Frames, head.Events = []Frame{}, []Event{}
	if s.Events != nil {
		head.Events = s.Events
	}
	if err := json.NewEncoder(b).Encode(head); err != nil {
		return err
	}
	for i := range s.Frames {
		if err := json.NewEncoder(b).Encode(&s.Frames[i]); err != nil {
			return err
		}
	}
	return b.Flush()
}

// ReadJSON reads what WriteJSON wrote. The frames must follow each other; boxes must lie in the
// picture.
func ReadJSON(r io.Reader) (*Sequence, error) {
	sc := bufio.NewScanner(io.LimitReader(r, maxJSONBytes))
	sc.Buffer(nil, 4<<20)
	s, line := &Sequence{}, 0
	for sc.Scan() {
		line++
		if err := s.readLine(line, sc.Bytes()); err != nil {
			return nil, err
		}
	}
	if err := sc.Err(); err != nil {
		return nil, &FormatError{Line: line + 1, Message: "not readable", Err: err}
	}
	if line == 0 {
		return nil, &FormatError{Message: "the file is empty"}
	}
	return s, nil
}

func (s *Sequence) readLine(line int, data []byte) error {
	if line == 1 {
		if err := json.Unmarshal(data, s); err != nil {
			return jsonError(line, err)
		}
		if len(s.Frames) > 0 {
			return &FormatError{Line: line, Path: "frames", Message: "frames stand on lines of their own"}
		}
		return s.checkHead(line)
	}
	var f Frame
	if err := json.Unmarshal(data, &f); err != nil {
		return jsonError(line, err)
	}
	if f.Index != line-2 {
		return &FormatError{Line: line, Path: "index", Message: fmt.Sprintf("the frame has number %d, %d was expected", f.Index, line-2)}
	}
	if err := f.check(line); err != nil {
		return err
	}
	s.Frames = append(s.Frames, f)
	return nil
}

func (s *Sequence) checkHead(line int) error {
	if s.WidthPX < 1 || s.HeightPX < 1 || s.FPS < 1 || s.DurationUS < 0 {
		return &FormatError{Line: line, Message: "width_px, height_px and fps must be at least 1, duration_us at least 0"}
	}
	if s.WidthPX > maxSide || s.HeightPX > maxSide {
		return &FormatError{Line: line, Message: fmt.Sprintf("a picture of %d×%d is too large: sides of up to %d pixels are read", s.WidthPX, s.HeightPX, maxSide)}
	}
	for i := range s.Events {
		if e := &s.Events[i]; e.StartUS < 0 || e.EndUS < e.StartUS {
			return &FormatError{Line: line, Path: fmt.Sprintf("events[%d]", i), Message: fmt.Sprintf("it goes from %d to %d µs: an event ends after its beginning", e.StartUS, e.EndUS)}
		}
	}
	return nil
}

// check looks at what the frame holds: what is accepted can be written in every form.
func (f *Frame) check(line int) error {
	ids := make(map[int]bool, len(f.Objects))
	for i := range f.Objects {
		o := &f.Objects[i]
		wrong := func(key, format string, args ...any) error {
			return &FormatError{Line: line, Path: fmt.Sprintf("objects[%d]%s", i, key), Message: fmt.Sprintf(format, args...)}
		}
		switch {
		case !inside(o.Box) || !inside(o.Seen):
			return wrong("", "the box does not lie in the picture (0..1)")
		case o.ID < 1 || o.ID > maxMOTNumber:
			return wrong(".id", "%d is no identity: they are counted from 1", o.ID)
		case ids[o.ID]:
			return wrong(".id", "object %d is there twice", o.ID)
		case !(o.Visibility >= 0 && o.Visibility <= 1):
			return wrong(".visibility", "%v is no share: 0 to 1", o.Visibility)
		}
		ids[o.ID] = true
	}
	return nil
}

func jsonError(line int, err error) error {
	fe := &FormatError{Line: line, Message: "not readable as JSON", Err: err}
	var se *json.SyntaxError
	var te *json.UnmarshalTypeError
	switch {
	case errors.As(err, &se):
		fe.Column = int(se.Offset)
	case errors.As(err, &te):
		fe.Column, fe.Path = int(te.Offset), te.Field
	}
	return fe
}

func inside(b bongsu.Box) bool {
	return b.X0 >= 0 && b.Y0 >= 0 && b.X1 <= 1 && b.Y1 <= 1 && b.X0 <= b.X1 && b.Y0 <= b.Y1
}
