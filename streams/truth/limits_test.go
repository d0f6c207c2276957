package truth

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"bongsu"
)

// TestLimitsOfXML goes to each limit and one step beyond.
func TestLimitsOfXML(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	points := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<Point>%d,%d</Point>", i%ZoneWidth, i%ZoneHeight)
		}
		return "<m><DetectArea>" + b.String() + "</DetectArea></m>"
	}
	// Spaces between elements belong to their parents' text, so that fillers are comments.
	filled := func(n int) string {
		const comment = 100
		out := "<m>" + strings.Repeat("<!--"+strings.Repeat("x", comment-7)+"-->", (n-7)/comment)
		return out + strings.Repeat(" ", n-len(out)-4) + "</m>"
	}
	for name, c := range map[string]struct {
		fits, over, want string
	}{
		"depth":       {nested(maxDepth), nested(maxDepth + 1), "elements are nested more than 16 deep"},
		"text":        {"<a>" + strings.Repeat("x", maxText) + "</a>", "<a>" + strings.Repeat("x", maxText+1) + "</a>", "the text is longer than 4096 bytes"},
		"split text":  {"<a>" + strings.Repeat("x", maxText-1) + "<!-- -->y</a>", "<a>" + strings.Repeat("x", maxText) + "<!-- -->y</a>", "the text is longer than 4096 bytes"},
		"points":      {points(maxPoints), points(maxPoints + 1), "the area has more than 1000 points"},
		"size":        {filled(maxXMLBytes), filled(maxXMLBytes + 1), "the file is larger than 2 MiB"},
		"right edge":  {wrapZone("1280,720"), wrapZone("1281,720"), "the point 1281,720 lies outside 1280×720"},
		"lower edge":  {wrapZone("0,720"), wrapZone("0,721"), "the point 0,721 lies outside 1280×720"},
		"long number": {wrapZone("00012,5"), wrapZone("000012,5"), `"000012,5" is no point`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadZoneMap(strings.NewReader(c.fits)); err != nil {
				t.Errorf("what is just within is refused: %v", err)
			}
			_, err := ReadZoneMap(strings.NewReader(c.over))
			var fe *FormatError
			if !errors.As(err, &fe) || !strings.Contains(fe.Error(), c.want) {
				t.Errorf("got %.200v, want %s", err, c.want)
			}
		})
	}
}

func wrapZone(point string) string {
	return "<m><Loitering><Point>0,0</Point><Point>5,5</Point><Point>" + point + "</Point></Loitering></m>"
}

func TestLimitOfAlarms(t *testing.T) {
	file := func(n int) string {
		return wrap(fmt.Sprintf("<Header><AlarmEvents>%d</AlarmEvents></Header><Alarms>", n) +
			strings.Repeat("<Alarm><StartTime>00:00:01</StartTime><AlarmDescription>x</AlarmDescription></Alarm>", n) + "</Alarms>")
	}
	a, err := ReadAnswer(strings.NewReader(file(maxAlarms)))
	if err != nil || len(a.Alarms) != maxAlarms {
		t.Errorf("%d alarms are refused: %v", maxAlarms, err)
	}
	if _, err := ReadAnswer(strings.NewReader(file(maxAlarms + 1))); err == nil || !strings.Contains(err.Error(), "there are more than 10000 alarms") {
		t.Errorf("one alarm more: %v", err)
	}
}

// TestClock reads times of every form that comes.
func TestClock(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"00:00:00": 0, "0:00:01": time.Second, "00:59:59": time.Hour - time.Second, " 01:00:00 ": time.Hour, "9999:59:59": 9999*time.Hour + 59*time.Minute + 59*time.Second,
	} {
		a, err := ReadAnswer(strings.NewReader(oneAlarm(in)))
		if err != nil || a.Alarms[0].Start != want {
			t.Errorf("%q: %v, %v", in, a, err)
		}
	}
	for _, in := range []string{"", "1", "00:00", "00:00:00:00", "00:0:00", "00:00:0", "00:60:00", "00:00:60", "10000:00:00", "-1:00:00", "00:00:+1", "00:00:1.", "٠٠:٠٠:٠١", "00：00：01"} {
		if a, err := ReadAnswer(strings.NewReader(oneAlarm(in))); err == nil {
			t.Errorf("%q was taken for %v", in, a.Alarms[0].Start)
		}
	}
}

func oneAlarm(start string) string {
	return wrap("<Header><AlarmEvents>1</AlarmEvents></Header><Alarms><Alarm><StartTime>" + start + "</StartTime><AlarmDescription>Intrusion</AlarmDescription></Alarm></Alarms>")
}

