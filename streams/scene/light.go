package scene

import "math"

// Time bands of Light.Time.
const (
	TimeDawn    = "dawn"
	TimeMorning = "morning"
	TimeNoon    = "noon"
	TimeEvening = "evening"
	TimeNight   = "night"
	TimeNightIR = "night-ir"
)

// Times lists the time bands.
var Times = []string{TimeDawn, TimeMorning, TimeNoon, TimeEvening, TimeNight, TimeNightIR}

// band is what a time of day means for light: colours are linear.
type band struct {
	azimuth, elevation float64 // of the sun, degrees; azimuth 0 is straight ahead, 90 to the right
	sun, sky           vec
	zenith, horizon    vec     // colours of the sky in the picture
	target             float64 // mean brightness that the exposure aims at, 0..1 as shown
	noise              float64 // of the sensor, in steps of 255
	lamps              bool
}

var bands = map[string]band{
	TimeDawn:    {-62, 11, vec{0.75, 0.50, 0.34}, vec{0.26, 0.31, 0.42}, vec{0.30, 0.42, 0.62}, vec{0.85, 0.66, 0.52}, 0.37, 3.2, true},
	TimeMorning: {-48, 34, vec{1.30, 1.18, 1.00}, vec{0.34, 0.41, 0.52}, vec{0.25, 0.44, 0.80}, vec{0.72, 0.80, 0.90}, 0.44, 1.6, false},
	TimeNoon:    {24, 62, vec{1.45, 1.38, 1.26}, vec{0.36, 0.42, 0.52}, vec{0.22, 0.42, 0.80}, vec{0.74, 0.82, 0.92}, 0.46, 1.4, false},
	TimeEvening: {66, 9, vec{0.80, 0.44, 0.22}, vec{0.25, 0.27, 0.36}, vec{0.28, 0.34, 0.52}, vec{0.95, 0.58, 0.34}, 0.35, 3.4, true},
	TimeNight:   {0, 50, vec{0, 0, 0}, vec{0.010, 0.012, 0.017}, vec{0.004, 0.005, 0.009}, vec{0.016, 0.014, 0.016}, 0.25, 4.4, true},
	TimeNightIR: {0, 50, vec{0, 0, 0}, vec{0.006, 0.006, 0.006}, vec{0.001, 0.001, 0.001}, vec{0.002, 0.002, 0.002}, 0.30, 4.2, false},
}

// lamp is a street lamp: a light that shines downwards in a wide cone.
type lamp struct {
	at    vec
	color vec
}

// lights is all light of a scene.
type lights struct {
	band
	view     *view
	sunDir   vec // towards the sun
	ir       bool
	wet      float64
	lampList []lamp
	fog      float64 // share of light that a metre of air takes
	fogColor vec
	exposure float64
	solids   []solid // what throws shadows on everything
	tones    [4097]byte
}

func newLights(s *Scene, v *view) *lights {
	b := bands[s.Light.Time]
	if s.Light.Sun != nil {
		b.azimuth, b.elevation = s.Light.Sun.AzimuthDeg, s.Light.Sun.ElevationDeg
	}
	l := &lights{band: b, view: v, ir: s.Light.Time == TimeNightIR, exposure: 1}
	sa, ca := math.Sincos(l.azimuth * math.Pi / 180)
	se, ce := math.Sincos(l.elevation * math.Pi / 180)
	l.sunDir = vec{sa * ce, ca * ce, se}
	w := &s.Weather
	cloud := clamp(math.Max(w.Cloud, math.Max(w.Rain, math.Max(w.Snow, 0.9*w.Fog))), 0, 1)
	hidden := l.sun.mul(0.35 * cloud)
	l.sun = l.sun.mul(math.Pow(1-cloud, 1.5))
	l.sky = l.sky.to(grey(l.sky.luma()), 0.7*cloud).add(grey(hidden.luma()))
	dull := l.horizon.luma()*0.7 + l.zenith.luma()*0.3
	l.zenith, l.horizon = l.zenith.to(grey(dull), cloud), l.horizon.to(grey(dull*1.05), cloud)
	l.wet = math.Max(w.Rain, 0.4*w.Snow)
	l.fog = 0.09*w.Fog*w.Fog + 0.004*w.Rain + 0.012*w.Snow
	l.fogColor = l.horizon.mul(0.92)
	l.noise *= 1 + 0.3*cloud
	l.setTones()
	return l
}

// setTones fills the table from linear light, 0..4 in steps of 1/1024, to shown values 0..255: the
// transfer curve of ITU-R BT.709 with a knee above 0.8, as cameras have it.
func (l *lights) setTones() {
	for i := range l.tones {
		v := float64(i) / 1024
		if v < 0.018 {
			v *= 4.5
		} else {
			v = 1.099*math.Pow(v, 0.45) - 0.099
		}
		if v > 0.8 {
			v = 0.8 + 0.2*(1-math.Exp(-(v-0.8)/0.2))
		}
		l.tones[i] = byte(clamp(v*255+0.5, 0, 255))
	}
}

