package scene

import (
	"fmt"
	"strings"

	"bongsu"
)

// The letters that are burnt into pictures, drawn by hand for this purpose: a # is a dot.
const (
	letterMo = `
................
..############..
..##........##..
..##........##..
..##........##..
..##........##..
..############..
................
.......##.......
.......##.......
.......##.......
.......##.......
################
################
................
................`
	letterEui = `
................
.............##.
...#####.....##.
..##...##....##.
.##.....##...##.
.##.....##...##.
.##.....##...##.
..##...##....##.
...#####.....##.
.............##.
.............##.
.###########.##.
.###########.##.
.............##.
.............##.
................`
	letterYeong = `
.............##.
...####......##.
..##..##..#####.
.##....##.#####.
.##....##....##.
.##....##.#####.
..##..##..#####.
...####......##.
.............##.
................
.....######.....
...###....###...
...##......##...
...###....###...
.....######.....
................`
	letterSang = `
............##..
.....##.....##..
.....##.....##..
.....##.....##..
....####....####
....#..#....####
...##..##...##..
..##....##..##..
.##......##.##..
............##..
.....######.....
...###....###...
...##......##...
...###....###...
.....######.....
................`
)

// small letters of 5 × 7 dots, a row each, for the clock.
var figures = map[rune][7]string{
	'0': {".###.", "#...#", "#..##", "#.#.#", "##..#", "#...#", ".###."}, '1': {"..#..", ".##..", "..#..", "..#..", "..#..", "..#..", ".###."},
	'2': {".###.", "#...#", "....#", "..##.", ".#...", "#....", "#####"}, '3': {".###.", "#...#", "....#", "..##.", "....#", "#...#", ".###."},
	'4': {"...#.", "..##.", ".#.#.", "#..#.", "#####", "...#.", "...#."}, '5': {"#####", "#....", "####.", "....#", "....#", "#...#", ".###."},
	'6': {".###.", "#....", "####.", "#...#", "#...#", "#...#", ".###."}, '7': {"#####", "....#", "...#.", "..#..", "..#..", ".#...", ".#..."},
	'8': {".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###."}, '9': {".###.", "#...#", "#...#", ".####", "....#", "....#", ".###."},
	'-': {".....", ".....", ".....", "#####", ".....", ".....", "....."}, ':': {".....", "..#..", "..#..", ".....", "..#..", "..#..", "....."},
}

// stamp is one letter at its place.
type stamp struct {
	x, y, scale int
	rows        []string
}

// demoWords places 모의 영상 in the lower right corner.
func demoWords(w, h int) []stamp {
	scale := max(1, w/640)
	if w < 200 {
		return tinyWords(w, h)
	}
	x, y := w-(4*16+8+3*2+10)*scale, h-26*scale
	var out []stamp
	for i, l := range []string{letterMo, letterEui, letterYeong, letterSang} {
		if i == 2 {
			x += 8 * scale
		}
		out = append(out, stamp{x, y, scale, strings.Split(strings.TrimSpace(l), "\n")})
		x += 18 * scale
	}
	return out
}

// tinyWords sets the words one below the other where the picture is small.
func tinyWords(w, h int) []stamp {
	var out []stamp
	for i, l := range []string{letterMo, letterEui, letterYeong, letterSang} {
		out = append(out, stamp{w - 38 + i%2*18, max(0, h-36+i/2*17), 1, strings.Split(strings.TrimSpace(l), "\n")})
	}
	return out
}

// draw writes the letter white with a dark rim.
func (s *stamp) draw(f *bongsu.Frame) {
	s.dots(f, 1, 24)
	s.dots(f, 0, 232)
}

func (s *stamp) dots(f *bongsu.Frame, rim int, luma byte) {
	for j, row := range s.rows {
		for i := range len(row) {
			if row[i] != '#' {
				continue
			}
			x, y := s.x+i*s.scale, s.y+j*s.scale
			for dy := -rim; dy < s.scale+rim; dy++ {
				for dx := -rim; dx < s.scale+rim; dx++ {
					dot(f, x+dx, y+dy, luma)
				}
			}
		}
	}
}

func dot(f *bongsu.Frame, x, y int, luma byte) {
	if x < 0 || y < 0 || x >= f.Width || y >= f.Height {
		return
	}
	f.Planes[0].Data[y*f.Planes[0].Stride+x] = luma
	for i := 1; i < 3; i++ {
		f.Planes[i].Data[y/2*f.Planes[i].Stride+x/2] = 128
	}
}

// clockStamp is the date and time in the upper left corner, as recorders write it.
type clockStamp struct {
	day    int
	second int // of the day
	scale  int
}

var hours = map[string]int{TimeDawn: 6*3600 + 12*60, TimeMorning: 9*3600 + 25*60, TimeNoon: 12*3600 + 40*60, TimeEvening: 18*3600 + 38*60, TimeNight: 22*3600 + 14*60, TimeNightIR: 2*3600 + 47*60}

func newClockStamp(s *Scene) *clockStamp {
	c := newChance(s.Seed, s.Name)
	return &clockStamp{day: 1 + c.pick(28), second: hours[s.Light.Time] + c.pick(1200), scale: max(1, s.Camera.WidthPX/400)}
}

func (c *clockStamp) draw(f *bongsu.Frame, now float64) {
	s := c.second + int(now)
	text := fmt.Sprintf("2026-03-%02d %02d:%02d:%02d", c.day, s/3600%24, s/60%60, s%60)
	x := 8 * c.scale
	for _, l := range text {
		if rows, ok := figures[l]; ok {
			st := stamp{x, 8 * c.scale, c.scale, rows[:]}
			st.draw(f)
		}
		x += 6 * c.scale
	}
}
