package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/models"
)

const good = `schema: 1
name: tiny
version: 1.10
file: tiny.onnx
sha256: 695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14
family: yolox
input:
  name: images
  layout: nchw
  type: float32
  width: 64
  height: 32
  channels: bgr
  scale: 0.5
  mean: [10, 0, 30]
  std: [2, 1, 4]
  resize: letterbox-centre
  pad: 0
outputs:
  - name: output
    shape: [-1, 42, 8]
labels:
  - {index: 0, class: person, ko: 사람, en: person}
  - {index: 2, class: car, ko: 자동차, en: car}
thresholds: {low: 0.1, high: 0.5, nms_iou: 0.45, nms: class}
licence: Apache-2.0
origin: made here
`

func TestGoodManifest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(path, []byte(good), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := (bongsu.ModelRef{Name: "tiny", Version: "1.10", SHA256: m.SHA256}); m.Ref() != want {
		t.Errorf("%+v: the version must be as it stands there", m.Ref())
	}
	h := m.HeadSpec()
	if h.Width != 64 || h.Height != 32 || h.Rivals != models.RivalsSame || h.Low != 0.1 || h.IoU != 0.45 ||
		len(h.Outputs) != 1 || h.Outputs[0].Name != "output" || len(h.Outputs[0].Shape) != 3 {
		t.Errorf("%+v", h)
	}
	if len(h.Classes) != 3 || h.Classes[0] != "person" || h.Classes[1] != "" || h.Classes[2] != "car" {
		t.Errorf("classes %q", h.Classes)
	}
	if err := h.Check(); err != nil {
		t.Error(err)
	}
	mul, add := m.Input.Linear()
	if mul != [3]float64{0.25, 0.5, 0.125} || add != [3]float64{-5, 0, -7.5} {
		t.Errorf("%v %v", mul, add)
	}
	if m.Labels[1].Ko != "자동차" || m.Licence != "Apache-2.0" {
		t.Errorf("%+v", m)
	}
}

func TestDefaults(t *testing.T) {
	short := good
	for _, line := range []string{"  scale: 0.5\n", "  mean: [10, 0, 30]\n", "  std: [2, 1, 4]\n", "  pad: 0\n"} {
		short = strings.Replace(short, line, "", 1)
	}
	m, err := Parse("manifest.yaml", []byte(short))
	if err != nil {
		t.Fatal(err)
	}
	mul, add := m.Input.Linear()
	if mul != [3]float64{1, 1, 1} || add != [3]float64{} || m.Input.Pad != 114 {
		t.Errorf("%v %v %d", mul, add, m.Input.Pad)
	}
}