// tone is the shown value of linear light.
func (l *lights) tone(v float64) byte {
	i := int(v * l.exposure * 1024)
	if i < 0 {
		i = 0
	}
	if i >= len(l.tones) {
		i = len(l.tones) - 1
	}
	return l.tones[i]
}

// yuv is the shown colour of linear light, ITU-R BT.601 in video range, packed as 0xYYUUVV.
func (l *lights) yuv(c vec) uint32 {
	r, g, b := int(l.tone(c.x)), int(l.tone(c.y)), int(l.tone(c.z))
	y := 16 + (66*r+129*g+25*b+128)>>8
	if l.ir {
		return uint32(y)<<16 | 128<<8 | 128
	}
	u := 128 + (-38*r-74*g+112*b+128)>>8
	v := 128 + (112*r-94*g-18*b+128)>>8
	return uint32(y)<<16 | uint32(u)<<8 | uint32(v)
}

// haze mixes what stands at depth with the air before it.
func (l *lights) haze(c vec, depth float64) vec {
	if l.fog == 0 {
		return c
	}
	return l.fogColor.to(c, math.Exp(-l.fog*depth))
}

// shutter is the share of its longest time that the shutter is open: less the brighter it is.
func (l *lights) shutter() float64 {
	return clamp(0.45/(l.sun.luma()+l.sky.luma()+0.05), 0.25, 1)
}

// irAt is the light of the camera's own infra-red lamps at p.
func (l *lights) irAt(p vec) float64 {
	d := p.sub(l.view.eye)
	dist := d.len()
	axis := d.dot(l.view.forward) / math.Max(dist, 0.1)
	lobe := smooth(0.55, 0.98, axis)
	return (0.25 + 0.75*lobe) * 60 / (dist*dist + 45)
}

// lampAt is the light of one lamp at p without its direction, for a surface that faces it.
func (l *lights) lampAt(m *lamp, p vec) float64 {
	d := m.at.sub(p)
	d2 := d.dot(d)
	down := d.z / math.Sqrt(d2+1e-9)
	return smooth(0.15, 0.75, down) * m.at.z * m.at.z / (d2 + 2)
}

// spot is the light on one actor: the same all over its body but for the direction.
type spot struct {
	ambient, key vec
	dir          vec // towards the key light, camera's axes
	world        vec // the same in the world
}

// at gives the light for something that stands at p.
func (l *lights) at(p vec) spot {
	mid := p.add(vec{0, 0, 0.9})
	s := spot{ambient: l.sky, world: l.sunDir}
	if l.sun.luma() > 0 && !l.blocked(mid, l.sunDir, sunAway) {
		s.key = l.sun
	}
	best := s.key.luma()
	for i := range l.lampList {
		m := &l.lampList[i]
		d := m.at.sub(mid)
		k := l.lampAt(m, mid)
		if k < 1e-3 || l.blocked(mid, d.unit(), d.len()) {
			continue
		}
		c := m.color.mul(k)
		s.ambient = s.ambient.add(c.mul(0.18))
		if c.luma() > best {
			best, s.key, s.world = c.luma(), c, d.unit()
		}
	}
	if l.ir {
		s.key, s.world = grey(l.irAt(mid)), l.view.eye.sub(mid).unit()
		s.ambient = s.ambient.add(s.key.mul(0.12))
	}
	s.dir = l.view.onCamera(s.world)
	return s
}

// surface gives the light that leaves a static surface of the given reflectance and direction.
func (l *lights) surface(albedo, p, n vec, jitter vec) (out vec, sunny bool) {
	light := l.sky.mul(0.62 + 0.38*n.z)
	from := p.add(n.mul(0.02))
	if k := n.dot(l.sunDir); k > 0 && l.sun.luma() > 0 && !l.blocked(from, l.sunDir.add(jitter), sunAway) {
		sunny = true
		light = light.add(l.sun.mul(k))
	}
	for i := range l.lampList {
		m := &l.lampList[i]
		d := m.at.sub(p)
		if k := l.lampAt(m, p) * math.Max(0, n.dot(d.unit())); k > 1e-3 && !l.blocked(from, d.unit(), d.len()-0.4) {
			light = light.add(m.color.mul(k))
		}
	}
	if l.ir {
		k := n.dot(l.view.eye.sub(p).unit())
		light = light.add(grey(l.irAt(p) * (0.25 + 0.75*math.Max(0, k))))
	}
	return albedo.times(light), sunny
}

// sunAway is a distance beyond everything that stands: that of the sun.
const sunAway = 1e3

// blocked reports whether a solid stands between p and what lies far away in direction d.
func (l *lights) blocked(p, d vec, far float64) bool {
	for i := range l.solids {
		if s := &l.solids[i]; s.opaque && !(s.slim && far < sunAway) {
			if t, _ := s.hit(p, d); t > 0 && t < far {
				return true
			}
		}
	}
	return false
}
