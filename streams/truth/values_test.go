package truth

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"bongsu"
)

func TestFormatErrorsText(t *testing.T) {
	for want, e := range map[string]FormatError{
		"the file is empty":                         {Message: "the file is empty"},
		"line 3: too long":                          {Line: 3, Message: "too long"},
		"line 3, column 9: too long":                {Line: 3, Column: 9, Message: "too long"},
		"too long":                                  {Column: 9, Message: "too long"},
		"line 3: a/b: too long":                     {Line: 3, Path: "a/b", Message: "too long"},
		"a/b: not readable: file does not exist":    {Path: "a/b", Message: "not readable", Err: fs.ErrNotExist},
		"line 1: not readable: file does not exist": {Line: 1, Message: "not readable", Err: fs.ErrNotExist},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if e.Err != nil && !errors.Is(&e, e.Err) {
			t.Errorf("%s: the cause is lost", want)
		}
	}
}

// TestCategoriesKeepTheirNumbers adds clips in every order: a category has one number in all files.
func TestCategoriesKeepTheirNumbers(t *testing.T) {
	clip := func(class bongsu.Class, state string) *Sequence {
		return &Sequence{Name: string(class) + state, WidthPX: 64, HeightPX: 36, FPS: 1, Frames: []Frame{{Objects: []Object{{ID: 1, Class: class, State: state}}}}}
	}
	clips := []*Sequence{clip(bongsu.ClassSmoke, StateBurning), clip(bongsu.ClassPerson, StateFallen), clip(bongsu.ClassPerson, StateWalking), clip(bongsu.ClassBus, StateMoving)}
	var want []cocoCategory
	for turn := range clips {
		c := &COCO{}
		for i := range clips {
			c.Add(clips[(i+turn)%len(clips)])
		}
		if want == nil {
			want = c.file.Categories
		}
		if !slices.Equal(c.file.Categories, want) {
			t.Errorf("begun with clip %d the categories are %v, before %v", turn, c.file.Categories, want)
		}
		var b bytes.Buffer
		if err := c.Write(&b); err != nil {
			t.Fatal(err)
		}
		for i, a := range c.file.Annotations {
			name := DefaultCOCOClass(&clips[(i+turn)%len(clips)].Frames[0].Objects[0])
			if got := want[a.Category-1]; got.Name != name || got.ID != a.Category {
				t.Errorf("annotation %d is a %s, not a %s", i, got.Name, name)
			}
		}
	}
	if len(want) != len(cocoOrder) {
		t.Errorf("%d categories, %d are known", len(want), len(cocoOrder))
	}
	strange := &COCO{}
	strange.Add(clip("kite", StateMoving))
	if k := strange.file.Categories[len(cocoOrder)]; k.Name != "kite" || k.ID != len(cocoOrder)+1 {
		t.Errorf("a class that is not known comes behind the others: %+v", k)
	}
}

// TestMOTNumbersAreRounded keeps files short: a thousandth of a pixel is enough.
func TestMOTNumbersAreRounded(t *testing.T) {
	for v, want := range map[float64]string{0: "1", 0.0004: "1", 0.0006: "1.001", 12.3456789: "13.346", 1e6: "1000001", -5.5: "-4.5"} {
		var b strings.Builder
		if err := WriteMOT(&b, []MOTRow{{Frame: 1, ID: 2, Left: v, Class: 3}}); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("1,2,%s,1,0,0,0,3,0\n", want); b.String() != want {
			t.Errorf("%v is written %q, want %q", v, b.String(), want)
		}
	}
}
