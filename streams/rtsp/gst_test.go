package rtsp

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"bongsu/streams"
	"bongsu/streams/mp4"
	"bongsu/streams/streamstest"
)

// film writes an MP4 file.
func film(t *testing.T, units []*streams.AccessUnit) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.mp4")
	w, err := mp4.Create(path, mp4.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, au := range units {
		c := *au
		c.Run, c.Wall = "r", t0.Add(c.PTS)
		if err := w.Add(&c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestGst reads from an RTSP server that is not ours: every picture of the file, its bytes
// and its time, with B pictures and with a digest login.
func TestGst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		codec   streams.Codec
		bframes int
		login   bool
		way     Transport
		secure  bool
	}{
		"h264":                   {codec: streams.H264},
		"h264 with B pictures":   {codec: streams.H264, bframes: 2},
		"h265":                   {codec: streams.H265},
		"h264 over UDP, a login": {codec: streams.H264, way: UDP, login: true},
		"h265 over UDP":          {codec: streams.H265, way: UDP},
		"h265, TLS and a login":  {codec: streams.H265, secure: true, login: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := streamstest.Encode(t, streamstest.EncodeOptions{Codec: c.codec, Units: 20, GOP: 10, BFrames: c.bframes})
			g := streamstest.GstOptions{File: film(t, want), Codec: c.codec}
			o := Options{}
			if c.login {
				g.User, g.Password = "user", secret
				o.Username, o.Password = "user", secret
			}
			o.Transport = c.way
			if c.secure {
				id := selfSigned(t, "127.0.0.1", time.Now().Add(time.Hour))
				g.PEM, o.TLS = id.pemFile, TLS{PinSHA256: id.pin}
			}
			o.URL = streamstest.StartGst(t, g)
			// The server ends no session at the end of its file.
			o.StallAfter = 5 * time.Second
			src := open(t, o)
			got, end := drain(t, src)
			if len(got) != len(want) || end.Code != streams.ReasonSilent && end.Code != streams.ReasonEnded {
				t.Fatalf("%d units of %d, then %v; %+v", len(got), len(want), end, src.Stats())
			}
			checkFilm(t, got, want)
			if c.login {
				o.Password += "x"
				_, err := Open(t.Context(), o)
				var e *streams.Error
				if !errors.As(err, &e) || e.Code != streams.ReasonWrongPassword {
					t.Fatalf("with a wrong password: %v", err)
				}
			}
		})
	}
}

func checkFilm(t *testing.T, got, want []*streams.AccessUnit) {
	t.Helper()
	for i, au := range got {
		a, b := slicesOf(au), slicesOf(want[i])
		if au.Lost || au.Key != want[i].Key || !bytes.Equal(a, b) {
			t.Fatalf("unit %d: lost %v, key %v, %d bytes of %d", i, au.Lost, au.Key, len(a), len(b))
		}
		if d := au.PTS - got[0].PTS - (want[i].PTS - want[0].PTS); d.Abs() > time.Millisecond {
			t.Fatalf("unit %d is shown %v off", i, d)
		}
		if au.DTS > au.PTS || i > 0 && au.DTS <= got[i-1].DTS {
			t.Fatalf("unit %d is decoded at %v and shown at %v", i, au.DTS, au.PTS)
		}
	}
}

// slicesOf gives the coded pictures of au.
func slicesOf(au *streams.AccessUnit) []byte {
	var out [][]byte
	for _, nal := range streamstest.SplitAnnexB(streamstest.AnnexB(au.NALs)) { // some files hold start codes
		if streamstest.IsSlice(au.Codec, nal) {
			out = append(out, nal)
		}
	}
	return streamstest.AnnexB(out)
}

// TestFFmpeg reads what ffmpeg's RTSP muxer packs: every picture of the file and its bytes,
// over TCP and over UDP.
func TestFFmpeg(t *testing.T) {
	for name, c := range map[string]struct {
		codec   streams.Codec
		bframes int
		way     string
	}{
		"h264 with B pictures": {streams.H264, 2, "tcp"},
		"h265":                 {streams.H265, 0, "tcp"},
		"h264 over UDP":        {streams.H264, 0, "udp"},
	} {
		t.Run(name, func(t *testing.T) {
			want := streamstest.Encode(t, streamstest.EncodeOptions{Codec: c.codec, Units: 20, GOP: 10, BFrames: c.bframes})
			p := streamstest.Publish(t, film(t, want))
			s := &streamstest.Script{ID: "ffmpeg", Title: "ffmpeg", Ingest: streamstest.Ingest{Transport: c.way}}
			cam := streamstest.StartCamera(t, s, streamstest.CameraOptions{Published: p})
			src := open(t, optionsOf(s, cam.URL()))
			got, _ := drain(t, src)
			if len(got) != len(want) {
				t.Fatalf("%d units of %d; %+v", len(got), len(want), src.Stats())
			}
			checkFilm(t, got, want)
		})
	}
}
