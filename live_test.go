package bongsu_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bongsu"
)

const aSession = "01890a5d-ac96-774b-bcce-b302099a8057"

func TestLiveHeader(t *testing.T) {
	h := bongsu.LiveHeader{Kind: bongsu.LiveFragment, Flags: bongsu.LiveKey | bongsu.LiveTainted, Sent: 0xabcd, Age: 258 * time.Millisecond, Seq: 1<<40 + 7}
	b := append(h.Append(nil), "moof"...)
	if got := hex.EncodeToString(b); got != "0203abcd0000010200000100000000076d6f6f66" {
		t.Fatalf("on the wire: %s", got)
	}
	got, payload, err := bongsu.ParseLiveHeader(b)
	if err != nil || got != h || string(payload) != "moof" {
		t.Fatalf("%+v %q %v", got, payload, err)
	}
	for age, want := range map[time.Duration]time.Duration{
		-time.Second: 0, 1999 * time.Microsecond: time.Millisecond, 10_000 * time.Hour: (1<<32 - 1) * time.Millisecond,
	} {
		h, _, err := bongsu.ParseLiveHeader(append(bongsu.LiveHeader{Kind: bongsu.LiveInit, Age: age}.Append(nil), 1))
		if err != nil || h.Age != want {
			t.Errorf("an age of %v came over as %v, %v", age, h.Age, err)
		}
	}
	for want, h := range map[bool][]bongsu.LiveHeader{
		true:  {{Kind: bongsu.LiveFragment, Flags: bongsu.LiveKey}, {Kind: bongsu.LiveJPEG}},
		false: {{Kind: bongsu.LiveFragment}, {Kind: bongsu.LiveInit}, {Kind: bongsu.LiveFragment, Flags: bongsu.LiveTainted}},
	} {
		for _, h := range h {
			if h.Key() != want {
				t.Errorf("%+v: Key is %v", h, h.Key())
			}
		}
	}
}

// badLive are messages that must be refused, and the code.
var badLive = map[string]struct {
	message []byte
	code    bongsu.Code
}{
	"nothing":    {nil, bongsu.CodeInvalid},
	"head alone": {bongsu.LiveHeader{Kind: bongsu.LiveInit}.Append(nil), bongsu.CodeInvalid},
	"no kind":    {append(bongsu.LiveHeader{}.Append(nil), 1), bongsu.CodeInvalid},
	"later kind": {append(bongsu.LiveHeader{Kind: 4}.Append(nil), 1), bongsu.CodeInvalid},
	"later flag": {append(bongsu.LiveHeader{Kind: 1, Flags: 4}.Append(nil), 1), bongsu.CodeInvalid},
	"huge still": {append(bongsu.LiveHeader{Kind: bongsu.LiveJPEG}.Append(nil), make([]byte, bongsu.MaxLiveJPEGBytes+1)...), bongsu.CodeTooLarge},
}

