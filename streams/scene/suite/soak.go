package suite

import (
	"fmt"
	"math"
	"slices"
	"time"

	"bongsu"
	"bongsu/streams/scene"
)

// A soak is ordinary life before a few cameras that keep their place: people pass, wait, sit, tie shoes,
// put bags down and take them again, vehicles drive and stop for a moment, dogs run about. Nothing of it
// is an event, all rules of a camera are on, and what may tempt one is written down with its time.
const (
	soakCameras = 10
	soakSeconds = 600
	// everyS is how often something happens that may be mistaken for an event, seconds.
	everyS = 55.0
)

// lure is a kind of incident of a soak.
type lure struct {
	kind  string
	where string // "zone": a camera with a zone; "road": one with a road; "": any
	tell  func(s *site, at float64)
	lasts float64 // seconds, as it is written down
}

var lures = []lure{
	{"waits at the zone's edge", "zone", (*site).onlooker, 25},
	{"passes close before the zone", "zone", (*site).passer, 20},
	{"stops in the zone for a moment", "stay", func(s *site, at float64) { s.visit(at, s.between(4.5, 6)) }, 18},
	{"one after the other at the same place", "stay", func(s *site, at float64) { s.visit(at, 5); s.visit(at+10, 5) }, 30},
	{"animal in the zone", "", (*site).animal, 20},
	{"ties a shoe", "off", func(s *site, at float64) { s.pause(at, scene.ActCrouch, s.between(3, 6)) }, 25},
	{"sits down for a while", "off", func(s *site, at float64) { s.pause(at, scene.ActSit, s.between(15, 40)) }, 60},
	{"puts a bag down and takes it", "off", (*site).bagAside, 35},
	{"walks with a bag", "", func(s *site, at float64) { s.aside(at, true) }, 20},
	{"clothes in the colours of fire", "", func(s *site, at float64) {
		s.aside(at, false)
		s.s.Actors[len(s.s.Actors)-1].Look = &scene.Look{Top: pick(s.dice, "orange", "red", "yellow"), Legs: pick(s.dice, "red", "yellow", "black")}
	}, 20},
	{"cleans the ground", "off", (*site).cleanAside, 50},
	{"runs", "", func(s *site, at float64) {
		s.aside(at, false)
		d := s.s.Actors[len(s.s.Actors)-1].Do
		d[0].Act, d[0].SpeedMS = scene.ActRun, s.between(2.4, 3.2)
	}, 12},
	{"two meet and talk", "off", func(s *site, at float64) {
		s.pause(at, scene.ActStand, s.between(10, 20))
		s.pause(at+1, scene.ActStand, s.between(10, 20))
	}, 45},
	{"stops for a moment on the road", "road", func(s *site, at float64) { s.halt(at, s.comes, s.between(3, 5.5)) }, 25},
	{"drives slowly", "road", func(s *site, at float64) { s.drive(scene.KindVan, at, s.comes, s.road.y, s.between(2, 2.6)) }, 40},
	{"cycles on the pavement", "road", func(s *site, at float64) {
		s.drive(scene.KindBicycle, at, -s.comes, s.road.half+1.3, s.between(3, 4))
	}, 25},
}

// ledge is a y beside the zone where one may do what one likes, and who is there is seen well.
func (s *site) ledge() float64 {
	if s.walled {
		return s.front(s.between(1.3, 1.8))
	}
	return s.zd + s.between(1.6, 2.6)
}

// aside walks past behind the zone, with a bag or without.
func (s *site) aside(at float64, bag bool) {
	side, y := s.side(), s.ledge()
	a := *s.somebody(s.edge(side, y), at, walk(s.pace(), s.edge(-side, y)))
	if bag {
		s.bag(&a)
		n := len(s.s.Actors)
		s.s.Actors[n-1], s.s.Actors[n-2] = s.s.Actors[n-2], s.s.Actors[n-1] // the person is the last
	}
}

// pause comes to a place behind the zone, does something there and goes on.
func (s *site) pause(at float64, word string, seconds float64) {
	side, y := s.side(), s.ledge()
	s.somebody(s.edge(side, y), at, walk(s.pace(), s.at(s.between(-0.7, 0.7)*s.zw, y)), act(word, seconds), act(scene.ActStand, 1), walk(s.pace(), s.edge(-side, y)))
}

