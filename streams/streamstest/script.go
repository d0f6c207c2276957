package streamstest

import (
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"bongsu/streams"
)

// Script is what one fake camera does, and what a reader of it is expected to make of that.
// It is data: files in quirks/ hold one each, docs/design/cameras.md says what they stand for.
type Script struct {
	ID    string   `yaml:"id"`    // such as Q24
	Title string   `yaml:"title"` // the quirk in one line
	Seen  []string `yaml:"seen"`  // where it was reported
	// Lacks says what the RTSP library cannot do about it, and what happens instead.
	Lacks string `yaml:"lacks"`

	Video  Video  `yaml:"video"`
	Ingest Ingest `yaml:"ingest"`
	Login  *Login `yaml:"login"`

	SDP      string              `yaml:"sdp"`     // "" = an ordinary one
	Answers  map[string][]Answer `yaml:"answers"` // by method, or "keepalive": the n-th answer, the last one again and again
	Sessions Sessions            `yaml:"sessions"`
	Media    Media               `yaml:"media"`

	Expect Expect `yaml:"expect"`
}

// Video is what the camera sees.
type Video struct {
	Source  string  `yaml:"source"` // "" = synthetic, or ffmpeg: pictures that can be decoded
	Codec   string  `yaml:"codec"`  // "" = h264
	Units   int     `yaml:"units"`  // 0 = 50
	FPS     float64 `yaml:"fps"`    // 0 = 25
	GOP     int     `yaml:"gop"`    // 0 = 10
	BFrames int     `yaml:"bframes"`
	Slices  int     `yaml:"slices"`
	Bytes   int     `yaml:"bytes"`
	Width   int     `yaml:"width"` // with ffmpeg; 0 = 320
	Height  int     `yaml:"height"`
	Encoder string  `yaml:"encoder"` // more parameters of x264 or x265
	Then    []Video `yaml:"then"`    // goes on with these
}

// Ingest is how the reader is set up.
type Ingest struct {
	Transport    string        `yaml:"transport"` // "" = tcp
	Username     string        `yaml:"username"`
	Password     string        `yaml:"password"`
	AllowBasic   bool          `yaml:"allow_basic"`
	AnyPort      bool          `yaml:"any_port"`
	AllTracks    bool          `yaml:"all_tracks"`
	WorkedBefore bool          `yaml:"worked_before"`
	UDPBuffer    int           `yaml:"udp_buffer"`
	StallAfter   time.Duration `yaml:"stall_after"`
}

// Login is how the camera checks who asks.
type Login struct {
	User       string   `yaml:"user"`
	Password   string   `yaml:"password"`
	Algorithm  string   `yaml:"algorithm"`  // "" = MD5
	Challenges []string `yaml:"challenges"` // values of WWW-Authenticate; {{nonce}}; none = one digest
	NonceUses  int      `yaml:"nonce_uses"` // after so many requests a nonce is stale; 0 = never
	Stale      bool     `yaml:"stale"`      // a stale nonce is said to be one
}

// Answer is one answer of the camera's, where it is not the ordinary one.
type Answer struct {
	Status string   `yaml:"status"` // "" = 200 OK
	Set    []string `yaml:"set"`    // header lines, in place of those of the same name
	Omit   []string `yaml:"omit"`   // header names
	Raw    string   `yaml:"raw"`    // the whole answer instead
	Before string   `yaml:"before"` // bytes ahead of it
	After  string   `yaml:"after"`  // and behind
	Never  bool     `yaml:"never"`  // no answer comes
	Close  bool     `yaml:"close"`  // the connection is closed behind it
	Frames int      `yaml:"frames"` // media packets that are sent ahead of it
}

// Sessions is what the camera can serve.
type Sessions struct {
	Limit   int           `yaml:"limit"`   // 0 = no limit
	Refusal string        `yaml:"refusal"` // status above it; "" = 453 Not Enough Bandwidth
	Linger  bool          `yaml:"linger"`  // a session ends with TEARDOWN alone, not with its connection
	Timeout time.Duration `yaml:"timeout"` // ends a session without keepalive; 0 = never
	Needs   string        `yaml:"needs"`   // method that counts as keepalive; "" = any
}

// Media is how the pictures are sent.
type Media struct {
	Speed    float64  `yaml:"speed"` // 1 = real time; 0 = as fast as it goes
	End      string   `yaml:"end"`   // "" = the connection is closed; hold: silence; teardown; reset
	Start    uint32   `yaml:"start"` // first RTP timestamp
	MTU      int      `yaml:"mtu"`   // larger NAL units are sent in fragments; 0 = 1200, -1 = never
	NoBand   bool     `yaml:"no_band"`
	NoSprop  bool     `yaml:"no_sprop"`
	SSRC     *uint32  `yaml:"ssrc"`
	Changes  []Change `yaml:"changes"`
	Reports  Reports  `yaml:"reports"`
	Path     Network  `yaml:"path"`
	Foreign  int      `yaml:"foreign"`  // every so many datagrams one from another port, with other bytes
	FromPort bool     `yaml:"any_port"` // datagrams come from another port than was announced
	Quiet    bool     `yaml:"quiet"`    // nothing is sent until every track is set up
}

