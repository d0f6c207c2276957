package rtsp

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

// BenchmarkUnit measures a unit from its packets to the queue: one of 12 kB in ten fragments.
func BenchmarkUnit(b *testing.B) {
	s := &Source{o: Options{}.withDefaults(), queue: newUnitQueue(), offer: &offer{codec: streams.H264}, sets: newParamSets(streams.H264)}
	s.line.count = &s.stats
	s.mapping = s.o.Clock.Attach()
	s.asm = newAssembler(streams.H264, &s.stats, s.unit)
	for _, nal := range streamstest.ParamNALs(streamstest.SyntheticParams(streams.H264, 0)) {
		s.sets.add(nal)
	}
	now := time.Now()
	s.o.Now = func() time.Time { return now }
	w := &sent{}
	send := func(stamp uint32) {
		for i := range 10 {
			flags := byte(5)
			switch i {
			case 0:
				flags |= 0x80
			case 9:
				flags |= 0x40
			}
			p := make([]byte, 1200)
			copy(p, []byte{0x7c, flags, 0x88, 0x84})
			for j := 4; j < len(p); j++ {
				p[j] = byte(j | 1)
			}
			w.send(stamp, i == 9, p...)
		}
	}
	send(0)
	packets := append([]*rtp.Packet(nil), w.pkts...)
	seq, stamp := uint16(0), uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range packets {
			p.SequenceNumber, p.Timestamp = seq, stamp
			seq++
			s.deliver(p, now)
		}
		now = now.Add(40 * time.Millisecond)
		stamp += 3600
		for s.queue.pop() != nil {
		}
	}
	if s.stats.Missing != 0 || s.stats.Tainted != 0 || s.stats.Dropped != 0 {
		b.Fatalf("%+v", s.stats)
	}
}

// BenchmarkHandOver measures from the arrival of a unit's last packet to Next returning it,
// over a real connection at 25 pictures a second.
func BenchmarkHandOver(b *testing.B) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 100, Bytes: 12000})
	srv := serve(b, &streamstest.Path{Units: units, Loop: true})
	src := open(b, Options{URL: srv.URL("cam")})
	var sum, worst time.Duration
	n := 0
	for b.Loop() {
		au, err := src.Next(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		d := time.Since(au.Arrived)
		if n++; n > trustAfter+2 {
			sum, worst = sum+d, max(worst, d)
		}
	}
	if n > trustAfter+2 {
		b.ReportMetric(float64(sum.Microseconds())/float64(n-trustAfter-2), "µs/unit")
		b.ReportMetric(float64(worst.Microseconds()), "µs-worst")
	}
}
