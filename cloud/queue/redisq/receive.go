package redisq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"bongsu"
	"bongsu/cloud/queue"
)

// Receive implements queue.Queue. It looks in turn for messages whose holders died, for delayed
// ones that are due, and waits for new ones.
func (q *Queue) Receive(ctx context.Context) (queue.Delivery, error) {
	for rebuilds := 0; ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := q.next(ctx)
		if err == nil && d == nil {
			continue
		}
		if err == nil {
			return d, nil
		}
		if groupGone(err) && rebuilds < 3 {
			if rebuilds++; q.rebuild(ctx) == nil {
				continue
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, q.failure(err)
	}
}

// next gives a message, or nil when none came in one turn.
func (q *Queue) next(ctx context.Context) (queue.Delivery, error) {
	d, wait, err := q.maintain(ctx)
	if d != nil || err != nil {
		return orNil(d), err
	}
	if at, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(at))
	}
	// A read that were given up could have been answered: its message would lie until the lease
	// is over. So it is never given up, but short.
	streams, err := q.client.XReadGroup(context.WithoutCancel(ctx), &redis.XReadGroupArgs{
		Group: group, Consumer: q.o.Consumer, Streams: []string{q.keys.stream, ">"}, Count: 1, Block: max(wait, time.Millisecond),
	}).Result()
	if errors.Is(err, redis.Nil) || err == nil && (len(streams) == 0 || len(streams[0].Messages) == 0) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return orNil(q.deliver(ctx, streams[0].Messages[0], 1)), nil
}

// groupGone tells that the stream or its group is not there, also when it went while we waited.
func groupGone(err error) bool { return hasPrefix(err, "NOGROUP") || hasPrefix(err, "UNBLOCKED") }

// orNil keeps a nil delivery from becoming an interface that is not nil.
func orNil(d *delivery) queue.Delivery {
	if d == nil {
		return nil
	}
	return d
}

// maintain does what is due for all receivers: one of them at a time, the others go on. It
// gives a message that it took over, or how long a read may wait.
func (q *Queue) maintain(ctx context.Context) (*delivery, time.Duration, error) {
	u := &q.upkeep
	if !u.mu.TryLock() {
		return nil, q.o.Block, nil
	}
	defer u.mu.Unlock()
	now := time.Now()
	if !now.Before(u.claims) {
		d, err := q.reclaim(ctx)
		if err != nil || d != nil {
			return d, 0, err // there may be more: the next call looks again
		}
		u.claims = now.Add(min(q.o.Lease/4, time.Second))
	}
	if !now.Before(u.tidies) {
		if err := q.tidy(ctx, forgetAfter); err != nil {
			return nil, 0, err
		}
		u.tidies = now.Add(forgetAfter)
	}
	wait := q.o.Block
	if !now.Before(u.due) {
		ms, err := promoteScript.Run(ctx, q.client, q.keys.all(), 100).Int64()
		if err != nil {
			return nil, 0, err
		}
		// Others may give messages back meanwhile, so the next look is not far.
		u.due = now.Add(min(q.o.Lease/10, 100*time.Millisecond))
		if ms >= 0 {
			wait = min(wait, time.Duration(ms)*time.Millisecond)
			u.due = minTime(u.due, now.Add(wait))
		}
	}
	return nil, min(wait, time.Until(u.due)), nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// claimTurns bounds how far one look goes on; the cursor is kept for the next.
const claimTurns = 100

// reclaim takes over one message that nobody has spoken of for a lease.
func (q *Queue) reclaim(ctx context.Context) (*delivery, error) {
	u := &q.upkeep
	if u.cursor == "" {
		u.cursor = "0-0"
	}
	for range claimTurns {
		messages, cursor, err := q.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: q.keys.stream, Group: group, Consumer: q.o.Consumer, MinIdle: q.o.Lease, Start: u.cursor, Count: 1,
		}).Result()
		if err != nil {
			u.cursor = ""
			return nil, err
		}
		u.cursor = cursor
		if len(messages) > 0 {
			return q.takeOver(ctx, messages[0])
		}
		if cursor == "0-0" {
			return nil, nil
		}
	}
	return nil, nil
}

// takeOver asks how often a claimed message has been delivered, which XAUTOCLAIM does not say.
func (q *Queue) takeOver(ctx context.Context, m redis.XMessage) (*delivery, error) {
	p, err := q.client.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: q.keys.stream, Group: group, Start: m.ID, End: m.ID, Count: 1}).Result()
	if err != nil {
		return nil, err
	}
	if len(p) == 0 || p[0].Consumer != q.o.Consumer {
		return nil, nil // acknowledged, or taken, since
	}
	q.counts.reclaimed.Add(1)
	return q.deliver(ctx, m, int(p[0].RetryCount)), nil
}

