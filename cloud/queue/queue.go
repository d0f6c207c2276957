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
	// Lapsed is how many deliveries in a row before this one ended with neither Ack nor Nack:
	// the holder died or could not renew its lease. A message that kills its holders shows by it.
	Lapsed int
}

// Delivery is a message that somebody holds. Exactly one of Ack and Nack is called.
type Delivery interface {
	Message() Message
	// Lease is how long the message is held without a further word. A holder that needs longer
	// calls Renew every third of it.
	Lease() time.Duration
	// Renew holds the message for another lease from now on. It is no delivery and raises none of
	// the counts. It gives false when the message is not this holder's any more: another one works
	// on it, or it was acknowledged. Renew must not run beside or after Ack or Nack.
	Renew(ctx context.Context) (bool, error)
	// Ack removes the message for good. It counts also when the lease had run out.
	Ack(ctx context.Context) error
	// Nack gives it back, to be delivered again after delay.
	Nack(ctx context.Context, delay time.Duration) error
}

// Depth is how much a queue holds.
type Depth struct {
	Waiting int64 // to be delivered
	Held    int64 // delivered, neither acked nor nacked
	Delayed int64 // given back, not due yet
	Dead    int64 // entries that nobody can read
}

// Queue delivers each published message at least once. It is safe for use by many goroutines.
type Queue interface {
	// Publish adds messages. It does not wait for consumers. A key that the queue holds
	// already is not added again. A queue that is full or cannot be reached is
	// bongsu.CodeUnavailable, some of the messages may be in it then, and the inbox's sweeper
	// publishes again later.
	Publish(ctx context.Context, keys ...bongsu.EventKey) error
	// Receive blocks for the next message, until ctx ends. A message whose holder has
	// neither acked, nacked nor renewed it within the backend's lease is delivered again.
	Receive(ctx context.Context) (Delivery, error)
	// Ready reports whether Publish would work now; bongsu.CodeUnavailable says why not.
	Ready(ctx context.Context) error
	// Depth counts what the queue holds.
	Depth(ctx context.Context) (Depth, error)
	// Close lets blocked receivers return an error and frees what the queue holds.
	Close() error
}

// Letter is an entry that no consumer can read: somebody else wrote it, or a newer program.
type Letter struct {
	ID         string // the backend's
	At         time.Time
	Deliveries int
	Reason     string
	Entry      string // its content as text, cut off when it is long
}

// Letters is what a queue has beside when others can write to it. The events themselves are not
// in question: they wait in the inbox.
type Letters interface {
	// DeadLetters lists the newest unreadable entries.
	DeadLetters(ctx context.Context, limit int) ([]Letter, error)
	// Retry puts one back into the queue as it was; bongsu.CodeNotFound without it.
	Retry(ctx context.Context, id string) error
	// Drop removes one for good; bongsu.CodeNotFound without it.
	Drop(ctx context.Context, id string) error
}
