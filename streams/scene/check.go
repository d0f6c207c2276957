package scene

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"bongsu"
)

// Limits of a scene.
const (
	maxSide     = 3840
	maxDuration = 3600
	maxActors   = 200
	maxCrowd    = 120
	maxPoints   = 200
	maxMetres   = 300
)

// margin is how far a path may leave the picture, as a share of its side: actors come and go.
const margin = 0.5

var slug = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// checker collects the first thing that is wrong.
type checker struct {
	s    *Scene
	view *view
	ids  map[string]string // kinds of actors
	err  error
}

func (c *checker) fail(path, format string, args ...any) {
	if c.err == nil {
		c.err = c.s.doc.errorf(path, format, args...)
	}
}

// within demands lo ≤ v ≤ hi.
func (c *checker) within(path string, v, lo, hi float64, unit string) {
	if math.IsNaN(v) || v < lo || v > hi {
		c.fail(path, "%v is out of range: it must be %v to %v%s", v, lo, hi, unit)
	}
}

func (c *checker) word(path, v string, words []string, what string) {
	if !slices.Contains(words, v) {
		c.fail(path, "there is no %s %q: say one of %s", what, v, strings.Join(words, ", "))
	}
}

func (s *Scene) check() error {
	c := &checker{s: s, ids: map[string]string{}}
	if s.Schema != 1 {
		c.fail("schema", "schema %d is not known: this program reads schema 1", s.Schema)
	}
	if !slug.MatchString(s.Name) || len(s.Name) > 60 {
		c.fail("name", "%q is no name: lower-case words joined by hyphens", s.Name)
	}
	if s.Look != "" {
		c.word("look", s.Look, SceneLooks, "look")
	}
	c.within("duration_s", s.DurationS, 0.2, maxDuration, " seconds")
	c.camera()
	c.light()
	c.ground()
	for i := range s.Structures {
		c.structure(fmt.Sprintf("structures[%d]", i), &s.Structures[i])
	}
	c.actors()
	c.picture()
	return c.err
}

func (c *checker) camera() {
	k := &c.s.Camera
	c.within("camera.height_m", k.HeightM, 1, 60, " metres")
	c.within("camera.tilt_deg", k.TiltDeg, 2, 85, " degrees below the horizon")
	c.within("camera.roll_deg", k.RollDeg, -15, 15, " degrees")
	c.within("camera.focal_mm", k.FocalMM, 1.8, 50, " mm")
	c.within("camera.width_px", float64(k.WidthPX), 32, maxSide, " pixels")
	c.within("camera.height_px", float64(k.HeightPX), 32, maxSide, " pixels")
	if k.WidthPX%2 != 0 || k.HeightPX%2 != 0 {
		c.fail("camera.width_px", "%d×%d: both sides must be even", k.WidthPX, k.HeightPX)
	}
	c.within("camera.fps", float64(k.FPS), 1, 60, " pictures a second")
	c.within("camera.distortion", k.Distortion, -0.3, 0.1, "")
	c.within("camera.noise", k.Noise, 0, 5, "")
	c.within("camera.shutter", k.Shutter, 0, 1, "")
	c.within("camera.shake_px", k.ShakePX, 0, 20, " pixels")
	c.within("camera.exposure_steps_s", k.StepsS, 0, 600, " seconds")
	if c.err == nil {
		c.view = newView(k)
	}
}

func (c *checker) light() {
	s := c.s
	c.word("light.time", s.Light.Time, Times, "time of day")
	c.within("light.exposure", s.Light.Exposure, -0.9, 2, "")
	if s.Light.Sun != nil {
		c.within("light.sun.azimuth_deg", s.Light.Sun.AzimuthDeg, -360, 360, " degrees")
		c.within("light.sun.elevation_deg", s.Light.Sun.ElevationDeg, 4, 90, " degrees")
	}
	for _, w := range []struct {
		name string
		v    float64
	}{{"weather.cloud", s.Weather.Cloud}, {"weather.rain", s.Weather.Rain}, {"weather.snow", s.Weather.Snow}, {"weather.fog", s.Weather.Fog}, {"weather.wind", s.Weather.Wind}, {"lens.dirt", s.Lens.Dirt}} {
		c.within(w.name, w.v, 0, 1, "")
	}
	c.within("lens.drops", float64(s.Lens.Drops), 0, 60, " drops")
	c.within("lens.insects", float64(s.Lens.Insects), 0, 40, " insects")
}

