package truth

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"bongsu"
)

// Classes of MOT files: 1 to 13 are those of MOT16 (Milan and others, "MOT16: A Benchmark for
// Multi-Object Tracking", arXiv:1603.00831), what it does not know follows behind.
var motClasses = map[bongsu.Class]int{
	bongsu.ClassPerson: 1, bongsu.ClassCar: 3, bongsu.ClassBicycle: 4, bongsu.ClassMotorcycle: 5,
	bongsu.ClassBus: 14, bongsu.ClassTruck: 15, bongsu.ClassBag: 16, bongsu.ClassAnimal: 17,
	bongsu.ClassFire: 18, bongsu.ClassSmoke: 19,
}

// motDistractor is MOT16's class for what is not to be counted.
const motDistractor = 8

// MOTClass is the number of a class in MOT files; 8, distractor, for one that has none.
func MOTClass(c bongsu.Class) int {
	if n, ok := motClasses[c]; ok {
		return n
	}
	return motDistractor
}

// ClassOfMOT is the class of a number in MOT files; "" for one that has none here. Persons on
// vehicles (2) and standing persons (7) are persons.
func ClassOfMOT(n int) bongsu.Class {
	if n == 2 || n == 7 {
		return bongsu.ClassPerson
	}
	for c, m := range motClasses {
		if m == n {
			return c
		}
	}
	return ""
}

// MOTRow is one line of a MOTChallenge file, in pixels of the clip.
type MOTRow struct {
	Frame      int     // from 1
	ID         int     // -1 in files of detections
	Left, Top  float64 // pixels, from 0 here; the file counts from 1
	W, H       float64 // pixels
	Conf       float64 // score of a detection; in truth 1, or 0 for a row not to be counted
	Class      int     // -1 when the file does not say
	Visibility float64 // 0..1; -1 when the file does not say
}

// WriteMOT writes the sequence as gt.txt of MOT16: frame, id, left, top, width, height, 1, class,
// visibility. The boxes are the whole ones, hidden parts too.
func (s *Sequence) WriteMOT(w io.Writer) error {
	b := bufio.NewWriter(w)
	for i := range s.Frames {
		for j := range s.Frames[i].Objects {
			o := &s.Frames[i].Objects[j]
			fw, fh := float64(s.WidthPX), float64(s.HeightPX)
			row := MOTRow{Frame: s.Frames[i].Index + 1, ID: o.ID, Left: float64(o.Box.X0) * fw, Top: float64(o.Box.Y0) * fh,
				W: float64(o.Box.Width()) * fw, H: float64(o.Box.Height()) * fh, Conf: 1, Class: MOTClass(o.Class), Visibility: float64(o.Visibility)}
			if err := row.write(b); err != nil {
				return err
			}
		}
	}
	return b.Flush()
}

// WriteMOT writes rows as a MOT file with nine columns.
func WriteMOT(w io.Writer, rows []MOTRow) error {
	b := bufio.NewWriter(w)
	for i := range rows {
		if err := rows[i].write(b); err != nil {
			return err
		}
	}
	return b.Flush()
}

func (r *MOTRow) write(w io.Writer) error {
	num := func(v float64) string {
		return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
	}
	_, err := fmt.Fprintf(w, "%d,%d,%s,%s,%s,%s,%s,%d,%s\n", r.Frame, r.ID, num(r.Left+1), num(r.Top+1), num(r.W), num(r.H), num(r.Conf), r.Class, num(r.Visibility))
	return err
}

// Limits of a MOT file.
const (
	maxMOTRows   = 10_000_000
	maxMOTNumber = 1e7
)

// ReadMOT reads a MOT file: truth with nine columns, or detections and results with seven to ten
// of which those behind the score stand for world coordinates and are passed over.
func ReadMOT(r io.Reader) ([]MOTRow, error) {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 64<<10)
	var rows []MOTRow
	line := 0
	for sc.Scan() {
		line++
		text := strings.TrimSpace(sc.Text())
		if text == "" {
			continue
		}
		if len(rows) == maxMOTRows {
			return nil, &FormatError{Line: line, Message: fmt.Sprintf("the file has more than %d rows", maxMOTRows)}
		}
		row, err := motRow(line, text)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	if err := sc.Err(); err != nil {
		return nil, &FormatError{Line: line + 1, Message: "not readable", Err: err}
	}
	return rows, nil
}

var motColumns = [...]string{"frame", "id", "bb_left", "bb_top", "bb_width", "bb_height", "conf", "class", "visibility", "z"}

func motRow(line int, text string) (MOTRow, error) {
	fields := strings.Split(text, ",")
	if len(fields) < 7 || len(fields) > 10 {
		return MOTRow{}, &FormatError{Line: line, Message: fmt.Sprintf("the row has %d columns; 7 to 10 are read, separated by commas", len(fields))}
	}
	var v [10]float64
	for i, f := range fields {
		n, err := strconv.ParseFloat(strings.TrimSpace(f), 64)
		if err != nil || math.IsNaN(n) || math.Abs(n) > maxMOTNumber {
			return MOTRow{}, motError(line, i, "%q is no number that fits here", strings.TrimSpace(f))
		}
		v[i] = n
	}
	for i := range 2 {
		if v[i] != math.Trunc(v[i]) {
			return MOTRow{}, motError(line, i, "%v must be a whole number", v[i])
		}
	}
	if v[0] < 1 {
		return MOTRow{}, motError(line, 0, "frames are counted from 1, this is %v", v[0])
	}
	for i := 4; i < 6; i++ {
		if v[i] < 0 {
			return MOTRow{}, motError(line, i, "%v is negative", v[i])
		}
	}
	row := MOTRow{Frame: int(v[0]), ID: int(v[1]), Left: v[2] - 1, Top: v[3] - 1, W: v[4], H: v[5], Conf: v[6], Class: -1, Visibility: -1}
	if len(fields) < 8 || len(fields) == 10 {
		return row, nil
	}
	if v[7] != math.Trunc(v[7]) {
		return MOTRow{}, motError(line, 7, "%v must be a whole number", v[7])
	}
	row.Class = int(v[7])
	if len(fields) == 9 {
		if row.Visibility = v[8]; row.Visibility > 1 || row.Visibility < -1 {
			return MOTRow{}, motError(line, 8, "%v is no share: 0 to 1, or -1", v[8])
		}
	}
	return row, nil
}

func motError(line, column int, format string, args ...any) *FormatError {
	return &FormatError{Line: line, Column: column + 1, Path: motColumns[column], Message: fmt.Sprintf(format, args...)}
}
