package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

// Distance bands: metres on the ground from the foot of the camera to where it happens.
const (
	nearBand   = "10-15"
	middleBand = "15-20"
	farBand    = "20-30"
)

var bands = map[string][2]float64{nearBand: {10.5, 14.6}, middleBand: {15.3, 19.6}, farBand: {20.5, 29}}

// Kinds of weather.
const (
	clearSky = "clear"
	cloudy   = "cloud"
	rainy    = "rain"
	snowy    = "snow"
	foggy    = "fog"
)

// genre is how a category's clips are made.
type genre struct {
	places       []string
	zone         func(*site) // before the story; nil: the stories do it
	events       []story
	temptations  []story
	rows         [2]float64 // of a person at the hub, of 360
	seconds      [2]float64
	letter       int // the number in the clips' names
	afterS       float64
	unsure       [2]float64 // stays in the zone of such lengths, seconds, are left out: nobody can say what is right
	ownsTheNight bool       // the schedule decides the hour, not the light
}

var genres = map[truth.Category]*genre{
	truth.Intrusion: {places: []string{placeYard, placeYard, placeAlley, placeCarPark, placePark}, zone: (*site).intrusionZone, events: intrusionEvents, temptations: intrusionTemptations,
		rows: [2]float64{38, 60}, seconds: [2]float64{32, 38}, letter: 0, afterS: 4, unsure: [2]float64{0.21, 3}},
	truth.Loitering: {places: []string{placePorch, placeStreet, placePlaza, placeHall, placePorch}, zone: (*site).loiteringZone, events: loiteringEvents, temptations: loiteringTemptations,
		rows: [2]float64{38, 58}, seconds: [2]float64{38, 44}, letter: 1, afterS: 20, unsure: [2]float64{7.6, 14}},
	truth.Falldown: {places: []string{placeStreet, placePlaza, placeHall, placeAlley, placePark, placeCarPark}, zone: (*site).fallZone, events: fallEvents, temptations: fallTemptations,
		rows: [2]float64{46, 66}, seconds: [2]float64{36, 40}, letter: 2, afterS: 13},
	truth.FireDetection: {places: []string{placeYard, placeAlley, placeCarPark, placePark, placeStreet}, zone: (*site).fireZone, events: fireEvents, temptations: fireTemptations,
		rows: [2]float64{36, 56}, seconds: [2]float64{38, 42}, letter: 3, afterS: 21},
	truth.Abandonment: {places: []string{placeHall, placePlaza, placeStreet, placeHall, placePorch}, zone: (*site).bagZone, events: bagEvents, temptations: bagTemptations,
		rows: [2]float64{52, 74}, seconds: [2]float64{36, 42}, letter: 4, afterS: 12},
	truth.LineCrossing: {places: []string{placePlaza, placeHall, placePark, placeStreet, placeCarPark}, events: lineEvents, temptations: lineTemptations,
		rows: [2]float64{38, 58}, seconds: [2]float64{34, 40}, letter: 5, afterS: 2},
	truth.WrongWay: {places: []string{placeRoad}, events: wrongWayEvents, temptations: wrongWayTemptations,
		rows: [2]float64{30, 44}, seconds: [2]float64{34, 40}, letter: 6, afterS: 2},
	truth.StoppedVehicle: {places: []string{placeRoad}, events: stoppedEvents, temptations: stoppedTemptations,
		rows: [2]float64{30, 44}, seconds: [2]float64{38, 44}, letter: 7, afterS: 20},
	truth.ClosedArea: {places: []string{placePark, placeYard, placePlaza, placeHall}, events: closedEvents, temptations: closedTemptations,
		rows: [2]float64{38, 58}, seconds: [2]float64{34, 40}, letter: 8, afterS: 4, unsure: [2]float64{0.21, 3}, ownsTheNight: true},
	truth.Violence: {places: []string{placeAlley, placePlaza, placeStreet, placeCarPark}, zone: (*site).fightZone, events: fightEvents, temptations: fightTemptations,
		rows: [2]float64{44, 66}, seconds: [2]float64{36, 40}, letter: 9, afterS: 8},
	truth.Crowd: {places: []string{placePlaza, placeHall, placeStreet}, events: crowdEvents, temptations: crowdTemptations,
		rows: [2]float64{40, 58}, seconds: [2]float64{36, 42}, letter: 10, afterS: 6},
}

