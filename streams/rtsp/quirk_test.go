package rtsp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

// frame wraps a packet for one interleaved channel (RFC 2326, section 10.12).
func frame(channel byte, payload []byte) string {
	return string([]byte{'$', channel, byte(len(payload) >> 8), byte(len(payload))}) + string(payload)
}

// rtpFrames packs units, one packet a NAL unit, for channel 0. change may alter each packet.
func rtpFrames(t testing.TB, units []*streams.AccessUnit, change func(n int, p *rtp.Packet)) []string {
	t.Helper()
	var out []string
	seq := uint16(100)
	for _, au := range units {
		for i, nal := range au.NALs {
			p := &rtp.Packet{
				Header: rtp.Header{
					Version: 2, PayloadType: 96, SequenceNumber: seq, SSRC: 7,
					Timestamp: uint32(int64(au.PTS) * 9 / 100000), Marker: i == len(au.NALs)-1,
				},
				Payload: nal,
			}
			if change != nil {
				change(len(out), p)
			}
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, frame(0, b))
			seq++
		}
	}
	return out
}

// plain is a camera without quirks that sends data behind its answer to PLAY, then hangs up.
func plain(data string) map[string]func(cseq string) string {
	return map[string]func(cseq string) string{
		"OPTIONS": func(cseq string) string { return answer("200 OK", cseq, "Public: DESCRIBE, SETUP, PLAY") },
		"DESCRIBE": func(cseq string) string {
			return answer("200 OK", cseq, "\nv=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n")
		},
		"SETUP": func(cseq string) string {
			return answer("200 OK", cseq, "Session: 1234", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
		},
		"PLAY": func(cseq string) string { return answer("200 OK", cseq, "Session: 1234") + data + hangUp },
	}
}

// TestQuirks plays the ways in which cameras bend the protocol, each with the same ten
// pictures, against the real client.
func TestQuirks(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 10, GOP: 20})
	frames := rtpFrames(t, units, nil)
	data := strings.Join(frames, "")
	sr, err := (&rtcp.SenderReport{SSRC: 7, NTPTime: 1, RTPTime: 2}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	with := func(method string, f func(cseq string) string) map[string]func(string) string {
		m := plain(data)
		m[method] = f
		return m
	}
	odd := rtpFrames(t, units[:1], func(_ int, p *rtp.Packet) { p.PayloadType = 35 })
	for name, c := range map[string]struct {
		camera map[string]func(cseq string) string
		units  int
		says   string // in the error that ends the run
	}{
		"none":                  {plain(data), 10, "closed the session"},
		"no Public header":      {with("OPTIONS", func(cseq string) string { return answer("200 OK", cseq) }), 10, ""},
		"OPTIONS unknown (404)": {with("OPTIONS", func(cseq string) string { return answer("404 Not Found", cseq) }), 10, ""},
		"OPTIONS unknown (501)": {with("OPTIONS", func(cseq string) string { return answer("501 Not Implemented", cseq) }), 10, ""},
		"no Content-Type (Q41)": {with("DESCRIBE", func(cseq string) string {
			return strings.Replace(plain("")["DESCRIBE"](cseq), "Content-Type: application/sdp\r\n", "", 1)
		}), 10, ""},
		"CSeq with spaces (Q41)": {with("SETUP", func(cseq string) string {
			return strings.Replace(plain("")["SETUP"](cseq), "CSeq: ", "CSeq:   ", 1)
		}), 10, ""},
		"ssrc with a space (Q25)": {with("SETUP", func(cseq string) string {
			return answer("200 OK", cseq, "Session: 1234", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc= d6d6627")
		}), 10, ""},
		"odd RTP-Info (Q26)": {with("PLAY", func(cseq string) string {
			return answer("200 OK", cseq, "Session: 1234", "RTP-Info: url=trackID=1;seq=0;rtptime=-1;") + data + hangUp
		}), 10, ""},
		"RTP before the answer to PLAY (Q27)": {with("PLAY", func(cseq string) string {
			return frames[0] + frames[1] + answer("200 OK", cseq, "Session: 1234") + strings.Join(frames[2:], "") + hangUp
		}), 10, ""},
		"data on channels nobody asked for (Q27)": {plain(frame(4, []byte{1, 2, 3}) + data + frame(9, nil)), 10, ""},
		"junk between frames (Q28)":               {plain(frames[0] + "\r\n\r\n" + frames[1] + "junk" + strings.Join(frames[2:], "")), 10, ""},
		"a request of the camera's (Q33)":         {plain(frames[0] + "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" + strings.Join(frames[1:], "")), 10, ""},
		"another payload type mixed in (Q48)":     {plain(odd[0] + data), 10, ""},
		"broken RTCP (Q49)":                       {plain(frame(1, []byte{0x80, 200, 0, 9}) + frame(1, sr) + frame(1, nil) + data), 10, ""},
		"broken RTP":                              {plain(frame(0, []byte{0x80}) + frame(0, nil) + data), 10, ""},
		"SSRC 0 (Q24)":                            {plain(strings.Join(rtpFrames(t, units, func(_ int, p *rtp.Packet) { p.SSRC = 0 }), "")), 10, ""},
		"a new SSRC within the session (Q24)": {plain(strings.Join(rtpFrames(t, units, func(n int, p *rtp.Packet) {
			if n >= 8 {
				p.SSRC = 99
			}
		}), "")), 10, ""},
		"Content-Base elsewhere (Q40)": {with("DESCRIBE", func(cseq string) string {
			return strings.Replace(plain("")["DESCRIBE"](cseq), "Content-Type", "Content-Base: rtsp://10.255.255.1/other/\r\nContent-Type", 1)
		}), 10, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := startScript(t, func(method, cseq string) string {
				if f := c.camera[method]; f != nil {
					return f(cseq)
				}
				return answer("200 OK", cseq)
			})
			src := open(t, Options{URL: s.url(), StallAfter: 5 * time.Second})
			got, end := drain(t, src)
			if c.units >= 0 && len(got) != c.units {
				t.Fatalf("%d units, then %v; %+v", len(got), end, src.Stats())
			}
			if end.Code != streams.ReasonEnded || !strings.Contains(end.Error(), c.says) {
				t.Fatalf("%v", end)
			}
			for i, au := range got {
				if au.Lost || streamstest.Index(au) != i {
					t.Fatalf("unit %d: index %d, lost %v", i, streamstest.Index(au), au.Lost)
				}
			}
		})
	}
}

