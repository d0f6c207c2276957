package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bongsu"
	"bongsu/streams/mp4"
	"bongsu/streams/scene/suite"
	"bongsu/streams/truth"
)

// What is expected of clips for which there are no times.
const (
	bottleClip   = "bottle-detection"            // any event of a person is false
	oneByOneClip = "one-by-one-person-detection" // six people come one at a time and stand for 12 to 28 s
)

// fallOffset is what the profile adds to the onset of a fall.
const fallOffset = time.Second

var wholePicture = []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}, {X: 0, Y: 1}}

var (
	people   = []bongsu.Class{bongsu.ClassPerson}
	vehicles = []bongsu.Class{bongsu.ClassCar, bongsu.ClassLargeVehicle, bongsu.ClassMotorcycle}
)

// realSuite lays out real clips as a suite: links to the films, truth beside them.
type realSuite struct {
	data, dir string
	suite     suite.Suite
}

// makeReal makes the suite. What it writes holds nothing of the clips but times.
func makeReal(data, dir string) error {
	r := &realSuite{data: data, dir: dir, suite: suite.Suite{Schema: suite.Schema, Name: "real clips", Purpose: suite.PurposeScoring, Program: "real"}}
	if err := errors.Join(r.falls(), r.crossings(), r.quiet()); err != nil {
		return err
	}
	slices.SortFunc(r.suite.Clips, func(a, b suite.Clip) int { return cmp.Compare(a.Name, b.Name) })
	text, err := json.MarshalIndent(&r.suite, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, suite.File), append(text, '\n'), 0o644)
}

