package truth

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"bongsu"
)

func sampleClip() *Clip {
	return &Clip{
		Scenario: "Intrusion", Dataset: "set <1> & more", LibVersion: "1.0", File: "C00_001_0001.mp4", Duration: 5*time.Minute + 3*time.Second,
		Stage: "2", Location: "Gate", Weather: Weather{TimeOfDay: "night", Rain: "yes"}, Distraction: "tree",
		Zones: ZoneMap{Areas: []Area{
			{Name: AreaDetect, Points: []Pixel{{0, 0}, {1280, 0}, {1280, 720}, {0, 720}}},
			{Name: AreaIntrusion, Points: []Pixel{{100, 200}, {300, 200}, {200, 400}}},
		}},
		Alarms: []Alarm{{Start: 3*time.Minute + time.Second, Category: Intrusion, Duration: 10 * time.Second}, {Start: 4 * time.Minute, Category: "Drowning", Duration: time.Second}},
	}
}

func TestClipRoundTrip(t *testing.T) {
	for name, c := range map[string]*Clip{"full": sampleClip(), "empty": {File: "a.mp4"}} {
		var b bytes.Buffer
		if err := c.Write(&b); err != nil {
			t.Fatal(err)
		}
		got, err := ReadClip(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, b.String())
		}
		if !reflect.DeepEqual(got, c) {
			t.Errorf("%s: read %+v, wrote %+v", name, got, c)
		}
	}
}

func TestAnswerRoundTrip(t *testing.T) {
	for _, a := range []*Answer{{File: "x.mp4"}, {File: "x.mp4", Alarms: []Alarm{{Start: time.Second, Category: Loitering, Duration: 4 * time.Second}}}} {
		var b bytes.Buffer
		if err := a.Write(&b); err != nil {
			t.Fatal(err)
		}
		if len(a.Alarms) == 0 && !strings.Contains(b.String(), "<Alarms></Alarms>") {
			t.Errorf("no alarm must be an explicit empty element:\n%s", b.String())
		}
		got, err := ReadAnswer(&b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, a) {
			t.Errorf("read %+v, wrote %+v", got, a)
		}
	}
}

// The example of the format's description, as a test house writes it.
const example = `<?xml version="1.0" encoding="UTF-8"?>
<KisaLibraryIndex><Library><Clip>
  <Header><AlarmEvents>1</AlarmEvents><Filename>C00_001_0001.mp4</Filename></Header>
  <Alarms><Alarm>
    <StartTime>00:03:01</StartTime><AlarmDescription>loitering</AlarmDescription>
    <AlarmDuration>00:04:03</AlarmDuration>
  </Alarm></Alarms>
</Clip></Library></KisaLibraryIndex>`

func TestAnswerExample(t *testing.T) {
	a, err := ReadAnswer(strings.NewReader(example))
	if err != nil {
		t.Fatal(err)
	}
	want := &Answer{File: "C00_001_0001.mp4", Alarms: []Alarm{{Start: 3*time.Minute + time.Second, Category: Loitering, Duration: 4*time.Minute + 3*time.Second}}}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("got %+v, want %+v", a, want)
	}
}

func wrap(inner string) string {
	return "<KisaLibraryIndex><Library><Clip>\n" + inner + "\n</Clip></Library></KisaLibraryIndex>"
}