// wrong is one file each with one mistake, and the sentence that it earns.
var wrong = []struct{ old, new, want string }{
	{"schema: 1", "schema: 2", "m.yaml:1: schema: it is 2: this program reads schema 1"},
	{"schema: 1\n", "", "m.yaml:1: schema: it is 0: this program reads schema 1"},
	{"schema: 1", "schema: 99999999999999999999", `m.yaml:1: schema: 99999999999999999999 is too large a number here`},
	{"name: tiny", "name: Tiny Model", `m.yaml:2: name: "Tiny Model" cannot be a name: use 1 to 64 of a-z, 0-9, '-' and '_', beginning and ending with a letter or digit`},
	{"name: tiny", "name: &a tiny", "m.yaml:2: name: anchors, aliases, merge keys and tags are not used in a manifest: write the value out"},
	{"name: tiny", "name: !!str tiny", "m.yaml:2: name: anchors, aliases, merge keys and tags are not used in a manifest: write the value out"},
	{"name: tiny", "name: tiny\nname: other", `m.yaml:3: not readable as YAML: mapping key "name" already defined at [2:1]`},
	{"version: 1.10", "version: one two", `m.yaml:3: version: "one two" cannot be a version: use up to 64 letters, digits, '.', '+', '_' and '-'`},
	{"file: tiny.onnx", "file: ../tiny.onnx", `m.yaml:4: file: "../tiny.onnx": give the base name of the ONNX file, such as model.onnx (letters, digits, '.', '+', '_' and '-')`},
	{"file: tiny.onnx", "file: installed.onnx", `m.yaml:4: file: "installed.onnx": give the base name of the ONNX file, such as model.onnx (letters, digits, '.', '+', '_' and '-')`},
	{"sha256: 695e", "sha256: 695E", "m.yaml:5: sha256: it must be the 64 lower-case hex digits that `sha256sum tiny.onnx` prints"},
	{"family: yolox", "family: rcnn", `m.yaml:6: family: "rcnn" is not known: the families are nanodet, yolo, yolox`},
	{"  name: images\n", "", "m.yaml:7: input.name: it is missing: give the name of the model's input"},
	{"layout: nchw", "layout: hwc", `m.yaml:9: input.layout: "hwc" is not possible: write nchw, nhwc`},
	{"type: float32", "type: int8", `m.yaml:10: input.type: "int8" is not possible: write float32, float16, uint8`},
	{"width: 64", "width: wide", `m.yaml:11: input.width: "wide" does not fit here: it must be a whole number`},
	{"width: 64", "wdth: 64", "m.yaml:11: input.wdth: unknown key: the keys here are name, layout, type, width, height, channels, scale, mean, std, resize, pad"},
	{"width: 64", "width: 8", "m.yaml:11: input.width: 8 pixels: write 16 to 4096"},
	{"height: 32", "height: 100000", "m.yaml:12: input.height: 100000 pixels: write 16 to 4096"},
	{"channels: bgr", "channels: yuv", `m.yaml:13: input.channels: "yuv" is not possible: write rgb, bgr`},
	{"scale: 0.5", "scale: 0", "m.yaml:14: input.scale: 0: the factor must be a number above 0 (1 leaves pixels as 0..255)"},
	{"scale: 0.5", "scale: .nan", "m.yaml:14: input.scale: NaN: the factor must be a number above 0 (1 leaves pixels as 0..255)"},
	{"mean: [10, 0, 30]", "mean: [10]", "m.yaml:15: input.mean: it has 1 values: write three, one a channel"},
	{"mean: [10, 0, 30]", "mean: [10, .inf, 30]", "m.yaml:15: input.mean[1]: +Inf is not possible here"},
	{"std: [2, 1, 4]", "std: [2, 0, 4]", "m.yaml:16: input.std[1]: 0 is not possible here"},
	{"resize: letterbox-centre", "resize: crop", `m.yaml:17: input.resize: "crop" is not possible: write letterbox-topleft, letterbox-centre, stretch`},
	{"pad: 0", "pad: 256", "m.yaml:18: input.pad: 256 is no 8-bit grey: write 0 to 255"},
	{"- name: output\n    shape", "- shape", "m.yaml:20: outputs[0].name: it is missing: give the name of the model's output"},
	{"shape: [-1, 42, 8]", "shape: [-1, 42, x]", `m.yaml:21: outputs[0].shape[2]: "x" does not fit here: it must be a whole number`},
	{"shape: [-1, 42, 8]", "shape: {a: 1}", "m.yaml:21: outputs[0].shape.a: there is a block of keys and values where a list must be"},
	{"shape: [-1, 42, 8]", "shape: [2, 42, 8]", "m.yaml:21: outputs[0].shape: [2 42 8]: write the batch axis first, 1 or -1 when it is open, then positive sizes"},
	{"shape: [-1, 42, 8]", "shape: [1, 16777216, 16777216]", "m.yaml:21: outputs[0].shape: [1 16777216 16777216]: write the batch axis first, 1 or -1 when it is open, then positive sizes"},
	{"outputs:", "outputs:\n  - {name: output, shape: [1, 2]}", `m.yaml:21: outputs[1].name: "output" is listed twice`},
	{"class: person", "class: Person!", `m.yaml:23: labels[0].class: "Person!" cannot be a name: use 1 to 64 of a-z, 0-9, '-' and '_', beginning and ending with a letter or digit`},
	{"ko: 사람, ", "", "m.yaml:23: labels[0].ko: it is missing: give the Korean word that operators read"},
	{"en: car", "en: car, colour: red", "m.yaml:24: labels[1].colour: unknown key: the keys here are index, class, ko, en"},
	{"index: 2", "index: 0", "m.yaml:24: labels[1].index: 0 is taken by labels[0]"},
	{"index: 2", "index: -1", "m.yaml:24: labels[1].index: -1: an index counts from 0 and stays under 10000"},
	{"{index: 2, class: car, ko: 자동차, en: car}", "car", "m.yaml:24: labels[1]: there is a single value where a block of keys and values must be"},
	{"low: 0.1", "low: 0", "m.yaml:25: thresholds.low: 0: write a score above 0 and under 1, such as 0.1"},
	{"high: 0.5", "high: 0.05", "m.yaml:25: thresholds.high: 0.05 is under thresholds.low 0.1: high begins tracks, low keeps them"},
	{"high: 0.5", "high: 50", "m.yaml:25: thresholds.high: 50: write a score above 0 and under 1, such as 0.5"},
	{"nms_iou: 0.45", "nms_iou: 45", "m.yaml:25: thresholds.nms_iou: 45: write an overlap above 0 and at most 1, such as 0.45"},
	{"nms: class", "nms: none", `m.yaml:25: thresholds.nms: "none" is not possible: write all, alike, class`},
	{"licence: Apache-2.0\n", "", "m.yaml:1: licence: it is missing: give an SPDX expression, such as Apache-2.0: a model without a licence cannot be installed"},
	{"origin: made here", "origin: ''", "m.yaml:27: origin: it is missing: give where the model came from, such as its web address"},
	{"origin: made here", "origin: [", "m.yaml:27: not readable as YAML: sequence end token ']' not found"},
}

