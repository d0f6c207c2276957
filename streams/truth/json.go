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
		if s.WidthPX < 1 || s.HeightPX < 1 || s.FPS < 1 || s.DurationUS < 0 {
			return &FormatError{Line: line, Message: "width_px, height_px and fps must be at least 1, duration_us at least 0"}
		}
		return nil
	}
	var f Frame
	if err := json.Unmarshal(data, &f); err != nil {
		return jsonError(line, err)
	}
	if f.Index != line-2 {
		return &FormatError{Line: line, Path: "index", Message: fmt.Sprintf("the frame has number %d, %d was expected", f.Index, line-2)}
	}
	for i := range f.Objects {
		if !inside(f.Objects[i].Box) || !inside(f.Objects[i].Seen) {
			return &FormatError{Line: line, Path: fmt.Sprintf("objects[%d]", i), Message: "the box does not lie in the picture (0..1)"}
		}
	}
	s.Frames = append(s.Frames, f)
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