// TestWhatOtherProgramsWrite reads the same alarm in the dress of other writers.
func TestWhatOtherProgramsWrite(t *testing.T) {
	plain := oneAlarm("00:00:07")
	for name, in := range map[string]string{
		"byte order mark": "\ufeff" + plain,
		"CRLF":            strings.ReplaceAll(plain, "\n", "\r\n"),
		"declaration":     `<?xml version="1.0" encoding="utf-8" standalone="yes"?>` + plain,
		"comment":         strings.Replace(plain, "<Alarms>", "<!-- by hand --><Alarms>", 1),
		"attributes":      strings.Replace(plain, "<Clip>", `<Clip id="7">`, 1),
		"namespace":       strings.Replace(plain, "<KisaLibraryIndex>", `<KisaLibraryIndex xmlns="urn:x">`, 1),
		"CDATA":           strings.Replace(plain, "00:00:07", "<![CDATA[00:00:07]]>", 1),
		"spaces":          strings.Replace(plain, "00:00:07", "\n\t 00:00:07 \n", 1),
		"more elements":   strings.Replace(plain, "<StartTime>", "<Confidence>0.9</Confidence><StartTime>", 1),
		"header last":     wrap("<Alarms><Alarm><AlarmDescription>Intrusion</AlarmDescription><StartTime>00:00:07</StartTime></Alarm></Alarms><Header><AlarmEvents>1</AlarmEvents></Header>"),
	} {
		for mode, r := range map[string]io.Reader{"": strings.NewReader(in), ", a byte at a time": iotest.OneByteReader(strings.NewReader(in)), ", the end with the last bytes": iotest.DataErrReader(strings.NewReader(in))} {
			a, err := ReadAnswer(r)
			if err != nil || len(a.Alarms) != 1 || a.Alarms[0].Start != 7*time.Second || a.Alarms[0].Category != Intrusion {
				t.Errorf("%s%s: %+v, %v", name, mode, a, err)
			}
		}
	}
}

// TestReadersPassErrorsOn lets the disk fail in the middle of each kind of file.
func TestReadersPassErrorsOn(t *testing.T) {
	cause := errors.New("the disk is gone")
	for name, write := range goldens {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		half := io.MultiReader(strings.NewReader(b.String()[:b.Len()/2]), iotest.ErrReader(cause))
		var err error
		switch name {
		case "clip.xml", "empty-clip.xml":
			_, err = ReadClip(half)
		case "answer.xml", "no-answer.xml":
			_, err = ReadAnswer(half)
		case "zones.map":
			_, err = ReadZoneMap(half)
		case "yard.truth.json":
			_, err = ReadJSON(half)
		case "yard.mot.txt":
			_, err = ReadMOT(half)
		case "yard.coco.json":
			continue // is only written
		}
		var fe *FormatError
		if !errors.As(err, &fe) {
			t.Errorf("%s: %v is no *FormatError", name, err)
		}
		// A cut line of JSON or MOT may be refused before the disk's error is seen.
		if strings.HasSuffix(name, ".xml") && !errors.Is(err, cause) {
			t.Errorf("%s: the disk's error is lost: %v", name, err)
		}
	}
}

// fullDisk takes so many bytes.
type fullDisk struct{ left int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.left {
		n := d.left
		d.left = 0
		return n, errFull
	}
	d.left -= len(p)
	return len(p), nil
}

// TestWritersTellOfAFullDisk fills the disk after every possible number of bytes: no writer may say
// that all is well.
func TestWritersTellOfAFullDisk(t *testing.T) {
	for name, write := range goldens {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for n := range b.Len() {
			if err := write(&fullDisk{left: n}); !errors.Is(err, errFull) {
				t.Fatalf("%s: with room for %d of %d bytes: %v", name, n, b.Len(), err)
			}
		}
		if err := write(&fullDisk{left: b.Len()}); err != nil {
			t.Errorf("%s: with room for all: %v", name, err)
		}
	}
	rows := []MOTRow{{Frame: 1, ID: 1, W: 2, H: 2, Conf: 1, Class: 1, Visibility: 1}}
	if err := WriteMOT(&fullDisk{left: 3}, rows); !errors.Is(err, errFull) {
		t.Errorf("rows: %v", err)
	}
}

// TestEveryCategoryFindsItsZone gives a map that has everything to each category.
func TestEveryCategoryFindsItsZone(t *testing.T) {
	var full ZoneMap
	for i, name := range areaNames {
		full.Areas = append(full.Areas, Area{Name: name, Points: []Pixel{{i, 0}, {640, 0}, {640, 360}}})
	}
	own := map[Category]string{Intrusion: AreaIntrusion, Loitering: AreaLoitering, Queueing: AreaQueueing}
	for _, c := range append(Categories, "Drone") {
		name := AreaDetect
		if n, ok := own[c]; ok {
			name = n
		}
		want := float32(full.Area(name)[0].X) / ZoneWidth
		if z := full.Zone(c); len(z) != 3 || z[0] != (bongsu.Point{X: want}) || z[1] != (bongsu.Point{X: 0.5}) {
			t.Errorf("%s counts in %v, want that of %s", c, z, name)
		}
	}
	empty := ZoneMap{Areas: []Area{{Name: AreaIntrusion, Points: []Pixel{}}, {Name: AreaDetect, Points: []Pixel{{0, 0}, {9, 0}, {9, 9}}}}}
	if z := empty.Zone(Intrusion); z[1].X != 9./ZoneWidth {
		t.Errorf("an area without points hides the DetectArea: %v", z)
	}
	if full.Area("Garden") != nil {
		t.Error("there is no such area")
	}
}
