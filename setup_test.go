package bongsu

import (
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
)

const commandID = "01890a5d-ac96-774b-bcce-b302099a8057"

var commandCases = []struct {
	text string
	good bool
}{
	{`{"type":"command","id":"` + commandID + `","op":"put","body":{"password":"x"}}`, true},
	{`{"type":"command","id":"` + commandID + `","op":"cameras"}`, true},
	{`{"type":"command","id":"` + commandID + `","op":"later","colour":1,"body":[1]}`, true},
	{`{"type":"start","id":"` + commandID + `","op":"put"}`, false},
	{`{"type":"command","id":"7","op":"put"}`, false},
	{`{"type":"command","id":"` + commandID + `"}`, false},
	{`{"type":"command","id":"` + commandID + `","op":"../x"}`, false},
	{`{"type":"command","id":"` + commandID + `","op":"put","body":{"password":"canary"`, false},
	{`[]`, false}, {`null`, false}, {``, false},
	{`{"type":"command","id":"` + commandID + `","op":"put","body":"` + strings.Repeat("x", MaxCommandBytes) + `"}`, false},
}

func TestParseCommand(t *testing.T) {
	for _, c := range commandCases {
		got, err := ParseCommand([]byte(c.text))
		if (err == nil) != c.good {
			t.Errorf("%.100s: %v", c.text, err)
		}
		if err != nil && (strings.Contains(err.Error(), "canary") || got.Op != "" || got.Body != nil) {
			t.Errorf("%.100s: %+v, %v", c.text, got, err)
		}
	}
}

// FuzzCommand: whatever the cloud sends, what is taken has what every operation needs, is the same
// when it is written and read again, and what is refused says nothing of what it held.
func FuzzCommand(f *testing.F) {
	for _, c := range commandCases {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseCommand(text)
		if err != nil {
			if c.Body != nil || c.ID != "" || CodeOf(err) != CodeInvalid && CodeOf(err) != CodeTooLarge || len(err.Error()) > 300 {
				t.Errorf("refused with %+v, %v", c, err)
			}
			return
		}
		if !ValidUUID(c.ID) || !ValidName(c.Op) || TextType(text) != LiveTypeCommand {
			t.Errorf("taken: %+v", c)
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > MaxCommandBytes {
			return // JSON escapes what was written plainly
		}
		if d, err := ParseCommand(again); err != nil || d.ID != c.ID || d.Op != c.Op {
			t.Errorf("%s: %v", again, err)
		}
	})
}

func TestParseAnswer(t *testing.T) {
	for text, good := range map[string]bool{
		`{"status":200,"body":{}}`:                                       true,
		`{"status":422,"error":{"code":"invalid","message":"no"}}`:       true,
		`{"status":200}`:                                                 false,
		`{"status":200,"body":[]}`:                                       false,
		`{"status":200,"body":{},"error":{"code":"x"}}`:                  false,
		`{"status":204,"body":{}}`:                                       false,
		`{"status":404}`:                                                 false,
		`{"status":404,"error":{}}`:                                      false,
		`{"status":404,"body":{},"error":{"code":"x"}}`:                  false,
		`{"status":302,"error":{"code":"x"}}`:                            false,
		`{"status":600,"error":{"code":"x"}}`:                            false,
		`nonsense`:                                                       false,
		`{"status":200,"body":{}}` + strings.Repeat(" ", MaxAnswerBytes): false,
	} {
		if a, err := ParseAnswer([]byte(text)); (err == nil) != good || err != nil && a.Status != 0 {
			t.Errorf("%.80s: %+v, %v", text, a, err)
		}
	}
	for _, a := range []Answer{Done(SetupView{}), Refuse(http.StatusConflict, CodeConflict, "no", FieldFault{Path: "id"}), Done(math.NaN())} {
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseAnswer(b); err != nil {
			t.Errorf("%s: %v", b, err)
		}
	}
	for code, want := range map[Code]int{CodeEdgeOffline: 503, CodeEdgeSilent: 504, CodeEdgeOld: 501, CodeNotAllowed: 403} {
		if HTTPStatus(code) != want {
			t.Errorf("%s: %d", code, HTTPStatus(code))
		}
	}
}

