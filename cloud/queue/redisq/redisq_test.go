package redisq

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"bongsu/cloud/queue"
	"bongsu/cloud/queue/queuetest"
	"bongsu/cloud/queue/queuetest/redistest"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(holderAddress); address != "" {
		hold(address)
		return
	}
	goleak.VerifyTestMain(m)
}

// open makes a queue on a server, closed with the test.
func open(t testing.TB, s *redistest.Server, change func(*Options)) *Queue {
	t.Helper()
	o := Options{Address: s.Address(), Lease: queuetest.Lease}
	if change != nil {
		change(&o)
	}
	q := New(o)
	t.Cleanup(func() { q.Close() })
	return q
}

// The suite runs on one server; each test has a stream of its own.
func TestConformance(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	queuetest.Run(t, func(t *testing.T) queue.Queue {
		return open(t, s, func(o *Options) { o.Stream = t.Name() })
	})
}
