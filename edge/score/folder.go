package score

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"bongsu"
	"bongsu/streams/truth"
)

// Folders are a folder of ground truth (<clip>.xml, and <first two name parts>.map beside them) and
// one of answers. Folders inside are read as well; an answer stands where its truth stands.
type Folders struct {
	Truth, Answers         fs.FS
	TruthName, AnswersName string // for errors
}

// Read takes the clips of one category from both folders. A missing answer is one without alarms. A
// file that cannot be read is an error that names file and line. warn gets what is odd, a line each.
func (d *Folders) Read(c Category, form Form, warn func(string)) ([]Clip, error) {
	names, err := d.clips(d.Truth, d.TruthName)
	if err != nil {
		return nil, err
	}
	answered, err := d.clips(d.Answers, d.AnswersName)
	if err != nil {
		return nil, err
	}
	for _, name := range answered {
		if !slices.Contains(names, name) {
			warn(fmt.Sprintf("%s has no ground truth: it is not scored", path.Join(d.AnswersName, name+".xml")))
		}
	}
	if len(names) == 0 {
		warn(fmt.Sprintf("%s holds no .xml: there is nothing to score", d.TruthName))
	}
	var out []Clip
	for _, name := range names {
		clip, err := d.Clip(name, c, form, warn)
		if err != nil {
			return nil, err
		}
		out = append(out, clip)
	}
	return out, nil
}

// clips lists what .xml files a folder holds, by their names without the ending, in order.
func (d *Folders) clips(fsys fs.FS, shown string) ([]string, error) {
	var out []string
	err := fs.WalkDir(fsys, ".", func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.EqualFold(path.Ext(p), ".xml") {
			out = append(out, strings.TrimSuffix(p, path.Ext(p)))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the folder %s cannot be read: %w", shown, err)
	}
	slices.SortFunc(out, cmp.Compare[string])
	return slices.Compact(out), nil
}

// Clip reads one clip, by its name below the folder without the ending, as Read does.
func (d *Folders) Clip(name string, c Category, form Form, warn func(string)) (Clip, error) {
	read := truth.ReadClip
	if form == FormFloat {
		read = truth.ReadClipExact
	}
	gt, err := readFile(d.Truth, d.TruthName, name+".xml", read)
	if err != nil {
		return Clip{}, err
	}
	if err := d.zones(name, gt, c, warn); err != nil {
		return Clip{}, err
	}
	out := Clip{Name: name, Events: startsOf(gt.Alarms, c.Word), Factors: FactorsOf(name, gt)}
	readAnswer := truth.ReadAnswer
	if form == FormFloat {
		readAnswer = truth.ReadAnswerExact
	}
	sa, err := readFile(d.Answers, d.AnswersName, name+".xml", readAnswer)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return Clip{}, err
	}
	out.Alarms = startsOf(sa.Alarms, c.Word)
	if n := len(sa.Alarms) - len(out.Alarms); n > 0 {
		warn(fmt.Sprintf("%s: %d alarms of other categories than %s are left out", path.Join(d.AnswersName, name+".xml"), n, c.Word))
	}
	return out, nil
}

// readFile reads one file whole; errors name it, the line, and what to do.
func readFile[T any](fsys fs.FS, folder, file string, read func(io.Reader) (T, error)) (out T, err error) {
	f, err := openFold(fsys, file)
	if err != nil {
		return out, err
	}
	defer f.Close()
	if out, err = read(f); err != nil {
		return out, placed(path.Join(folder, file), err)
	}
	return out, nil
}

// openFold opens a file whose ending may be written in another case.
func openFold(fsys fs.FS, file string) (fs.File, error) {
	f, err := fsys.Open(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	ext := path.Ext(file)
	return fsys.Open(strings.TrimSuffix(file, ext) + strings.ToUpper(ext))
}

// placed puts file and line before an error, as compilers do.
func placed(file string, err error) error {
	var fe *truth.FormatError
	if !errors.As(err, &fe) {
		return fmt.Errorf("%s: %w", file, err)
	}
	at := fmt.Sprintf("%s:%d", file, max(fe.Line, 1)) // what is said of a whole file begins at its first line
	if fe.Column > 0 {
		at = fmt.Sprintf("%s:%d", at, fe.Column)
	}
	rest := *fe
	rest.Line, rest.Column = 0, 0
	return fmt.Errorf("%s: %w; mend the file and score again", at, &rest)
}

// zones reads the clip's zone map, if there is one, and looks at the zone that counts.
func (d *Folders) zones(name string, gt *truth.Clip, c Category, warn func(string)) error {
	file := path.Join(path.Dir(name), truth.MapName(path.Base(name)))
	zones, err := readFile(d.Truth, d.TruthName, file, truth.ReadZoneMap)
	if errors.Is(err, fs.ErrNotExist) {
		zones, err, file = &gt.Zones, nil, name+".xml"
	}
	if err != nil {
		return err
	}
	if err := bongsu.CheckZone(zones.Zone(c.Word)); err != nil {
		warn(fmt.Sprintf("%s: the zone of %s: %v", path.Join(d.TruthName, file), c.Word, err))
	}
	return nil
}

func startsOf(alarms []truth.Alarm, c truth.Category) []time.Duration {
	var out []time.Duration
	for _, a := range alarms {
		if strings.EqualFold(string(a.Category), string(c)) {
			out = append(out, a.Start)
		}
	}
	return out
}

// FactorsOf reads the conditions of a clip from its header: time of day, weather, distance (Stage)
// and camera (Location, or the first two parts of its name).
func FactorsOf(name string, gt *truth.Clip) map[string][]string {
	f := map[string][]string{}
	put := func(factor, value string) {
		if value = strings.ToLower(strings.TrimSpace(value)); value != "" {
			f[factor] = append(f[factor], value)
		}
	}
	put("time", gt.Weather.TimeOfDay)
	for _, w := range []struct{ word, value string }{{"clouds", gt.Weather.Clouds}, {"wind", gt.Weather.Windy}, {"rain", gt.Weather.Rain},
		{"snow", gt.Weather.Snow}, {"fog", gt.Weather.Fog}} {
		switch v := strings.ToLower(strings.TrimSpace(w.value)); v {
		case "", "no", "none", "n", "0", "false":
		default:
			f["weather"] = append(f["weather"], w.word)
		}
	}
	if len(f["weather"]) == 0 {
		f["weather"] = []string{"dry"}
	}
	put("distance", gt.Stage)
	put("distractor", gt.Distraction)
	if put("camera", gt.Location); len(f["camera"]) == 0 {
		put("camera", strings.TrimSuffix(truth.MapName(path.Base(name)), ".map"))
	}
	return f
}

// ReadBoxes takes the clips of a category of boxes: <clip>.json, frame by frame, in both folders. A
// missing answer is one without boxes.
func (d *Folders) ReadBoxes(p *Profile, c Category) ([]IoUClip, error) {
	var out []IoUClip
	err := fs.WalkDir(d.Truth, ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(file) != ".json" || file == "suite.json" {
			return err
		}
		want, err := readFile(d.Truth, d.TruthName, file, truth.ReadJSON)
		if err != nil {
			return err
		}
		got, err := readFile(d.Answers, d.AnswersName, file, truth.ReadJSON)
		if errors.Is(err, fs.ErrNotExist) {
			got, err = nil, nil
		}
		if err != nil {
			return err
		}
		if clip, ok := p.ScoreSequences(strings.TrimSuffix(file, ".json"), c.Word, want, got); ok {
			out = append(out, clip)
		}
		return nil
	})
	return out, err
}