// Reports are the sender reports.
type Reports struct {
	Every int    `yaml:"every"` // units; 0 = none
	Clock string `yaml:"clock"` // "" = right; years, zero, step, hour, fraction
	From  int    `yaml:"from"`  // report from which the clock is wrong
}

// Change is one way in which the packets differ from what they should be. Which fields count
// depends on Do; packets and units are counted from 0.
type Change struct {
	Do    string  `yaml:"do"`
	At    []int   `yaml:"at"`    // packets or units
	From  int     `yaml:"from"`  // first unit
	To    int     `yaml:"to"`    // unit behind the last; 0 = to the end
	Every int     `yaml:"every"` // units or packets
	Value int64   `yaml:"value"`
	Rate  float64 `yaml:"rate"`
	Text  string  `yaml:"text"`
	Hex   string  `yaml:"hex"`
}

// Expect is what a reader must make of it.
type Expect struct {
	Error     string        `yaml:"error"`     // code with which opening fails
	Units     int           `yaml:"units"`     // delivered
	Lost      []int         `yaml:"lost"`      // of them, by their place in the video, marked
	End       string        `yaml:"end"`       // code; "" = ended
	Quirks    []string      `yaml:"quirks"`    // counted, and no others
	Also      []string      `yaml:"also"`      // may be counted as well
	MaxStep   time.Duration `yaml:"max_step"`  // of media time between units; 0 = 1 s
	Span      time.Duration `yaml:"span"`      // of media time, within 10 % and 100 ms; 0 = that of the video
	Size      string        `yaml:"size"`      // of the last unit's parameter sets, such as 320x240
	Claim     string        `yaml:"claim"`     // yes or no: the last unit carries the camera's clock
	Methods   []string      `yaml:"methods"`   // that the camera was asked
	Reordered bool          `yaml:"reordered"` // pictures are shown in another order than sent
}

//go:embed quirks/*.yaml
var quirkFiles embed.FS

// Quirks gives the scripts of the corpus, in the order of their names.
func Quirks() ([]*Script, error) {
	names, err := fs.Glob(quirkFiles, "quirks/*.yaml")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, func(a, b string) int { return numberOf(a) - numberOf(b) })
	var out []*Script
	for _, name := range names {
		data, err := quirkFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s, err := ParseScript(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		out = append(out, s)
	}
	return out, nil
}

// numberOf reads the number in quirks/Q12-name.yaml.
func numberOf(name string) int {
	digits, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(name), "Q"), "-")
	n, _ := strconv.Atoi(digits)
	return n
}

// ParseScript reads one script, strictly: what it does not know is an error that says where.
func ParseScript(data []byte) (*Script, error) {
	s := &Script{}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(s); err != nil {
		return nil, err
	}
	return s, s.check()
}

// Bounds of what a script may ask for.
const (
	maxScriptUnits = 5000
	maxScriptBytes = 1 << 20
)

// changes are the words of Change.Do.
var changes = map[string]bool{
	"marker": true, "ssrc": true, "payload-type": true, "stamp": true, "drop": true, "double": true, "swap": true,
	"annexb": true, "sps-append": true, "fu-type": true, "fu-empty": true, "fu-single": true, "sei": true, "insert": true, "frame": true,
	"channel": true, "aud-first": true, "drop-units": true, "set-bytes": true,
}

func (s *Script) check() error {
	if s.ID == "" || s.Title == "" {
		return fmt.Errorf("script: id and title must be there")
	}
	for _, v := range append([]Video{s.Video}, s.Video.Then...) {
		if v.Units < 0 || v.Units > maxScriptUnits || v.FPS < 0 || v.FPS > 1000 || v.GOP < 0 || v.Bytes < 0 || v.Bytes > maxScriptBytes ||
			v.BFrames < 0 || v.BFrames > 2 || v.Slices < 0 || v.Slices > 64 || v.Width < 0 || v.Width > 4096 || v.Height < 0 || v.Height > 4096 {
			return fmt.Errorf("script %s: video: a number is out of its bounds", s.ID)
		}
		if v.Codec != "" && v.Codec != "h264" && v.Codec != "h265" {
			return fmt.Errorf("script %s: video: codec %q is neither h264 nor h265", s.ID, v.Codec)
		}
	}
	for _, c := range s.Media.Changes {
		if !changes[c.Do] {
			return fmt.Errorf("script %s: media: changes: %q is no change that is known", s.ID, c.Do)
		}
		if _, err := hex.DecodeString(c.Hex); err != nil {
			return fmt.Errorf("script %s: media: changes: hex: %w", s.ID, err)
		}
	}
	if s.Media.Speed < 0 || s.Media.Path.Loss < 0 || s.Media.Path.Loss > 1 || s.Media.Path.Reorder < 0 || s.Media.Path.Reorder > 10000 {
		return fmt.Errorf("script %s: media: a number is out of its bounds", s.ID)
	}
	return nil
}

func (v *Video) codec() streams.Codec {
	if v.Codec == "h265" {
		return streams.H265
	}
	return streams.H264
}