// deal gives card n of a deck that is shuffled anew for each round through it: whatever the number of
// clips is, each card comes equally often, and more clips do not change the first ones.
func deal[T any](seed uint64, n int, deck []T, words ...string) T {
	d := newDice(seed, append(words, fmt.Sprint("round ", n/len(deck)))...)
	return deck[d.Perm(len(deck))[n%len(deck)]]
}

// plan is a clip that is yet to be rendered.
type plan struct {
	clip     Clip
	scene    *scene.Scene
	category truth.Category
	events   bool // one happens
	soak     bool // none of any kind may
	genre    *genre
}

// name is what clip n of a category is called, n from 0.
func name(purpose string, g *genre, n int) string {
	letter := map[string]string{PurposeTuning: "T", PurposeScoring: "C"}[purpose]
	return fmt.Sprintf("%s%02d_%03d_0001", letter, g.letter, n+1)
}

// draft makes attempt k at clip n of a category: attempts follow each other until one is neither too
// hard to see nor impossible to judge.
func draft(purpose string, c truth.Category, seed uint64, n, k int) *plan {
	g := genres[c]
	word := func(s string) []string { return []string{purpose, string(c), s} }
	f := Factors{Look: scene.LookTrain}
	f.Time = deal(seed, n, scene.Times, word("time")...)
	f.Weather = deal(seed, n, []string{clearSky, cloudy, rainy, snowy, foggy, clearSky}, word("weather")...)
	f.Distance = deal(seed, n, []string{nearBand, middleBand, farBand}, word("distance")...)
	f.Place = deal(seed, n, g.places, word("place")...)
	looks := []string{scene.LookPlain, scene.LookTrain, scene.LookTrain}
	if purpose == PurposeScoring {
		looks = []string{scene.LookHeldOut, scene.LookPlain, scene.LookTrain}
	}
	f.Look = deal(seed, n, looks, word("look")...)
	happens := deal(seed, n, []bool{true, true, true, false}, word("event")...)
	stories := g.temptations
	if happens {
		stories = g.events
	}
	tale := deal(seed, n, stories, word(fmt.Sprint("story ", happens))...)
	f.Story = tale.name

	s := &site{dice: newDice(seed, purpose, string(c), fmt.Sprint("clip ", n), fmt.Sprint("attempt ", k)), s: &scene.Scene{Schema: 1, Title: "시험 장면", Look: f.Look}}
	s.s.Name, s.s.Seed = fmt.Sprintf("%s-%d-%d", purpose, g.letter, n), s.Uint64()>>1|1
	s.s.Light.Time = f.Time
	s.seconds = math.Round(s.between(g.seconds[0], g.seconds[1]))
	s.s.DurationS = s.seconds
	if f.Place == placeHall {
		f.Weather = cloudy
		if f.Time == scene.TimeDawn || f.Time == scene.TimeEvening {
			s.s.Light.Exposure = -0.1 // windows let less in
		}
	}
	s.weather(f.Weather)
	s.aim(s.between(bands[f.Distance][0], bands[f.Distance][1]), s.between(g.rows[0], g.rows[1]))
	s.lay(f.Place)
	if g.zone != nil {
		g.zone(s)
	}
	tale.tell(s)
	s.backdrop()
	if f.Place == placeStreet {
		for range 1 + s.IntN(3) {
			s.traffic(s.between(0, 0.8*s.seconds))
		}
	}
	f.Distractor = s.names
	p := &plan{scene: s.s, category: c, events: happens, genre: g}
	p.clip = Clip{Name: name(purpose, g, n), Category: c, EventKind: Kinds[c], Look: f.Look, Seed: s.s.Seed, DurationS: s.seconds, FPS: fps, Location: seoul, Factors: f, Rules: s.rules}
	p.clip.File = string(c) + "/" + p.clip.Name + ".mp4"
	p.clip.Start = s.start(g)
	p.hash()
	return p
}

