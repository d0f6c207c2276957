package modelstest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bongsu/models"

	"google.golang.org/protobuf/encoding/protowire"
)

// Package is a tiny model with its manifest, as a user would have them.
type Package struct {
	Name   string // of the model
	Model  []byte // the ONNX file
	Family string
	Shape  []int64 // of the output called output
	// Outputs, when not nil, are all outputs; Shape is not looked at then.
	Outputs []models.OutputSpec
	Tiny    Tiny
	// Change, when not nil, edits the manifest's text before it is written.
	Change func(string) string
}

// YOLOXPackage is t as a model of the yolox family.
func (t Tiny) YOLOXPackage(name string) Package {
	return Package{Name: name, Model: t.YOLOX(), Family: "yolox", Tiny: t, Shape: []int64{t.batch(), int64(t.Points()), int64(5 + t.Classes)}}
}

// YOLOPackage is t as a model of the yolo family.
func (t Tiny) YOLOPackage(name string, anchors int) Package {
	return Package{Name: name, Model: t.YOLO(anchors), Family: "yolo", Tiny: t, Shape: []int64{t.batch(), int64(4 + t.Classes), int64(anchors)}}
}

// NanoDetPackage is t as a model of the nanodet family.
func (t Tiny) NanoDetPackage(name string) Package {
	return Package{Name: name, Model: t.NanoDet(), Family: "nanodet", Tiny: t, Outputs: t.NanoDetOutputs()}
}

func (t Tiny) batch() int64 {
	if t.OpenBatch {
		return -1
	}
	return 1
}

// classWords name the classes of tiny models; further ones are called thing-N.
var classWords = []string{"person", "car", "truck", "bag"}

// Manifest gives the text of the package's manifest: low threshold 0.1, suppression across
// classes, RGB, letterbox at the top left.
func (p Package) Manifest() string {
	layout, name := "nchw", p.Tiny.InputName
	if p.Tiny.ChannelsLast {
		layout = "nhwc"
	}
	if name == "" {
		name = "images"
	}
	kind := map[int64]string{0: "float32", 1: "float32", 2: "uint8", 10: "float16"}[p.Tiny.InputType]
	var b strings.Builder
	fmt.Fprintf(&b, "schema: 1\nname: %s\nversion: \"1.0\"\nfile: %s.onnx\nsha256: %x\nfamily: %s\n", p.Name, p.Name, sha256.Sum256(p.Model), p.Family)
	fmt.Fprintf(&b, "input:\n  name: %s\n  layout: %s\n  type: %s\n  width: %d\n  height: %d\n  channels: rgb\n", name, layout, kind, p.Tiny.Width, p.Tiny.Height)
	fmt.Fprintf(&b, "  scale: 1\n  mean: [0, 0, 0]\n  std: [1, 1, 1]\n  resize: letterbox-topleft\n  pad: 0\n")
	b.WriteString("outputs:\n")
	outs := p.Outputs
	if outs == nil {
		outs = []models.OutputSpec{{Name: "output", Shape: p.Shape}}
	}
	for _, o := range outs {
		fmt.Fprintf(&b, "  - {name: %s, shape: [%s]}\n", o.Name, strings.Trim(strings.ReplaceAll(fmt.Sprint(o.Shape), " ", ", "), "[]"))
	}
	b.WriteString("labels:\n")
	for i := range p.Tiny.Classes {
		word := fmt.Sprintf("thing-%d", i)
		if i < len(classWords) {
			word = classWords[i]
		}
		fmt.Fprintf(&b, "  - {index: %d, class: %s, ko: %s, en: %s}\n", i, word, word, word)
	}
	b.WriteString("thresholds: {low: 0.1, high: 0.5, nms_iou: 0.45, nms: all}\nlicence: Apache-2.0\norigin: made by a test\n")
	if p.Change != nil {
		return p.Change(b.String())
	}
	return b.String()
}

// Write writes the ONNX file and manifest.yaml into dir and gives the file's path.
func (p Package) Write(dir string) (string, error) {
	path := filepath.Join(dir, p.Name+".onnx")
	return path, errors.Join(
		os.WriteFile(path, p.Model, 0o644),
		os.WriteFile(filepath.Join(dir, "manifest.yaml"), []byte(p.Manifest()), 0o644),
	)
}

// ExternalWeights is a field to put in Tiny.Extra: an initializer whose data stands in another
// file.
func ExternalWeights() []byte {
	t := number(text(number(nil, 2, 1), 8, "far_away"), 14, 1)
	return message(nil, 5, t)
}

// Field is any length-delimited field, to put in Tiny.Extra.
func Field(n int, body []byte) []byte { return message(nil, protowire.Number(n), body) }
