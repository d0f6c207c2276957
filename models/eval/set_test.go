package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bongsu"
)

const headerText = `{"schema":1,"look":"held-out","width":8,"height":4,"format":"i420","frames":2,"classes":["person","fallen person"]}`

const labelsText = `{"frame":1,"scene":"b","time":"night","weather":"rain","boxes":[]}
{"frame":0,"scene":"a","time":"noon","weather":"clear","boxes":[{"class":"fallen person","x":2,"y":1,"w":4,"h":2,"visibility":0.75,"truncated":true}]}
`

// folder writes a data set's files; nil leaves one out.
func folder(t *testing.T, header, labels string, frames []byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{SetFile: []byte(header), LabelsFile: []byte(labels), FramesFile: frames} {
		if data != nil {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestSet(t *testing.T) {
	frames := make([]byte, 2*48)
	for i := range frames {
		frames[i] = byte(i)
	}
	s, err := Open(folder(t, headerText, labelsText, frames))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Classes(); !slices.Equal(got, []bongsu.Class{"person", bongsu.ClassFallenPerson}) || s.Len() != 2 {
		t.Errorf("%v, %d", got, s.Len())
	}
	p, f, err := s.Read(0)
	if err != nil || f.Check() != nil {
		t.Fatal(err, f.Check())
	}
	want := Truth{Class: bongsu.ClassFallenPerson, Visibility: 0.75, Box: bongsu.Box{X0: 0.25, Y0: 0.25, X1: 0.75, Y1: 0.75}}
	if len(p.Truths) != 1 || p.Truths[0] != want || p.Time != "noon" || p.Weather != "clear" || p.Name != "a" {
		t.Errorf("%+v", p)
	}
	p, f, err = s.Read(1)
	if err != nil || len(p.Truths) != 0 || p.Time != "night" {
		t.Errorf("%+v, %v", p, err)
	}
	if y, u, v := f.Planes[0].Data[0], f.Planes[1].Data[0], f.Planes[2].Data[0]; y != 48 || u != 48+32 || v != 48+40 || f.Color.FullRange || f.Color.Matrix != 6 {
		t.Errorf("%d %d %d, %+v", y, u, v, f.Color)
	}
}

func TestSetsThatCannotBe(t *testing.T) {
	frames := make([]byte, 2*48)
	for want, c := range map[string][3]string{
		`dataset.json: not readable as JSON`:                                                                   {"{", labelsText},
		`dataset.json: schema: it is 2: this program reads schema 1`:                                           {strings.Replace(headerText, `"schema":1`, `"schema":2`, 1), labelsText},
		`dataset.json: format: "rgb" is not known: i420 is`:                                                    {strings.Replace(headerText, "i420", "rgb", 1), labelsText},
		`dataset.json: width: pictures of 7×4: both sides are even and at most 4096`:                           {strings.Replace(headerText, `"width":8`, `"width":7`, 1), labelsText},
		`dataset.json: frames: 0 frames: 1 to 4194304 are possible`:                                            {strings.Replace(headerText, `"frames":2`, `"frames":0`, 1), labelsText},
		`dataset.json: classes: it is empty: nothing could be judged`:                                          {strings.Replace(headerText, `["person","fallen person"]`, `[]`, 1), labelsText},
		`dataset.json: classes[1]: "person" is no class, or is listed twice`:                                   {strings.Replace(headerText, `fallen person`, `person`, 1), labelsText},
		`labels.jsonl:2: not readable as JSON`:                                                                 {headerText, strings.Replace(labelsText, `"x":2`, `"x":"2"`, 1)},
		`labels.jsonl:1: frame: it is missing, or not within 0 to 1`:                                           {headerText, strings.Replace(labelsText, `"frame":1`, `"frame":2`, 1)},
		`labels.jsonl:2: frame: frame 1 has a line already`:                                                    {headerText, strings.Replace(labelsText, `"frame":0`, `"frame":1`, 1)},
		`labels.jsonl:2: boxes[0].class: "fallen horse" is not among the classes of dataset.json`:              {headerText, strings.Replace(labelsText, `fallen person`, `fallen horse`, 1)},
		`labels.jsonl:2: boxes[0]: x 2, y 1, w -4, h 2 is no box of a picture`:                                 {headerText, strings.Replace(labelsText, `"w":4`, `"w":-4`, 1)},
		`labels.jsonl:2: boxes[0].visibility: 7.5 is not within 0 to 1`:                                        {headerText, strings.Replace(labelsText, `0.75`, `7.5`, 1)},
		`labels.jsonl: it has lines for 1 of 2 frames: the set was not written to its end`:                     {headerText, labelsText[:strings.Index(labelsText, "\n")+1]},
		`labels.jsonl:2: it is longer than 1048576 bytes`:                                                      {headerText, labelsText[:strings.Index(labelsText, "\n")+1] + strings.Repeat(" ", maxLine+2)},
		`frames.i420 has 90 bytes, but 2 frames of 8×4 have 96: the set was not written to its end`:            {headerText, labelsText, "short"},
		`holds neither dataset.json, as ` + "`bongsu-edge scene dataset`" + ` writes, nor images with gts/pas`: {},
	} {
		data := frames
		if c[2] != "" {
			data = frames[:90]
		}
		dir := t.TempDir()
		if c[0] != "" {
			dir = folder(t, c[0], c[1], data)
		}
		if s, err := Open(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v; want %s", s, err, want)
		}
	}
	for _, missing := range []string{LabelsFile, FramesFile} {
		dir := folder(t, headerText, labelsText, frames)
		if err := os.Remove(filepath.Join(dir, missing)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

// FuzzLabels: whatever a file holds, reading it ends, and what is accepted is possible.
func FuzzLabels(f *testing.F) {
	f.Add(labelsText)
	f.Add(`{"frame":1,"boxes":[{"class":"person","x":1e308,"y":-1e308,"w":1e308,"h":1}]}`)
	f.Add("\n\n{}")
	var h header
	if err := json.Unmarshal([]byte(headerText), &h); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pictures, err := h.parseLabels(strings.NewReader(text))
		if err == nil && len(pictures) != h.Frames {
			t.Fatalf("%d pictures", len(pictures))
		}
		for _, p := range pictures {
			for _, tr := range p.Truths {
				checkTruth(t, tr)
			}
		}
	})
}

func checkTruth(t *testing.T, tr Truth) {
	in := func(v float32) bool { return v >= 0 && v <= 1 }
	if b := tr.Box; !in(b.X0) || !in(b.Y0) || !in(b.X1) || !in(b.Y1) || b.X0 > b.X1 || b.Y0 > b.Y1 || !in(tr.Visibility) || tr.Class == "" {
		t.Errorf("%+v", tr)
	}
}

// FuzzHeader: what is accepted can be allocated.
func FuzzHeader(f *testing.F) {
	f.Add(headerText)
	f.Add(`{"schema":1,"width":1e9,"height":-2,"format":"i420","frames":9223372036854775807,"classes":[""]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := parseHeader([]byte(text)); err == nil && (h.Width > maxPixels || h.Height > maxPixels || h.Width < 2 || h.Height < 2 || h.Frames < 1 || len(h.Classes) == 0) {
			t.Errorf("%+v", h)
		}
	})
}

const vocText = `<annotation><object><name>person</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>50</xmax><ymax>30</ymax></bndbox></object>
<object><name>chair</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>1</xmax><ymax>1</ymax></bndbox></object>
<object><name>sheep</name><bndbox><xmin>51</xmin><ymin>31</ymin><xmax>100</xmax><ymax>60</ymax></bndbox></object></annotation>`

func TestParseVOC(t *testing.T) {
	got, err := parseVOC("a.xml", strings.NewReader(vocText), 100, 60)
	want := []Truth{{Class: "person", Visibility: 1, Difficult: true, Box: bongsu.Box{X1: 0.5, Y1: 0.5}}, {Class: "animal", Visibility: 1, Box: bongsu.Box{X0: 0.5, Y0: 0.5, X1: 1, Y1: 1}}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for text, says := range map[string]string{
		"no xml": "a.xml: not readable as XML: ",
		strings.Replace(vocText, "<xmax>50", "<xmax>0", 1): "a.xml: object[0].bndbox: {1 1 0 30} is no box of a picture",
	} {
		if _, err := parseVOC("a.xml", strings.NewReader(text), 100, 60); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

func TestParsePeople(t *testing.T) {
	got, err := parsePeople("a.txt", strings.NewReader("0 0.5 0.5 0.5 1 0.1 0.2 2\n\n1 0.5 0.5 0.5 1\n0 0 0.5 0.5 0.5\n"))
	want := []Truth{{Class: "person", Visibility: 1, Box: bongsu.Box{X0: 0.25, X1: 0.75, Y1: 1}}, {Class: "person", Visibility: 1, Box: bongsu.Box{X1: 0.25, Y0: 0.25, Y1: 0.75}}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for text, says := range map[string]string{
		"0 0.5\n":              "a.txt:1: value 3 is no number of a box: missing",
		"\n0 0.5 NaN 1 1":      "a.txt:2: value 3 is no number of a box: not within 0 to 1",
		"0 0.5 0.5 1.5 1":      "a.txt:1: value 4 is no number of a box: not within 0 to 1",
		"person 0.5 0.5 0.5 1": "a.txt:1: value 1 is no number of a box: strconv",
	} {
		if _, err := parsePeople("a.txt", strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

// FuzzPhotoLabels: both formats of labels, whatever a file holds.
func FuzzPhotoLabels(f *testing.F) {
	f.Add(vocText)
	f.Add("0 0.5 0.5 0.5 1 0.1 0.2 2\n")
	f.Fuzz(func(t *testing.T, text string) {
		voc, _ := parseVOC("a.xml", strings.NewReader(text), 100, 60)
		people, _ := parsePeople("a.txt", strings.NewReader(text))
		for _, tr := range append(voc, people...) {
			checkTruth(t, tr)
		}
	})
}

// photo is a JPEG of two halves, dark on the left.
func photo(t *testing.T, grey bool) []byte {
	t.Helper()
	var img interface {
		image.Image
		Set(x, y int, c color.Color)
	} = image.NewRGBA(image.Rect(0, 0, 50, 31))
	if grey {
		img = image.NewGray(image.Rect(0, 0, 50, 31))
	}
	for y := range 31 {
		for x := range 50 {
			c := color.RGBA{R: 200, G: 40, B: 40, A: 255}
			if x < 25 {
				c = color.RGBA{A: 255}
			}
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPhotos(t *testing.T) {
	for _, layout := range []string{vocFolder, cocoFolder} {
		dir := t.TempDir()
		put := func(name string, data []byte) {
			t.Helper()
			path := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		put("images/a.jpg", photo(t, false))
		put("images/b.jpg", photo(t, true))
		if layout == vocFolder {
			put(vocFolder+"/a.xml", []byte(vocText))
			put(vocFolder+"/b.xml", []byte("<annotation></annotation>"))
		} else {
			put(cocoFolder+"/a.txt", []byte("0 0.5 0.5 0.5 1\n"))
		}
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct{ truths, left, right, red int }{{1, 0, 88, 255 - 50}, {0, 0, 88, 128}} {
			p, f, err := s.Read(i)
			if err != nil {
				t.Fatal(err)
			}
			if layout == vocFolder && i == 0 {
				want.truths = 2
			}
			if err := f.Check(); err != nil || len(p.Truths) != want.truths || f.Width != 50 || f.Height != 31 || !f.Color.FullRange {
				t.Errorf("%s: %v, %+v", p.Name, err, p)
			}
			y, v := f.Planes[0], f.Planes[2]
			if l, r, red := int(y.Data[2]), int(y.Data[47]), int(v.Data[20]); l > want.left+3 || r < want.right-5 || r > want.right+5 || red < want.red-8 || red > want.red+8 {
				t.Errorf("%s: left %d, right %d, red %d", p.Name, l, r, red)
			}
		}
		put("images/c.jpg", []byte("no picture"))
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "c.jpg is no JPEG picture") {
			t.Errorf("%v", err)
		}
	}
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "images"), 0o755), os.MkdirAll(filepath.Join(dir, vocFolder), 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || err.Error() != fmt.Sprintf("%s holds no .jpg file", filepath.Join(dir, "images")) {
		t.Errorf("%v", err)
	}
}