func (c *checker) ground() {
	g := &c.s.Ground
	c.word("ground.base", g.Base, sortedKeys(groundMaterials), "material")
	for i := range g.Areas {
		path := fmt.Sprintf("ground.areas[%d]", i)
		c.word(path+".material", g.Areas[i].Material, sortedKeys(groundMaterials), "material")
		c.points(path+".polygon", g.Areas[i].Polygon, 3)
	}
	for i := range g.Marks {
		path := fmt.Sprintf("ground.marks[%d]", i)
		c.points(path+".path", g.Marks[i].Path, 2)
		c.within(path+".width_m", g.Marks[i].WidthM, 0.01, 10, " metres")
		c.within(path+".dash_m", g.Marks[i].DashM, 0, 50, " metres")
		if g.Marks[i].Color != "" {
			c.word(path+".color", g.Marks[i].Color, []string{"white", "yellow", "red", "blue"}, "colour of paint")
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (c *checker) points(path string, pts []Place, least int) {
	if len(pts) < least || len(pts) > maxPoints {
		c.fail(path, "it has %d points: %d to %d are needed", len(pts), least, maxPoints)
	}
	for i, p := range pts {
		c.place(fmt.Sprintf("%s[%d]", path, i), p)
	}
}

func (c *checker) place(path string, p Place) {
	for _, v := range p {
		if math.IsNaN(v) || math.Abs(v) > maxMetres {
			c.fail(path, "[%v, %v] lies more than %d metres away", p[0], p[1], maxMetres)
		}
	}
}

func (c *checker) structure(path string, st *Structure) {
	c.word(path+".kind", st.Kind, StructureKinds, "kind of structure")
	c.place(path+".at", st.At)
	c.within(path+".height_m", st.HeightM, 0.05, 100, " metres")
	switch st.Kind {
	case StructureWall, StructureFence, StructureHedge:
		c.points(path+".path", st.Path, 2)
	case StructureBuilding, StructureBlock:
		c.within(path+".width_m", st.WidthM, 0.05, 200, " metres")
		c.within(path+".depth_m", st.DepthM, 0.05, 200, " metres")
	case StructurePoster, StructureWindow:
		c.within(path+".width_m", st.WidthM, 0.2, 20, " metres")
	}
	if st.WidthM < 0 || st.DepthM < 0 {
		c.fail(path+".width_m", "a size cannot be negative")
	}
	if st.Material != "" {
		c.word(path+".material", st.Material, sortedKeys(wallMaterials), "material of walls")
	}
}

func (c *checker) actors() {
	if len(c.s.Actors) > maxActors {
		c.fail("actors", "there are %d: at most %d are drawn", len(c.s.Actors), maxActors)
	}
	for i := range c.s.Actors {
		a := &c.s.Actors[i]
		path := fmt.Sprintf("actors[%d]", i)
		if !slug.MatchString(a.ID) {
			c.fail(path+".id", "%q is no name: lower-case words joined by hyphens", a.ID)
		}
		if _, twice := c.ids[a.ID]; twice {
			c.fail(path+".id", "there is another actor %q", a.ID)
		}
		c.ids[a.ID] = a.Kind
	}
	for i := range c.s.Actors {
		c.actor(fmt.Sprintf("actors[%d]", i), &c.s.Actors[i])
	}
}

func (c *checker) actor(path string, a *Actor) {
	c.word(path+".kind", a.Kind, ActorKinds, "kind of actor")
	c.within(path+".from_s", a.FromS, 0, maxDuration, " seconds")
	c.within(path+".until_s", a.UntilS, 0, maxDuration, " seconds")
	c.within(path+".size_m", a.SizeM, 0, 20, " metres")
	if a.Kind == KindCrowd {
		c.within(path+".count", float64(a.Count), 1, maxCrowd, " persons")
		c.points(path+".area", a.Area, 3)
		c.visible(path+".area", a.Area)
		return
	}
	if a.CarriedBy != "" {
		c.person(path+".carried_by", a.CarriedBy)
	} else {
		c.visible(path+".at", []Place{a.At})
	}
	if a.Look != nil {
		c.look(path+".look", a.Look)
	}
	if !steps(a.Kind) && len(a.Do) > 0 {
		c.fail(path+".do", "a %s does nothing: leave it out", a.Kind)
	}
	for i := range a.Do {
		c.step(fmt.Sprintf("%s.do[%d]", path, i), a, &a.Do[i])
	}
}

func steps(kind string) bool {
	return !slices.Contains([]string{KindBag, KindLitter, KindFire, KindSmoke}, kind)
}

func (c *checker) look(path string, l *Look) {
	for _, w := range []struct{ key, v string }{{"top", l.Top}, {"legs", l.Legs}, {"color", l.Color}} {
		if w.v != "" {
			c.word(path+"."+w.key, w.v, sortedKeys(named), "colour")
		}
	}
	if l.HeightM != 0 {
		c.within(path+".height_m", l.HeightM, 0.8, 2.2, " metres")
	}
}

// person demands that id names a person of the scene.
func (c *checker) person(path, id string) {
	kind, ok := c.ids[id]
	if !ok {
		c.fail(path, "there is no actor %q in this scene", id)
	} else if kind != KindPerson {
		c.fail(path, "%q is a %s: a person is needed", id, kind)
	}
}

// actsOf says which acts a kind of actor can do.
func actsOf(kind string) []string {
	switch kind {
	case KindPerson:
		return slices.DeleteFunc(slices.Clone(Acts), func(s string) bool { return s == ActDrive })
	case KindDog, KindCat, KindBoar, KindDeer:
		return []string{ActWalk, ActRun, ActStand}
	}
	return []string{ActDrive, ActStand}
}

func (c *checker) step(path string, a *Actor, s *Step) {
	c.word(path+".act", s.Act, actsOf(a.Kind), "act of a "+a.Kind)
	c.within(path+".speed_ms", s.SpeedMS, 0, 40, " metres a second")
	c.within(path+".for_s", s.ForS, 0, maxDuration, " seconds")
	c.within(path+".height_m", s.HeightM, 0, 6, " metres")
	moves := slices.Contains([]string{ActWalk, ActRun, ActDrive, ActClimb}, s.Act)
	if moves && len(s.To) == 0 {
		c.fail(path+".act", "%s needs the points of its way: to: [[x, y], ...]", s.Act)
	}
	if !moves && len(s.To) > 0 {
		c.fail(path+".to", "%s goes nowhere: leave the points out", s.Act)
	}
	if len(s.To) > maxPoints {
		c.fail(path+".to", "it has %d points: at most %d are taken", len(s.To), maxPoints)
	}
	c.visible(path+".to", s.To)
	switch s.Act {
	case ActFight:
		c.person(path+".with", s.With)
	case ActLeave, ActTake:
		if kind, ok := c.ids[s.With]; !ok {
			c.fail(path+".with", "there is no actor %q in this scene", s.With)
		} else if kind != KindBag {
			c.fail(path+".with", "%q is a %s: a bag is needed", s.With, kind)
		}
	}
}

// visible demands that points of the ground lie in the picture, or close enough to its edge for
// somebody to come from there.
func (c *checker) visible(path string, pts []Place) {
	if c.view == nil {
		return
	}
	for i, p := range pts {
		key := path
		if len(pts) > 1 || strings.HasSuffix(path, ".to") {
			key = fmt.Sprintf("%s[%d]", path, i)
		}
		c.place(key, p)
		x, y, z := c.view.project(vec{p.X(), p.Y(), 0})
		x, y = x/float64(c.view.w), y/float64(c.view.h)
		if z < nearest {
			c.fail(key, "[%v, %v] lies behind the camera, outside the picture", p.X(), p.Y())
		} else if x < -margin || x > 1+margin || y < -margin || y > 1+margin {
			c.fail(key, "[%v, %v] lies outside the picture, at %.2f of its width and %.2f of its height: a path may leave it by %v of a side", p.X(), p.Y(), x, y, margin)
		}
	}
}

// picture checks zones and lines, which are given in the picture.
func (c *checker) picture() {
	for i := range c.s.Zones {
		c.zone(fmt.Sprintf("zones[%d]", i), &c.s.Zones[i])
	}
	for i := range c.s.Lines {
		l := &c.s.Lines[i]
		path := fmt.Sprintf("lines[%d]", i)
		if l.Kind != "" {
			c.word(path+".kind", l.Kind, LineKinds, "kind of line")
		}
		if !bongsu.ValidDirection(l.Forbidden) {
			c.fail(path+".forbidden", "%q is no direction: left-to-right, right-to-left or both", l.Forbidden)
		}
		if err := bongsu.CheckLine(corners(l.Points[:])); err != nil {
			c.fail(path+".points", "%v", err)
		}
	}
}

func (c *checker) zone(path string, z *Zone) {
	c.word(path+".kind", z.Kind, ZoneKinds, "kind of zone")
	c.within(path+".dwell_s", z.DwellS, 0, maxDuration, " seconds")
	c.within(path+".from_s", z.FromS, 0, maxDuration, " seconds")
	c.within(path+".until_s", z.UntilS, 0, maxDuration, " seconds")
	if err := bongsu.CheckZone(corners(z.Polygon)); err != nil {
		c.fail(path+".polygon", "%v", err)
	}
	for i := range z.Exclude {
		if err := bongsu.CheckZone(corners(z.Exclude[i])); err != nil {
			c.fail(fmt.Sprintf("%s.exclude[%d]", path, i), "%v", err)
		}
	}
	switch z.Kind {
	case ZoneWrongWay:
		if err := bongsu.CheckLine(corners(z.Points[:])); err != nil {
			c.fail(path+".points", "the arrow along which one may go: %v", err)
		}
	case ZoneCrowd:
		c.within(path+".count", float64(z.Count), 2, maxActors, " persons")
	}
}

func corners(points [][2]float32) []bongsu.Point {
	out := make([]bongsu.Point, len(points))
	for i, p := range points {
		out[i] = bongsu.Point{X: p[0], Y: p[1]}
	}
	return out
}
