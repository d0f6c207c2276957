package score

import (
	"cmp"
	"fmt"
	"slices"

	"bongsu/streams/truth"
)

// MOT is how well tracks follow what was there: the counts and rates of CLEAR MOT (K. Bernardin and
// R. Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics", 2008),
// of identities (E. Ristani and others, "Performance Measures and a Data Set for Multi-Target,
// Multi-Camera Tracking", 2016) and HOTA (J. Luiten and others, "HOTA: A Higher Order Metric for
// Evaluating Multi-Object Tracking", IJCV 2021). Rates are shares of 1. One that has nothing to
// divide by is 0; MOTA is below 0 where there are more mistakes than boxes.
type MOT struct {
	Frames  int `json:"frames"`  // pictures with a box of either side
	Boxes   int `json:"boxes"`   // of the truth
	Objects int `json:"objects"` // of the truth
	Answers int `json:"answers"` // boxes of the result
	Tracks  int `json:"tracks"`  // of the result

	MOTA          float64 `json:"mota"`
	MOTP          float64 `json:"motp"` // mean distance of matched boxes, 1 − IoU: 0 is best
	FP            int     `json:"fp"`
	FN            int     `json:"fn"`
	Switches      int     `json:"switches"`
	Fragments     int     `json:"fragments"`      // times that a followed object was lost and found again
	MostlyTracked int     `json:"mostly_tracked"` // objects followed for at least 80 % of their boxes
	MostlyLost    int     `json:"mostly_lost"`    // for less than 20 %

	IDF1 float64 `json:"idf1"`
	IDP  float64 `json:"idp"`
	IDR  float64 `json:"idr"`

	HOTA float64 `json:"hota"` // means over the overlaps 0.05, 0.10 … 0.95
	DetA float64 `json:"deta"`
	AssA float64 `json:"assa"`
	LocA float64 `json:"loca"` // mean IoU of what is matched
}

// MOTError says which row of which side cannot be scored.
type MOTError struct {
	Result  bool // the row is of the result; else of the truth
	Row     int  // its index
	Message string
}

// Error says where the row is, by side and number from 1.
func (e *MOTError) Error() string {
	side := "truth"
	if e.Result {
		side = "result"
	}
	return fmt.Sprintf("%s, row %d: %s", side, e.Row+1, e.Message)
}

// motOverlap is the IoU from which CLEAR MOT and the identities count boxes as one.
const motOverlap = 0.5

// Tracks scores the rows of a tracker's result against those of the truth. Rows of the truth whose
// Conf is 0 count neither as found nor as missed, as on MOTChallenge; answers that lie on those of
// MOT16's distractor classes do not count either. Results are taken as they are, whatever their Conf.
// A picture in which an ID stands twice is refused with a *MOTError.
func Tracks(gt, result []truth.MOTRow) (MOT, error) {
	c, err := newMOTClip(gt, result)
	if err != nil {
		return MOT{}, err
	}
	m := MOT{Frames: len(c.frames), Objects: c.objects, Tracks: c.tracks}
	for i := range c.frames {
		m.Boxes += len(c.frames[i].objects)
		m.Answers += len(c.frames[i].tracks)
	}
	c.clear(&m)
	c.identities(&m)
	c.hota(&m)
	return m, nil
}

// motBox is one box with the dense number of the object or track that it is of.
type motBox struct {
	id  int
	row *truth.MOTRow
}

// motFrame is one picture: its boxes, and how much each pair overlaps, objects × tracks.
type motFrame struct {
	objects, tracks []motBox
	iou             []float64
}

func (f *motFrame) at(object, track int) float64 { return f.iou[object*len(f.tracks)+track] }

// motClip is a clip ready to be scored.
type motClip struct {
	frames          []motFrame // in order of time
	objects, tracks int
}

// maxMOTPairs bounds the tables that are made: pairs of an object and a track, in the clip and in a picture.
const maxMOTPairs = 1 << 25