func TestLiveHeaderRefuses(t *testing.T) {
	for name, c := range badLive {
		if _, _, err := bongsu.ParseLiveHeader(c.message); bongsu.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLiveLag sends messages over a way whose delay changes, with clocks that differ and drift.
func TestLiveLag(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var l bongsu.LiveLag
	here, there := time.Now(), time.Duration(rnd.Int64N(1<<40))
	arrival := here
	for i := range 20_000 {
		step := time.Duration(rnd.IntN(80)) * time.Millisecond
		if i%5000 == 4999 {
			step = 100 * time.Second // nothing to send
		}
		here, there = here.Add(step), there+step+step/50_000 // 20 ppm
		delay := 30*time.Millisecond + time.Duration(rnd.IntN(5))*time.Millisecond
		if i%1000 > 800 {
			delay += time.Duration(i%1000-800) * 100 * time.Millisecond // a link that falls behind
		}
		if at := here.Add(delay); at.After(arrival) {
			arrival = at // in order
		}
		late := l.Late(uint16(there.Milliseconds()), arrival)
		if want := arrival.Sub(here) - 30*time.Millisecond; late < want-20*time.Millisecond || late > want+20*time.Millisecond {
			t.Fatalf("message %d was %v late, told is %v", i, want, late)
		}
	}
}

// goodLiveTexts is one text of every type.
var goodLiveTexts = []bongsu.LiveText{
	{Type: bongsu.LiveTypeStart, Camera: "gate", Session: aSession, Mode: bongsu.LiveVideo},
	{Type: bongsu.LiveTypeStop, Session: aSession},
	{Type: bongsu.LiveTypeRefused, Session: aSession, Code: bongsu.LiveNoSuchCamera, Message: "no such camera"},
	{Type: bongsu.LiveTypeFormat, MIME: `video/mp4; codecs="avc1.64001f"`, Codec: "h264", Width: 1920, Height: 1080, FPS: 12.5},
	bongsu.LiveState(bongsu.LiveWaiting, bongsu.LiveStarting, ""),
	bongsu.LiveState(bongsu.LiveStale, bongsu.LiveTooSlow, "느립니다"),
}

func TestLiveTexts(t *testing.T) {
	for _, want := range goodLiveTexts {
		got, err := bongsu.ParseLiveText(want.Encode())
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", want.Encode(), got, err)
		}
	}
	if got := string(goodLiveTexts[4].Encode()); got != `{"type":"state","state":"waiting","code":"starting"}` {
		t.Errorf("on the wire: %s", got)
	}
	long := bongsu.LiveState(bongsu.LiveEnded, "ended", strings.Repeat("끝", 5000)+"\xff")
	if b := long.Encode(); len(b) > bongsu.MaxLiveTextBytes || !utf8.Valid(b) {
		t.Errorf("a long sentence became %d bytes", len(b))
	} else if _, err := bongsu.ParseLiveText(b); err != nil {
		t.Error(err)
	}
	if got, err := bongsu.ParseLiveText([]byte(`{"type":"stop","session":"` + aSession + `","later":1}`)); err != nil || got.Type != bongsu.LiveTypeStop {
		t.Errorf("a text of a later release: %+v, %v", got, err)
	}
}

// badLiveTexts are texts that must be refused, and a part of the sentence.
var badLiveTexts = map[string]string{
	``:                          "no JSON",
	`[]`:                        "no JSON",
	`{}`:                        "type is unknown",
	`{"type":"later"}`:          "type is unknown",
	`{"type":"start"}`:          "no UUID",
	`{"type":"stop"}`:           "no UUID",
	`{"type":"refused"}`:        "missing",
	`{"type":"format"}`:         "missing",
	`{"type":"state"}`:          "state is unknown",
	`{"type":"state","code":1}`: "no JSON",
	`{"type":"start","session":"` + aSession + `","camera":"../x","mode":"video"}`:  "no camera's name",
	`{"type":"start","session":"` + aSession + `","camera":"x","mode":"film"}`:      "neither video nor still",
	`{"type":"format","mime":"a","codec":"b","width_px":-1}`:                        "no picture",
	`{"type":"format","mime":"a","codec":"b","height_px":100000}`:                   "no picture",
	`{"type":"format","mime":"a","codec":"b","fps":1e9}`:                            "no picture",
	`{"type":"state","state":"live","message":"` + strings.Repeat("x", 5000) + `"}`: "the limit",
}

func TestLiveTextRefuses(t *testing.T) {
	for in, want := range badLiveTexts {
		if _, err := bongsu.ParseLiveText([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", in, err, want)
		}
	}
}

// FuzzLiveText: whatever comes, what is accepted can be sent on and means the same.
func FuzzLiveText(f *testing.F) {
	for _, c := range goodLiveTexts {
		f.Add(c.Encode())
	}
	for in := range badLiveTexts {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := bongsu.ParseLiveText(in)
		if err != nil {
			return
		}
		b, err := bongsu.ParseLiveText(a.Encode())
		if len(a.Message) > bongsu.MaxLiveTextBytes/8 || !json.Valid(a.Encode()) {
			return // cut
		}
		if err != nil && len(a.Encode()) <= bongsu.MaxLiveTextBytes || err == nil && a != b {
			t.Fatalf("%+v became %+v, %v", a, b, err)
		}
	})
}

// FuzzLiveHeader: what is accepted is what was sent, to the byte.
func FuzzLiveHeader(f *testing.F) {
	for _, c := range badLive {
		if len(c.message) < 100 {
			f.Add(c.message)
		}
	}
	f.Add(append(bongsu.LiveHeader{Kind: bongsu.LiveFragment, Flags: 3, Age: time.Second, Seq: 9}.Append(nil), "payload"...))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, payload, err := bongsu.ParseLiveHeader(in)
		if err == nil && !bytes.Equal(append(h.Append(nil), payload...), in) {
			t.Fatalf("%x is read as %+v", in, h)
		}
	})
}
