package rtsp

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"bongsu/streams"
	"bongsu/streams/replay"
	"bongsu/streams/streamstest"
)

// TestRealFiles serves real recordings flat out and holds what comes over RTSP against the
// file: every picture, its bytes and its time.
func TestRealFiles(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("BONGSU_DATA is not set: no real recordings to serve")
	}
	files, err := filepath.Glob(filepath.Join(data, "videos", "*.mp4"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", data, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			in, err := replay.Open(file, replay.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			p, err := streamstest.FilePath("cam", file)
			if err != nil {
				t.Fatal(err)
			}
			p.Flat = true
			src := open(t, Options{URL: serve(t, p).URL("cam")})
			base := int64(0)
			got, _ := drain(t, src) // all at once: flat out the camera waits for nobody
			for n, au := range got {
				want, err := in.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					base = int64(au.PTS - want.PTS)
				}
				checkReal(t, n, au, want, base)
			}
			if len(got) != in.Units() {
				t.Fatalf("%d units of %d: %+v", len(got), in.Units(), src.Stats())
			}
		})
	}
}

func checkReal(t *testing.T, n int, au, want *streams.AccessUnit, base int64) {
	t.Helper()
	if au.Lost || au.Key != want.Key || !bytes.Equal(slicesOf(au), slicesOf(want)) {
		t.Fatalf("unit %d: lost %v, key %v of %v, %s of %s", n, au.Lost, au.Key, want.Key, sizes(au), sizes(want))
	}
	if d := int64(au.PTS-want.PTS) - base; d < -30000 || d > 30000 { // two ticks of 90 kHz
		t.Fatalf("unit %d is shown %d ns off", n, d)
	}
	if au.DTS > au.PTS {
		t.Fatalf("unit %d is decoded at %v and shown at %v", n, au.DTS, au.PTS)
	}
}

// sizes shows the NAL units of au.
func sizes(au *streams.AccessUnit) string {
	out := ""
	for _, nal := range au.NALs {
		out += fmt.Sprintf(" %02x:%d", nal[0], len(nal))
	}
	return out
}
