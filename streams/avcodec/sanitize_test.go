//go:build cgo

package avcodec

import (
	"math/rand/v2"
	"os"
	"testing"

	"bongsu/streams"
)

// TestTenThousandPictures decodes as many pictures of both codecs, a third of them broken, for
// AddressSanitizer and its leak finder to look at:
//
//	BONGSU_LONG=1 LSAN_OPTIONS=suppressions=$PWD/streams/avcodec/testdata/lsan.supp go test -v -asan ./streams/avcodec ./models/tensor
func TestTenThousandPictures(t *testing.T) {
	if os.Getenv("BONGSU_LONG") == "" {
		t.Skip("the long form only, which is for AddressSanitizer; set BONGSU_LONG=1")
	}
	const seed = 46
	r := rand.New(rand.NewPCG(seed, seed))
	sent, got := 0, 0
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		aus := units(t, EncoderOptions{Codec: codec, Width: 320, Height: 240, GOP: 10}, 100)
		for got0 := got; got < got0+5000; {
			d, err := NewDecoder(Options{Codec: codec})
			if err != nil {
				t.Fatal(err)
			}
			for _, au := range aus {
				if r.IntN(3) == 0 {
					au = breakUnit(r, au)
				}
				_ = d.Send(au)
				sent++
				got += discardAll(d)
			}
			d.Close()
		}
	}
	if n := Live(); n != 0 {
		t.Errorf("%d C objects are left", n)
	}
	if sanitized {
		t.Logf("figure R46: %d pictures of %d units, a third of them broken, decoded under AddressSanitizer and its leak finder: 0 errors (it ends the run at the first), 0 C objects left", got, sent)
	}
}
