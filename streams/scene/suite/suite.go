// Package suite makes test suites of simulated clips: a category of event, a place, a camera that is
// set up for its zone, a time of day, weather, what may be mistaken for the event, and an event or
// none; and reads them again. Everything about a clip follows from the suite's seed, its purpose, its
// category and its number. docs/design/suites.md tells how, and why they are hard.
package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bongsu"
	"bongsu/streams/truth"
)

// Purposes of a suite.
const (
	PurposeTuning  = "tuning"  // to set thresholds with
	PurposeScoring = "scoring" // to score with: what was tuned has not seen it
	PurposeSoak    = "soak"    // hours of ordinary life: every alarm is a false one
)

// Purposes lists them.
var Purposes = []string{PurposeTuning, PurposeScoring, PurposeSoak}

// Schema is the version of suite.json.
const Schema = 1

// File is the name of a suite's index in its folder.
const File = "suite.json"

// Suite is a folder of clips.
type Suite struct {
	Schema  int    `json:"schema"`
	Name    string `json:"name"`
	Purpose string `json:"purpose"` // one of Purposes
	Program string `json:"program_version"`
	Clips   []Clip `json:"clips"` // in the order of their names

	Dir string `json:"-"` // the folder it was read from
}

// Clip is one film with its truth and the rules that its camera has.
type Clip struct {
	Name      string           `json:"name"`     // such as C00_001_0001
	Category  truth.Category   `json:"category"` // "" in a soak
	EventKind bongsu.EventKind `json:"event_kind,omitempty"`
	File      string           `json:"file"`   // the MP4, below the suite's folder, with slashes
	SHA256    string           `json:"sha256"` // of the MP4
	Look      string           `json:"look"`   // of the scene: plain, train or held-out
	Seed      uint64           `json:"seed"`
	Scene     string           `json:"scene"`  // hash of all that the film was made from
	Layout    string           `json:"layout"` // hash of place, structures and camera
	DurationS float64          `json:"duration_s"`
	FPS       int              `json:"fps"`
	Start     time.Time        `json:"start"`    // wall clock of the first picture
	Location  string           `json:"location"` // whose clock schedules go by, such as Asia/Seoul
	Factors   Factors          `json:"factors"`
	Events    int              `json:"events"` // in the ground truth of the category
	Rules     []bongsu.Rule    `json:"rules"`  // what the site demands; thresholds are left to the kind's defaults
	Ground    *bongsu.Ground   `json:"ground"`
	Incidents []Incident       `json:"incidents,omitempty"` // of a soak: what may be mistaken for something
}

// Factors are the conditions of a clip.
type Factors struct {
	Time       string   `json:"time"`
	Weather    string   `json:"weather"`
	Distance   string   `json:"distance"` // metres from the camera at which it happens
	Place      string   `json:"place"`
	Story      string   `json:"story"`
	Look       string   `json:"look"`
	Distractor []string `json:"distractor"`
}

// Incident is a moment of a soak that tempts a rule.
type Incident struct {
	Kind  string  `json:"kind"`
	FromS float64 `json:"from_s"` // on the clip's clock
	ToS   float64 `json:"to_s"`
}

// Offsets are what a category's alarm time is later than the onset of the event. They are those of the
// profile that scores, and a test holds the two together.
var Offsets = map[truth.Category]time.Duration{
	truth.Loitering:      10 * time.Second,
	truth.FireDetection:  10 * time.Second,
	truth.Falldown:       time.Second,
	truth.StoppedVehicle: 10 * time.Second,
}

// Kinds maps a category to the kind of rule that finds it.
var Kinds = map[truth.Category]bongsu.EventKind{
	truth.Intrusion:      bongsu.KindIntrusion,
	truth.Loitering:      bongsu.KindLoitering,
	truth.Abandonment:    bongsu.KindAbandonment,
	truth.Falldown:       bongsu.KindFall,
	truth.FireDetection:  bongsu.KindFire,
	truth.LineCrossing:   bongsu.KindLineCrossing,
	truth.WrongWay:       bongsu.KindWrongWay,
	truth.StoppedVehicle: bongsu.KindStoppedVehicle,
	truth.ClosedArea:     bongsu.KindClosedArea,
	truth.Violence:       bongsu.KindFight,
	truth.Crowd:          bongsu.KindCrowd,
}

// Categories lists what suites are made of, in the order in which they are rendered.
var Categories = []truth.Category{truth.Intrusion, truth.FireDetection, truth.Loitering, truth.Falldown, truth.Abandonment, truth.LineCrossing,
	truth.WrongWay, truth.StoppedVehicle, truth.ClosedArea, truth.Violence, truth.Crowd}

// Video is the path of a clip's MP4.
func (s *Suite) Video(c *Clip) string { return filepath.Join(s.Dir, filepath.FromSlash(c.File)) }

// Truth is the path of a clip's ground truth, in the form of clip files.
func (s *Suite) Truth(c *Clip) string { return beside(s.Video(c), ".xml") }