// TestStampsOverRTSP: the camera's stamps jump, stand still and go back, and the run's own
// time does not.
func TestStampsOverRTSP(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 40})
	for name, c := range map[string]struct {
		stamp     func(n int, stamp uint32) uint32
		timelines uint64
	}{
		"an hour ahead for good": {func(n int, s uint32) uint32 {
			if n >= 20 {
				return s + 3600*ticksPerSecond
			}
			return s
		}, 1},
		"one stamp hours away": {func(n int, s uint32) uint32 {
			if n == 20 {
				return s - 7200*ticksPerSecond
			}
			return s
		}, 0},
		"each stamp twice": {func(n int, s uint32) uint32 {
			if n%2 == 1 {
				return s - step
			}
			return s
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			src := open(t, Options{URL: serve(t, &streamstest.Path{Units: units, Stamp: c.stamp}).URL("cam")})
			got, _ := drain(t, src)
			if len(got) != 40 || src.Stats().Timelines != c.timelines {
				t.Fatalf("%d units, %+v", len(got), src.Stats())
			}
			for i := 1; i < len(got); i++ {
				if d := got[i].PTS - got[i-1].PTS; d <= 0 || d > time.Second {
					t.Fatalf("unit %d comes %v after the one before", i, d)
				}
				if got[i].Wall.Before(got[i-1].Wall) || got[i].Lost {
					t.Fatalf("unit %d: wall time back by %v, lost %v", i, got[i-1].Wall.Sub(got[i].Wall), got[i].Lost)
				}
			}
			span := got[39].PTS - got[0].PTS
			if span < 1400*time.Millisecond || span > 3*time.Second {
				t.Fatalf("1.56 s of pictures became %v", span)
			}
		})
	}
}

// TestLyingReports: whatever the camera claims, the wall time is this box's (R36).
func TestLyingReports(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 30})
	for name, lie := range map[string]func(n int, ntp time.Time) time.Time{
		"years off":   func(_ int, ntp time.Time) time.Time { return ntp.AddDate(-30, 0, 0) },
		"stepping":    func(n int, ntp time.Time) time.Time { return ntp.Add(time.Duration(n*n) * time.Hour) },
		"no clock":    func(int, time.Time) time.Time { return time.Unix(-2208988800, 0) },
		"standing":    func(int, time.Time) time.Time { return time.Unix(1e9, 0) },
		"year 2040":   func(_ int, ntp time.Time) time.Time { return ntp.AddDate(15, 0, 0) },
		"half second": func(n int, ntp time.Time) time.Time { return ntp.Add(time.Duration(n%2) * 500 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := open(t, Options{URL: serve(t, &streamstest.Path{Units: units, Reports: 200 * time.Millisecond, Report: lie}).URL("cam")})
			got, _ := drain(t, src)
			for i, au := range got {
				if d := au.Arrived.Sub(au.Wall); d < 0 || d > 3*time.Second { // a loaded machine sends late
					t.Fatalf("unit %d: wall time %v before its arrival", i, d)
				}
			}
			if src.Stats().Reports < 3 {
				t.Fatalf("%d reports", src.Stats().Reports)
			}
			believed := slices.Contains([]string{"years off", "year 2040"}, name)
			if claims := !got[len(got)-1].CameraClock.IsZero(); claims != believed {
				t.Fatalf("the last unit carries a claim: %v (%v)", claims, got[len(got)-1].CameraClock)
			}
		})
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 7})
	src := open(t, Options{Camera: "dock-2", Run: "run-1", URL: serve(t, &streamstest.Path{Units: units, Flat: true}).URL("cam")})
	_, end := drain(t, src)
	if want := fmt.Sprintf("(run run-1, unit 7, pts %s)", 240*time.Millisecond); !strings.HasPrefix(end.Error(), "camera dock-2: read: ") || !strings.HasSuffix(end.Error(), want) {
		t.Fatalf("%v", end)
	}
	if got := src.Tracks(); len(got) != 1 || !got[0].Used {
		t.Fatalf("%+v", got)
	}
}