// add puts a clip with its alarms into the suite.
func (r *realSuite) add(video string, word truth.Category, alarms []time.Duration, about suite.Factors, rules ...bongsu.Rule) error {
	name := strings.TrimSuffix(filepath.Base(video), ".mp4")
	folder := filepath.Join(r.dir, string(word))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	link := filepath.Join(folder, name+".mp4")
	path, err := filepath.Abs(filepath.Join(r.data, "videos", filepath.FromSlash(video)))
	if err != nil {
		return err
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(path, link); err != nil {
		return err
	}
	bytes, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	length, fps, err := measure(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	gt := truth.Clip{Scenario: string(word), File: name + ".mp4", Duration: length}
	for _, at := range alarms {
		gt.Alarms = append(gt.Alarms, truth.Alarm{Start: at, Category: word, Duration: 10 * time.Second})
	}
	f, err := os.Create(filepath.Join(folder, name+".xml"))
	if err != nil {
		return err
	}
	if err := errors.Join(gt.Write(f), f.Close()); err != nil {
		return err
	}
	sum := sha256.Sum256(bytes)
	r.suite.Clips = append(r.suite.Clips, suite.Clip{Name: name, Category: word, EventKind: suite.Kinds[word], File: string(word) + "/" + name + ".mp4",
		SHA256: hex.EncodeToString(sum[:]), Look: "real", Layout: "real " + name, DurationS: length.Seconds(), FPS: fps, Events: len(alarms), Factors: about, Rules: rules})
	return nil
}

// measure gives length and mean rate of a film.
func measure(path string) (time.Duration, int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	m, err := mp4.Open(f, st.Size())
	if err != nil {
		return 0, 0, err
	}
	all := m.Samples()
	if len(all) < 2 {
		return 0, 0, errors.New("it holds no film")
	}
	first, last := all[0].PTS, all[0].PTS
	for _, s := range all {
		first, last = min(first, s.PTS), max(last, s.PTS)
	}
	length := (last - first) * time.Duration(len(all)) / time.Duration(len(all)-1)
	return length, min(max(int(float64(len(all))/length.Seconds()+0.5), 1), 60), nil
}

// falls are the falls and the daily life of two people indoors.
func (r *realSuite) falls() error {
	var gt struct {
		Clips map[string]struct {
			Kind     string `json:"kind"`
			Time     string `json:"time_of_day"`
			Segments []struct {
				Label string  `json:"label"`
				Start float64 `json:"start"`
			} `json:"segments"`
		} `json:"clips"`
	}
	if err := r.read("gt/gmdcsa24/clips.json", &gt); err != nil {
		return err
	}
	names := make([]string, 0, len(gt.Clips))
	for name := range gt.Clips {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c := gt.Clips[name]
		if _, err := os.Stat(filepath.Join(r.data, "videos", "gmdcsa24", name)); err != nil {
			continue // the truth tells of more clips than are there
		}
		var alarms []time.Duration
		for _, s := range c.Segments {
			if strings.HasPrefix(s.Label, "Falling") {
				alarms = append(alarms, time.Duration(s.Start*float64(time.Second))+fallOffset)
			}
		}
		about := suite.Factors{Story: c.Kind, Time: strings.ToLower(c.Time)}
		if err := r.add("gmdcsa24/"+name, truth.Falldown, alarms, about, bongsu.Rule{ID: "fall", Kind: bongsu.KindFall}); err != nil {
			return err
		}
	}
	return nil
}

// crossings are people and vehicles that cross a line. Both lines are listed so that who crosses as
// the truth has it goes to the right of who looks along them.
func (r *realSuite) crossings() error {
	var gt struct {
		Clips map[string]struct {
			Size      [2]float32    `json:"size"`
			Line      [2][2]float32 `json:"line"`
			Crossings []struct {
				T float64 `json:"t"`
			} `json:"crossings"`
		} `json:"clips"`
	}
	if err := r.read("gt/events/events.json", &gt); err != nil {
		return err
	}
	for name, classes := range map[string][]bongsu.Class{"vehicle_survaillance.mp4": vehicles, "pedestrian_survaillance.mp4": people} {
		c, ok := gt.Clips[name]
		if !ok {
			return fmt.Errorf("gt/events/events.json does not tell of %s", name)
		}
		var alarms []time.Duration
		for _, x := range c.Crossings {
			alarms = append(alarms, time.Duration(x.T*float64(time.Second)))
		}
		line := make([]bongsu.Point, 2)
		for i, p := range c.Line {
			line[i] = bongsu.Point{X: min(p[0]/c.Size[0], 1), Y: min(p[1]/c.Size[1], 1)}
		}
		rule := bongsu.Rule{ID: "line", Kind: bongsu.KindLineCrossing, Line: line, Direction: bongsu.DirectionLeftToRight, Classes: classes}
		if err := r.add(name, truth.LineCrossing, alarms, suite.Factors{Story: "crossings"}, rule); err != nil {
			return err
		}
	}
	return nil
}

// quiet are a clip in which any event of a person is false, and one whose people are counted only.
func (r *realSuite) quiet() error {
	none := []bongsu.Rule{
		{ID: "intrusion", Kind: bongsu.KindIntrusion, Zone: wholePicture, Classes: people}, {ID: "loitering", Kind: bongsu.KindLoitering, Zone: wholePicture, Classes: people},
		{ID: "fall", Kind: bongsu.KindFall}, {ID: "closed", Kind: bongsu.KindClosedArea, Zone: wholePicture, Classes: people},
		{ID: "line", Kind: bongsu.KindLineCrossing, Line: []bongsu.Point{{X: 0.5, Y: 0}, {X: 0.5, Y: 1}}, Classes: people},
	}
	if err := r.add(bottleClip+".mp4", truth.Intrusion, nil, suite.Factors{Story: "bottles, a hand, nobody"}, none...); err != nil {
		return err
	}
	return r.add(oneByOneClip+".mp4", truth.Loitering, nil, suite.Factors{Story: "six people, one at a time"},
		bongsu.Rule{ID: "loitering", Kind: bongsu.KindLoitering, Zone: wholePicture, Classes: people})
}

func (r *realSuite) read(file string, into any) error {
	data, err := os.ReadFile(filepath.Join(r.data, filepath.FromSlash(file)))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
