package redisq

import (
	"slices"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/queue"
	"bongsu/cloud/queue/memq"
	"bongsu/cloud/queue/queuetest"
	"bongsu/cloud/queue/queuetest/redistest"
)

// queues are what the benchmarks compare; Redis keeps its log as in the shipped set-up.
func queues(b *testing.B, f func(*testing.B, queue.Queue)) {
	b.Run("memory", func(b *testing.B) {
		q := memq.New(memq.Options{})
		defer q.Close()
		f(b, q)
	})
	for _, fsync := range []string{"everysec", "always"} {
		b.Run(fsync, func(b *testing.B) {
			f(b, open(b, redistest.Start(b, redistest.Options{Fsync: fsync}), func(o *Options) { o.Lease = time.Minute }))
		})
	}
}

// BenchmarkDeliver measures one message at a time from Publish to a waiting receiver, Ack included.
func BenchmarkDeliver(b *testing.B) {
	queues(b, func(b *testing.B, q queue.Queue) {
		got := make(chan time.Time)
		go func() {
			defer close(got)
			for {
				d, err := q.Receive(b.Context())
				if err != nil {
					return
				}
				at := time.Now()
				if d.Ack(b.Context()) != nil {
					return
				}
				got <- at
			}
		}()
		var waits []time.Duration
		for i := range b.N {
			begin := time.Now()
			if err := q.Publish(b.Context(), queuetest.Key(i)); err != nil {
				b.Fatal(err)
			}
			waits = append(waits, (<-got).Sub(begin))
		}
		slices.Sort(waits)
		b.ReportMetric(float64(waits[len(waits)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(waits[len(waits)*95/100].Microseconds()), "p95-µs")
		q.Close()
		<-got
	})
}

// BenchmarkDrain measures how fast two receivers, as a worker has, empty a full queue.
func BenchmarkDrain(b *testing.B) {
	queues(b, func(b *testing.B, q queue.Queue) {
		for i := 0; i < b.N; i += 500 {
			keys := make([]bongsu.EventKey, min(500, b.N-i))
			for j := range keys {
				keys[j] = queuetest.Key(i + j)
			}
			if err := q.Publish(b.Context(), keys...); err != nil {
				b.Fatal(err)
			}
		}
		b.ResetTimer()
		left := make(chan struct{}, b.N)
		for range b.N {
			left <- struct{}{}
		}
		close(left)
		done := make(chan error, 2)
		for range 2 {
			go func() {
				for range left {
					d, err := q.Receive(b.Context())
					if err == nil {
						err = d.Ack(b.Context())
					}
					if err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
}
