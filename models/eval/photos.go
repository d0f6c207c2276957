package eval

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // photographs are JPEG files
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bongsu"
)

// Folders with labels of photographs, below a data set's own.
const (
	vocFolder  = "gts/pascalvoc_format"
	cocoFolder = "labels_person_kpts"
)

// maxLabels is the largest file with the labels of one photograph, in bytes.
const maxLabels = 1 << 20

// photos is a folder of labelled photographs.
type photos struct {
	classes  []bongsu.Class
	pictures []Picture
	paths    []string
}

// openVOC reads photographs labelled as by PASCAL VOC.
func openVOC(dir string) (Source, error) {
	p := &photos{classes: []bongsu.Class{bongsu.ClassPerson, bongsu.ClassBicycle, bongsu.ClassMotorcycle, bongsu.ClassCar, bongsu.ClassBus, bongsu.ClassAnimal}}
	return p, p.open(dir, func(name string, size image.Point) ([]Truth, error) {
		f, err := os.Open(filepath.Join(dir, vocFolder, name+".xml"))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return parseVOC(name+".xml", f, size.X, size.Y)
	})
}

// openCOCO reads photographs of COCO in which people are labelled. A photograph without a file
// of labels shows nobody who is.
func openCOCO(dir string) (Source, error) {
	p := &photos{classes: []bongsu.Class{bongsu.ClassPerson}}
	return p, p.open(dir, func(name string, _ image.Point) ([]Truth, error) {
		f, err := os.Open(filepath.Join(dir, cocoFolder, name+".txt"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return parsePeople(name+".txt", f)
	})
}

// open finds the photographs and reads the labels of each.
func (p *photos) open(dir string, labels func(name string, size image.Point) ([]Truth, error)) (err error) {
	if p.paths, err = filepath.Glob(filepath.Join(dir, "images", "*.jpg")); err != nil {
		return err
	}
	if len(p.paths) == 0 {
		return bongsu.Errorf(bongsu.CodeInvalid, "%s holds no .jpg file", filepath.Join(dir, "images"))
	}
	for _, path := range p.paths {
		size, err := sizeOf(path)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(path), ".jpg")
		truths, err := labels(name, size)
		if err != nil {
			return err
		}
		p.pictures = append(p.pictures, Picture{Name: name, Width: size.X, Height: size.Y, Truths: truths})
	}
	return nil
}

func sizeOf(path string) (image.Point, error) {
	f, err := os.Open(path)
	if err != nil {
		return image.Point{}, err
	}
	defer f.Close()
	c, _, err := image.DecodeConfig(f)
	if err != nil {
		return image.Point{}, bongsu.Wrap(bongsu.CodeInvalid, err, "%s is no JPEG picture", path)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels || c.Height > maxPixels {
		return image.Point{}, bongsu.Errorf(bongsu.CodeTooLarge, "%s has %d×%d pixels: at most %d a side are read", path, c.Width, c.Height, maxPixels)
	}
	return image.Point{X: c.Width, Y: c.Height}, nil
}

// vocClasses are the domain's words for VOC's; its other classes are nobody's business here.
var vocClasses = map[string]bongsu.Class{
	"person": bongsu.ClassPerson, "bicycle": bongsu.ClassBicycle, "motorbike": bongsu.ClassMotorcycle, "car": bongsu.ClassCar, "bus": bongsu.ClassBus,
	"bird": bongsu.ClassAnimal, "cat": bongsu.ClassAnimal, "cow": bongsu.ClassAnimal, "dog": bongsu.ClassAnimal, "horse": bongsu.ClassAnimal, "sheep": bongsu.ClassAnimal,
}

// parseVOC reads one annotation of VOC. Its corners are the numbers of pixels, counted from 1,
// that belong to the box.
func parseVOC(name string, r io.Reader, w, h int) ([]Truth, error) {
	var doc struct {
		Objects []struct {
			Name      string `xml:"name"`
			Difficult int    `xml:"difficult"`
			Box       struct {
				X0 float64 `xml:"xmin"`
				Y0 float64 `xml:"ymin"`
				X1 float64 `xml:"xmax"`
				Y1 float64 `xml:"ymax"`
			} `xml:"bndbox"`
		} `xml:"object"`
	}
	if err := xml.NewDecoder(io.LimitReader(r, maxLabels)).Decode(&doc); err != nil {
		return nil, &bongsu.FieldError{File: name, Message: fmt.Sprintf("not readable as XML: %v", err)}
	}
	var truths []Truth
	for i, o := range doc.Objects {
		class, ok := vocClasses[o.Name]
		if !ok {
			continue
		}
		b := o.Box
		if !(b.X0 >= 0 && b.Y0 >= 0 && b.X1 >= b.X0 && b.Y1 >= b.Y0 && b.X1 <= maxPixels && b.Y1 <= maxPixels) {
			return nil, &bongsu.FieldError{File: name, Path: fmt.Sprintf("object[%d].bndbox", i), Message: fmt.Sprintf("%v is no box of a picture", b)}
		}
		truths = append(truths, Truth{Class: class, Visibility: 1, Difficult: o.Difficult != 0, Box: pixels(b.X0-1, b.Y0-1, b.X1, b.Y1, w, h)})
	}
	return truths, nil
}

// parsePeople reads people labelled with key points: class, middle and size in parts of the
// picture, then points that are not looked at. Class 0 is a person.
func parsePeople(name string, r io.Reader) ([]Truth, error) {
	var truths []Truth
	sc := bufio.NewScanner(io.LimitReader(r, maxLabels))
	sc.Buffer(nil, maxLine)
	for number := 1; sc.Scan(); number++ {
		words := strings.Fields(sc.Text())
		if len(words) == 0 {
			continue
		}
		var v [5]float64
		for i := range v {
			var err error
			if i >= len(words) {
				err = errors.New("missing")
			} else if v[i], err = strconv.ParseFloat(words[i], 64); err == nil && (math.IsNaN(v[i]) || v[i] < 0 || v[i] > 1) {
				err = errors.New("not within 0 to 1")
			}
			if err != nil {
				return nil, &bongsu.FieldError{File: name, Line: number, Message: fmt.Sprintf("value %d is no number of a box: %v", i+1, err)}
			}
		}
		if v[0] == 0 {
			truths = append(truths, Truth{Class: bongsu.ClassPerson, Visibility: 1, Box: pixels(v[1]-v[3]/2, v[2]-v[4]/2, v[1]+v[3]/2, v[2]+v[4]/2, 1, 1)})
		}
	}
	return truths, sc.Err()
}

// Classes implements Source.
func (p *photos) Classes() []bongsu.Class { return slices.Clone(p.classes) }

// Len implements Source.
func (p *photos) Len() int { return len(p.pictures) }

// Read implements Source.
func (p *photos) Read(i int) (*Picture, *bongsu.Frame, error) {
	f, err := os.Open(p.paths[i])
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, nil, bongsu.Wrap(bongsu.CodeInvalid, err, "%s cannot be read as JPEG", p.paths[i])
	}
	frame := frameOf(img)
	frame.Seq = uint64(i)
	return &p.pictures[i], frame, nil
}

// Close implements Source.
func (p *photos) Close() error { return nil }

// frameOf gives a photograph in the form that decoders deliver: full range and BT.601, as JFIF
// says.
func frameOf(img image.Image) *bongsu.Frame {
	src, ok := img.(*image.YCbCr)
	if !ok {
		// A grey picture, or one with four channels.
		rgba := image.NewRGBA(img.Bounds())
		draw.Draw(rgba, rgba.Bounds(), img, img.Bounds().Min, draw.Src)
		src = inYCbCr(rgba)
	}
	r := src.Bounds()
	w, h := r.Dx(), r.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	f := planar(w, h, make([]byte, w*h+2*cw*ch), bongsu.Color{FullRange: true, Matrix: 6, SampleAspectW: 1, SampleAspectH: 1})
	for y := range h {
		copy(f.Planes[0].Data[y*w:][:w], src.Y[src.YOffset(r.Min.X, r.Min.Y+y):])
	}
	for y := range ch {
		for x := range cw {
			var cb, cr, n int
			for _, at := range [4]image.Point{{X: 2 * x, Y: 2 * y}, {X: 2*x + 1, Y: 2 * y}, {X: 2 * x, Y: 2*y + 1}, {X: 2*x + 1, Y: 2*y + 1}} {
				if at.X < w && at.Y < h {
					i := src.COffset(r.Min.X+at.X, r.Min.Y+at.Y)
					cb, cr, n = cb+int(src.Cb[i]), cr+int(src.Cr[i]), n+1
				}
			}
			f.Planes[1].Data[y*cw+x], f.Planes[2].Data[y*cw+x] = byte((cb+n/2)/n), byte((cr+n/2)/n)
		}
	}
	return &f
}

func inYCbCr(img *image.RGBA) *image.YCbCr {
	out := image.NewYCbCr(img.Bounds(), image.YCbCrSubsampleRatio444)
	for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
		for x := img.Rect.Min.X; x < img.Rect.Max.X; x++ {
			c := img.RGBAAt(x, y)
			out.Y[out.YOffset(x, y)], out.Cb[out.COffset(x, y)], out.Cr[out.COffset(x, y)] = color.RGBToYCbCr(c.R, c.G, c.B)
		}
	}
	return out
}
