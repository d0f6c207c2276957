package score

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"bongsu"
	"bongsu/streams/truth"
)

func answerXML(starts ...string) *fstest.MapFile {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<KisaLibraryIndex><Library><Clip>\n<Header><AlarmEvents>%d</AlarmEvents><Filename>x.mp4</Filename></Header>\n<Alarms>", len(starts))
	for _, s := range starts {
		word, at := "Loitering", s
		if w, rest, ok := strings.Cut(s, "@"); ok {
			word, at = w, rest
		}
		fmt.Fprintf(&b, "<Alarm><StartTime>%s</StartTime><AlarmDescription>%s</AlarmDescription><AlarmDuration>00:00:10</AlarmDuration></Alarm>", at, word)
	}
	b.WriteString("</Alarms></Clip></Library></KisaLibraryIndex>")
	return &fstest.MapFile{Data: []byte(b.String())}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

const weatherXML = `<KisaLibraryIndex><Library><Clip><Header><Filename>C00_002_0001.mp4</Filename><AlarmEvents>1</AlarmEvents>
<Stage>15-20</Stage><Location>Yard</Location><Weather><TimeOfDay>Night</TimeOfDay><Rain>heavy</Rain><Snow>None</Snow></Weather><Distraction>Cat</Distraction></Header>
<Alarms><Alarm><StartTime>00:00:20</StartTime><AlarmDescription>LOITERING</AlarmDescription></Alarm></Alarms></Clip></Library></KisaLibraryIndex>`

// read reads the clips of a category from two folders.
func read(t *testing.T, gt, sa fstest.MapFS, word string, form Form) (clips []Clip, warnings string, err error) {
	t.Helper()
	c, err := kisa(t).Category(word)
	if err != nil {
		t.Fatal(err)
	}
	d := &Folders{Truth: gt, Answers: sa, TruthName: "gt", AnswersName: "sa"}
	clips, err = d.Read(c, form, func(w string) { warnings += w + "\n" })
	return clips, warnings, err
}

func TestFolders(t *testing.T) {
	gt := fstest.MapFS{
		"C00_001_0001.xml": answerXML("00:01:40"), "C00_001.map": file("<a><DetectArea><Point>0,0</Point><Point>1280,0</Point><Point>0,720</Point></DetectArea></a>"),
		"night/C00_002_0001.xml": file(weatherXML), "C00_003_0001.XML": answerXML(), "C00_004_0001.xml": answerXML("Intrusion@00:00:05"),
		"notes.txt": file("no clip"),
	}
	sa := fstest.MapFS{"C00_001_0001.xml": answerXML("00:01:45", "intrusion@00:00:01"), "night/C00_002_0001.xml": answerXML("loitering@00:00:40"),
		"C00_009_0001.xml": answerXML(), "C00_003_0001.xml": answerXML()}
	clips, warnings, err := read(t, gt, sa, "loitering", FormXML)
	if err != nil {
		t.Fatal(err)
	}
	if want := "sa/C00_009_0001.xml has no ground truth: it is not scored\nsa/C00_001_0001.xml: 1 alarms of other categories than Loitering are left out\n"; warnings != want {
		t.Errorf("%s", warnings)
	}
	c, _ := kisa(t).Category("Loitering")
	r := kisa(t).Score(c, clips, ModeStrict, FormXML, "test")
	if len(clips) != 4 || r.TP != 1 || r.FN != 1 || r.FP != 1 || *r.F1 != 50 || r.Pass {
		t.Errorf("%+v", r)
	}
	f := clips[3].Factors
	if clips[3].Name != "night/C00_002_0001" || fmt.Sprint(f) != "map[camera:[yard] distance:[15-20] distractor:[cat] time:[night] weather:[rain]]" {
		t.Errorf("%s %v", clips[3].Name, f)
	}
	if got := fmt.Sprint(clips[0].Factors); got != "map[camera:[c00_001] weather:[dry]]" {
		t.Error(got)
	}
	if s := r.Factors["time"]["night"]; s.Clips != 1 || s.FN != 1 || s.FP != 1 || *s.F1 != 0 {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{"strict  TP 1  FN 1  FP 1  F1 50.00", "first ", "delay of the right alarms: p50 5.0 s, p95 5.0 s (1)", "mistimed"} {
		if !strings.Contains(r.Text(), want) {
			t.Errorf("the report lacks %q:\n%s", want, r.Text())
		}
	}
}

func TestFoldersEmpty(t *testing.T) {
	clips, warnings, err := read(t, fstest.MapFS{}, fstest.MapFS{}, "fire", FormXML)
	if err != nil || len(clips) != 0 || !strings.Contains(warnings, "there is nothing to score") {
		t.Error(clips, warnings, err)
	}
	c, _ := kisa(t).Category("fire")
	text, err := json.Marshal(kisa(t).Score(c, clips, ModeStrict, FormXML, "test"))
	if err != nil || !strings.Contains(string(text), `"f1":null,"ci95":null,"pass":false,"clips":[],"factors":{}`) {
		t.Errorf("%s %v", text, err)
	}
}

func TestFoldersRefuse(t *testing.T) {
	good := answerXML("00:00:05")
	for _, c := range []struct {
		name   string
		gt, sa fstest.MapFS
		form   Form
		want   string
	}{
		{"answer cut off", fstest.MapFS{"a.xml": good}, fstest.MapFS{"a.xml": file("<KisaLibraryIndex>\n<Library>")}, FormXML, "sa/a.xml:2:10: KisaLibraryIndex/Library: not readable as XML: unexpected EOF; mend the file and score again"},
		{"answer of text", fstest.MapFS{"a.xml": good}, fstest.MapFS{"a.xml": file("none")}, FormXML, "sa/a.xml"},
		{"answer empty", fstest.MapFS{"a.xml": good}, fstest.MapFS{"a.xml": file("")}, FormXML, "the file holds no XML element"},
		{"half a second", fstest.MapFS{"a.xml": good}, fstest.MapFS{"a.xml": answerXML("00:00:05.5")}, FormXML, `"00:00:05.5" is no time: write HH:MM:SS`},
		{"too fine", fstest.MapFS{"a.xml": good}, fstest.MapFS{"a.xml": answerXML("00:00:05.12345")}, FormFloat, `write HH:MM:SS.mmm`},
		{"truth broken", fstest.MapFS{"a.xml": file("<x>\n</y>")}, fstest.MapFS{}, FormXML, "gt/a.xml:2:"},
		{"truth miscounts", fstest.MapFS{"a.xml": file("<KisaLibraryIndex><Library><Clip><Header>\n<AlarmEvents>2</AlarmEvents></Header></Clip></Library></KisaLibraryIndex>")}, fstest.MapFS{}, FormXML, "gt/a.xml:2:1: KisaLibraryIndex/Library/Clip/Header/AlarmEvents: it says 2, and the file holds 0 alarms"},
		{"map outside", fstest.MapFS{"a_b_c.xml": good, "a_b.map": file("<m><DetectArea>\n<Point>0,0</Point><Point>1300,2</Point></DetectArea></m>")}, fstest.MapFS{}, FormXML, "gt/a_b.map:2:19: m/DetectArea/Point: the point 1300,2 lies outside 1280×720"},
	} {
		_, _, err := read(t, c.gt, c.sa, "loitering", c.form)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	broken := errors.New("the disk is away")
	_, err := readFile(badFS{broken}, "gt", "a.xml", truth.ReadClip)
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

type badFS struct{ err error }

func (b badFS) Open(string) (fs.File, error) { return nil, b.err }

func TestFoldersWarnOfZones(t *testing.T) {
	gt := fstest.MapFS{"a_b_c.xml": answerXML("00:00:05"),
		"a_b.map": file("<m><DetectArea><Point>0,0</Point><Point>700,700</Point><Point>700,0</Point><Point>0,700</Point></DetectArea></m>")}
	_, warnings, err := read(t, gt, fstest.MapFS{}, "loitering", FormXML)
	if err != nil || !strings.Contains(warnings, "gt/a_b.map: the zone of Loitering: polygon crosses itself") {
		t.Error(warnings, err)
	}
}

func TestFloatForm(t *testing.T) {
	gt := fstest.MapFS{"a.xml": answerXML("00:01:40"), "b.xml": answerXML("00:01:40")}
	sa := fstest.MapFS{"a.xml": answerXML("00:01:50.2"), "b.xml": answerXML("00:01:50.3")}
	clips, _, err := read(t, gt, sa, "Loitering", FormFloat)
	if err != nil || len(clips) != 2 || clips[0].Alarms[0] != 110200*time.Millisecond {
		t.Fatal(clips, err)
	}
	c, _ := kisa(t).Category("Loitering")
	if r := kisa(t).Score(c, clips, ModeStrict, FormFloat, ""); r.TP != 1 || r.FN != 1 || r.FP != 1 {
		t.Errorf("%+v", r)
	}
}

func TestBoxes(t *testing.T) {
	p := kisa(t)
	c, err := p.Category("MissingPerson")
	if err != nil {
		t.Fatal(err)
	}
	box := bongsu.Box{X0: 0.2, Y0: 0.2, X1: 0.4, Y1: 0.6}
	half := bongsu.Box{X0: 0.2, Y0: 0.2, X1: 0.4, Y1: 0.4}
	want := &truth.Sequence{Events: []truth.Event{{Category: c.Word, StartUS: 1_000_000, EndUS: 10_000_000, Objects: []int{1}}}}
	got := &truth.Sequence{}
	for i := range 12 {
		at := int64(i) * 1_000_000
		want.Frames = append(want.Frames, truth.Frame{Index: i, PTSUS: at, Objects: []truth.Object{{ID: 1, Box: box}, {ID: 2, Box: bongsu.Box{X0: 0.8, X1: 1, Y1: 1}}}})
		f := truth.Frame{Index: i, PTSUS: at}
		if i < 4 { // pictures 1 to 3 of the event's 1 to 10: 30 %
			f.Objects = []truth.Object{{ID: 1, Box: half}}
		}
		got.Frames = append(got.Frames, f)
	}
	s, ok := p.ScoreSequences("a", c.Word, want, got)
	if !ok || s.Frames != 10 || s.Matched != 3 || s.Rate != 0.3 || !s.Pass || s.Area < 0.4999 || s.Area > 0.5001 {
		t.Errorf("%+v", s)
	}
	none, _ := p.ScoreSequences("b", c.Word, want, nil)
	if none.Pass || none.Area != 0 || none.Rate != 0 {
		t.Errorf("%+v", none)
	}
	pool := p.PoolIoU([]IoUClip{s, none})
	if pool.Pass || *pool.Rate != 0.15 || strings.Join(pool.Assumptions, ",") != "match,mean" {
		t.Errorf("%+v", pool)
	}
	r := p.Score(c, nil, ModeStrict, FormXML, "")
	r.IoU = pool
	if !strings.Contains(r.Text(), "assumed, not published: match, mean") {
		t.Error(r.Text())
	}
	if pool := p.PoolIoU(nil); pool.Area != nil || pool.Pass {
		t.Errorf("%+v", pool)
	}
}

func TestReadBoxes(t *testing.T) {
	p := kisa(t)
	c, _ := p.Category("DroneFire")
	seq := truth.Sequence{Name: "a", WidthPX: 64, HeightPX: 36, FPS: 1, DurationUS: 2_000_000,
		Events: []truth.Event{{Kind: "fire", Category: c.Word, StartUS: 0, EndUS: 2_000_000}},
		Frames: []truth.Frame{{Index: 0, Objects: []truth.Object{{ID: 1, Box: bongsu.Box{X1: 0.5, Y1: 0.5}}}}}}
	var b strings.Builder
	if err := seq.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	d := &Folders{Truth: fstest.MapFS{"in/a.json": file(b.String()), "suite.json": file("{}")}, Answers: fstest.MapFS{"in/a.json": file(b.String())}, TruthName: "gt", AnswersName: "sa"}
	clips, err := d.ReadBoxes(p, c)
	if err != nil || len(clips) != 1 || !clips[0].Pass || clips[0].Name != "in/a" {
		t.Errorf("%+v %v", clips, err)
	}
	d.Answers = fstest.MapFS{"in/a.json": file("{")}
	if _, err := d.ReadBoxes(p, c); err == nil || !strings.Contains(err.Error(), "sa/in/a.json:1") {
		t.Error(err)
	}
}
