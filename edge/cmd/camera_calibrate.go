package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"bongsu"
	"bongsu/edge/config"
)

// calibrateOpts are the flags of camera calibrate.
type calibrateOpts struct {
	height, tilt, roll, hfov, points, aspect *string
	config, camera                           *string
	pixels                                   *int
}

func (o *calibrateOpts) define(fs *flag.FlagSet) {
	fs.StringVar(o.height, "height", *o.height, "metres from the ground to the camera")
	fs.StringVar(o.tilt, "tilt", *o.tilt, "degrees that it looks down, 0 is level")
	fs.StringVar(o.roll, "roll", *o.roll, "degrees that it is turned, positive: its right-hand side is up")
	fs.StringVar(o.hfov, "hfov", *o.hfov, "degrees from the left edge of the picture to the right")
	fs.StringVar(o.points, "points", *o.points, "instead: four places \"x,y=X,Y ...\" of the picture (0..1) and in metres, or a file with one a line")
	fs.StringVar(o.aspect, "aspect", *o.aspect, "shape of the picture, as 16:9 or 1.7778")
	fs.IntVar(o.pixels, "pixels", *o.pixels, "rows of the picture, for pixels per metre")
	fs.StringVar(o.config, "config", *o.config, "an edge.yaml: write the ground into its --camera, when that was set up in the browser")
	fs.StringVar(o.camera, "camera", *o.camera, "with --config: the camera")
}

const calibrateAbout = `calibrate says where in the picture the ground is, from how the camera hangs or from four measured
places, prints what a metre measures and how far away rows of the picture are, and gives the lines
for edge.yaml. With --config and --camera it writes them itself for a camera that was set up in the
browser; one of edge.yaml is its owner's. Take the four places from the corners of a rectangle that
can be measured, such as a parking bay: around it, in the same order in picture and metres.`

const calibrateExample = `bongsu-edge camera calibrate --height 5 --tilt 30 --hfov 70
bongsu-edge camera calibrate --points "0.21,0.93=0,0 0.78,0.93=5,0 0.65,0.55=5,10 0.36,0.55=0,10"`

// ground is a calibration: the plane, and the keys that say it in edge.yaml.
type ground struct {
	plane *bongsu.Ground
	keys  map[string]any
	text  string // the keys as YAML, on one line
}

func newCalibrateOpts() *calibrateOpts {
	aspect, roll, pixels := "16:9", "0", 1080
	return &calibrateOpts{new(string), new(string), &roll, new(string), new(string), &aspect, new(string), new(string), &pixels}
}

func runCalibrate(m *Main, o *calibrateOpts) error {
	if (*o.config == "") != (*o.camera == "") {
		return usageError{"--config and --camera go together"}
	}
	if *o.pixels < 64 || *o.pixels > 16384 {
		return usageError{fmt.Sprintf("--pixels %d: it must be from 64 to 16384", *o.pixels)}
	}
	g, err := o.ground()
	if err != nil {
		return err
	}
	printGround(m.Stdout, g.plane, *o.pixels)
	if *o.config == "" {
		fmt.Fprintf(m.Stdout, "\nfor this camera in edge.yaml:\n\n    ground: %s\n", g.text)
		return nil
	}
	return writeGround(m.Stdout, *o.config, bongsu.CameraID(*o.camera), g)
}

