//go:build cgo

package vision

import (
	"errors"
	"fmt"
	"image"
	"sync/atomic"

	"gocv.io/x/gocv"

	"bongsu"
)

var live atomic.Int64

// Live is the number of OpenCV objects that this package holds in this process; zero when no
// call is running.
func Live() int64 { return live.Load() }

// mats are the OpenCV pictures of one call.
type mats struct{ held []gocv.Mat }

func (m *mats) keep(a gocv.Mat) gocv.Mat {
	live.Add(1)
	m.held = append(m.held, a)
	return a
}

func (m *mats) empty() gocv.Mat { return m.keep(gocv.NewMat()) }

func (m *mats) close() {
	for i := range m.held {
		m.held[i].Close()
		live.Add(-1)
	}
	m.held = nil
}

// JPEG codes the frame as a JPEG of at most Options.MaxBytes, as large and good as fits, with
// square pixels. It does not keep the frame.
func JPEG(f *bongsu.Frame, opt Options) ([]byte, error) { return Annotate(f, nil, opt) }

// Annotate is JPEG with marks drawn over the picture.
func Annotate(f *bongsu.Frame, marks []Mark, opt Options) ([]byte, error) {
	if err := f.Check(); err != nil {
		return nil, fmt.Errorf("vision: %w", err)
	}
	opt.fill()
	var m mats
	defer m.close()
	size := target(f, opt.MaxWidth)
	full, err := m.colour(f, size)
	if err != nil {
		return nil, err
	}
	for _, mark := range marks {
		draw(&full, mark, size)
	}
	return m.fit(full, size, opt.MaxBytes)
}

// qualities are tried in turn at each size; below, a smaller picture shows more.
var qualities = [...]int{85, 70, 50, 35}

// fit codes the picture at falling quality and size until it is small enough.
func (m *mats) fit(full gocv.Mat, size image.Point, most int) ([]byte, error) {
	for pic, at := full, size; ; {
		for _, q := range qualities {
			out, err := encode(pic, q)
			if err != nil {
				return nil, err
			}
			if len(out) <= most {
				return out, nil
			}
		}
		if at = image.Pt(at.X*7/10, at.Y*7/10); at.X < 16 || at.Y < 16 {
			return nil, fmt.Errorf("vision: a JPEG of %d bytes cannot hold a picture of %d×%d", most, size.X, size.Y)
		}
		pic = m.empty()
		gocv.Resize(full, &pic, at, 0, 0, gocv.InterpolationArea)
	}
}

func encode(pic gocv.Mat, quality int) ([]byte, error) {
	buf, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, pic, []int{gocv.IMWriteJpegQuality, quality})
	if err != nil {
		return nil, fmt.Errorf("vision: JPEG: %w", err)
	}
	defer buf.Close()
	out := append([]byte(nil), buf.GetBytes()...)
	if len(out) == 0 {
		return nil, errors.New("vision: OpenCV gives an empty JPEG")
	}
	return out, nil
}

// colour is the frame as blue, green, red at the given size. OpenCV's own conversion assumes
// BT.601 and video range, so the conversion is spelt out.
func (m *mats) colour(f *bongsu.Frame, size image.Point) (gocv.Mat, error) {
	planes, err := m.planes(f)
	if err != nil {
		return gocv.Mat{}, err
	}
	for i, p := range planes {
		how := gocv.InterpolationArea
		if p.Cols() < size.X || p.Rows() < size.Y {
			how = gocv.InterpolationLinear
		}
		to := m.empty()
		gocv.Resize(p, &to, size, 0, 0, how)
		planes[i] = to
	}
	yuv, bgr := m.empty(), m.empty()
	gocv.Merge(planes[:], &yuv)
	matrix := m.keep(gocv.NewMatWithSize(3, 4, gocv.MatTypeCV64F))
	for r, row := range conversion(f.Color, f.Height) {
		for c, v := range row {
			matrix.SetDoubleAt(r, c, v)
		}
	}
	gocv.Transform(yuv, &bgr, matrix)
	return bgr, nil
}

// planes copies Y, U and V into OpenCV's memory.
func (m *mats) planes(f *bongsu.Frame) ([3]gocv.Mat, error) {
	cw, ch := (f.Width+1)/2, (f.Height+1)/2
	var out [3]gocv.Mat
	var err error
	if out[0], err = m.plane(f.Planes[0], f.Width, f.Height, 0, 1); err != nil {
		return out, err
	}
	for i := 1; i < 3; i++ {
		p, first, step := f.Planes[i], 0, 1
		if f.Format == bongsu.FormatNV12 {
			p, first, step = f.Planes[1], i-1, 2
		}
		if out[i], err = m.plane(p, cw, ch, first, step); err != nil {
			return out, err
		}
	}
	return out, nil
}

// plane copies every step-th byte of the rows, from the first on.
func (m *mats) plane(p bongsu.Plane, w, h, first, step int) (gocv.Mat, error) {
	to := m.keep(gocv.NewMatWithSize(h, w, gocv.MatTypeCV8UC1))
	data, err := to.DataPtrUint8()
	if err != nil {
		return to, fmt.Errorf("vision: %w", err)
	}
	for y := range h {
		from, row := p.Data[y*p.Stride+first:], data[y*w:][:w]
		if step == 1 {
			copy(row, from)
			continue
		}
		for x := range row {
			row[x] = from[x*step]
		}
	}
	return to, nil
}

// draw draws one mark with its label on a dark ground.
func draw(pic *gocv.Mat, mark Mark, size image.Point) {
	n := len(mark.Points)
	if n == 0 {
		return
	}
	thick := max(size.X/400, 2) // one pixel is lost in the JPEG
	for i := 1; i < n; i++ {
		gocv.Line(pic, pixel(mark.Points[i-1], size), pixel(mark.Points[i], size), mark.Color, thick)
	}
	if mark.Closed && n > 2 {
		gocv.Line(pic, pixel(mark.Points[n-1], size), pixel(mark.Points[0], size), mark.Color, thick)
	}
	if mark.Label == "" {
		return
	}
	const font = gocv.FontHersheySimplex
	scale := max(float64(size.X)/1600, 0.4)
	text := ascii(mark.Label)
	room := gocv.GetTextSize(text, font, scale, 1)
	at := pixel(mark.Points[0], size).Sub(image.Pt(0, thick+1))
	at.X = min(max(at.X, 0), max(size.X-room.X-4, 0))
	at.Y = min(max(at.Y, room.Y+6), size.Y)
	gocv.Rectangle(pic, image.Rect(at.X, at.Y-room.Y-6, at.X+room.X+4, at.Y), ground, -1)
	gocv.PutText(pic, text, image.Pt(at.X+2, at.Y-3), font, scale, mark.Color, 1)
}
