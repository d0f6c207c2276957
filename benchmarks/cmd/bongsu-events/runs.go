package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"bongsu"
	"bongsu/edge/score"
)

// scored is what bongsu-edge score run writes, as far as the report needs it.
type scored struct {
	Suite      string          `json:"suite"`
	Version    string          `json:"version"`
	ProfileSHA string          `json:"profile_sha256"`
	TunedOn    string          `json:"tuned_on"`
	Model      bongsu.ModelRef `json:"model"`
	Note       string          `json:"detector_note"`
	Clips      int             `json:"clips"`
	Hours      float64         `json:"camera_hours"`
	OffsetS    float64         `json:"offset_s"`
	InferPS    float64         `json:"infer_per_s"`
	Cached     int             `json:"cached_pictures"`
	Fresh      int             `json:"fresh_pictures"`
	Skipped    int             `json:"skipped_pictures"`
	Pooled     *pool           `json:"pooled"`
	Categories []category      `json:"categories"`
	Soak       *soak           `json:"soak"`
	Events     []event         `json:"events"`

	dir string // it was read from
}

type pool struct {
	score.Tally
	F1   *float64        `json:"f1"`
	CI95 *score.Interval `json:"ci95"`
}

type category struct {
	Kind         bongsu.EventKind `json:"kind"`
	KO           string           `json:"ko"`
	Experimental bool             `json:"experimental"`
	Result       score.Result     `json:"result"`
	None         *float64         `json:"none_f1"`
	Random       *float64         `json:"random_f1"`
	Zone         *pool            `json:"zone"`
	TooEasy      bool             `json:"too_easy"`
	Picture      string           `json:"picture"`
}

type soak struct {
	Hours     float64        `json:"camera_hours"`
	Alarms    int            `json:"false_alarms"`
	PerHour   float64        `json:"per_camera_hour"`
	Bounds    [2]float64     `json:"ci95_per_camera_hour"`
	ByKind    map[string]int `json:"by_kind"`
	Incidents map[string]struct {
		Count   int     `json:"count"`
		PerHour float64 `json:"per_camera_hour"`
		Alarms  int     `json:"false_alarms"`
	} `json:"incidents"`
}

type event struct {
	Clip string           `json:"clip"`
	Kind bongsu.EventKind `json:"kind"`
	AtS  float64          `json:"at_s"`
}

// load reads one run; nil when it was not made.
func load(dir, name string) (*scored, error) {
	data, err := os.ReadFile(filepath.Join(dir, name, "score.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &scored{dir: filepath.Join(dir, name)}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s/score.json: %w", name, err)
	}
	return s, nil
}

// loadAll reads the runs whose names begin alike, in order.
func loadAll(dir, prefix string) ([]*scored, error) {
	names, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var out []*scored
	for _, n := range names {
		s, err := load(dir, filepath.Base(n))
		if err != nil {
			return nil, err
		}
		if s != nil {
			out = append(out, s)
		}
	}
	return out, nil
}

// of is a category of a run; nil when it has none.
func (s *scored) of(word string) *category {
	if s == nil {
		return nil
	}
	for i := range s.Categories {
		if s.Categories[i].Result.Category == word {
			return &s.Categories[i]
		}
	}
	return nil
}

// clip is the verdict on one clip of a run; nil when it was not played.
func (s *scored) clip(name string) *score.ClipResult {
	for i := range s.Categories {
		for j := range s.Categories[i].Result.Clips {
			if c := &s.Categories[i].Result.Clips[j]; c.Name == name {
				return c
			}
		}
	}
	return nil
}

// eventsOf are a clip's events of alarming kinds, as words.
func (s *scored) eventsOf(clip string) []event {
	var out []event
	for _, e := range s.Events {
		if e.Clip == clip && e.Kind.Alarm() {
			out = append(out, e)
		}
	}
	return out
}

// sameEvents compares two runs of the same clips: an event of one needs one of the other in the same
// clip, of the same kind, at most a second away, and none serves twice.
func sameEvents(a, b *scored) (same, onlyA, onlyB int) {
	used := make([]bool, len(b.Events))
	for _, e := range a.Events {
		best, at := -1, 1.0001
		for i, o := range b.Events {
			if d := math.Abs(e.AtS - o.AtS); !used[i] && o.Clip == e.Clip && o.Kind == e.Kind && d < at {
				best, at = i, d
			}
		}
		if best < 0 {
			onlyA++
			continue
		}
		used[best] = true
		same++
	}
	return same, onlyA, len(b.Events) - same
}

// spreadOf is the difference of the highest and the lowest pooled F1.
func spreadOf(runs []*scored) (spread float64, list []string) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, r := range runs {
		f := 0.0
		if r.Pooled != nil && r.Pooled.F1 != nil {
			f = *r.Pooled.F1
		}
		low, high = min(low, f), max(high, f)
		list = append(list, fmt.Sprintf("%.2f", f))
	}
	return high - low, list
}

func points(f *float64) string {
	if f == nil {
		return "n/a"
	}
	return fmt.Sprintf("%.2f", *f)
}

func interval(i *score.Interval) string {
	if i == nil {
		return ""
	}
	return fmt.Sprintf(" [%.1f, %.1f]", i[0], i[1])
}

func seconds(list []float64) string {
	if len(list) == 0 {
		return "–"
	}
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = fmt.Sprintf("%g", v)
	}
	return strings.Join(words, ", ")
}
