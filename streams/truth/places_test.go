package truth

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// manyAlarms is a clip file with n alarms, a tag a line, and the number of the line on which each
// alarm's StartTime stands.
func manyAlarms(n int) (lines []string, starts []int) {
	lines = []string{"<KisaLibraryIndex>", " <Library>", "  <Clip>", "   <Header>", fmt.Sprintf("    <AlarmEvents>%d</AlarmEvents>", n), "   </Header>", "   <Alarms>"}
	for i := range n {
		lines = append(lines, "    <Alarm>")
		starts = append(starts, len(lines)+1)
		lines = append(lines, fmt.Sprintf("     <StartTime>00:%02d:00</StartTime>", i), "     <AlarmDescription>Intrusion</AlarmDescription>", "     <AlarmDuration>00:00:05</AlarmDuration>", "    </Alarm>")
	}
	return append(lines, "   </Alarms>", "  </Clip>", " </Library>", "</KisaLibraryIndex>"), starts
}

// TestErrorsNameTheirLine spoils one alarm of many: the error must lead to it.
func TestErrorsNameTheirLine(t *testing.T) {
	spoil := map[string]struct {
		offset int // of the spoilt line from the alarm's StartTime
		with   string
		line   int // of the error, from the same
		want   string
	}{
		"time":        {0, "<StartTime>1:2:3</StartTime>", 0, `"1:2:3" is no time`},
		"long time":   {0, "<StartTime>00:00:000</StartTime>", 0, "is no time"},
		"nested time": {0, "<StartTime><b>00:00:01</b></StartTime>", 0, `"" is no time`},
		"no time":     {0, "<!-- nothing -->", -1, "the alarm has no StartTime"},
		"duration":    {2, "<AlarmDuration>-00:00:05</AlarmDuration>", 2, "is no time"},
		"words":       {1, "<AlarmDescription> </AlarmDescription>", 1, "it is empty: name the category"},
		"tag":         {1, "<AlarmDescription>Fire</Alarm>", 1, "not readable as XML"},
		"ampersand":   {1, "<AlarmDescription>a & b</AlarmDescription>", 1, "not readable as XML"},
		"doctype":     {1, "<!DOCTYPE x>", 1, "document types are not taken"},
	}
	for name, c := range spoil {
		t.Run(name, func(t *testing.T) {
			for _, k := range []int{0, 4, 9} {
				lines, starts := manyAlarms(10)
				lines[starts[k]-1+c.offset] = c.with
				_, err := ReadClip(strings.NewReader(strings.Join(lines, "\n")))
				var fe *FormatError
				if !errors.As(err, &fe) {
					t.Fatalf("got %v, want a *FormatError", err)
				}
				if fe.Line != starts[k]+c.line || !strings.Contains(fe.Error(), c.want) {
					t.Errorf("alarm %d: line %d, %s; want line %d and %q", k, fe.Line, fe, starts[k]+c.line, c.want)
				}
				_, answerErr := ReadAnswer(strings.NewReader(strings.Join(lines, "\n")))
				if answerErr == nil || answerErr.Error() != err.Error() {
					t.Errorf("as an answer it is refused with %v, as a clip with %v", answerErr, err)
				}
			}
		})
	}
}

// TestErrorsNameTheirRow spoils a column of one row of many.
func TestErrorsNameTheirRow(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	bad := []string{"x", "", "NaN", "Inf", "-Inf", "1e99", "0x", "1 2", "--1"}
	for range 300 {
		n := 1 + rng.IntN(40)
		rows := make([]string, n)
		for i := range rows {
			rows[i] = fmt.Sprintf("%d,%d,%d,%d,%d,%d,1,1,0.5", i+1, rng.IntN(9), rng.IntN(600), rng.IntN(300), rng.IntN(99), rng.IntN(99))
		}
		row, column, word := rng.IntN(n), rng.IntN(9), bad[rng.IntN(len(bad))]
		fields := strings.Split(rows[row], ",")
		fields[column] = word
		rows[row] = strings.Join(fields, ",")
		_, err := ReadMOT(strings.NewReader(strings.Join(rows, "\r\n")))
		var fe *FormatError
		if !errors.As(err, &fe) || fe.Line != row+1 || fe.Column != column+1 || fe.Path != motColumns[column] {
			t.Fatalf("%q in row %d, column %d (%s): %v", word, row+1, column+1, motColumns[column], err)
		}
	}
}

