//go:build cgo

package avcodec

import (
	"errors"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams"
)

func TestEncoderUnits(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		aus := units(t, EncoderOptions{Codec: codec, Width: 160, Height: 96, GOP: 6, BFrames: 2}, 20)
		if !aus[0].Params.Complete() {
			t.Errorf("%v: parameter sets are incomplete", codec)
		}
		last := time.Duration(-1 << 60)
		for i, au := range aus {
			if has := contentOf(au); au.Key != (i%6 == 0) || has.sps != au.Key || !has.slice {
				t.Errorf("%v unit %d: key %v, content %+v", codec, i, au.Key, has)
			}
			if au.DTS <= last || au.DTS > au.PTS {
				t.Errorf("%v unit %d: PTS %v DTS %v after %v", codec, i, au.PTS, au.DTS, last)
			}
			last = au.DTS
		}
	}
}

func TestEncoderAnswersAtOnce(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		e, err := NewEncoder(EncoderOptions{Codec: codec, Width: 160, Height: 96})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			c, err := e.Encode(pattern(160, 96, i))
			if err != nil || len(c) != 1 {
				t.Errorf("%v picture %d: %d units, %v", codec, i, len(c), err)
			}
		}
		e.Close()
	}
}

func TestEncoderRefuses(t *testing.T) {
	before := Live()
	for _, opt := range []EncoderOptions{
		{Codec: streams.H264, Width: 161, Height: 96},
		{Codec: streams.H264},
		{Width: 160, Height: 96},
		{Codec: streams.H264, Width: 160, Height: 96, Preset: "no such preset"},
	} {
		if _, err := NewEncoder(opt); err == nil {
			t.Errorf("%+v was accepted", opt)
		}
	}
	e, err := NewEncoder(EncoderOptions{Codec: streams.H264, Width: 160, Height: 96})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(pattern(96, 160, 0)); err == nil {
		t.Error("a picture of another size was accepted")
	}
	if _, err := e.Encode(&bongsu.Frame{Width: 160, Height: 96, Format: bongsu.FormatNV12}); err == nil {
		t.Error("NV12 was accepted")
	}
	if _, err := e.Flush(); err != nil {
		t.Error(err)
	}
	if _, err := e.Encode(pattern(160, 96, 0)); !errors.Is(err, ErrClosed) {
		t.Errorf("Encode after Flush: %v", err)
	}
	e.Close()
	e.Close()
	if _, err := e.Flush(); !errors.Is(err, ErrClosed) {
		t.Errorf("Flush after Close: %v", err)
	}
	if n := Live() - before; n != 0 {
		t.Errorf("%d C objects are left", n)
	}
}
