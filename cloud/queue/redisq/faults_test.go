package redisq

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/queue"
	"bongsu/cloud/queue/queuetest"
	"bongsu/cloud/queue/queuetest/redistest"
)

// patience is how long the tests wait for what must come.
const patience = time.Minute

func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not after %v", what, patience)
		}
	}
	return time.Since(begin)
}

func publish(t *testing.T, q *Queue, keys ...bongsu.EventKey) {
	t.Helper()
	if err := q.Publish(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, q *Queue) queue.Delivery {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	d, err := q.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ack(t *testing.T, d queue.Delivery) {
	t.Helper()
	if err := d.Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, q *Queue) queue.Depth {
	t.Helper()
	d, err := q.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// drain is a receiver that acks until its context ends; errors of a server that is away are
// outlived.
type drain struct {
	mu   sync.Mutex
	seen map[bongsu.EventKey]time.Time // when it was received
}

func (d *drain) run(ctx context.Context, q *Queue) {
	for ctx.Err() == nil {
		m, err := q.Receive(ctx)
		if err != nil {
			pause(ctx, 10*time.Millisecond)
			continue
		}
		at := time.Now()
		if m.Ack(ctx) == nil {
			d.mu.Lock()
			d.seen[m.Message().Key] = at
			d.mu.Unlock()
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (d *drain) has(k bongsu.EventKey) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.seen[k].IsZero()
}

// TestEmptied: FLUSHALL takes stream and group away under waiting receivers; the group is back,
// and what is published again comes (R21).
func TestEmptied(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	q := open(t, s, func(o *Options) { o.Lease = time.Minute })
	ctx, stop := context.WithCancel(t.Context())
	d := &drain{seen: map[bongsu.EventKey]time.Time{}}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for range 2 {
		wg.Go(func() { d.run(ctx, q) })
	}
	first := queuetest.Key(0)
	publish(t, q, first)
	until(t, "the first", func() bool { return d.has(first) })
	var worst time.Duration
	const rounds = 10
	for i := range rounds {
		before := q.Stats().Rebuilt
		if err := q.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, until(t, "the group is back", func() bool { return q.Stats().Rebuilt > before }))
		k := queuetest.Key(1 + i)
		publish(t, q, k)
		until(t, "delivery", func() bool { return d.has(k) })
	}
	t.Logf("emptied %d times; the group was back after %v at worst", rounds, worst)
}

// TestUnacknowledgedOutliveTheGroup: a group that is removed by hand is made from the beginning of
// the stream.
func TestUnacknowledgedOutliveTheGroup(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	q := open(t, s, func(o *Options) { o.Lease = time.Minute })
	publish(t, q, queuetest.Key(1), queuetest.Key(2))
	ack(t, receive(t, q))
	held := receive(t, q)
	if err := q.client.XGroupDestroy(t.Context(), q.keys.stream, group).Err(); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, q); got.Message().Key != held.Message().Key {
		t.Fatalf("%+v", got.Message())
	}
	// Its index is gone: publishing again must not make a second one that is never delivered.
	if err := q.client.Del(t.Context(), q.keys.stream).Err(); err != nil {
		t.Fatal(err)
	}
	publish(t, q, held.Message().Key)
	again := receive(t, q)
	if again.Message().Key != held.Message().Key {
		t.Fatalf("%+v", again.Message())
	}
	if err := held.Nack(t.Context(), 0); err != nil { // of an entry that is gone
		t.Fatal(err)
	}
	ack(t, again)
	if d := holds(t, q); d != (queue.Depth{}) {
		t.Fatalf("left over: %+v", d)
	}
}

// TestFull: a server without memory refuses to take more, with the code that makes ingest answer
// 503, and loses nothing that it has; giving back and acknowledging work (R23).
func TestFull(t *testing.T) {
	s := redistest.Start(t, redistest.Options{MaxMemory: "64mb"})
	q := open(t, s, func(o *Options) { o.Lease = time.Minute })
	var err error
	taken := 0
	for err == nil {
		batch := make([]bongsu.EventKey, 0, publishBatch)
		for range publishBatch {
			batch = append(batch, queuetest.Key(taken+len(batch)))
		}
		if err = q.Publish(t.Context(), batch...); err == nil {
			taken += len(batch)
		}
	}
	if bongsu.CodeOf(err) != bongsu.CodeUnavailable || !strings.Contains(err.Error(), "has no memory left (maxmemory)") {
		t.Fatalf("a full server: %v", err)
	}
	d := holds(t, q)
	if d.Waiting < int64(taken) || d.Waiting > int64(taken+publishBatch) {
		t.Fatalf("%d were taken, the queue holds %+v", taken, d)
	}
	// The group itself needs memory: it is there in practice, for workers came first. Here the
	// stream is older.
	if err := q.client.ConfigSet(t.Context(), "maxmemory", "80mb").Err(); err != nil {
		t.Fatal(err)
	}
	first := receive(t, q)
	if err := q.client.ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	if err := q.Ready(t.Context()); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Fatalf("Ready: %v", err)
	}
	if err := first.Nack(t.Context(), 0); err != nil {
		t.Fatalf("Nack on a full server: %v", err)
	}
	if err := receive(t, q).Nack(t.Context(), time.Millisecond); err != nil {
		t.Fatalf("Nack with a delay on a full server: %v", err)
	}
	ack(t, receive(t, q))
	if after := holds(t, q); after.Waiting+after.Held+after.Delayed != d.Waiting-1 {
		t.Fatalf("before %+v, after one Ack %+v", d, after)
	}
	t.Logf("a server of 64 MiB took %d messages, %.0f bytes each, and then refused", taken, float64(64<<20)/float64(taken))
}

// TestAway: a server that is not there, comes back, hangs.
func TestAway(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Fsync: "always"})
	q := open(t, s, func(o *Options) { o.Timeout = 300 * time.Millisecond })
	publish(t, q, queuetest.Key(1))
	s.Kill()
	err := q.Publish(t.Context(), queuetest.Key(2))
	if bongsu.CodeOf(err) != bongsu.CodeUnavailable || !strings.Contains(err.Error(), "does not answer") {
		t.Fatalf("away: %v", err)
	}
	if _, err := q.Receive(t.Context()); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Fatalf("away: %v", err)
	}
	s.Restart()
	if err := q.Publish(t.Context(), queuetest.Key(2)); err != nil {
		t.Fatalf("it is back: %v", err)
	}
	for range 2 {
		ack(t, receive(t, q))
	}
	s.Pause()
	within, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err = q.Publish(within, queuetest.Key(3)); bongsu.CodeOf(err) != bongsu.CodeUnavailable || within.Err() != nil {
		t.Errorf("it hangs: %v", err)
	}
	s.Resume()
	last := queuetest.Key(4)
	until(t, "it goes on", func() bool { return q.Publish(t.Context(), last) == nil })
	for d := receive(t, q); d.Message().Key != last; d = receive(t, q) {
		ack(t, d) // what was sent while it hung may have arrived
	}
}

