package rtsp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

const goodSDP = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=Session\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n" +
	"m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=control:trackID=2\r\n" +
	"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z01ADdoFB+wEQAAAAwBAAAAMg8UKqA==,aO8PyA==\r\na=control:trackID=1\r\n" +
	"m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n"

func TestReadSDP(t *testing.T) {
	want := streamstest.SyntheticParams(streams.H264, 0)
	full := [][]byte{want.SPS, want.PPS}
	sets := "sprop-parameter-sets=Z01ADdoFB+wEQAAAAwBAAAAMg8UKqA==,aO8PyA=="
	edit := func(old, new string) string { return strings.Replace(goodSDP, old, new, 1) }
	hevc := streamstest.SyntheticParams(streams.H265, 0)
	for name, c := range map[string]struct {
		body   string
		codec  streams.Codec
		params [][]byte
	}{
		"good":                                {goodSDP, streams.H264, full},
		"trailing comma, no PPS (Q3)":         {edit(",aO8PyA==", ","), streams.H264, full[:1]},
		"not a SPS (Q4)":                      {edit(sets, "sprop-parameter-sets=AAAA,AAAA"), streams.H264, nil},
		"not base64 (Q4)":                     {edit(sets, "sprop-parameter-sets=*,*"), streams.H264, nil},
		"Annex B in SDP (Q4)":                 {edit("Z01ADdoFB+wEQAAAAwBAAAAMg8UKqA==", "AAAAAWdNQA3aBQfsBEAAAAMAQAAADIPFCqg="), streams.H264, full},
		"no padding in base64":                {edit("qA==", "qA"), streams.H264, full},
		"no fmtp":                             {edit("a=fmtp:96 packetization-mode=1; "+sets+"\r\n", ""), streams.H264, nil},
		"empty fmtp, rtpmap with space (Q39)": {edit("H264/90000", "H264/90000 "), streams.H264, full},
		"lower case":                          {edit("H264/90000", "h264/90000"), streams.H264, full},
		"no v=, o=, s= (Q38)":                 {goodSDP[strings.Index(goodSDP, "m=audio"):], streams.H264, full},
		"broken audio":                        {edit("m=audio 0 RTP/AVP 0", "m=audio x y"), streams.H264, full},
		"bad mid, bad key-mgmt":               {edit("a=control:trackID=1", "a=mid:!!\r\na=key-mgmt:nonsense\r\na=control:trackID=1"), streams.H264, full},
		"two payload types":                   {edit("m=video 0 RTP/AVP 96", "m=video 0 RTP/AVP 35 96"), streams.H264, full},
		"line feeds only":                     {strings.ReplaceAll(goodSDP, "\r\n", "\n"), streams.H264, full},
		"another codec":                       {edit("H264/90000", "JPEG/90000"), streams.CodecNone, nil},
		"H.265": {"v=0\r\nm=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\na=fmtp:98 sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwA8ugJA; sprop-sps=QgEBAWAAAAMAkAAAAwAAAwA8oAoIDxZbpKTC8BaAgAAAAwCAAAAMhA==;sprop-pps=RAHAc8GJ\r\n",
			streams.H265, [][]byte{hevc.VPS, hevc.SPS, hevc.PPS}},
		"H.265 with a broken SPS": {"v=0\r\nm=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\na=fmtp:98 sprop-sps=QgE=\r\n", streams.H265, [][]byte{{0x42, 0x01}}},
		"nothing":                 {"", streams.CodecNone, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := readSDP([]byte(c.body))
			if o.codec != c.codec || len(o.params) != len(c.params) {
				t.Fatalf("codec %v, %d parameter sets: % x", o.codec, len(o.params), o.params)
			}
			for i := range o.params {
				if !bytes.Equal(o.params[i], c.params[i]) {
					t.Fatalf("parameter set %d: % x", i, o.params[i])
				}
			}
			checkClean(t, o)
		})
	}
}

// checkClean: what gortsplib gets it can read, and there is one track in it.
func checkClean(t *testing.T, o *offer) {
	t.Helper()
	if o.codec == streams.CodecNone {
		return
	}
	var raw sdp.SessionDescription
	var desc description.Session
	clean := o.clean("rtsp://cam/path/1", nil)
	if err := raw.Unmarshal(clean); err != nil {
		t.Fatalf("%v in\n%s", err, clean)
	}
	if err := desc.Unmarshal(&raw); err != nil {
		t.Fatalf("%v in\n%s", err, clean)
	}
	if len(desc.Medias) != 1 || len(desc.Medias[0].Formats) != 1 {
		t.Fatalf("%d tracks in\n%s", len(desc.Medias), clean)
	}
	if want := strings.ToUpper(o.codec.String()); desc.Medias[0].Formats[0].Codec() != want {
		t.Fatalf("%s in\n%s", desc.Medias[0].Formats[0].Codec(), clean)
	}
}

func TestTracks(t *testing.T) {
	got := readSDP([]byte(goodSDP)).tracks
	want := []Track{
		{"audio", "PCMU", false, "audio is never read"},
		{"video", "H264", true, ""},
		{"application", "vnd.onvif.metadata", false, "only video is read"},
	}
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("track %d: %+v", i, got[i])
		}
	}
}

func FuzzReadSDP(f *testing.F) {
	f.Add([]byte(goodSDP))
	f.Add([]byte("m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-vps=QAE;sprop-max-don-diff=0\na=control:rtsp://x/y"))
	f.Add([]byte("m=video 0 RTP/AVP 999\na=rtpmap:999 H264\na=control:a@%41/b"))
	f.Fuzz(func(t *testing.T, body []byte) {
		o := readSDP(body)
		for _, set := range o.params {
			if k := kindOf(o.codec, set); !k.vps && !k.sps && !k.pps {
				t.Fatalf("% x is no parameter set", set)
			}
		}
		if o.codec != streams.CodecNone {
			asked, why := parseTarget("rtsp://cam/path")
			if why != "" {
				t.Fatal(why)
			}
			var at addresses
			at.join(asked.url, "", o.session, o.control)
			for _, u := range []string{at.base, at.media} {
				if !strings.HasPrefix(u, "rtsp://cam/") && !strings.HasPrefix(u, "rtsp://cam?") {
					t.Fatalf("an address elsewhere: %q", u)
				}
			}
			var raw sdp.SessionDescription
			var desc description.Session
			clean := o.clean(at.media, nil)
			if raw.Unmarshal(clean) != nil || desc.Unmarshal(&raw) != nil {
				return // refused by gortsplib, said as an error
			}
		}
	})
}
