//go:build cgo

package avcodec

import (
	"errors"
	"testing"

	"bongsu/streams"
)

// BenchmarkDecode is one picture of 768×432 from Send to Release.
func BenchmarkDecode(b *testing.B) {
	cases := []struct {
		name string
		enc  EncoderOptions
	}{
		{"h264", EncoderOptions{Codec: streams.H264, Preset: "medium"}},
		{"h264-B", EncoderOptions{Codec: streams.H264, Preset: "medium", BFrames: 2}},
		{"h265", EncoderOptions{Codec: streams.H265, Preset: "fast"}},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			c.enc.Width, c.enc.Height, c.enc.GOP = 768, 432, 25
			aus := units(b, c.enc, 50)
			d := decoder(b, Options{Codec: c.enc.Codec})
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				au := aus[i%len(aus)]
				au.Seq = uint64(i)
				if err := d.Send(au); err != nil {
					b.Fatal(err)
				}
				for {
					f, err := d.Receive()
					if err != nil {
						break
					}
					f.Release()
				}
			}
		})
	}
}

// BenchmarkCgoCall is what one call into C costs by itself: Receive with nothing there.
func BenchmarkCgoCall(b *testing.B) {
	d := decoder(b, Options{Codec: streams.H264})
	for range b.N {
		if _, err := d.Receive(); !errors.Is(err, ErrNeedMore) {
			b.Fatal(err)
		}
	}
}