func TestWrongManifests(t *testing.T) {
	for _, c := range wrong {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Errorf("%q is not in the good manifest", c.old)
			continue
		}
		m, err := Parse("m.yaml", []byte(text))
		if err == nil || m != nil {
			t.Errorf("%q: accepted", c.new)
			continue
		}
		if err.Error() != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.new, err, c.want)
		}
		var fe *bongsu.FieldError
		if !errors.As(err, &fe) || fe.File != "m.yaml" || fe.Line == 0 {
			t.Errorf("%q: %v names no file and line", c.new, err)
		}
	}
}

func TestWrongFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "m.yaml: it is empty: docs/design/models.md shows what a manifest holds",
		"  \n":                          "m.yaml: it is empty: docs/design/models.md shows what a manifest holds",
		"hello":                         "m.yaml:1: it is not a list of keys and values: docs/design/models.md shows what a manifest holds",
		"a: 1\n---\nb: 2\n":             "m.yaml: it holds 2 YAML documents: a manifest is one",
		strings.Repeat("#", MaxBytes+1): "m.yaml: it is larger than 1048576 bytes: this is no manifest",
	} {
		if _, err := Parse("m.yaml", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "manifest.yaml")); bongsu.CodeOf(err) != bongsu.CodeInvalid {
		t.Errorf("%v", err)
	}
}

func TestAllMistakesAreTold(t *testing.T) {
	text := strings.Replace(strings.Replace(good, "pad: 0", "pad: 999", 1), "name: tiny", "name: Tiny", 1)
	_, err := Parse("m.yaml", []byte(text))
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("%v", err)
	}
}

// FuzzParse: whatever the bytes, there is a checked manifest or an error, never a panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	for _, c := range wrong {
		f.Add([]byte(strings.Replace(good, c.old, c.new, 1)))
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("<<: {}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse("m.yaml", data)
		if (m == nil) == (err == nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if m == nil {
			return
		}
		if err := m.HeadSpec().Check(); err != nil {
			t.Errorf("a manifest that no head can use: %v", err)
		}
	})
}
