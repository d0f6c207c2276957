package streamstest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// Network is what happens to datagrams on their way. The same seed gives the same fate.
type Network struct {
	Loss      float64       `yaml:"loss"`      // of packets, 0 to 1
	Burst     int           `yaml:"burst"`     // packets that are lost together; 0 = 1
	Reorder   int           `yaml:"reorder"`   // packets by which one may come too late
	Share     float64       `yaml:"share"`     // of packets that come too late
	Duplicate float64       `yaml:"duplicate"` // of packets that come twice
	Jitter    time.Duration `yaml:"jitter"`    // each packet is late by up to this
	Seed      uint64        `yaml:"seed"`
}

// Fate is what became of what was sent: the truth that a reader's counters are held against.
type Fate struct {
	Sent    int          // packets with media
	Dropped map[int]bool // places, in the order of sending, of those that never arrived
	Torn    map[int]bool // units of which a packet never arrived
	First   int          // place of the first packet that arrived in its turn
	Last    int          // highest place that arrived
	Doubled int
	Late    int // packets that came after others which were sent later
	Longest int // by how many places at most
}

// flight is one packet on its way.
type flight struct {
	packet
	place int           // in the order of sending
	due   time.Duration // media time at which it arrives
	order float64       // in which it arrives
}

// travel lets packets pass through the network and gives them in the order of their arrival.
func (n Network) travel(in []packet) ([]flight, Fate) {
	r := rand.New(rand.NewPCG(n.Seed, 0x626f6e67)) //nolint:gosec // it must be repeatable
	fate := Fate{Sent: len(in), Dropped: map[int]bool{}, Torn: map[int]bool{}, First: -1}
	var out []flight
	burst := 0
	for i, p := range in {
		if burst == 0 && n.Loss > 0 && r.Float64() < n.Loss/float64(max(n.Burst, 1)) {
			burst = max(n.Burst, 1)
		}
		if burst > 0 {
			burst--
			fate.Dropped[i], fate.Torn[p.unit] = true, true
			continue
		}
		if fate.First < 0 {
			fate.First = i
		}
		fate.Last = i
		f := flight{packet: p, place: i, due: p.at, order: float64(i)}
		if n.Reorder > 0 && r.Float64() < n.Share {
			f.order += float64(1+r.IntN(n.Reorder)) + 0.5
		}
		if n.Jitter > 0 {
			f.due += time.Duration(r.Int64N(int64(n.Jitter)))
		}
		out = append(out, f)
		if n.Duplicate > 0 && r.Float64() < n.Duplicate {
			again := f
			again.order += 0.25
			out = append(out, again)
			fate.Doubled++
		}
	}
	n.arrange(out)
	highest := -1
	for _, f := range out {
		if f.place < highest {
			fate.Late++
			fate.Longest = max(fate.Longest, highest-f.place)
		}
		highest = max(highest, f.place)
	}
	return out, fate
}

// arrange sorts by arrival: by time with jitter, otherwise by place. What is late by places
// arrives with the packet that it is late behind.
func (n Network) arrange(out []flight) {
	if n.Jitter > 0 {
		slices.SortStableFunc(out, func(a, b flight) int { return cmp.Compare(a.due, b.due) })
		return
	}
	slices.SortStableFunc(out, func(a, b flight) int { return cmp.Compare(a.order, b.order) })
	var due time.Duration
	for i := range out {
		due = max(due, out[i].due)
		out[i].due = due
	}
}
