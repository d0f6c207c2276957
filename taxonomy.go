package bongsu

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

//go:embed taxonomy.json
var taxonomyJSON []byte

// Scoring says how a category is scored; see docs/ref/score.md.
type Scoring string

// Ways of scoring.
const (
	ScoringF1   Scoring = "f1"   // alarms against truth in a window of time
	ScoringIoU  Scoring = "iou"  // boxes against truth, picture by picture
	ScoringNone Scoring = "none" // a record: what it says is compared as a number
)

// CategoryStatus says whether a category can be used.
type CategoryStatus string

// Statuses of a category.
const (
	StatusImplemented  CategoryStatus = "implemented"
	StatusExperimental CategoryStatus = "experimental" // it runs and is said to be an experiment wherever it is named
	StatusPlanned      CategoryStatus = "planned"
	StatusNotPlanned   CategoryStatus = "not-planned"
)

// Purpose is a word for what a camera may be there for, after 개인정보 보호법 제25조제1항.
type Purpose string

// PurposeInfo explains a purpose.
type PurposeInfo struct {
	ID  Purpose `json:"id"`
	KO  string  `json:"ko"`
	EN  string  `json:"en"`
	Law string  `json:"law"` // the clause, in Korean
}

// Category is one kind of situation that is tested, certified or watched for.
type Category struct {
	ID       string         `json:"id"`
	KO       string         `json:"ko"`
	EN       string         `json:"en"`
	Group    string         `json:"group"` // kisa, kisa-safety and kisa-iou are those of KISA's test; bongsu are ours
	Scoring  Scoring        `json:"scoring"`
	ClipWord string         `json:"clip_word,omitempty"` // its name in the files of a test; "" where that is not known
	Status   CategoryStatus `json:"status"`
	Kinds    []EventKind    `json:"kinds,omitempty"`    // of event that stand for it; none unless implemented or experimental
	Purposes []Purpose      `json:"purposes,omitempty"` // for any of which a camera may look out for it
	Alarm    bool           `json:"alarm"`              // it calls an operator; otherwise it is a record
	Priority Priority       `json:"priority"`           // of its events where a rule names none
}

// taxonomy is what taxonomy.json holds.
type taxonomy struct {
	Schema     int           `json:"schema"`
	Purposes   []PurposeInfo `json:"purposes"`
	Categories []Category    `json:"categories"`
	byKind     map[EventKind]*Category
}

// theTaxonomy reads the file that the program carries. It is part of the program: what its tests found to
// be right cannot be wrong later.
var theTaxonomy = sync.OnceValue(func() *taxonomy {
	t, err := parseTaxonomy(taxonomyJSON)
	if err != nil {
		panic("taxonomy.json: " + err.Error()) //nolint:forbidigo // a part of this program, which its tests read
	}
	return t
})

func parseTaxonomy(b []byte) (*taxonomy, error) {
	var t taxonomy
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, err
	}
	t.byKind = make(map[EventKind]*Category)
	for i := range t.Categories {
		c := &t.Categories[i]
		if c.Runs() != (len(c.Kinds) > 0) || c.Runs() != (len(c.Purposes) > 0) {
			return nil, fmt.Errorf("category %s is %s: kinds and purposes are for what runs", c.ID, c.Status)
		}
		for _, k := range c.Kinds {
			if t.byKind[k] != nil {
				return nil, fmt.Errorf("kind %s is of %s and of %s", k, t.byKind[k].ID, c.ID)
			}
			t.byKind[k] = c
		}
	}
	return &t, nil
}

// Runs reports whether rules look out for the category.
func (c *Category) Runs() bool {
	return c.Status == StatusImplemented || c.Status == StatusExperimental
}

// Categories gives all categories in the order in which they are shown. The slice and what it holds
// are shared: do not change them.
func Categories() []Category { return theTaxonomy().Categories }

// CategoryOf gives the category of a kind of event; nil for a kind that this release does not know.
func CategoryOf(k EventKind) *Category { return theTaxonomy().byKind[k] }

// Kinds gives all kinds of event, in the order of their categories.
func Kinds() []EventKind {
	var all []EventKind
	for _, c := range Categories() {
		all = append(all, c.Kinds...)
	}
	return all
}

// Purposes gives all purposes in the order in which they are shown. The slice is shared.
func Purposes() []PurposeInfo { return theTaxonomy().Purposes }

// Experimental reports whether a kind is an experiment, which is said wherever it is named.
func (k EventKind) Experimental() bool {
	c := CategoryOf(k)
	return c != nil && c.Status == StatusExperimental
}

// Alarm reports whether events of the kind call an operator; those that do not are kept as records. A
// kind that this release does not know does call.
func (k EventKind) Alarm() bool {
	c := CategoryOf(k)
	return c == nil || c.Alarm
}

// Covers reports whether a camera with these purposes may look out for kind. Without any purpose
// written down nothing is judged, and everything may.
func Covers(purposes []Purpose, kind EventKind) bool {
	c := CategoryOf(kind)
	return len(purposes) == 0 || c != nil && slices.ContainsFunc(purposes, func(p Purpose) bool { return slices.Contains(c.Purposes, p) })
}

// KnownPurpose reports whether p is a purpose.
func KnownPurpose(p Purpose) bool {
	return slices.ContainsFunc(Purposes(), func(i PurposeInfo) bool { return i.ID == p })
}
