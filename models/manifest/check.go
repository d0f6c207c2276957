package manifest

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"bongsu"
)

// checker collects everything that is wrong with a manifest.
type checker struct {
	doc  *document
	errs []error
}

func (c *checker) fail(path, format string, args ...any) {
	c.errs = append(c.errs, c.doc.errorf(c.doc.line(path), path, format, args...))
}

var (
	hashForm    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	versionForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$`)
	fileForm    = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+_-]*\.onnx$`)
)

func (c *checker) manifest(m *Manifest) {
	if m.Schema != Schema {
		c.fail("schema", "it is %d: this program reads schema %d", m.Schema, Schema)
		return
	}
	if err := bongsu.CheckName(m.Name); err != nil {
		c.fail("name", "%v", err)
	}
	if !versionForm.MatchString(m.Version) {
		c.fail("version", "%q cannot be a version: use up to 64 letters, digits, '.', '+', '_' and '-'", m.Version)
	}
	if !fileForm.MatchString(m.File) || m.File != filepath.Base(m.File) || m.File == "installed.onnx" {
		c.fail("file", "%q: give the base name of the ONNX file, such as model.onnx (letters, digits, '.', '+', '_' and '-')", m.File)
	}
	if !hashForm.MatchString(m.SHA256) {
		c.fail("sha256", "it must be the 64 lower-case hex digits that `sha256sum %s` prints", orWord(m.File, "FILE"))
	}
	if !slices.Contains(Families, m.Family) {
		c.fail("family", "%q is not known: the families are %s", m.Family, strings.Join(Families, ", "))
	}
	c.input(m.Input)
	c.outputs(m)
	c.labels(m.Labels)
	c.thresholds(m.Thresholds)
	c.text("licence", m.Licence, "an SPDX expression, such as Apache-2.0: a model without a licence cannot be installed")
	c.text("origin", m.Origin, "where the model came from, such as its web address")
}

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}

func (c *checker) text(path, s, want string) {
	if strings.TrimSpace(s) == "" {
		c.fail(path, "it is missing: give %s", want)
	} else if utf8.RuneCountInString(s) > maxTextCharacters {
		c.fail(path, "it is longer than %d characters", maxTextCharacters)
	}
}

func (c *checker) oneOf(path, got string, want ...string) {
	if !slices.Contains(want, got) {
		c.fail(path, "%q is not possible: write %s", got, strings.Join(want, ", "))
	}
}

func (c *checker) input(in Input) {
	if in.Name == "" {
		c.fail("input.name", "it is missing: give the name of the model's input")
	}
	c.oneOf("input.layout", in.Layout, LayoutNCHW, LayoutNHWC)
	c.oneOf("input.type", in.Type, "float32", "float16", "uint8")
	c.oneOf("input.channels", in.Channels, RGB, BGR)
	c.oneOf("input.resize", in.Resize, LetterboxTopLeft, LetterboxCentre, Stretch)
	c.side("input.width", in.Width)
	c.side("input.height", in.Height)
	if in.Pad < 0 || in.Pad > 255 {
		c.fail("input.pad", "%d is no 8-bit grey: write 0 to 255", in.Pad)
	}
	if !finite(in.Scale) || in.Scale <= 0 {
		c.fail("input.scale", "%v: the factor must be a number above 0 (1 leaves pixels as 0..255)", in.Scale)
	}
	c.channelValues("input.mean", in.Mean, false)
	c.channelValues("input.std", in.Std, true)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func (c *checker) side(path string, v int) {
	if v < minSide || v > maxSide {
		c.fail(path, "%d pixels: write %d to %d", v, minSide, maxSide)
	}
}

func (c *checker) channelValues(path string, vs []float64, positive bool) {
	if len(vs) != 3 {
		c.fail(path, "it has %d values: write three, one a channel", len(vs))
		return
	}
	for i, v := range vs {
		if !finite(v) || math.Abs(v) > 1e6 || positive && v <= 0 {
			c.fail(fmt.Sprintf("%s[%d]", path, i), "%v is not possible here", v)
		}
	}
}

func (c *checker) outputs(m *Manifest) {
	if len(m.Outputs) == 0 || len(m.Outputs) > maxOutputs {
		c.fail("outputs", "it has %d entries: list the model's outputs, 1 to %d, with name and shape", len(m.Outputs), maxOutputs)
		return
	}
	for i, o := range m.Outputs {
		path := fmt.Sprintf("outputs[%d]", i)
		if o.Name == "" {
			c.fail(path+".name", "it is missing: give the name of the model's output")
		}
		if slices.ContainsFunc(m.Outputs[:i], func(p Output) bool { return p.Name == o.Name }) {
			c.fail(path+".name", "%q is listed twice", o.Name)
		}
		if !shapeOK(o.Shape) {
			c.fail(path+".shape", "%v: write the batch axis first, 1 or -1 when it is open, then positive sizes", o.Shape)
		}
	}
}

func shapeOK(s []int64) bool {
	if len(s) < 2 || len(s) > 6 || s[0] != 1 && s[0] != -1 {
		return false
	}
	n := int64(1)
	for _, d := range s[1:] {
		if d <= 0 || d > 1<<24 {
			return false
		}
		if n *= d; n > 1<<28 {
			return false
		}
	}
	return true
}

func (c *checker) labels(labels []Label) {
	if len(labels) == 0 {
		c.fail("labels", "it is empty: nothing could ever be detected")
	}
	seen := map[int]int{}
	for i, l := range labels {
		path := fmt.Sprintf("labels[%d]", i)
		if l.Index < 0 || l.Index >= maxLabels {
			c.fail(path+".index", "%d: an index counts from 0 and stays under %d", l.Index, maxLabels)
		}
		if j, ok := seen[l.Index]; ok {
			c.fail(path+".index", "%d is taken by labels[%d]", l.Index, j)
		}
		seen[l.Index] = i
		if err := bongsu.CheckName(string(l.Class)); err != nil {
			c.fail(path+".class", "%v", err)
		}
		c.text(path+".ko", l.Ko, "the Korean word that operators read")
		c.text(path+".en", l.En, "the English word")
	}
}

func (c *checker) thresholds(t Thresholds) {
	if !(t.Low > 0 && t.Low < 1) {
		c.fail("thresholds.low", "%v: write a score above 0 and under 1, such as 0.1", t.Low)
	}
	if !(t.High > 0 && t.High < 1) {
		c.fail("thresholds.high", "%v: write a score above 0 and under 1, such as 0.5", t.High)
	} else if t.High < t.Low {
		c.fail("thresholds.high", "%v is under thresholds.low %v: high begins tracks, low keeps them", t.High, t.Low)
	}
	if !(t.NMSIoU > 0 && t.NMSIoU <= 1) {
		c.fail("thresholds.nms_iou", "%v: write an overlap above 0 and at most 1, such as 0.45", t.NMSIoU)
	}
	c.oneOf("thresholds.nms", t.NMS, NMSAcrossClasses, NMSAmongAlike, NMSWithinClass)
}