// Sequence reads what is in every picture of a clip.
func (s *Suite) Sequence(c *Clip) (*truth.Sequence, error) {
	f, err := os.Open(beside(s.Video(c), ".json"))
	if err != nil {
		return nil, fmt.Errorf("suite: the truth of %s: %w", c.Name, err)
	}
	defer f.Close()
	seq, err := truth.ReadJSON(f)
	if err != nil {
		return nil, fmt.Errorf("suite: %s: %w", f.Name(), err)
	}
	return seq, nil
}

func beside(video, ext string) string {
	return video[:len(video)-len(filepath.Ext(video))] + ext
}

// Of is the clips of a category.
func (s *Suite) Of(c truth.Category) []Clip {
	var out []Clip
	for i := range s.Clips {
		if s.Clips[i].Category == c {
			out = append(out, s.Clips[i])
		}
	}
	return out
}

// Overlap tells what two suites have in common that they must not: a clip's bytes or its layout. It
// is empty when nothing is.
func Overlap(a, b *Suite) []string {
	films, layouts := map[string]string{}, map[string]string{}
	for i := range a.Clips {
		films[a.Clips[i].SHA256], layouts[a.Clips[i].Layout] = a.Clips[i].Name, a.Clips[i].Name
	}
	var out []string
	for i := range b.Clips {
		c := &b.Clips[i]
		if n, ok := films[c.SHA256]; ok {
			out = append(out, fmt.Sprintf("%s and %s are the same film", n, c.Name))
		} else if n, ok := layouts[c.Layout]; ok {
			out = append(out, fmt.Sprintf("%s and %s have the same layout", n, c.Name))
		}
	}
	return out
}

// Load reads the suite of a folder. That a clip's file is there is checked, its bytes are not: Verify
// does that.
func Load(dir string) (*Suite, error) {
	path := filepath.Join(dir, File)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("suite: %s holds no %s: bongsu-edge scene suite --out %s makes one", dir, File, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("suite: %w", err)
	}
	s := &Suite{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("suite: %s is not readable as JSON: %w", path, err)
	}
	s.Dir = dir
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("suite: %s: %w", path, err)
	}
	return s, nil
}

func (s *Suite) check() error {
	if s.Schema != Schema {
		return fmt.Errorf("schema %d is not known: this program reads schema %d", s.Schema, Schema)
	}
	if !slices.Contains(Purposes, s.Purpose) {
		return fmt.Errorf("there is no purpose %q: it is one of %v", s.Purpose, Purposes)
	}
	names := map[string]bool{}
	for i := range s.Clips {
		c := &s.Clips[i]
		if err := s.checkClip(c); err != nil {
			return fmt.Errorf("clips[%d], %q: %w", i, c.Name, err)
		}
		if names[c.Name] {
			return fmt.Errorf("clips[%d]: there is another clip %q", i, c.Name)
		}
		names[c.Name] = true
	}
	return nil
}

func (s *Suite) checkClip(c *Clip) error {
	switch {
	case c.Name == "" || filepath.Base(c.Name) != c.Name:
		return errors.New("it has no name that a file could have")
	case !filepath.IsLocal(filepath.FromSlash(c.File)):
		return fmt.Errorf("the file %q does not lie in the suite's folder", c.File)
	case s.Purpose != PurposeSoak && Kinds[c.Category] == "":
		return fmt.Errorf("the category %q is none of %v", c.Category, Categories)
	case c.FPS < 1 || c.FPS > 60 || c.DurationS <= 0 || c.DurationS > 3600:
		return fmt.Errorf("%v s at %d pictures a second is no clip", c.DurationS, c.FPS)
	case len(c.SHA256) != 2*sha256.Size || c.Layout == "":
		return errors.New("its hashes are missing")
	}
	if _, err := time.LoadLocation(c.Location); err != nil {
		return fmt.Errorf("its location: %w", err)
	}
	if c.Ground != nil {
		if err := c.Ground.Check(); err != nil {
			return fmt.Errorf("its ground: %w", err)
		}
	}
	if s.Dir == "" {
		return nil
	}
	if _, err := os.Stat(s.Video(c)); err != nil {
		return fmt.Errorf("its film is not there: render the suite again: %w", err)
	}
	return nil
}

// Verify compares the bytes of a clip's film with its hash.
func (s *Suite) Verify(c *Clip) error {
	sum, err := fileHash(s.Video(c))
	if err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	if sum != c.SHA256 {
		return fmt.Errorf("suite: the film of %s is not the one that the suite was made with: render it again", c.Name)
	}
	return nil
}

func fileHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// save writes the index in one step.
func (s *Suite) save() error {
	slices.SortFunc(s.Clips, func(a, b Clip) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		}
		return 0
	})
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	path := filepath.Join(s.Dir, File)
	if err := os.WriteFile(path+".part", append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	return nil
}

// put writes a file in one step.
func put(path string, write func(io.Writer) error) error {
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}
