// Package queue says what a queue between ingest and the workers promises. It is transport,
// never the only copy: what is published is in the archive's inbox as well. Backends run the
// suite in queuetest.
package queue

import (
	"context"
	"time"

	"bongsu"
)

// Message says that one revision of one event waits in the archive's inbox.
type Message struct {
	Key        bongsu.EventKey
	Published  time.Time
	Deliveries int // how often it has been handed out, this time included
}

// Delivery is a message that somebody holds. Exactly one of Ack and Nack is called.
type Delivery interface {
	Message() Message
	// Ack removes the message for good.
	Ack(ctx context.Context) error
	// Nack gives it back, to be delivered again after delay.
	Nack(ctx context.Context, delay time.Duration) error
}

// Queue delivers each published message at least once. It is safe for use by many goroutines.
type Queue interface {
	// Publish adds a message. It does not wait for consumers; a full queue is
	// bongsu.CodeUnavailable, and the inbox's sweeper publishes again later.
	Publish(ctx context.Context, key bongsu.EventKey) error
	// Receive blocks for the next message, until ctx ends. A message whose holder has
	// neither acked nor nacked within the backend's lease is delivered again.
	Receive(ctx context.Context) (Delivery, error)
	// Close lets blocked receivers return an error and frees what the queue holds.
	Close() error
}