// ground reads the flags.
func (o *calibrateOpts) ground() (ground, error) {
	aspect, err := aspectOf(*o.aspect)
	if err != nil {
		return ground{}, err
	}
	if *o.points != "" {
		if *o.height != "" || *o.tilt != "" || *o.hfov != "" {
			return ground{}, usageError{"--points beside --height, --tilt or --hfov says the same thing twice"}
		}
		return groundOfPoints(*o.points, aspect)
	}
	var v [4]float64
	for i, f := range []struct{ name, value string }{{"height", *o.height}, {"tilt", *o.tilt}, {"hfov", *o.hfov}, {"roll", *o.roll}} {
		if f.value == "" {
			return ground{}, usageError{fmt.Sprintf("--%s is missing: give --height, --tilt and --hfov, or --points", f.name)}
		}
		if v[i], err = strconv.ParseFloat(f.value, 64); err != nil {
			return ground{}, usageError{fmt.Sprintf("--%s %q is no number", f.name, f.value)}
		}
	}
	plane, err := bongsu.GroundFromCamera(v[0], v[1], v[3], v[2], aspect)
	if err != nil {
		return ground{}, usageError{err.Error()}
	}
	g := ground{plane: plane, keys: map[string]any{"height_m": v[0], "tilt_deg": v[1], "roll_deg": v[3], "hfov_deg": v[2], "aspect": aspect}}
	g.text = fmt.Sprintf("{height_m: %g, tilt_deg: %g, roll_deg: %g, hfov_deg: %g, aspect: %.4f}", v[0], v[1], v[3], v[2], aspect)
	return g, nil
}

// aspectOf reads 16:9 or 1.7778.
func aspectOf(text string) (float64, error) {
	w, h, found := strings.Cut(text, ":")
	a, err := strconv.ParseFloat(w, 64)
	if found && err == nil {
		var b float64
		b, err = strconv.ParseFloat(h, 64)
		a /= b
	}
	if err != nil || !(a >= 0.2 && a <= 5) {
		return 0, usageError{fmt.Sprintf("--aspect %q: write the shape of the picture as 16:9 or 1.7778", text)}
	}
	return a, nil
}

// groundOfPoints reads four places, from the flag itself or from the file that it names.
func groundOfPoints(text string, aspect float64) (ground, error) {
	if !strings.Contains(text, "=") {
		data, err := os.ReadFile(text)
		if err != nil {
			return ground{}, fmt.Errorf("--points: %w", err)
		}
		text = string(data)
	}
	words := strings.Fields(text)
	if len(words) != 4 {
		return ground{}, usageError{fmt.Sprintf("--points has %d places: four are needed, each as x,y=X,Y", len(words))}
	}
	var picture [4]bongsu.Point
	var metres [4][2]float64
	var list []any
	var yaml []string
	for i, word := range words {
		seen, place, _ := strings.Cut(word, "=")
		x, y, err1 := pairOf(seen)
		mx, my, err2 := pairOf(place)
		if err := errors.Join(err1, err2); err != nil {
			return ground{}, usageError{fmt.Sprintf("place %d, %q: write it as x,y=X,Y: a place of the picture, 0..1, and metres to the right and away", i+1, word)}
		}
		picture[i], metres[i] = bongsu.Point{X: float32(x), Y: float32(y)}, [2]float64{mx, my}
		list = append(list, []any{[]any{x, y}, []any{mx, my}})
		yaml = append(yaml, fmt.Sprintf("[[%g, %g], [%g, %g]]", x, y, mx, my))
	}
	plane, err := bongsu.GroundFromPoints(picture, metres, aspect)
	if err != nil {
		return ground{}, usageError{err.Error()}
	}
	return ground{plane: plane, keys: map[string]any{"points": list, "aspect": aspect},
		text: fmt.Sprintf("{points: [%s], aspect: %.4f}", strings.Join(yaml, ", "), aspect)}, nil
}

func pairOf(text string) (float64, float64, error) {
	a, b, found := strings.Cut(text, ",")
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	if !found {
		return 0, 0, errors.New("no comma")
	}
	return x, y, errors.Join(err1, err2)
}

