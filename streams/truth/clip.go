package truth

import (
	"io"
	"strconv"
	"strings"
	"time"
)

// Clip is a ground-truth file: <clip>.xml beside <clip>.mp4.
type Clip struct {
	Scenario   string
	Dataset    string
	LibVersion string
	File       string // name of the MP4
	Duration   time.Duration
	Stage      string // optional, like everything down to Distraction
	Location   string
	Weather    Weather

	Distraction string
	Zones       ZoneMap // DetectArea and the category's zone
	Alarms      []Alarm // in the order of the file
}

// Weather is what a clip's header says about the conditions, in its own words.
type Weather struct{ TimeOfDay, Clouds, Windy, Rain, Snow, Fog string }

// Alarm is one event of a clip, in whole seconds.
type Alarm struct {
	Start    time.Duration
	Category Category
	Duration time.Duration
}

// Answer is a system's answer for one clip.
type Answer struct {
	File   string
	Alarms []Alarm
}

const (
	clipPath   = "KisaLibraryIndex/Library/Clip"
	headerPath = clipPath + "/Header"
	alarmPath  = clipPath + "/Alarms/Alarm"
)

// ReadClip reads a ground-truth file. Elements it does not know are passed over.
func ReadClip(r io.Reader) (*Clip, error) { return readClip(r, clock) }

// ReadClipExact is ReadClip for development: alarms may start between whole seconds.
func ReadClipExact(r io.Reader) (*Clip, error) { return readClip(r, exactClock) }

