package bongsu

import (
	"encoding/json"
	"math"
	"time"
)

// Limits of what is sent of one picture beside it.
const (
	MaxLiveBoxes      = 100
	MaxLiveBoxesBytes = 32 << 10 // of the text message
	maxBoxRules       = 8
)

// LiveTypeBoxes is the type of a text message with the pictures: what was found in one of them. Only
// viewers that asked for it get it.
const LiveTypeBoxes = "boxes"

// LiveBoxes is what was found in one picture.
type LiveBoxes struct {
	Type   string `json:"type"`               // LiveTypeBoxes
	Seq    uint64 `json:"seq"`                // of the message among those of its session, from 0; a gap is what was left out
	PTSUS  int64  `json:"pts_us"`             // media clock of the picture since the camera's run began
	WallUS int64  `json:"wall_us"`            // the edge's clock for the same instant, µs since 1970
	Media  *int64 `json:"media_us,omitempty"` // where the picture is on the time line of the session's fragments; left out when it is not in them
	AgeMS  int64  `json:"age_ms"`             // since the picture's last packet came, when this was sent
	Width  int    `json:"w"`                  // pixels of the picture that was looked at
	Height int    `json:"h"`
	// Boxes are of what is seen in this picture, not of what is only thought to be there still.
	Boxes []LiveBox `json:"boxes"`
}

// LiveBox is one thing in a picture.
type LiveBox struct {
	ID    string     `json:"id"` // of its track, the same from picture to picture
	Class Class      `json:"class"`
	Score float64    `json:"score"` // 0..1
	Box   [4]float64 `json:"box"`   // x0, y0, x1, y1 in 0..1 of the picture
	Rules []RuleID   `json:"rules"` // that watch for it and in whose zone it stands
}

// Aged gives the message as it is to be sent so much later.
func (b LiveBoxes) Aged(more time.Duration) LiveBoxes {
	b.AgeMS += max(more.Milliseconds(), 0)
	return b
}

// Encode gives the JSON of the message, with fewer boxes where all are too many.
func (b LiveBoxes) Encode() []byte {
	b.Type = LiveTypeBoxes
	if b.Boxes == nil {
		b.Boxes = []LiveBox{}
	}
	if len(b.Boxes) > MaxLiveBoxes {
		b.Boxes = b.Boxes[:MaxLiveBoxes]
	}
	for {
		out, err := json.Marshal(b)
		if err != nil {
			return nil // cannot be: texts and finite numbers, which ParseLiveBoxes and Round see to
		}
		if len(out) <= MaxLiveBoxesBytes || len(b.Boxes) == 0 {
			return out
		}
		b.Boxes = b.Boxes[:len(b.Boxes)/2]
	}
}

// ParseLiveBoxes reads a message and holds it against what a viewer relies on. Fields that are not
// known are ignored.
func ParseLiveBoxes(text []byte) (LiveBoxes, error) {
	var b LiveBoxes
	if len(text) > MaxLiveBoxesBytes {
		return b, Errorf(CodeTooLarge, "boxes of %d bytes, the limit is %d", len(text), MaxLiveBoxesBytes)
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return LiveBoxes{}, Wrap(CodeInvalid, err, "boxes that are no JSON object of ours")
	}
	if why := b.wrong(); why != "" {
		return LiveBoxes{}, Errorf(CodeInvalid, "boxes: %s", why)
	}
	return b, nil
}

// wrong says what is out of range; "" when nothing is.
func (b *LiveBoxes) wrong() string {
	switch {
	case b.Type != LiveTypeBoxes:
		return "the type is another one"
	case b.Width <= 0 || b.Height <= 0 || b.Width > maxSide || b.Height > maxSide:
		return "the picture has no size"
	case b.AgeMS < 0 || b.Media != nil && *b.Media < 0:
		return "a time is negative"
	case len(b.Boxes) > MaxLiveBoxes:
		return "there are too many"
	}
	for i := range b.Boxes {
		x := &b.Boxes[i]
		switch {
		case !ValidName(x.ID):
			return "a track without a name"
		case !ValidName(string(x.Class)):
			return "a class that is no word"
		case !(x.Score >= 0 && x.Score <= 1):
			return "a score that is out of 0..1"
		case !(x.Box[0] >= 0 && x.Box[0] <= x.Box[2] && x.Box[2] <= 1 && x.Box[1] >= 0 && x.Box[1] <= x.Box[3] && x.Box[3] <= 1):
			return "a box that is out of the picture"
		case len(x.Rules) > maxBoxRules:
			return "too many rules"
		}
		for _, r := range x.Rules {
			if !ValidName(string(r)) {
				return "a rule without a name"
			}
		}
	}
	return ""
}

// NewLiveBox makes the box of a track; rules beyond a few are left out. What a model gives is bent
// into the ranges of the message.
func NewLiveBox(id string, t *Track, rules []RuleID) LiveBox {
	unit := func(f float32, digits float64) float64 {
		v := min(max(float64(f), 0), 1)
		if math.IsNaN(v) {
			return 0
		}
		return math.Round(v*digits) / digits
	}
	b := LiveBox{ID: id, Class: t.Class, Score: unit(t.Score, 1e3), Rules: rules[:min(len(rules), maxBoxRules)],
		Box: [4]float64{unit(t.Box.X0, 1e4), unit(t.Box.Y0, 1e4), unit(t.Box.X1, 1e4), unit(t.Box.Y1, 1e4)}}
	b.Box[2], b.Box[3] = max(b.Box[2], b.Box[0]), max(b.Box[3], b.Box[1])
	if b.Rules == nil {
		b.Rules = []RuleID{}
	}
	return b
}
