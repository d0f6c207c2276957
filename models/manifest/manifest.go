// Package manifest reads manifest.yaml, the file that says everything Bongsu must know of a
// model that the ONNX file does not say: its hash, what its input wants, what its outputs
// mean, which domain word each label is, and the licence. docs/design/models.md describes
// every key.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"bongsu"
	"bongsu/models"
)

// Schema is the version of the format that this package reads.
const Schema = 1

// MaxBytes is the largest manifest that is read.
const MaxBytes = 1 << 20

// Families lists the heads that a manifest may name.
var Families = []string{"nanodet", "yolo", "yolox"}

// Manifest is the whole file. Load and Parse return only checked ones.
type Manifest struct {
	Schema     int        `yaml:"schema"`
	Name       string     `yaml:"name"`    // see bongsu.ValidName; the model's folder is called so
	Version    string     `yaml:"version"` // the model's, free text without spaces
	File       string     `yaml:"file"`    // base name of the ONNX file, beside the manifest
	SHA256     string     `yaml:"sha256"`  // of File, lower-case hex
	Family     string     `yaml:"family"`  // one of Families
	Input      Input      `yaml:"input"`
	Outputs    []Output   `yaml:"outputs"`
	Labels     []Label    `yaml:"labels"`
	Thresholds Thresholds `yaml:"thresholds"`
	Licence    string     `yaml:"licence"` // SPDX expression
	Origin     string     `yaml:"origin"`  // where the model came from
}

// Input says what the model wants: a pixel value v becomes (v·Scale − Mean[c]) / Std[c], the
// channels c in the order that Channels names.
type Input struct {
	Name     string    `yaml:"name"`
	Layout   string    `yaml:"layout"` // nchw or nhwc, of the model's own input
	Type     string    `yaml:"type"`   // float32, float16 or uint8, of the model's own input
	Width    int       `yaml:"width"`  // pixels
	Height   int       `yaml:"height"` // pixels
	Channels string    `yaml:"channels"`
	Scale    float64   `yaml:"scale"`
	Mean     []float64 `yaml:"mean"`
	Std      []float64 `yaml:"std"`
	Resize   string    `yaml:"resize"`
	Pad      int       `yaml:"pad"` // 0..255, the grey of what the picture does not cover
}

// Values of Input.Channels and Input.Resize.
const (
	RGB               = "rgb"
	BGR               = "bgr"
	LetterboxTopLeft  = "letterbox-topleft"
	LetterboxCentre   = "letterbox-centre"
	Stretch           = "stretch"
	LayoutNCHW        = "nchw"
	LayoutNHWC        = "nhwc"
	NMSWithinClass    = "class"
	NMSAmongAlike     = "alike"
	NMSAcrossClasses  = "all"
	defaultPad        = 114
	maxSide, minSide  = 4096, 16
	maxLabels         = 10000
	maxOutputs        = 32
	maxTextCharacters = 500
)

// Output is one output of the model, in the order in which the family's head wants them.
type Output struct {
	Name  string  `yaml:"name"`
	Shape []int64 `yaml:"shape"` // the batch axis first; -1 where the model leaves it open
}

// Label maps one index of the model to a domain word. Indices that no label names are not
// looked at.
type Label struct {
	Index int          `yaml:"index"` // 0-based
	Class bongsu.Class `yaml:"class"` // the domain word that all models share
	Ko    string       `yaml:"ko"`
	En    string       `yaml:"en"`
}

// Thresholds belong to the model: a score means nothing without it.
type Thresholds struct {
	Low    float32 `yaml:"low"`     // boxes under it are not delivered; the tracker uses low..high to keep tracks alive
	High   float32 `yaml:"high"`    // from here on a box may begin a track
	NMSIoU float32 `yaml:"nms_iou"` // overlap from which the lower score is suppressed
	NMS    string  `yaml:"nms"`     // class, alike or all
}

// rivals are what the words of Thresholds.NMS mean.
var rivals = map[string]models.Rivals{NMSWithinClass: models.RivalsSame, NMSAmongAlike: models.RivalsAlike, NMSAcrossClasses: models.RivalsAll}

// Load reads and checks the manifest at path. Errors are bongsu.FieldErrors, all of them
// joined, in the order of the file.
func Load(path string) (*Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "manifest %s cannot be read", path)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "manifest %s cannot be read", path)
	}
	return Parse(filepath.Base(path), data)
}

// Parse reads and checks a manifest; name stands in its errors.
func Parse(name string, data []byte) (*Manifest, error) {
	if len(data) > MaxBytes {
		return nil, &bongsu.FieldError{File: name, Message: fmt.Sprintf("it is larger than %d bytes: this is no manifest", MaxBytes)}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &bongsu.FieldError{File: name, Message: "it is empty: docs/design/models.md shows what a manifest holds"}
	}
	// Some editors begin a file with a byte order mark.
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	doc, err := parseDocument(name, data)
	if err != nil {
		return nil, err
	}
	m := &Manifest{Input: Input{Scale: 1, Mean: []float64{0, 0, 0}, Std: []float64{1, 1, 1}, Pad: defaultPad}}
	if err := doc.decode(m); err != nil {
		return nil, err
	}
	c := checker{doc: doc}
	c.manifest(m)
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return m, nil
}

// Ref names the model in events.
func (m *Manifest) Ref() bongsu.ModelRef {
	return bongsu.ModelRef{Name: m.Name, Version: m.Version, SHA256: m.SHA256}
}

// HeadSpec gives what the family's head needs.
func (m *Manifest) HeadSpec() models.HeadSpec {
	s := models.HeadSpec{
		Width: m.Input.Width, Height: m.Input.Height,
		Low: m.Thresholds.Low, IoU: m.Thresholds.NMSIoU, Rivals: rivals[m.Thresholds.NMS],
	}
	for _, o := range m.Outputs {
		s.Outputs = append(s.Outputs, models.OutputSpec{Name: o.Name, Shape: o.Shape})
	}
	for _, l := range m.Labels {
		for len(s.Classes) <= l.Index {
			s.Classes = append(s.Classes, "")
		}
		s.Classes[l.Index] = l.Class
	}
	return s
}

// Linear gives the factors of a pixel value v: it becomes v·mul[c] + add[c].
func (in Input) Linear() (mul, add [3]float64) {
	for c := range mul {
		mul[c] = in.Scale / in.Std[c]
		if in.Mean[c] != 0 {
			add[c] = -in.Mean[c] / in.Std[c]
		}
	}
	return mul, add
}
