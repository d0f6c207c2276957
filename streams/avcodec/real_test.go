//go:build cgo

package avcodec_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/mp4"
)

// TestRealVideo decodes recordings of real cameras: every sample gives its picture, in order,
// without an error or a mark.
func TestRealVideo(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	for _, name := range []string{"one-by-one-person-detection", "pedestrian_survaillance", "vehicle_survaillance"} { //nolint:misspell // the files are named so
		t.Run(name, func(t *testing.T) {
			units, w, h := recording(t, filepath.Join(data, "videos", name+".mp4"))
			d, err := avcodec.NewDecoder(avcodec.Options{Codec: units[0].Codec})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			last := time.Duration(-1)
			receive := func() {
				for {
					f, err := d.Receive()
					if errors.Is(err, avcodec.ErrNeedMore) || errors.Is(err, io.EOF) {
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if f.PTS <= last || f.Width != w || f.Height != h {
						t.Errorf("%d×%d at %v after %v", f.Width, f.Height, f.PTS, last)
					}
					last = f.PTS
					f.Release()
				}
			}
			start := time.Now()
			for _, au := range units {
				if err := d.Send(au); err != nil {
					t.Fatal(err)
				}
				receive()
			}
			if err := d.Drain(); err != nil {
				t.Fatal(err)
			}
			receive()
			n := uint64(len(units))
			if s := d.Stats(); s != (avcodec.Stats{Units: n, Pictures: n}) {
				t.Errorf("%d units: %+v", n, s)
			}
			t.Logf("%d×%d: %v a picture", w, h, (time.Since(start) / time.Duration(n)).Round(time.Microsecond))
		})
	}
}

func recording(t *testing.T, path string) (units []*streams.AccessUnit, w, h int) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r, err := mp4.Open(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	p := r.Params()
	for i, s := range r.Samples() {
		nals, err := r.Sample(i)
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, &streams.AccessUnit{
			Seq: uint64(i), Codec: r.Codec(), Params: &p, NALs: nals, PTS: s.PTS, DTS: s.DTS, Key: s.Key,
		})
	}
	return units, r.Width(), r.Height()
}