// seoul is whose clock the schedules of all suites go by.
const seoul = "Asia/Seoul"

// kst is nine hours ahead of Greenwich, all year.
const kst = 9

// hour is when the clip begins by the clock, hours after midnight in Seoul.
var hour = map[string]int{scene.TimeDawn: 6, scene.TimeMorning: 9, scene.TimeNoon: 12, scene.TimeEvening: 18, scene.TimeNight: 22, scene.TimeNightIR: 2}

// start is the wall clock of the first picture.
func (s *site) start(g *genre) time.Time {
	day := 2 + s.IntN(26)
	at := time.Date(2026, 3, day, hour[s.s.Light.Time]-kst, s.IntN(40), s.IntN(60), 0, time.UTC)
	if g.ownsTheNight {
		at = time.Date(2026, 3, day, 23-kst, 0, 0, 0, time.UTC).Add(time.Duration(s.opens * float64(time.Second)))
	}
	return at
}

func (s *site) weather(word string) {
	w := &s.s.Weather
	w.Wind = s.between(0, 0.5)
	switch word {
	case cloudy:
		w.Cloud = s.between(0.5, 1)
	case rainy:
		w.Rain = s.between(0.3, 0.8)
	case snowy:
		w.Snow = s.between(0.3, 0.8)
	case foggy:
		w.Fog = s.between(0.2, 0.4)
	default:
		w.Cloud = s.between(0, 0.3)
	}
}

// hash names the layout and all that the film is made of.
func (p *plan) hash() {
	s := p.scene
	type thing struct {
		Camera     scene.Camera
		Ground     scene.Ground
		Structures []scene.Structure
	}
	p.clip.Layout = sum(thing{s.Camera, s.Ground, s.Structures})
	p.clip.Scene = sum(struct {
		Thing   thing
		Light   scene.Light
		Weather scene.Weather
		Lens    scene.Lens
		Actors  []scene.Actor
		Zones   []scene.Zone
		Lines   []scene.Line
		Rules   []bongsu.Rule
		Seconds float64
		Look    string
		Seed    uint64
		Start   time.Time
	}{thing{s.Camera, s.Ground, s.Structures}, s.Light, s.Weather, s.Lens, s.Actors, s.Zones, s.Lines, p.clip.Rules, s.DurationS, s.Look, s.Seed, p.clip.Start})
}

func sum(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "" // a scene holds nothing that JSON cannot hold but NaN, which check refuses
	}
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:12])
}

// ground is the calibration that the camera's mounting gives; its lens's distortion is left out, as it is
// in front of real cameras.
func (p *plan) ground() (*bongsu.Ground, error) {
	c := &p.scene.Camera
	hfov := 2 * math.Atan(5.37/2/c.FocalMM) * 180 / math.Pi
	return bongsu.GroundFromCamera(c.HeightM, c.TiltDeg, c.RollDeg, hfov, float64(c.WidthPX)/float64(c.HeightPX))
}

// legible are the fewest rows of 360 that somebody must have to whom something happens.
const legible = 26