// TestRefusals: what a server may answer, and the sentence that says what to do.
func TestRefusals(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Password: "canary-password"})
	good := func(o *Options) { o.Password = "canary-password" }
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no password":    {func(*Options) {}, "wants a password: set queue.redis.username and queue.redis.password_file"},
		"wrong password": {func(o *Options) { o.Password = "canary-wrong" }, "refuses the password"},
		"wrong user":     {func(o *Options) { o.Username, o.Password = "eve", "canary-wrong" }, "refuses the password"},
		"no such db":     {func(o *Options) { good(o); o.Database = 99 }, "refuses: see its log"},
		"other type":     {func(o *Options) { good(o); o.Stream = "taken" }, "has something else under a name of the queue"},
		"no server":      {func(o *Options) { o.Address = "127.0.0.1:1" }, "does not answer: check queue.redis.address"},
	} {
		q := open(t, s, c.change)
		if name == "other type" {
			if err := q.client.Set(t.Context(), "taken", "x", 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		err := q.Publish(t.Context(), queuetest.Key(1))
		if bongsu.CodeOf(err) != bongsu.CodeUnavailable || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(fmt.Sprint(err), "canary") {
			t.Errorf("%s: the sentence holds the secret: %v", name, err)
		}
	}
	q := open(t, s, good)
	publish(t, q, queuetest.Key(1))
	ack(t, receive(t, q))
	for command, want := range map[string][]any{
		"is a replica": {"replicaof", "127.0.0.1", "1"},
	} {
		if err := q.client.Do(t.Context(), want...).Err(); err != nil {
			t.Fatal(err)
		}
		if err := q.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), command) {
			t.Errorf("%v: %v", want, err)
		}
	}
}

// TestTLS: the server's certificate is checked.
func TestTLS(t *testing.T) {
	files, pool := certificates(t)
	s := redistest.Start(t, redistest.Options{TLS: files})
	q := open(t, s, func(o *Options) { o.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12} })
	publish(t, q, queuetest.Key(1))
	ack(t, receive(t, q))
	stranger := open(t, s, func(o *Options) { o.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12} })
	if err := stranger.Publish(t.Context(), queuetest.Key(1)); err == nil {
		t.Fatal("a certificate of an unknown authority passed")
	}
	plain := open(t, s, func(o *Options) { o.Timeout = 300 * time.Millisecond })
	if err := plain.Publish(t.Context(), queuetest.Key(1)); err == nil {
		t.Fatal("plain text to a TLS port passed")
	}
}

// TestLeastUser: the user that deploy/compose makes may do all that the queue does.
func TestLeastUser(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	if got := s.Do("ACL", "SETUSER", "bongsu", "on", ">canary-password", "~bongsu*", "&*", "+@all", "-@dangerous"); got != "+OK" {
		t.Fatal(got)
	}
	q := open(t, s, func(o *Options) { o.Username, o.Password = "bongsu", "canary-password" })
	publish(t, q, queuetest.Key(1), queuetest.Key(2))
	if err := receive(t, q).Nack(t.Context(), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	receive(t, q) // and forgets it
	for range 2 {
		ack(t, receive(t, q))
	}
	if d := holds(t, q); d != (queue.Depth{}) {
		t.Fatalf("%+v", d)
	}
	if err := q.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := q.DeadLetters(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
}