func (s *site) bagAside(at float64) {
	side, y := s.side(), s.ledge()
	a := s.somebody(s.edge(side, y), at, walk(s.pace(), s.at(s.between(-0.7, 0.7)*s.zw, y)), act(scene.ActLeave, 0), act(scene.ActStand, s.between(5, 12)), act(scene.ActTake, 0), walk(s.pace(), s.edge(-side, y)))
	i := len(s.s.Actors) - 1
	id := s.bag(a)
	s.s.Actors[i].Do[1].With, s.s.Actors[i].Do[3].With = id, id
	s.s.Actors[i+1].UntilS = at + 150
}

func (s *site) cleanAside(at float64) {
	y := s.ledge()
	do := []scene.Step{}
	for i := range 4 {
		do = append(do, walk(0.9, s.at((-0.7+0.45*float64(i))*s.zw, y)), act(scene.ActCrouch, s.between(2, 3)), act(scene.ActStand, 2))
	}
	s.somebody(s.edge(-1, y), at, append(do, walk(1.1, s.edge(1, y)))...)
}

// soakPlaces are those of the cameras, in turn.
var soakPlaces = []string{placeYard, placePlaza, placeRoad, placeStreet, placePark, placeHall, placeRoad, placePorch, placeCarPark, placeAlley}

func soakName(n int) string { return fmt.Sprintf("S%02d_%03d_0001", n%soakCameras, n/soakCameras+1) }

// draftSoak makes attempt k at clip n: ten minutes of camera n modulo the number of cameras. A camera's
// place and mounting are the same in all of its clips.
func draftSoak(seed uint64, n, k int) *plan {
	cam := n % soakCameras
	place := soakPlaces[cam]
	f := Factors{Look: []string{scene.LookHeldOut, scene.LookPlain, scene.LookTrain}[cam%3], Place: place, Story: "ordinary life"}
	f.Time = deal(seed, n/soakCameras, scene.Times, PurposeSoak, "time", fmt.Sprint(cam))
	f.Weather = deal(seed, n/soakCameras, []string{clearSky, cloudy, clearSky, rainy, cloudy, snowy, clearSky, foggy}, PurposeSoak, "weather", fmt.Sprint(cam))
	f.Distance = []string{nearBand, middleBand, farBand}[cam%3]
	if place == placeHall {
		f.Weather = cloudy
	}
	s := &site{dice: newDice(seed, PurposeSoak, fmt.Sprint("camera ", cam)), s: &scene.Scene{Schema: 1, Title: "일상", Look: f.Look}, seconds: soakSeconds}
	s.s.Name, s.s.Seed, s.s.DurationS, s.s.Light.Time = fmt.Sprintf("soak-%d", cam), s.Uint64()>>1|1, soakSeconds, f.Time
	s.aim(s.between(bands[f.Distance][0], bands[f.Distance][1]), s.between(38, 54))
	s.s.Camera.Noise = s.between(0.3, 0.6) // a film of an hour is not to be one of noise
	s.lay(place)
	s.dice = newDice(seed, PurposeSoak, fmt.Sprint("rules ", cam))
	s.soakRules(cam)
	static := len(s.s.Actors) // parked vehicles

	s.dice = newDice(seed, PurposeSoak, fmt.Sprint("clip ", n), fmt.Sprint("attempt ", k))
	s.n = 1000 * (n + 1) // other people in each clip
	s.weather(f.Weather)
	if place == placeHall {
		s.s.Weather = scene.Weather{Cloud: 1}
	}
	incidents := s.live(n)
	s.leave(static)
	s.dice = newDice(seed, PurposeSoak, fmt.Sprint("backdrop ", cam))
	s.backdrop()
	f.Distractor = s.names
	p := &plan{scene: s.s, soak: true, genre: &genre{}}
	p.clip = Clip{Name: soakName(n), Look: f.Look, Seed: s.s.Seed, DurationS: soakSeconds, FPS: fps, Location: seoul, Factors: f, Rules: s.rules, Incidents: incidents}
	p.clip.File = fmt.Sprintf("camera-%02d/%s.mp4", cam, p.clip.Name)
	p.clip.Start = time.Date(2026, 4, 1+n/soakCameras/3, hour[f.Time]-kst, 10*(n/soakCameras%3), 0, 0, time.UTC)
	p.hash()
	return p
}

