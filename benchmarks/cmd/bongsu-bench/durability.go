package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"bongsu"
	"bongsu/deploy/demo"
)

// measureDurability kills the node and the cloud at random instants while events come, takes the
// cloud away for a while, and holds the archive against what the edge has ever recorded. It uses
// made films whatever the data: what happens in them is known to the second.
func measureDurability(ctx context.Context, b *bench) error {
	film, err := b.madeFilm(ctx)
	if err != nil {
		return err
	}
	s, err := b.startSystem(ctx, "durability", b.o.tiny, shows(2, film, denseRules), false)
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := waitLive(ctx, s, 2); err != nil {
		return err
	}
	d := &deaths{b: b, s: s, rng: rand.New(rand.NewPCG(b.o.seed, 2))}
	b.say("durability: seed %d", b.o.seed)
	for _, step := range []func(context.Context) error{d.node, d.cloud, d.away} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("seed %d: %w", b.o.seed, err)
		}
	}
	s.Process("cameras").Stop(10 * time.Second)
	made, err := d.quiet(ctx)
	if err != nil {
		return err
	}
	found := newLedger()
	if err := revisions(ctx, s, found.add); err != nil {
		return err
	}
	d.judge(made, found)
	return nil
}

// deaths is one run of it.
type deaths struct {
	b   *bench
	s   *demo.System
	rng *rand.Rand

	waited  int64         // revisions that waited when the cloud came back
	arrived time.Duration // until they were all there
}

// edgeCounts are the sums of the edge's outbox.
type edgeCounts struct{ Created, Acked, Pending, Rejected, Damaged int64 }

func outboxCounts(ctx context.Context, s *demo.System) (edgeCounts, error) {
	body, err := debugGet(ctx, s, "/debug/status")
	if err != nil {
		return edgeCounts{}, err
	}
	var status struct {
		Outbox struct{ Events edgeCounts }
	}
	return status.Outbox.Events, json.Unmarshal([]byte(body), &status)
}

// killed ends one process, not its children, and waits for its end.
func killed(p *demo.Process) {
	p.Signal(syscall.SIGKILL)
	<-p.Done()
}

// node kills bongsu-edge; its workers must end by themselves.
func (d *deaths) node(ctx context.Context) error {
	for i := range d.b.o.deaths {
		if err := pause(ctx, d.rng, 1500*time.Millisecond, 4*time.Second); err != nil {
			return err
		}
		killed(d.s.Process("edge"))
		if err := d.s.StartEdge(ctx, nil); err != nil {
			return err
		}
		if i%5 == 4 {
			d.b.say("durability: the node was killed %d times", i+1)
		}
	}
	return waitLive(ctx, d.s, 2)
}

func (d *deaths) cloud(ctx context.Context) error {
	for i := range d.b.o.deaths {
		if err := pause(ctx, d.rng, 200*time.Millisecond, 2*time.Second); err != nil {
			return err
		}
		killed(d.s.Process("cloud"))
		if err := d.s.StartCloud(ctx); err != nil {
			return err
		}
		if i%5 == 4 {
			d.b.say("durability: the cloud was killed %d times", i+1)
		}
	}
	return nil
}

func (d *deaths) away(ctx context.Context) error {
	killed(d.s.Process("cloud"))
	d.b.say("durability: the cloud is away for %d s", d.b.o.away)
	gone := time.Duration(d.b.o.away) * time.Second
	if err := pause(ctx, d.rng, gone, gone+time.Second); err != nil {
		return err
	}
	if err := d.s.StartCloud(ctx); err != nil {
		return err
	}
	back := time.Now()
	begin, err := outboxCounts(ctx, d.s)
	if err != nil {
		return err
	}
	err = poll(ctx, 2*time.Minute, "what waited for the cloud has arrived", func() (bool, error) {
		now, err := outboxCounts(ctx, d.s)
		return now.Acked >= begin.Acked+begin.Pending, err
	})
	d.waited, d.arrived = begin.Pending, time.Since(back)
	return err
}

// quiet waits until nothing new is recorded and nothing waits to be sent.
func (d *deaths) quiet(ctx context.Context) (last edgeCounts, err error) {
	since := time.Now()
	err = poll(ctx, 2*time.Minute, "the edge has nothing left to send", func() (bool, error) {
		now, err := outboxCounts(ctx, d.s)
		if err != nil || now != last {
			last, since = now, time.Now()
		}
		return now.Pending == now.Rejected && time.Since(since) > 5*time.Second, err
	})
	return last, err
}

// ledger is what the archive holds.
type ledger struct {
	keys   map[bongsu.EventKey]int
	starts map[string][]time.Time // of events, by camera and rule
}

func newLedger() *ledger {
	return &ledger{keys: map[bongsu.EventKey]int{}, starts: map[string][]time.Time{}}
}

// add takes all revisions of one event.
func (l *ledger) add(all []bongsu.Event) {
	for i := range all {
		l.keys[all[i].Key()]++
	}
	if n := len(all); n > 0 {
		place := string(all[n-1].Camera) + " " + string(all[n-1].Rule)
		l.starts[place] = append(l.starts[place], all[n-1].Start)
	}
}

// twice counts rows of one event and revision beyond the first.
func (l *ledger) twice() (n int) {
	for _, rows := range l.keys {
		n += rows - 1
	}
	return n
}

// again counts events that speak of a thing that an earlier event of the same camera and rule
// speaks of: they begin closer together than two things can.
func (l *ledger) again(apart time.Duration) (n int, where []string) {
	for place, at := range l.starts {
		slices.SortFunc(at, time.Time.Compare)
		for i := 1; i < len(at); i++ {
			if at[i].Sub(at[i-1]) < apart {
				n++
				where = append(where, fmt.Sprintf("%s at %s and %s", place, at[i-1].Format("15:04:05.000"), at[i].Format("15:04:05.000")))
			}
		}
	}
	return n, where
}

func (d *deaths) judge(made edgeCounts, found *ledger) {
	lost, twice := int(made.Created)-len(found.keys), found.twice()
	again, where := found.again(darkSeconds * time.Second)
	events := 0
	for _, at := range found.starts {
		events += len(at)
	}
	notes := []string{
		fmt.Sprintf("two cameras; seed %d; node killed %d times, cloud killed %d times, cloud away for %d s", d.b.o.seed, d.b.o.deaths, d.b.o.deaths, d.b.o.away),
		fmt.Sprintf("the edge recorded %d revisions, the archive holds %d of %d events; %d refused, %d damaged", made.Created, len(found.keys), events, made.Rejected, made.Damaged),
		fmt.Sprintf("%d revisions waited when the cloud came back; they had arrived after %s s", d.waited, seconds(d.arrived)),
	}
	d.b.report.show(part{title: "Node and cloud are killed, the cloud is away", notes: append(notes, where...)})
	d.b.report.add(
		floor{fmt.Sprintf("node killed %d times, cloud killed %d times, under load", d.b.o.deaths, d.b.o.deaths), "0 lost, 0 doubled",
			fmt.Sprintf("%d lost, %d doubled of %d revisions", lost, twice+again, made.Created),
			lost == 0 && twice+again == 0 && made.Rejected == 0 && made.Damaged == 0 && made.Created > 0},
		floor{fmt.Sprintf("cloud away for %d s", d.b.o.away), "every event arrives, once",
			fmt.Sprintf("%d revisions, after %s s; %d lost, %d doubled", d.waited, seconds(d.arrived), lost, twice+again),
			d.waited > 0 && lost == 0 && twice+again == 0},
	)
}
