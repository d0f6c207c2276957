package rtsp

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		units := streamstest.Synthetic(streamstest.SyntheticOptions{Codec: codec, Units: 100, GOP: 12, FPS: 20})
		srv := serve(t, &streamstest.Path{Units: units, Audio: true, Reports: 200 * time.Millisecond, CameraAhead: -time.Hour})
		r, err := Probe(t.Context(), Options{Camera: "gate", URL: srv.URL("cam")}, 1200*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if r.Codec != codec || r.Width != 320 || r.Height != 240 || r.Profile != "Main" {
			t.Errorf("%v %s %d×%d", r.Codec, r.Profile, r.Width, r.Height)
		}
		if math.Abs(r.FPS-20) > 0.5 || r.GOPUnits != 12 || (r.GOPDuration-600*time.Millisecond).Abs() > time.Millisecond {
			t.Errorf("%.2f pictures a second, %d in %v from key to key", r.FPS, r.GOPUnits, r.GOPDuration)
		}
		if !r.HasClock || (r.ClockOffset+time.Hour).Abs() > 200*time.Millisecond {
			t.Errorf("clock %v %v", r.HasClock, r.ClockOffset)
		}
		if r.Key == nil || !r.Key.Key || streamstest.Index(r.Key) != 0 || r.KBitPS < 50 {
			t.Errorf("key %+v, %.0f kbit/s", r.Key, r.KBitPS)
		}
		if len(r.Tracks) != 2 || !r.Tracks[0].Used || r.Tracks[1].Used || r.Tracks[1].Note == "" {
			t.Errorf("tracks %+v", r.Tracks)
		}
	}
}

func TestProbeEnds(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 5})
	srv := serve(t, &streamstest.Path{Units: units, Flat: true})
	r, err := Probe(t.Context(), Options{URL: srv.URL("cam")}, time.Minute)
	if err != nil || r.Stats.Units != 5 || r.GOPUnits != 0 || r.HasClock {
		t.Fatalf("%+v %v", r, err)
	}
	_, err = Probe(t.Context(), Options{URL: srv.URL("elsewhere")}, time.Second)
	var e *streams.Error
	if !errors.As(err, &e) || e.Code != streams.ReasonNotFound {
		t.Fatalf("%v", err)
	}
	held := serve(t, &streamstest.Path{Units: units, Hold: true})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if r, err := Probe(ctx, Options{URL: held.URL("cam")}, time.Minute); err != nil || r.Stats.Units != 5 {
		t.Fatalf("%+v %v", r, err)
	}
}