// soakRules are all rules that a camera may have, with a zone where nobody of the soak does what its rule
// forbids.
func (s *site) soakRules(cam int) {
	if s.road != nil && s.road.half > 0 {
		s.noStoppingOnly()
		z, r := s.guard(scene.ZoneWrongWay, bongsu.KindWrongWay, s.carriageway(0.5*s.wide, 0.5), vehicleClasses...)
		arrow := s.mustPolygon(s.at(s.comes*0.25*s.wide, 0), s.at(-s.comes*0.25*s.wide, 0))
		z.Points = [2][2]float32{arrow[0], arrow[1]}
		r.Line = points(arrow)
	} else {
		s.zw, s.zd = max(s.zw, 3.2), max(s.zd, 2.8)
		zone := s.mustPolygon(s.corners()...)
		if cam%2 == 0 {
			s.guard(scene.ZoneIntrusion, bongsu.KindIntrusion, zone, bongsu.ClassPerson)
		} else {
			_, r := s.guard(scene.ZoneLoitering, bongsu.KindLoitering, zone, bongsu.ClassPerson)
			r.Dwell = 10 * time.Second
		}
	}
	s.everywhere(bongsu.KindFall, bongsu.ClassPerson)
	s.everywhere(bongsu.KindFire, bongsu.ClassFire, bongsu.ClassSmoke)
	s.everywhere(bongsu.KindAbandonment, bongsu.ClassBag)
}

// noStoppingOnly is the rule of a road without its traffic.
func (s *site) noStoppingOnly() {
	s.comes, s.flow = s.side(), s.between(5, 8)
	_, r := s.guard(scene.ZoneNoStopping, bongsu.KindStoppedVehicle, s.carriageway(0.45*s.wide, 0.7), vehicleClasses...)
	r.Dwell = 10 * time.Second
}

// live fills ten minutes: passers-by at times of chance, and the incidents, whose kinds take turns.
func (s *site) live(n int) []Incident {
	gap := 35.0
	if s.s.Light.Time == scene.TimeNight || s.s.Light.Time == scene.TimeNightIR || s.s.Light.Time == scene.TimeDawn {
		gap = 80
	}
	stays := slices.ContainsFunc(s.rules, func(r bongsu.Rule) bool { return r.Kind == bongsu.KindLoitering })
	roads := s.road != nil && s.road.half > 0
	for at := s.between(0, gap); at < soakSeconds-20; at += gap * (0.3 - math.Log(1-0.95*s.Float64())) {
		if roads {
			s.right(at)
			if s.maybe(0.5) {
				s.pedestrian(at + s.between(0, 10))
			}
			continue
		}
		s.passer(at)
		s.traffic(at + s.between(0, 20))
		if stays && s.maybe(0.4) {
			s.through(at + s.between(0, 10))
		}
	}
	var out []Incident
	turn := n / soakCameras * 10 // about as many as a clip has
	usable := slices.DeleteFunc(slices.Clone(lures), func(l lure) bool {
		return l.where == "zone" && roads || l.where == "stay" && !stays || l.where == "road" && !roads
	})
	for at := s.between(5, 20); at < soakSeconds-60; at += everyS * s.between(0.85, 1.1) {
		l := &usable[turn%len(usable)]
		turn++
		l.tell(s, at)
		out = append(out, Incident{Kind: l.kind, FromS: math.Round(at*10) / 10, ToS: math.Round((at+l.lasts)*10) / 10})
	}
	return out
}

// leave lets those who came be gone when their last step is done: nobody waits outside the picture.
func (s *site) leave(static int) {
	for i := static; i < len(s.s.Actors); i++ {
		if a := &s.s.Actors[i]; a.UntilS == 0 && a.FromS > 0 && a.Kind != scene.KindLitter {
			a.UntilS = a.FromS + 200
		}
	}
}

// Incidents counts the incidents of a soak by their kind.
func (s *Suite) Incidents() map[string]int {
	out := map[string]int{}
	for i := range s.Clips {
		for _, x := range s.Clips[i].Incidents {
			out[x.Kind]++
		}
	}
	return out
}

// Hours is how long the suite's clips are together.
func (s *Suite) Hours() float64 {
	sum := 0.0
	for i := range s.Clips {
		sum += s.Clips[i].DurationS
	}
	return sum / 3600
}
