package pipeline

import "time"

// Exchange has other rules, and the events that come of them, take over from the next picture on,
// while the stream, the model and the tracks go on. next is called by the goroutine that judges, at
// the box's time of that picture, and gives those that take over; it hands over what was open. An
// exchange that has not been made yet is replaced by a later one. Exchange does not block.
func (c *Camera) Exchange(next func(at time.Time) (Rules, Events)) {
	c.exchange.Store(&next)
}

// exchanged makes an exchange that waits. With none it costs one atomic load.
func (c *Camera) exchanged(at time.Time) {
	if c.exchange.Load() == nil {
		return
	}
	if next := c.exchange.Swap(nil); next != nil {
		c.o.Rules, c.o.Events = (*next)(at)
	}
}