func readClip(r io.Reader, start func(*element) (time.Duration, error)) (*Clip, error) {
	c := &Clip{}
	texts := map[string]*string{
		"KisaLibraryIndex/Library/Scenario":   &c.Scenario,
		"KisaLibraryIndex/Library/Dataset":    &c.Dataset,
		"KisaLibraryIndex/Library/Libversion": &c.LibVersion,
		headerPath + "/Stage":                 &c.Stage,
		headerPath + "/Location":              &c.Location,
		headerPath + "/Distraction":           &c.Distraction,
	}
	for name, field := range c.Weather.fields() {
		texts[headerPath+"/Weather/"+name] = field
	}
	b := body{file: &c.File, alarms: &c.Alarms, start: start}
	z := zoneReader{zones: &c.Zones}
	err := walkXML(r, func(e *element) error {
		if to, ok := texts[e.path]; ok && !e.begins {
			*to = e.text
			return nil
		}
		if e.path == headerPath+"/Duration" && !e.begins {
			d, err := clock(e)
			c.Duration = d
			return err
		}
		if strings.HasPrefix(e.path, headerPath+"/") {
			if err := z.visit(e); err != nil {
				return err
			}
		}
		return b.visit(e)
	})
	if err == nil {
		err = b.check()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ReadAnswer reads a system's answer.
func ReadAnswer(r io.Reader) (*Answer, error) { return readAnswer(r, clock) }

// ReadAnswerExact is ReadAnswer for development: alarms may start between whole seconds.
func ReadAnswerExact(r io.Reader) (*Answer, error) { return readAnswer(r, exactClock) }

func readAnswer(r io.Reader, start func(*element) (time.Duration, error)) (*Answer, error) {
	a := &Answer{}
	b := body{file: &a.File, alarms: &a.Alarms, start: start}
	err := walkXML(r, b.visit)
	if err == nil {
		err = b.check()
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// body reads what both kinds of file have.
type body struct {
	file   *string
	alarms *[]Alarm
	start  func(*element) (time.Duration, error) // reads a StartTime
	clips  int
	count  *element // AlarmEvents
	parts  int      // of the alarm that is being read: bit 0 a start, bit 1 a description
}

func (b *body) visit(e *element) error {
	switch {
	case e.path == clipPath && e.begins:
		if b.clips++; b.clips > 1 {
			return e.errorf("there is a second Clip: a file speaks of one")
		}
	case e.path == headerPath+"/Filename" && !e.begins:
		*b.file = e.text
	case e.path == headerPath+"/AlarmEvents" && !e.begins:
		b.count = e
		if _, ok := digits(e.text, 5); !ok {
			return e.errorf("%q is no number of alarms", e.text)
		}
	case e.path == alarmPath:
		return b.alarm(e)
	case strings.HasPrefix(e.path, alarmPath+"/") && !e.begins:
		return b.field(e)
	}
	return nil
}

func (b *body) alarm(e *element) error {
	if e.begins {
		if len(*b.alarms) == maxAlarms {
			return e.errorf("there are more than %d alarms", maxAlarms)
		}
		*b.alarms, b.parts = append(*b.alarms, Alarm{}), 0
		return nil
	}
	if b.parts&1 == 0 {
		return e.errorf("the alarm has no StartTime")
	}
	if b.parts&2 == 0 {
		return e.errorf("the alarm has no AlarmDescription")
	}
	return nil
}

func (b *body) field(e *element) (err error) {
	a := &(*b.alarms)[len(*b.alarms)-1]
	switch e.name {
	case "StartTime":
		b.parts |= 1
		a.Start, err = b.start(e)
	case "AlarmDescription":
		b.parts |= 2
		if a.Category, _ = ParseCategory(e.text); a.Category == "" {
			err = e.errorf("it is empty: name the category")
		}
	case "AlarmDuration":
		a.Duration, err = clock(e)
	}
	return err
}

// check compares the count in the header with what came.
func (b *body) check() error {
	if b.clips == 0 {
		return &FormatError{Message: "there is no " + clipPath + " in the file"}
	}
	if b.count == nil {
		return &FormatError{Path: headerPath, Message: "AlarmEvents is missing"}
	}
	if n, _ := digits(b.count.text, 5); n != len(*b.alarms) {
		return b.count.errorf("it says %d, and the file holds %d alarms", n, len(*b.alarms))
	}
	return nil
}

func (w *Weather) fields() map[string]*string {
	return map[string]*string{"TimeOfDay": &w.TimeOfDay, "Clouds": &w.Clouds, "Windy": &w.Windy, "Rain": &w.Rain, "Snow": &w.Snow, "Fog": &w.Fog}
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>`

// Write writes the file; what is empty and optional is left out. Times are rounded half up to
// whole seconds.
func (c *Clip) Write(w io.Writer) error {
	x := &xmlWriter{w: w}
	x.line(xmlHead)
	x.in("KisaLibraryIndex", func() {
		x.in("Library", func() {
			x.leaf("Scenario", c.Scenario)
			x.leaf("Dataset", c.Dataset)
			x.leaf("Libversion", c.LibVersion)
			x.in("Clip", func() {
				x.in("Header", func() { c.header(x) })
				writeAlarms(x, c.Alarms)
			})
		})
	})
	return x.err
}

func (c *Clip) header(x *xmlWriter) {
	x.leaf("Filename", c.File)
	x.leaf("Duration", clockText(c.Duration))
	x.leaf("AlarmEvents", strconv.Itoa(len(c.Alarms)))
	x.some("Stage", c.Stage)
	x.some("Location", c.Location)
	if c.Weather != (Weather{}) {
		x.in("Weather", func() {
			f := c.Weather.fields()
			for _, name := range []string{"TimeOfDay", "Clouds", "Windy", "Rain", "Snow", "Fog"} {
				x.some(name, *f[name])
			}
		})
	}
	x.some("Distraction", c.Distraction)
	c.Zones.write(x)
}

// Write writes the file. Without alarms it holds an explicit empty element, as is expected.
func (a *Answer) Write(w io.Writer) error {
	x := &xmlWriter{w: w}
	x.line(xmlHead)
	x.in("KisaLibraryIndex", func() {
		x.in("Library", func() {
			x.in("Clip", func() {
				x.in("Header", func() {
					x.leaf("AlarmEvents", strconv.Itoa(len(a.Alarms)))
					x.leaf("Filename", a.File)
				})
				writeAlarms(x, a.Alarms)
			})
		})
	})
	return x.err
}

func writeAlarms(x *xmlWriter, alarms []Alarm) {
	if len(alarms) == 0 {
		x.line("<Alarms></Alarms>")
		return
	}
	x.in("Alarms", func() {
		for _, a := range alarms {
			x.in("Alarm", func() {
				x.leaf("StartTime", clockText(a.Start))
				x.leaf("AlarmDescription", string(a.Category))
				x.leaf("AlarmDuration", clockText(a.Duration))
			})
		}
	})
}