var frameRefusals = map[string]struct{ in, want string }{
	"no identity":         {`{"id":0,"visibility":1}`, "objects[1].id: 0 is no identity: they are counted from 1"},
	"negative identity":   {`{"id":-3,"visibility":1}`, "objects[1].id: -3 is no identity: they are counted from 1"},
	"huge identity":       {`{"id":10000001,"visibility":1}`, "objects[1].id: 10000001 is no identity: they are counted from 1"},
	"twice":               {`{"id":1,"visibility":1}`, "objects[1].id: object 1 is there twice"},
	"visibility":          {`{"id":2,"visibility":1.5}`, "objects[1].visibility: 1.5 is no share: 0 to 1"},
	"negative visibility": {`{"id":2,"visibility":-0.1}`, "objects[1].visibility: -0.1 is no share: 0 to 1"},
	"left":                {`{"id":2,"box":{"x0":-0.1,"x1":0.5,"y1":0.5}}`, "objects[1]: the box does not lie in the picture (0..1)"},
	"right":               {`{"id":2,"box":{"x0":0.5,"x1":1.01,"y1":0.5}}`, "objects[1]: the box does not lie in the picture (0..1)"},
	"bottom":              {`{"id":2,"box":{"x1":1,"y0":0.5,"y1":1.01}}`, "objects[1]: the box does not lie in the picture (0..1)"},
	"turned":              {`{"id":2,"box":{"x0":0.5,"x1":0.4,"y1":0.5}}`, "objects[1]: the box does not lie in the picture (0..1)"},
	"seen":                {`{"id":2,"seen":{"x0":0.5,"x1":2,"y1":0.5}}`, "objects[1]: the box does not lie in the picture (0..1)"},
	"number as text":      {`{"id":"2"}`, "not readable as JSON"},
	"box as list":         {`{"id":2,"box":[0,0,1,1]}`, "not readable as JSON"},
	"too large a number":  {`{"id":2,"visibility":1e60}`, "not readable as JSON"},
}

// TestFrameRefusals puts a wrong object into the third frame, behind a right one.
func TestFrameRefusals(t *testing.T) {
	const head = `{"width_px":64,"height_px":36,"fps":5}` + "\n" + `{"index":0}` + "\n" + `{"index":1,"objects":[{"id":1,"visibility":1}]}` + "\n"
	for name, c := range frameRefusals {
		t.Run(name, func(t *testing.T) {
			_, err := ReadJSON(strings.NewReader(head + `{"index":2,"objects":[{"id":1,"visibility":1},` + c.in + "]}\n"))
			var fe *FormatError
			if !errors.As(err, &fe) || fe.Line != 4 || !strings.Contains(fe.Error(), c.want) {
				t.Errorf("got  %v\nwant line 4 … %s", err, c.want)
			}
		})
	}
}

func TestHeadRefusals(t *testing.T) {
	for in, want := range map[string]string{
		`{"width_px":640,"height_px":0,"fps":5}`:                                                       "must be at least 1",
		`{"width_px":640,"height_px":360,"fps":-1}`:                                                    "must be at least 1",
		`{"width_px":640,"height_px":360,"fps":5,"duration_us":-1}`:                                    "duration_us at least 0",
		`{"width_px":65537,"height_px":360,"fps":5}`:                                                   "a picture of 65537×360 is too large: sides of up to 65536 pixels are read",
		`{"width_px":640,"height_px":360,"fps":5,"events":[{"end_us":1},{"start_us":9,"end_us":8}]}`:   "events[1]: it goes from 9 to 8 µs",
		`{"width_px":640,"height_px":360,"fps":5,"events":[{"start_us":-2,"end_us":8}]}`:               "events[0]: it goes from -2 to 8 µs",
		`{"width_px":640,"height_px":360,"fps":5} {"index":0}`:                                         "not readable as JSON",
		`{"width_px":640,"height_px":360,"fps":5,"seed":-1}`:                                           "seed: not readable as JSON",
		"{\"width_px\":640,\"height_px\":360,\"fps\":5,\"name\":\"" + strings.Repeat("n", 5<<20) + `"`: "not readable",
	} {
		_, err := ReadJSON(strings.NewReader(in))
		var fe *FormatError
		if !errors.As(err, &fe) || fe.Line != 1 || !strings.Contains(fe.Error(), want) {
			t.Errorf("%.80s: got %.200v, want line 1 … %s", in, err, want)
		}
	}
}
