package truth

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// goldens are files that other programs read: their bytes must not change by accident.
// BONGSU_GOLDEN=write renews them.
var goldens = map[string]func(io.Writer) error{
	"clip.xml":        func(w io.Writer) error { return sampleClip().Write(w) },
	"empty-clip.xml":  func(w io.Writer) error { return (&Clip{File: "a.mp4", Duration: time.Hour}).Write(w) },
	"answer.xml":      func(w io.Writer) error { return sampleAnswer().Write(w) },
	"no-answer.xml":   func(w io.Writer) error { return (&Answer{File: "C00_001_0002.mp4"}).Write(w) },
	"zones.map":       func(w io.Writer) error { return sampleClip().Zones.Write(w) },
	"yard.truth.json": func(w io.Writer) error { return sampleSequence().WriteJSON(w) },
	"yard.mot.txt":    func(w io.Writer) error { return sampleSequence().WriteMOT(w) },
	"yard.coco.json": func(w io.Writer) error {
		c := &COCO{}
		c.Add(sampleSequence())
		return c.Write(w)
	},
}

func sampleAnswer() *Answer {
	return &Answer{File: "C00_001_0001.mp4", Alarms: []Alarm{
		{Start: 61 * time.Second, Category: Violence, Duration: 12 * time.Second},
		{Start: 2 * time.Hour, Category: FireDetection, Duration: time.Second},
	}}
}

func TestGoldenFiles(t *testing.T) {
	for name, write := range goldens {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "golden", name)
			if os.Getenv("BONGSU_GOLDEN") == "write" {
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("the form has changed:\n%s\nwant\n%s", b.Bytes(), want)
			}
		})
	}
}

// TestGoldenFilesAreRead takes the stored files, not what was just written: what earlier versions
// wrote stays readable.
func TestGoldenFilesAreRead(t *testing.T) {
	open := func(name string) io.Reader {
		data, err := os.ReadFile(filepath.Join("testdata", "golden", name))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(data)
	}
	clip, err := ReadClip(open("clip.xml"))
	if err != nil || !reflect.DeepEqual(clip, sampleClip()) {
		t.Errorf("clip: %+v, %v", clip, err)
	}
	if clip, err = ReadClip(open("empty-clip.xml")); err != nil || len(clip.Alarms) != 0 || clip.Duration != time.Hour {
		t.Errorf("clip without alarms: %+v, %v", clip, err)
	}
	answer, err := ReadAnswer(open("answer.xml"))
	if err != nil || !reflect.DeepEqual(answer, sampleAnswer()) {
		t.Errorf("answer: %+v, %v", answer, err)
	}
	if answer, err = ReadAnswer(open("no-answer.xml")); err != nil || answer.File != "C00_001_0002.mp4" || answer.Alarms != nil {
		t.Errorf("answer without alarms: %+v, %v", answer, err)
	}
	// A clip file is an answer with more in it.
	if answer, err = ReadAnswer(open("clip.xml")); err != nil || !reflect.DeepEqual(answer.Alarms, sampleClip().Alarms) {
		t.Errorf("a clip read as an answer: %+v, %v", answer, err)
	}
	zones, err := ReadZoneMap(open("zones.map"))
	if err != nil || !reflect.DeepEqual(*zones, sampleClip().Zones) {
		t.Errorf("zones: %+v, %v", zones, err)
	}
	if zones, err = ReadZoneMap(open("clip.xml")); err != nil || !reflect.DeepEqual(*zones, sampleClip().Zones) {
		t.Errorf("zones of a clip: %+v, %v", zones, err)
	}
	seq, err := ReadJSON(open("yard.truth.json"))
	if err != nil || !reflect.DeepEqual(seq, sampleSequence()) {
		t.Errorf("frames: %+v, %v", seq, err)
	}
	rows, err := ReadMOT(open("yard.mot.txt"))
	if err != nil || len(rows) != 3 {
		t.Errorf("MOT: %+v, %v", rows, err)
	}
}
