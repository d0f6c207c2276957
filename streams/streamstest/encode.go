package streamstest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bongsu/streams"
)

// EncodeOptions describe a real, decodable test stream.
type EncodeOptions struct {
	Codec         streams.Codec // CodecNone = H264
	Width, Height int           // 0 = 320×240
	FPS           int           // 0 = 25
	Units         int           // 0 = 50
	GOP           int           // 0 = FPS
	BFrames       int
	Slices        int    // of each picture; 0 = as the encoder likes
	More          string // parameters of x264 or x265, as key=value:key=value
}

func (o EncodeOptions) withDefaults() EncodeOptions {
	if o.Codec == streams.CodecNone {
		o.Codec = streams.H264
	}
	if o.Width == 0 || o.Height == 0 {
		o.Width, o.Height = 320, 240
	}
	if o.FPS == 0 {
		o.FPS = 25
	}
	if o.Units == 0 {
		o.Units = 50
	}
	if o.GOP == 0 {
		o.GOP = o.FPS
	}
	return o
}

// more gives the additional parameters, to be put before others.
func (o *EncodeOptions) more() string {
	out := ""
	if o.Slices > 0 {
		out = fmt.Sprintf("slices=%d:", o.Slices)
	}
	if o.More != "" {
		out += o.More + ":"
	}
	return out
}

// Encode makes a test picture with moving parts and encodes it with the ffmpeg program, in
// decoding order. Without ffmpeg the test is skipped, under CI=true it fails.
func Encode(t testing.TB, o EncodeOptions) []*streams.AccessUnit {
	t.Helper()
	o = o.withDefaults()
	units, err := encode(t.Context(), o, t.TempDir())
	if err != nil {
		skipOrFail(t, "ffmpeg with libx264 and libx265 is needed: "+err.Error())
	}
	return units
}

// skipOrFail skips where a program of the distribution is missing, and fails in CI.
func skipOrFail(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func encode(ctx context.Context, o EncodeOptions, dir string) ([]*streams.AccessUnit, error) {
	raw, index := filepath.Join(dir, "stream"), filepath.Join(dir, "index")
	args := []string{"-v", "error", "-y", "-f", "lavfi",
		"-i", fmt.Sprintf("testsrc=size=%dx%d:rate=%d", o.Width, o.Height, o.FPS),
		"-frames:v", strconv.Itoa(o.Units), "-pix_fmt", "yuv420p", "-map", "0:v", "-threads", "1"}
	form := "h264"
	if o.Codec == streams.H265 {
		form = "hevc"
		args = append(args, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
			o.more()+fmt.Sprintf("log-level=none:info=0:pools=none:frame-threads=1:open-gop=0:scenecut=0:keyint=%d:min-keyint=%d:bframes=%d:b-adapt=0:repeat-headers=1", o.GOP, o.GOP, o.BFrames))
	} else {
		args = append(args, "-c:v", "libx264", "-preset", "veryfast", "-bf", strconv.Itoa(o.BFrames),
			"-g", strconv.Itoa(o.GOP), "-keyint_min", strconv.Itoa(o.GOP), "-sc_threshold", "0", "-x264-params", o.more()+"repeat-headers=1")
	}
	args = append(args, "-f", "tee", fmt.Sprintf("[f=%s]%s|[f=framecrc]%s", form, raw, index))
	out, err := exec.CommandContext(ctx, "ffmpeg", args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ffmpeg: %w: %s", err, bytes.TrimSpace(out))
	}
	data, err := os.ReadFile(raw)
	if err != nil {
		return nil, err
	}
	lines, err := os.ReadFile(index)
	if err != nil {
		return nil, err
	}
	return cutUnits(o, data, lines)
}

// cutUnits cuts an Annex-B stream by the packet sizes and times that ffmpeg's framecrc muxer
// wrote beside it.
func cutUnits(o EncodeOptions, data, index []byte) ([]*streams.AccessUnit, error) {
	var units []*streams.AccessUnit
	var params *streams.Params
	first := int64(0)
	for sc := bufio.NewScanner(bytes.NewReader(index)); sc.Scan(); {
		f := strings.Split(sc.Text(), ",")
		if strings.HasPrefix(f[0], "#") || len(f) < 6 {
			continue
		}
		var v [5]int64
		for i := range v {
			n, err := strconv.ParseInt(strings.TrimSpace(f[i]), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("framecrc line %q: %w", sc.Text(), err)
			}
			v[i] = n
		}
		dts, pts, size := v[1], v[2], v[4]
		if size > int64(len(data)) {
			return nil, fmt.Errorf("framecrc names more bytes than were written")
		}
		if len(units) == 0 {
			first = dts
		}
		nals := SplitAnnexB(data[:size])
		data = data[size:]
		params = paramsIn(o.Codec, nals, params)
		units = append(units, &streams.AccessUnit{
			Seq: uint64(len(units)), Codec: o.Codec, Params: params, NALs: nals,
			PTS: ticks(pts-first, o.FPS), DTS: ticks(dts-first, o.FPS), Key: isKey(o.Codec, nals),
		})
	}
	if len(units) == 0 {
		return nil, fmt.Errorf("ffmpeg wrote no pictures")
	}
	return units, nil
}

func ticks(n int64, fps int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(fps)
}

// SplitAnnexB cuts a byte stream at its start codes (H.264 and H.265, annex B).
func SplitAnnexB(data []byte) [][]byte {
	var out [][]byte
	for part := range bytes.SplitSeq(data, []byte{0, 0, 1}) {
		if part = bytes.TrimRight(part, "\x00"); len(part) > 0 {
			out = append(out, part)
		}
	}
	return out
}

// paramsIn gives the parameter sets among nals, or those before when there are none.
func paramsIn(codec streams.Codec, nals [][]byte, before *streams.Params) *streams.Params {
	p := &streams.Params{Codec: codec}
	for _, nal := range nals {
		if !IsParam(codec, nal) {
			continue
		}
		kind := nal[0] & 0x1f
		if codec == streams.H265 {
			kind = nal[0] >> 1 & 0x3f
		}
		switch kind {
		case 32:
			p.VPS = nal
		case 7, 33:
			p.SPS = nal
		case 8, 34:
			p.PPS = nal
		}
	}
	if !p.Complete() || before != nil && bytes.Equal(p.SPS, before.SPS) && bytes.Equal(p.PPS, before.PPS) {
		return before
	}
	return p
}

func isKey(codec streams.Codec, nals [][]byte) bool {
	for _, nal := range nals {
		if codec == streams.H264 && nal[0]&0x1f == 5 {
			return true
		}
		if t := nal[0] >> 1 & 0x3f; codec == streams.H265 && t >= 16 && t <= 23 {
			return true
		}
	}
	return false
}