var clipRefusals = map[string]struct{ in, want string }{
	"nothing":        {"", "the file holds no XML element"},
	"not XML":        {"hello", "the file holds no XML element"},
	"cut":            {"<KisaLibraryIndex><Library>", "line 1, column 28: KisaLibraryIndex/Library: not readable as XML: unexpected EOF"},
	"other":          {"<a></a>", "there is no KisaLibraryIndex/Library/Clip in the file"},
	"no count":       {wrap("<Header></Header>"), "KisaLibraryIndex/Library/Clip/Header: AlarmEvents is missing"},
	"count":          {wrap("<Header><AlarmEvents>2</AlarmEvents></Header>"), "line 2, column 9: KisaLibraryIndex/Library/Clip/Header/AlarmEvents: it says 2, and the file holds 0 alarms"},
	"negative count": {wrap("<Header><AlarmEvents>-1</AlarmEvents></Header>"), `line 2, column 9: KisaLibraryIndex/Library/Clip/Header/AlarmEvents: "-1" is no number of alarms`},
	"time": {wrap("<Header><AlarmEvents>1</AlarmEvents></Header><Alarms><Alarm>\n<StartTime>00:61:00</StartTime></Alarm></Alarms>"),
		`line 3, column 1: KisaLibraryIndex/Library/Clip/Alarms/Alarm/StartTime: "00:61:00" is no time: write HH:MM:SS`},
	"no start":    {wrap("<Alarms><Alarm><AlarmDescription>Falldown</AlarmDescription></Alarm></Alarms>"), "line 2, column 9: KisaLibraryIndex/Library/Clip/Alarms/Alarm: the alarm has no StartTime"},
	"no words":    {wrap("<Alarms><Alarm><StartTime>00:00:01</StartTime></Alarm></Alarms>"), "line 2, column 9: KisaLibraryIndex/Library/Clip/Alarms/Alarm: the alarm has no AlarmDescription"},
	"point":       {wrap("<Header><DetectArea><Point>1;2</Point></DetectArea></Header>"), `line 2, column 21: KisaLibraryIndex/Library/Clip/Header/DetectArea/Point: "1;2" is no point: write x,y in whole pixels`},
	"outside":     {wrap("<Header><DetectArea><Point>1281,2</Point></DetectArea></Header>"), "line 2, column 21: KisaLibraryIndex/Library/Clip/Header/DetectArea/Point: the point 1281,2 lies outside 1280×720"},
	"two points":  {wrap("<Header><DetectArea><Point>1,2</Point><Point>3,4</Point><Point>1,2</Point></DetectArea></Header>"), "line 2, column 9: KisaLibraryIndex/Library/Clip/Header/DetectArea: an area has at least 3 different points, this has 2"},
	"second zone": {wrap("<Header><DetectArea></DetectArea><DetectArea></DetectArea></Header>"), "line 2, column 34: KisaLibraryIndex/Library/Clip/Header/DetectArea: there is a second DetectArea"},
	"two clips":   {"<KisaLibraryIndex><Library><Clip></Clip><Clip></Clip></Library></KisaLibraryIndex>", "line 1, column 41: KisaLibraryIndex/Library/Clip: there is a second Clip: a file speaks of one"},
	"two roots":   {"<a></a><b></b>", "line 1, column 8: b: there is a second root element: a file has one"},
	"entity":      {`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "line 1, column 1: document types are not taken: leave <!...> out"},
	"charset":     {`<?xml version="1.0" encoding="EUC-KR"?><a></a>`, `the file says that it is written in "EUC-KR": save it as UTF-8`},
}

func TestClipRefusals(t *testing.T) {
	for name, c := range clipRefusals {
		t.Run(name, func(t *testing.T) {
			_, err := ReadClip(strings.NewReader(c.in))
			var fe *FormatError
			if !errors.As(err, &fe) {
				t.Fatalf("got %v, want a *FormatError", err)
			}
			if !strings.HasSuffix(fe.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", fe, c.want)
			}
		})
	}
}

func TestHugeFiles(t *testing.T) {
	deep := strings.Repeat("<a>", 40)
	if _, err := ReadClip(strings.NewReader(deep)); err == nil || !strings.Contains(err.Error(), "nested more than 16 deep") {
		t.Errorf("deep nesting: %v", err)
	}
	long := "<a>" + strings.Repeat("x", maxText+1) + "</a>"
	if _, err := ReadClip(strings.NewReader(long)); err == nil || !strings.Contains(err.Error(), "longer than 4096 bytes") {
		t.Errorf("long text: %v", err)
	}
	large := "<a><!-- " + strings.Repeat("x", maxXMLBytes) + " --></a>"
	if _, err := ReadClip(strings.NewReader(large)); err == nil || !strings.Contains(err.Error(), "larger than 2 MiB") {
		t.Errorf("large file: %v", err)
	}
}

func TestClockRounding(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "00:00:00", 499 * time.Millisecond: "00:00:00", 500 * time.Millisecond: "00:00:01", -time.Second: "00:00:00",
		59*time.Minute + 59500*time.Millisecond: "01:00:00", 100 * time.Hour: "100:00:00",
	} {
		if got := clockText(d); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}

func TestZones(t *testing.T) {
	c := sampleClip()
	if z := c.Zones.Zone(Intrusion); len(z) != 3 || z[0] != (bongsu.Point{X: 100. / 1280, Y: 200. / 720}) {
		t.Errorf("the category's own zone: %v", z)
	}
	if z := c.Zones.Zone(Loitering); len(z) != 4 || z[2] != (bongsu.Point{X: 1, Y: 1}) {
		t.Errorf("the detection area: %v", z)
	}
	if z := (&ZoneMap{}).Zone(Falldown); len(z) != 4 {
		t.Errorf("the whole picture: %v", z)
	}
	for clip, want := range map[string]string{"C00_140_0001.mp4": "C00_140.map", "C00_140": "C00_140.map", "yard.mp4": "yard.map", "": ".map"} {
		if got := MapName(clip); got != want {
			t.Errorf("MapName(%q) = %q, want %q", clip, got, want)
		}
	}
	var b bytes.Buffer
	if err := c.Zones.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadZoneMap(&b)
	if err != nil || !reflect.DeepEqual(*got, c.Zones) {
		t.Errorf("read %+v, %v", got, err)
	}
}

func TestZoneMapAnyRoot(t *testing.T) {
	m, err := ReadZoneMap(strings.NewReader("<Map><Queueing><Point> 1, 2 </Point><Point>3,4</Point><Point>5,9</Point><Point>1,2</Point></Queueing></Map>"))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Area(AreaQueueing); !reflect.DeepEqual(got, []Pixel{{1, 2}, {3, 4}, {5, 9}}) {
		t.Errorf("got %v", got)
	}
}

func TestParseCategory(t *testing.T) {
	for in, want := range map[string]Category{"FALLDOWN": Falldown, "firedetection": FireDetection, "Violence": Violence} {
		if c, known := ParseCategory(in); c != want || !known {
			t.Errorf("%q: %q, %v", in, c, known)
		}
	}
	if c, known := ParseCategory("Drone"); c != "Drone" || known {
		t.Errorf("an unknown word must be kept: %q, %v", c, known)
	}
}

func FuzzClip(f *testing.F) {
	var b bytes.Buffer
	if err := sampleClip().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add(example)
	for _, c := range clipRefusals {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c, err := ReadClip(strings.NewReader(in))
		if err != nil {
			var fe *FormatError
			if !errors.As(err, &fe) {
				t.Fatalf("not a *FormatError: %v", err)
			}
			return
		}
		var out bytes.Buffer
		if err := c.Write(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ReadClip(&out)
		if err != nil {
			t.Fatalf("what was read cannot be read when written again: %v", err)
		}
		if !reflect.DeepEqual(again.Alarms, c.Alarms) || len(again.Zones.Areas) != len(c.Zones.Areas) {
			t.Fatalf("read %+v, then %+v", c, again)
		}
	})
}

func FuzzZoneMap(f *testing.F) {
	f.Add("<Map><DetectArea><Point>1,2</Point><Point>3,4</Point><Point>5,9</Point></DetectArea></Map>")
	f.Add(example)
	f.Fuzz(func(t *testing.T, in string) {
		m, err := ReadZoneMap(strings.NewReader(in))
		if err != nil {
			return
		}
		for _, c := range Categories {
			for _, p := range m.Zone(c) {
				if p.X < 0 || p.X > 1 || p.Y < 0 || p.Y > 1 {
					t.Fatalf("a zone leaves the picture: %v", p)
				}
			}
		}
	})
}

// TestRandomClips writes and reads random clips, answers and zone maps and compares.
func TestRandomClips(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for range 100 {
		c := &Clip{Scenario: "S", File: "clip.mp4", Duration: time.Duration(rng.IntN(90000)) * time.Second}
		for i := range rng.IntN(4) {
			a := Area{Name: areaNames[i], Points: []Pixel{}}
			for k := range 3 + rng.IntN(6) {
				a.Points = append(a.Points, Pixel{k * 100, rng.IntN(ZoneHeight + 1)})
			}
			c.Zones.Areas = append(c.Zones.Areas, a)
		}
		for range rng.IntN(20) {
			c.Alarms = append(c.Alarms, Alarm{Start: time.Duration(rng.IntN(40000)) * time.Second, Category: Categories[rng.IntN(len(Categories))], Duration: time.Duration(rng.IntN(400)) * time.Second})
		}
		var b, z bytes.Buffer
		if err := errors.Join(c.Write(&b), c.Zones.Write(&z)); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		got, err := ReadClip(&b)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Fatalf("%v\nread %+v\nwrote %+v", err, got, c)
		}
		zones, err := ReadZoneMap(&z)
		if err != nil || !reflect.DeepEqual(*zones, c.Zones) {
			t.Fatalf("zones: %v, %+v", err, zones)
		}
		checkTorn(t, rng, text)
	}
}

// checkTorn cuts and bends a file: reading it may fail, with a place, and must not do worse.
func checkTorn(t *testing.T, rng *rand.Rand, text string) {
	t.Helper()
	cut := text[:rng.IntN(len(text)-1)]
	bent := []byte(text)
	bent[rng.IntN(len(bent))] ^= 1 << rng.IntN(7)
	for _, in := range []string{cut, string(bent)} {
		_, err := ReadAnswer(strings.NewReader(in))
		var fe *FormatError
		if err != nil && !errors.As(err, &fe) {
			t.Fatalf("not a *FormatError: %v", err)
		}
	}
	if _, err := ReadClip(strings.NewReader(cut)); err == nil && strings.TrimSpace(cut) != strings.TrimSpace(text) {
		t.Fatalf("a file that was cut was taken:\n%s", cut)
	}
}