// judge says why a draft is no fair clip, or nothing: what must happen does not or does too often, it
// cannot be seen, its window ends after the clip, or a stay is so long that nobody can say what is right.
func (p *plan) judge(seq *truth.Sequence) string {
	alarms := p.alarms(seq)
	if p.soak {
		for i := range seq.Events {
			if e := &seq.Events[i]; e.Category != "" {
				return fmt.Sprintf("%s at %v", e.Kind, e.Start())
			}
		}
		return ""
	}
	if p.events && len(alarms) == 0 {
		return "nothing happens"
	}
	if !p.events && len(alarms) > 0 {
		return "something happens"
	}
	for _, e := range alarms {
		if e.Start() < 3*time.Second || e.Start().Seconds() > p.scene.DurationS-p.genre.afterS {
			return fmt.Sprintf("it happens at %v", e.Start())
		}
		if d := (e.End() - e.Start()).Seconds(); d < p.genre.unsure[1] && p.genre.unsure[0] < 1 {
			return fmt.Sprintf("it lasts for %.1f s only", d)
		}
		if why := p.visible(seq, e); why != "" {
			return why
		}
	}
	return p.unsure(seq)
}

// alarms are the events of the clip's category.
func (p *plan) alarms(seq *truth.Sequence) []*truth.Event {
	var out []*truth.Event
	for i := range seq.Events {
		if seq.Events[i].Category == p.category && !p.soak {
			out = append(out, &seq.Events[i])
		}
	}
	return out
}

// visible demands that who is meant can be seen from the onset on for three seconds.
func (p *plan) visible(seq *truth.Sequence, e *truth.Event) string {
	first := int(e.StartUS * int64(seq.FPS) / 1e6)
	n, seen, high := 0, 0.0, 0.0
	for i := first; i < min(first+3*seq.FPS, len(seq.Frames)); i++ {
		for j := range seq.Frames[i].Objects {
			o := &seq.Frames[i].Objects[j]
			if !slices.Contains(e.Objects, o.ID) {
				continue
			}
			n++
			seen += float64(o.Visibility)
			high = max(high, float64(o.Box.Height())*heightPX, 0.6*float64(o.Box.Width())*widthPX)
		}
	}
	least := float64(legible)
	switch p.category {
	case truth.Crowd:
		return ""
	case truth.Abandonment:
		least = 11
	case truth.FireDetection:
		least = 8
	case truth.StoppedVehicle, truth.WrongWay:
		least = 18
	}
	if n < 2*seq.FPS && p.category != truth.LineCrossing && p.category != truth.WrongWay || n == 0 {
		return "it is in too few pictures"
	}
	if seen/float64(n) < 0.6 {
		return "it is hidden"
	}
	if high < least {
		return fmt.Sprintf("it is only %.0f rows high", high)
	}
	return ""
}

// unsure finds stays in the zone that are too long for a passer-by and too short for an event.
func (p *plan) unsure(seq *truth.Sequence) string {
	if p.genre.unsure[1] == 0 || len(p.clip.Rules) == 0 {
		return ""
	}
	r := &p.clip.Rules[0]
	stays := map[int]int{}
	last := map[int]int{}
	end := func(id int) string {
		if t := float64(stays[id]) / float64(seq.FPS); t >= p.genre.unsure[0] && t <= p.genre.unsure[1] {
			return fmt.Sprintf("somebody is in the zone for %.1f s", t)
		}
		return ""
	}
	for i := range seq.Frames {
		for j := range seq.Frames[i].Objects {
			o := &seq.Frames[i].Objects[j]
			if o.Class != bongsu.ClassPerson || !bongsu.InZone(r.Zone, o.Box.Foot()) || slices.ContainsFunc(r.Exclude, func(e []bongsu.Point) bool { return bongsu.InZone(e, o.Box.Foot()) }) {
				continue
			}
			if at, ok := last[o.ID]; ok && i-at > 2*seq.FPS {
				if why := end(o.ID); why != "" {
					return why
				}
				stays[o.ID] = 0
			}
			stays[o.ID]++
			last[o.ID] = i
		}
	}
	for i := range seq.Frames {
		for j := range seq.Frames[i].Objects {
			id := seq.Frames[i].Objects[j].ID
			if stays[id] > 0 && last[id] < len(seq.Frames)-1 { // what goes on at the end is an event or not by the truth
				if why := end(id); why != "" {
					return why
				}
				stays[id] = 0
			}
		}
	}
	return ""
}