var boxesCases = []string{
	`{"type":"boxes","seq":1,"pts_us":5,"wall_us":9,"media_us":7,"age_ms":3,"w":640,"h":360,"boxes":[{"id":"t1","class":"person","score":0.83,"box":[0.1,0.2,0.3,0.4],"rules":["yard"]}]}`,
	`{"type":"boxes","w":1,"h":1}`,
	`{"type":"boxes","w":1,"h":1,"boxes":[{"id":"t1","class":"person","score":1.5,"box":[0,0,1,1]}]}`,
	`{"type":"boxes","w":1,"h":1,"boxes":[{"id":"t1","class":"person","score":1,"box":[0.5,0,0.4,1]}]}`,
	`{"type":"boxes","w":1,"h":1,"boxes":[{"id":"<b>","class":"person","score":1,"box":[0,0,1,1]}]}`,
	`{"type":"boxes","w":1,"h":1,"boxes":[{"id":"t","class":"<b>","score":1,"box":[0,0,1,1]}]}`,
	`{"type":"boxes","w":1,"h":1,"boxes":[{"id":"t","class":"car","score":1,"box":[0,0,1,1],"rules":["<b>"]}]}`,
	`{"type":"boxes","w":0,"h":1}`, `{"type":"boxes","w":1,"h":1,"age_ms":-1}`, `{"type":"boxes","w":1,"h":1,"media_us":-1}`,
	`{"type":"state"}`, `[]`, `{"type":"boxes","w":1,"h":1,"boxes":[{"id":"t1","class":"person","score":1,"box":[0,0,2,1]}]}`,
}

func TestParseLiveBoxes(t *testing.T) {
	for i, text := range boxesCases {
		if _, err := ParseLiveBoxes([]byte(text)); (err == nil) != (i < 2) {
			t.Errorf("%s: %v", text, err)
		}
	}
	b, err := ParseLiveBoxes([]byte(boxesCases[0]))
	if err != nil || string(b.Encode()) != boxesCases[0] {
		t.Errorf("%s, %v", b.Encode(), err)
	}
	if got := b.Aged(20*time.Millisecond - 1); got.AgeMS != 22 || b.AgeMS != 3 || b.Aged(-time.Second).AgeMS != 3 {
		t.Errorf("%d, %d", got.AgeMS, b.AgeMS)
	}
}

// FuzzLiveBoxes: what is taken is taken again after it was written.
func FuzzLiveBoxes(f *testing.F) {
	for _, c := range boxesCases {
		f.Add([]byte(c))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := ParseLiveBoxes(text)
		if err != nil {
			return
		}
		if out := b.Encode(); len(out) > MaxLiveBoxesBytes {
			t.Errorf("%d bytes", len(out))
		} else if _, err := ParseLiveBoxes(out); err != nil {
			t.Errorf("%s: %v", out, err)
		}
	})
}

// TestBoxesOfAnyTrackAreTaken: whatever a model and a tracker give, and however much.
func TestBoxesOfAnyTrackAreTaken(t *testing.T) {
	long := make([]RuleID, 20)
	for i := range long {
		long[i] = RuleID(strings.Repeat("r", 64))
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	b := LiveBoxes{Width: 1, Height: 1}
	for _, box := range []Box{{-1, -1, 2, 2}, {nan, nan, nan, nan}, {inf, 0, -inf, 1}, {0.9, 0.9, 0.1, 0.1}, {0.12345678, 0.2, 0.3, 0.4}} {
		for range 60 {
			b.Boxes = append(b.Boxes, NewLiveBox("t18446744073709551615", &Track{Class: "fallen-person", Score: nan, Box: box}, long))
		}
	}
	text := b.Encode()
	got, err := ParseLiveBoxes(text)
	if err != nil || len(got.Boxes) == 0 || len(got.Boxes) > MaxLiveBoxes || len(text) > MaxLiveBoxesBytes || len(got.Boxes[0].Rules) != maxBoxRules {
		t.Errorf("%d bytes, %d boxes, %v", len(text), len(got.Boxes), err)
	}
	if x := NewLiveBox("t", &Track{Box: Box{0.12345678, 0.2, 0.3, 0.4}, Score: 0.83333}, nil); x.Box[0] != 0.1235 || x.Score != 0.833 || x.Rules == nil {
		t.Errorf("%+v", x)
	}
}
