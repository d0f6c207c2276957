//go:build cgo && linux

package avcodec

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"bongsu/streams"
)

// resident is this process's memory now, in KiB.
func resident(t *testing.T) (kib int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, "VmRSS:"); ok {
			_, _ = fmt.Sscan(rest, &kib)
		}
	}
	return kib
}

// TestHostileStreamsTakeNoMemory gives one decoder bombs, endless units and pictures of a thousand
// slices, again and again, while another decodes an ordinary camera in the same process.
func TestHostileStreamsTakeNoMemory(t *testing.T) {
	good := units(t, EncoderOptions{Codec: streams.H264, Width: 160, Height: 96, GOP: 10}, 100)
	calm := decoder(t, Options{Codec: streams.H264})
	whole := decode(t, calm, good, fatal(t))
	victim, err := NewDecoder(Options{Codec: streams.H264})
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	d, err := NewDecoder(Options{Codec: streams.H264})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	small := units(t, EncoderOptions{Codec: streams.H264, Width: 320, Height: 240, GOP: 2}, 2)
	bomb := *small[0]
	sets := *small[0].Params
	sets.SPS = sps264(1024, 1024)
	bomb.Params, bomb.NALs = &sets, strip(streams.H264, small[0].NALs, kindOther)
	inBand := *small[0]
	inBand.NALs = append([][]byte{sps264(1024, 1024)}, strip(streams.H264, small[0].NALs, kindOther)...)
	endless := *small[0]
	endless.NALs = append([][]byte{bytes.Repeat([]byte{0x65}, 64<<20)}, small[0].NALs...)
	slices := *small[1]
	slice := slices.NALs[len(slices.NALs)-1]
	slices.NALs = bytes.Split(bytes.Repeat(append(bytes.Clone(slice), startCode[:]...), 1000), startCode[:])
	before, most, refused := resident(t), 0, 0
	seen, seq := 0, uint64(0)
	for _, au := range good {
		for k, h := range []*streams.AccessUnit{&bomb, &inBand, &endless, small[0], &slices} {
			cp := *h
			cp.Seq = seq
			seq++
			err := d.Send(&cp)
			var e *streams.Error
			if k < 3 {
				if !errors.As(err, &e) || e.Code != ReasonTooLarge {
					t.Fatalf("hostile unit %d: %v", k, err)
				}
				refused++
			}
			discardAll(d)
			most = max(most, resident(t))
		}
		if err := victim.Send(au); err != nil {
			t.Fatal(err)
		}
		seen += discardAll(victim)
	}
	if seen != len(whole) {
		t.Errorf("the ordinary camera had %d of %d pictures", seen, len(whole))
	}
	if more := most - before; more > 300<<10 {
		t.Errorf("memory grew by %d MiB", more>>10)
	}
	t.Logf("figure R30: %d units of 16384x16384 pictures (in the description and in band) and of 64 MiB refused before decoding, %d pictures of 1,000 slices: memory grew by %d MiB at most (%d MiB in all), the camera beside has all its %d pictures",
		refused, len(good), max(0, most-before)>>10, most>>10, seen)
}

// heapsEnv are the C library's settings with which the node starts a worker (edge/node/exec.go).
var heapsEnv = []string{"MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=131072"}

// TestBreaksTakeNoMemory has four cameras break off and come back 240 times, in other sizes and
// codecs, in a process with a worker's settings: the memory that it takes is that of the decoders it has.
func TestBreaksTakeNoMemory(t *testing.T) {
	if sanitized {
		t.Skip("AddressSanitizer has a heap of its own, which keeps what is freed")
	}
	if os.Getenv("BONGSU_TEST_BREAKS") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run", "^TestBreaksTakeNoMemory$")
		cmd.Env = append(append(os.Environ(), "BONGSU_TEST_BREAKS=1"), heapsEnv...)
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		return
	}
	films := [][]*streams.AccessUnit{
		units(t, EncoderOptions{Codec: streams.H264, Width: 1280, Height: 720, GOP: 10}, 8),
		units(t, EncoderOptions{Codec: streams.H264, Width: 640, Height: 360, GOP: 10}, 8),
		units(t, EncoderOptions{Codec: streams.H265, Width: 640, Height: 360, GOP: 10}, 8),
	}
	var live [4]*Decoder
	const breaks, round = 240, 12 // after a round each decoder has what it had at its beginning
	var least [2]int              // KiB, early and late
	for n := range breaks + round {
		k, film := n%len(live), films[n%len(films)]
		if live[k] != nil {
			live[k].Close()
		}
		var err error
		if live[k], err = NewDecoder(Options{Codec: film[0].Codec}); err != nil {
			t.Fatal(err)
		}
		for _, au := range film {
			if err := live[k].Send(au); err != nil {
				t.Fatal(err)
			}
			discardAll(live[k])
		}
		half := n * 2 / (breaks + round)
		if n%round == round-1 && n > 2*round {
			debug.FreeOSMemory() // what Go itself has yet to give back is not judged
			if now := resident(t); least[half] == 0 || now < least[half] {
				least[half] = now
			}
			t.Logf("%d breaks: %d KiB", n+1, resident(t))
		}
	}
	for _, d := range live {
		d.Close()
	}
	if more := least[1] - least[0]; more > 1<<10 {
		t.Errorf("from %d to %d KiB within %d breaks", least[0], least[1], breaks/2)
	}
}

// discardAll releases what a decoder has to give and counts it.
func discardAll(d *Decoder) (n int) {
	for {
		f, err := d.Receive()
		if err != nil {
			return n
		}
		f.Release()
		n++
	}
}