// deliver makes a delivery of an entry; turn is the how manieth delivery of this entry it is. An
// entry that cannot be read gives nil: it waits for a program that can, and after a few
// deliveries goes to the dead letters.
func (q *Queue) deliver(ctx context.Context, m redis.XMessage, turn int) *delivery {
	msg, err := decode(m.Values)
	if err != nil {
		q.o.Log.Warn("queue: an entry cannot be read", "stream", q.keys.stream, "entry", m.ID, "deliveries", turn, "err", err)
		if turn >= q.o.Deliveries {
			q.bury(ctx, m, turn, err)
		}
		return nil
	}
	before := msg.Deliveries
	msg.Deliveries, msg.Lapsed = before+turn, turn-1
	return &delivery{q: q, entry: m.ID, turn: turn, m: msg}
}

// rebuild makes the group, from the beginning of the stream: entries that are there have not been
// acknowledged.
func (q *Queue) rebuild(ctx context.Context) error {
	err := q.client.XGroupCreateMkStream(ctx, q.keys.stream, group, "0").Err()
	if hasPrefix(err, "BUSYGROUP") {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	q.counts.rebuilt.Add(1)
	q.o.Log.Info("queue: the consumer group was made", "stream", q.keys.stream, "group", group)
	return nil
}

// forgetAfter is when the name of a process that ended is taken from the group; it is looked for
// such names at the start and as often.
const forgetAfter = time.Hour

// tidy removes the names of consumers that ended from the group. What they held was taken over, or
// they stay until it is.
func (q *Queue) tidy(ctx context.Context, age time.Duration) error {
	return tidyScript.Run(ctx, q.client, q.keys.all(), group, age.Milliseconds()).Err()
}

// formatKey is a key as the server holds it.
func formatKey(k bongsu.EventKey) string { return string(k.ID) + "." + strconv.Itoa(k.Revision) }

func parseKey(s string) (bongsu.EventKey, error) {
	id, rev, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(rev)
	if err != nil || n < 1 || !bongsu.ValidUUID(id) || strconv.Itoa(n) != rev {
		return bongsu.EventKey{}, fmt.Errorf("k: %.80q is no event ID and revision", s)
	}
	return bongsu.EventKey{ID: bongsu.EventID(id), Revision: n}, nil
}

// decode reads an entry; Deliveries is how many there were before this entry.
func decode(v map[string]any) (queue.Message, error) {
	text := func(name string) string { s, _ := v[name].(string); return s }
	var m queue.Message
	var err error
	if m.Key, err = parseKey(text("k")); err != nil {
		return m, err
	}
	us, err := strconv.ParseInt(text("p"), 10, 64)
	if err != nil {
		return m, fmt.Errorf("p: %.40q is no time in microseconds", text("p"))
	}
	m.Published = time.UnixMicro(us).UTC()
	n, err := strconv.ParseUint(text("n"), 10, 31)
	if err != nil {
		return m, fmt.Errorf("n: %.40q is no number of deliveries", text("n"))
	}
	m.Deliveries = int(n)
	return m, nil
}

// delivery is one handing-out of an entry.
type delivery struct {
	q     *Queue
	entry string
	turn  int // of this entry
	m     queue.Message
}

// Message implements queue.Delivery.
func (d *delivery) Message() queue.Message { return d.m }

// Lease implements queue.Delivery.
func (d *delivery) Lease() time.Duration { return d.q.o.Lease }

// Renew implements queue.Delivery.
func (d *delivery) Renew(ctx context.Context) (bool, error) {
	n, err := renewScript.Run(ctx, d.q.client, d.q.keys.all(), group, d.entry, d.turn, d.q.o.Consumer).Int()
	return n == 1, d.q.failure(err)
}

// Ack implements queue.Delivery. It is tried even when ctx has ended, for the work is done.
func (d *delivery) Ack(ctx context.Context) error {
	ctx, cancel := d.q.outlive(ctx)
	defer cancel()
	return d.q.failure(ackScript.Run(ctx, d.q.client, d.q.keys.all(), group, d.entry, formatKey(d.m.Key)).Err())
}

// Nack implements queue.Delivery. When the message is another holder's by now nothing happens.
func (d *delivery) Nack(ctx context.Context, delay time.Duration) error {
	ctx, cancel := d.q.outlive(ctx)
	defer cancel()
	ms := (max(delay, 0) + time.Millisecond - 1) / time.Millisecond
	return d.q.failure(nackScript.Run(ctx, d.q.client, d.q.keys.all(), group, d.entry, formatKey(d.m.Key),
		int64(ms), d.turn, d.m.Published.UnixMicro(), d.m.Deliveries, d.q.o.Consumer).Err())
}

// outlive gives a message's last word the time of one answer, whatever became of the caller's.
func (q *Queue) outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), q.o.Timeout)
}
