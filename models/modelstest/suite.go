package modelstest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"bongsu"
	"bongsu/models"
)

// Head runs the suite that every models.Head passes. outs must make the head see something;
// empty must make it see nothing.
func Head(t *testing.T, h models.Head, outs, empty []models.Output, g models.Geometry, low float32) {
	t.Helper()
	first := h.Decode(outs, g, nil)
	t.Run("sees something, in order and within the picture", func(t *testing.T) {
		if len(first) == 0 {
			t.Fatal("nothing")
		}
		checkDetections(t, first, low)
	})
	t.Run("sees nothing in nothing", func(t *testing.T) {
		if got := h.Decode(empty, g, nil); len(got) != 0 {
			t.Errorf("%v", got)
		}
	})
	t.Run("keeps nothing from picture to picture", func(t *testing.T) {
		h.Decode(empty, g, nil)
		if got := h.Decode(outs, g, nil); !slices.Equal(got, first) {
			t.Errorf("%v, then %v", first, got)
		}
	})
	t.Run("appends", func(t *testing.T) {
		checkAppends(t, first, func(dst []bongsu.Detection) []bongsu.Detection { return h.Decode(outs, g, dst) })
	})
	t.Run("answers outputs of a wrong size with nothing", func(t *testing.T) {
		short := slices.Clone(outs)
		short[0].Data = short[0].Data[:len(short[0].Data)-1]
		if got := h.Decode(short, g, nil); len(got) != 0 {
			t.Errorf("%v", got)
		}
		if got := h.Decode(nil, g, nil); len(got) != 0 {
			t.Errorf("%v", got)
		}
	})
	t.Run("allocates nothing when there is room", func(t *testing.T) {
		dst := make([]bongsu.Detection, 0, len(first))
		if n := testing.AllocsPerRun(50, func() { h.Decode(outs, g, dst) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// Detector runs the suite that every models.Detector passes. see must be a picture in which d
// sees something; allocs says whether the promise of no allocation is tested.
func Detector(t *testing.T, d models.Detector, see *bongsu.Frame, low float32, allocs bool) {
	t.Helper()
	first, err := d.Detect(t.Context(), see, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("sees something, in order and within the picture", func(t *testing.T) {
		if len(first) == 0 {
			t.Fatal("nothing")
		}
		checkDetections(t, first, low)
	})
	t.Run("answers the same picture the same way", func(t *testing.T) {
		got, err := d.Detect(t.Context(), see, nil)
		if err != nil || !slices.Equal(got, first) {
			t.Errorf("%v, then %v, %v", first, got, err)
		}
	})
	t.Run("appends", func(t *testing.T) {
		checkAppends(t, first, func(dst []bongsu.Detection) []bongsu.Detection {
			dst, err := d.Detect(t.Context(), see, dst)
			if err != nil {
				t.Error(err)
			}
			return dst
		})
	})
	t.Run("an ended context ends it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		room := make([]bongsu.Detection, 0, 8)
		if got, err := d.Detect(ctx, see, room); err == nil || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
		if got, err := d.Detect(t.Context(), see, nil); err != nil || !slices.Equal(got, first) {
			t.Errorf("afterwards: %v, %v", got, err)
		}
	})
	t.Run("keeps no reference to the picture", func(t *testing.T) { checkReferences(t, d, see) })
	t.Run("names its model", func(t *testing.T) {
		if d.Model().Name == "" {
			t.Error("no name")
		}
	})
	if allocs {
		t.Run("allocates nothing when there is room", func(t *testing.T) { checkAllocs(t, d, see, len(first)) })
	}
}

func checkAllocs(t *testing.T, d models.Detector, see *bongsu.Frame, n int) {
	dst := make([]bongsu.Detection, 0, n)
	ctx := t.Context()
	got := testing.AllocsPerRun(50, func() {
		if _, err := d.Detect(ctx, see, dst); err != nil {
			t.Error(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// countingOwner counts references.
type countingOwner struct{ n int }

func (o *countingOwner) Retain()  { o.n++ }
func (o *countingOwner) Release() { o.n-- }

func checkReferences(t *testing.T, d models.Detector, see *bongsu.Frame) {
	f, owner := *see, &countingOwner{n: 1}
	f.Owner = owner
	if _, err := d.Detect(t.Context(), &f, nil); err != nil || owner.n != 1 {
		t.Errorf("%d references after Detect, %v", owner.n, err)
	}
}

func checkAppends(t *testing.T, want []bongsu.Detection, call func([]bongsu.Detection) []bongsu.Detection) {
	mark := bongsu.Detection{Class: "mark", Score: 0.5}
	got := call([]bongsu.Detection{mark})
	if len(got) != 1+len(want) || got[0] != mark || !slices.Equal(got[1:], want) {
		t.Errorf("%v, want the mark and %v", got, want)
	}
}

func checkDetections(t *testing.T, dets []bongsu.Detection, low float32) {
	for i, d := range dets {
		if err := checkDetection(d, low); err != nil {
			t.Errorf("detection %d: %v", i, err)
		}
		if i > 0 && d.Score > dets[i-1].Score {
			t.Errorf("detection %d scores %v, the one before %v: the best comes first", i, d.Score, dets[i-1].Score)
		}
	}
}

func checkDetection(d bongsu.Detection, low float32) error {
	in := func(v float32) bool { return v >= 0 && v <= 1 }
	switch b := d.Box; {
	case !in(b.X0) || !in(b.Y0) || !in(b.X1) || !in(b.Y1):
		return fmt.Errorf("box %v leaves the picture", b)
	case !(b.X0 < b.X1) || !(b.Y0 < b.Y1):
		return fmt.Errorf("box %v is empty", b)
	case d.Class == "":
		return fmt.Errorf("no class")
	case !(d.Score >= low && d.Score <= 1):
		return fmt.Errorf("score %v is not within %v..1", d.Score, low)
	}
	return nil
}