func newMOTClip(gt, result []truth.MOTRow) (*motClip, error) {
	at := map[int]*motFrame{}
	if err := motBoxes(gt, false, at); err != nil {
		return nil, err
	}
	if err := motBoxes(result, true, at); err != nil {
		return nil, err
	}
	c := &motClip{}
	numbers := make([]int, 0, len(at))
	for n := range at {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	objects, tracks := map[int]int{}, map[int]int{}
	for _, n := range numbers {
		f := at[n]
		if len(f.objects)*len(f.tracks) > maxMOTPairs {
			return nil, fmt.Errorf("frame %d has %d boxes of truth and %d of the result: too many to compare", n, len(f.objects), len(f.tracks))
		}
		f.drop()
		number(f.objects, objects)
		number(f.tracks, tracks)
		if len(f.objects)+len(f.tracks) > 0 {
			c.frames = append(c.frames, *f)
		}
	}
	c.objects, c.tracks = len(objects), len(tracks)
	if c.objects*c.tracks > maxMOTPairs {
		return nil, fmt.Errorf("%d objects and %d tracks are too many to compare", c.objects, c.tracks)
	}
	return c, nil
}

// motBoxes puts the rows of one side into their frames, and refuses IDs that stand twice in one.
func motBoxes(rows []truth.MOTRow, result bool, at map[int]*motFrame) error {
	type place struct{ frame, id int }
	first := make(map[place]int, len(rows))
	for i := range rows {
		r := &rows[i]
		key := place{r.Frame, r.ID}
		if before, twice := first[key]; twice {
			return &MOTError{Result: result, Row: i, Message: fmt.Sprintf("id %d stands in frame %d already, in row %d; an id may stand once in a frame", r.ID, r.Frame, before+1)}
		}
		first[key] = i
		if r.ID < 0 {
			return &MOTError{Result: result, Row: i, Message: fmt.Sprintf("id %d: these are detections, not tracks; ids from 0 are scored", r.ID)}
		}
		f := at[r.Frame]
		if f == nil {
			f = &motFrame{}
			at[r.Frame] = f
		}
		if result {
			f.tracks = append(f.tracks, motBox{r.ID, r})
		} else {
			f.objects = append(f.objects, motBox{r.ID, r})
		}
	}
	return nil
}

// number gives each file's ID its dense number.
func number(boxes []motBox, ids map[int]int) {
	for i := range boxes {
		n, known := ids[boxes[i].id]
		if !known {
			n = len(ids)
			ids[boxes[i].id] = n
		}
		boxes[i].id = n
	}
}

// distracts reports MOT16's classes on which an answer is neither right nor wrong: persons on
// vehicles, static persons, distractors and reflections.
func distracts(r *truth.MOTRow) bool {
	return r.Conf == 0 && (r.Class == 2 || r.Class == 7 || r.Class == 8 || r.Class == 12)
}

// drop takes out what does not count and fills iou.
func (f *motFrame) drop() {
	order := func(a, b motBox) int { return cmp.Compare(a.id, b.id) }
	slices.SortStableFunc(f.objects, order) // the score must not hang on the order of rows
	slices.SortStableFunc(f.tracks, order)
	f.compare()
	if slices.ContainsFunc(f.objects, func(b motBox) bool { return distracts(b.row) }) {
		kept := map[int]bool{}
		for o, k := range f.pairs(nil, nil, motOverlap) {
			if k >= 0 && distracts(f.objects[o].row) {
				kept[f.tracks[k].id] = true
			}
		}
		f.tracks = slices.DeleteFunc(f.tracks, func(b motBox) bool { return kept[b.id] })
	}
	f.objects = slices.DeleteFunc(f.objects, func(b motBox) bool { return b.row.Conf == 0 })
	f.compare()
}

func (f *motFrame) compare() {
	f.iou = f.iou[:0]
	for i := range f.objects {
		for j := range f.tracks {
			f.iou = append(f.iou, motIoU(f.objects[i].row, f.tracks[j].row))
		}
	}
}

func motIoU(a, b *truth.MOTRow) float64 {
	w := min(a.Left+a.W, b.Left+b.W) - max(a.Left, b.Left)
	h := min(a.Top+a.H, b.Top+b.H) - max(a.Top, b.Top)
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h / (a.W*a.H + b.W*b.H - w*h)
}

// pairs gives each object that is not taken its track: as many pairs of at least the overlap as there
// can be, and among those the ones with the greatest sum of overlaps. -1 is none.
func (f *motFrame) pairs(objectTaken, trackTaken []bool, least float64) []int {
	free := func(taken []bool, i int) bool { return taken == nil || !taken[i] }
	gain := make([]float64, len(f.iou))
	for o := range f.objects {
		for k := range f.tracks {
			if iou := f.at(o, k); iou >= least && free(objectTaken, o) && free(trackTaken, k) {
				gain[o*len(f.tracks)+k] = float64(len(f.objects)+1) + iou
			}
		}
	}
	return motAssign(gain, len(f.objects), len(f.tracks))
}