// printGround says what the calibration means, for somebody who can look at the place.
func printGround(w io.Writer, g *bongsu.Ground, rows int) {
	fmt.Fprintf(w, "what a metre across the line of sight measures, in pixels of a picture with %d rows:\n\n         ", rows)
	columns := []float32{0.1, 0.3, 0.5, 0.7, 0.9}
	for _, x := range columns {
		fmt.Fprintf(w, "  x %.1f", x)
	}
	fmt.Fprint(w, "     distance in the middle\n")
	for i := range 11 {
		y := float32(i) / 10
		fmt.Fprintf(w, "  y %.1f  ", y)
		for _, x := range columns {
			if per, ok := g.PerMetre(bongsu.Point{X: x, Y: y}); ok {
				fmt.Fprintf(w, "%7.1f", per*float64(rows))
			} else {
				fmt.Fprintf(w, "%7s", "-")
			}
		}
		if _, away, ok := g.At(bongsu.Point{X: 0.5, Y: y}); ok {
			fmt.Fprintf(w, "     %.1f m\n", away)
		} else {
			fmt.Fprint(w, "     above the horizon, or beyond 1 km\n")
		}
	}
	fmt.Fprint(w, "\nrows of the picture, in its middle:\n")
	for _, away := range []float64{5, 10, 15, 20, 30, 50, 100} {
		if p, ok := g.Picture(middleOf(g, away), away); ok && p.Y >= 0 && p.Y <= 1 {
			fmt.Fprintf(w, "  %4.0f m  y %.3f\n", away, p.Y)
		}
	}
	all := []bongsu.Point{{X: 0, Y: 1}, {X: 1, Y: 1}, {X: 1, Y: 0.5}, {X: 0, Y: 0.5}}
	if m2, ok := g.Area(all); ok {
		fmt.Fprintf(w, "\nthe lower half of the picture shows %.0f m² of ground\n", m2)
	}
}

// middleOf is how far to the right of the spot that metres are measured from the middle of the
// picture lies, at a distance away: the camera itself need not stand at that spot.
func middleOf(g *bongsu.Ground, away float64) float64 {
	x, y, okNear := g.At(bongsu.Point{X: 0.5, Y: 1})
	x2, y2, okFar := g.At(bongsu.Point{X: 0.5, Y: 0.75})
	if !okNear || !okFar || y2 == y {
		return 0
	}
	return x + (x2-x)*(away-y)/(y2-y)
}

// writeGround stores the calibration with a camera that was set up in the browser.
func writeGround(w io.Writer, path string, id bongsu.CameraID, g ground) error {
	cfg, err := config.Load(path)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(cfg.Cameras, func(c config.Camera) bool { return c.ID == id })
	switch {
	case at < 0:
		return usageError{fmt.Sprintf("there is no camera %q in the configuration", id)}
	case !cfg.Cameras[at].Managed:
		fmt.Fprintf(w, "\ncamera %s stands in %s, which is its owner's; write into it:\n\n    ground: %s\n", id, path, g.text)
		return nil
	}
	store := config.NewStore(config.StoreOptions{Path: path, DataDir: cfg.DataDir})
	st, err := store.State()
	if err != nil {
		return err
	}
	keys := cfg.Cameras[at].Written()
	delete(keys, "password_file") // the stored one stays
	keys["ground"] = g.keys
	if _, _, err := store.Put(config.Change{ID: id, Revision: st.Revision, Keys: keys}); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nwritten to %s; a running bongsu-edge takes it up within seconds\n", cfg.ManagedFile())
	return nil
}

// cameraWord is a verb that is chosen by the first word after camera.
func cameraWord(ctx context.Context, m *Main, c *call) error {
	if len(c.args) > 0 && c.args[0] == "calibrate" {
		o := newCalibrateOpts()
		fs := flag.NewFlagSet("camera calibrate", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		o.define(fs)
		err := fs.Parse(c.args[1:])
		if errors.Is(err, flag.ErrHelp) {
			(&verb{name: "camera", usage: "calibrate [flags]", about: calibrateAbout, example: calibrateExample}).help(m.Stdout, fs)
			return nil
		}
		if err != nil {
			return usageError{err.Error()}
		}
		if fs.NArg() > 0 {
			return usageError{fmt.Sprintf("what is %q? calibrate takes flags only", fs.Arg(0))}
		}
		return runCalibrate(m, o)
	}
	return runCamera(ctx, m, c)
}
