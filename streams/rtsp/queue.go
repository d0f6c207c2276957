package rtsp

import (
	"time"

	"bongsu/streams"
)

// Bounds of what waits for the consumer inside a Source.
const (
	queueAge   = 2 * time.Second // by arrival
	queueUnits = 1024
	queueBytes = 64 << 20
)

// unitQueue holds the units that wait for Next. When it is full, what comes is dropped: the
// read path never waits. It is not safe for concurrent use.
type unitQueue struct {
	units []*streams.AccessUnit
	bytes int
	wake  chan struct{} // holds a token when there may be something to take
}

func newUnitQueue() *unitQueue { return &unitQueue{wake: make(chan struct{}, 1)} }

// push reports false when au was dropped.
func (q *unitQueue) push(au *streams.AccessUnit) bool {
	n := len(q.units)
	if n >= queueUnits || q.bytes+au.Size() > queueBytes && n > 0 ||
		n > 0 && au.Arrived.Sub(q.units[0].Arrived) > queueAge {
		return false
	}
	q.units = append(q.units, au)
	q.bytes += au.Size()
	q.signal()
	return true
}

func (q *unitQueue) pop() *streams.AccessUnit {
	if len(q.units) == 0 {
		return nil
	}
	au := q.units[0]
	q.units[0] = nil
	q.units = q.units[1:]
	q.bytes -= au.Size()
	if len(q.units) == 0 {
		q.units = nil
	}
	return au
}

func (q *unitQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
