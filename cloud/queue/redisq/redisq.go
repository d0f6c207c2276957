// Package redisq is the queue on Redis Streams, for any number of processes. One stream holds the
// messages and one consumer group hands them out; beside them stand a hash that knows each key's
// place, so that a key is held once, and a sorted set of messages that were given back and are not
// due yet:
//
//	<stream>          stream   k: event ID and revision, p: published (µs), n: deliveries before
//	<stream>:index    hash     key → s<entry> or d<published>:<deliveries>
//	<stream>:delayed  sorted   key by when it is due (ms of the server's clock)
//	<stream>:dead     stream   entries that nobody can read
//	<stream>:probe    string   what Ready writes; expires
//
// Only an acknowledged entry is ever removed; nothing is trimmed. When the server has lost
// its data, or another one took over without it, the group is made again by the next reader and
// ingest's sweeper fills the stream from the archive's inbox.
package redisq

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"bongsu"
	"bongsu/cloud/queue"
)

// group is the one consumer group: those who take events into the archive.
const group = "archive"

// Options says which server, and how the queue behaves. Zero fields take the defaults.
type Options struct {
	Address  string // host:port
	Username string
	Password string
	TLS      *tls.Config // nil: plain TCP
	Database int
	// Stream is the stream's name and the beginning of the other keys' names. Default bongsu.
	Stream string
	// Consumer names this process within the group. Default: host, process and a random word.
	Consumer string
	// Lease is how long a receiver may hold a message without renewing before it is delivered
	// again, so how late a message comes whose holder was killed. Default 5 s.
	Lease time.Duration
	// Deliveries is after how many an entry that cannot be read goes to the dead letters.
	// Default 5.
	Deliveries int
	// Block is how long one read waits on the server; a receiver whose context ended returns
	// within it. Default 250 ms.
	Block time.Duration
	// Timeout bounds every other answer of the server. Default 3 s.
	Timeout time.Duration
	// Now stamps what is published; nil is time.Now. Leases and delays are by the server's clock.
	Now func() time.Time
	// Log hears of a group that was made again and of entries that cannot be read; nil discards.
	Log *slog.Logger
}

// Queue is a queue.Queue on a Redis server. Close it.
type Queue struct {
	// set before use
	o      Options
	client *redis.Client
	keys   names
	closed atomic.Bool

	upkeep upkeep

	// out
	counts counts
}

var (
	_ queue.Queue   = (*Queue)(nil)
	_ queue.Letters = (*Queue)(nil)
)

// names are the keys on the server.
type names struct{ stream, index, delayed, dead, probe string }

// counts are sums since the start.
type counts struct {
	published, reclaimed, rebuilt, unreadable atomic.Int64
}

// upkeep is what receivers do for all of them: one at a time, when it is due.
type upkeep struct {
	mu     sync.Mutex
	claims time.Time // when XAUTOCLAIM looks next
	cursor string    // where it goes on
	due    time.Time // when delayed messages are looked at next
	tidies time.Time // when names of consumers that ended are looked for next
}

// New makes a queue; it neither dials nor starts anything, so a server that is away is found by
// the first use.
func New(o Options) *Queue {
	if o.Stream == "" {
		o.Stream = "bongsu"
	}
	if o.Consumer == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unnamed"
		}
		o.Consumer = host + "-" + strconv.Itoa(os.Getpid()) + "-" + rand.Text()[:6]
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.Lease, 5 * time.Second}, {&o.Block, 250 * time.Millisecond}, {&o.Timeout, 3 * time.Second}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.Deliveries <= 0 {
		o.Deliveries = 5
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	quiet()
	s := o.Stream
	return &Queue{
		o: o, keys: names{s, s + ":index", s + ":delayed", s + ":dead", s + ":probe"},
		client: redis.NewClient(&redis.Options{
			Addr: o.Address, Username: o.Username, Password: o.Password, TLSConfig: o.TLS, DB: o.Database,
			Protocol: 2, ClientName: "bongsu",
			DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout + time.Second,
			DialerRetries: 1, MaxRetries: 1, // whoever calls tries again by himself
			PoolSize: 32, ContextTimeoutEnabled: true,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		}),
	}
}

// quiet keeps the library from writing to standard error: what it would say is in the errors
// that it returns.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

// Printf implements the library's logger.
func (silent) Printf(context.Context, string, ...any) {}

// publishBatch is how many keys one script call takes: the server does nothing else meanwhile.
const publishBatch = 500

// Publish implements queue.Queue. A message that the server confirmed is as durable as its
// appendfsync makes it.
func (q *Queue) Publish(ctx context.Context, keys ...bongsu.EventKey) error {
	for len(keys) > 0 {
		n := min(len(keys), publishBatch)
		args := make([]any, 0, n+1)
		args = append(args, q.o.Now().UnixMicro())
		for _, k := range keys[:n] {
			args = append(args, formatKey(k))
		}
		added, err := publishScript.Run(ctx, q.client, q.keys.all(), args...).Int64()
		if err != nil {
			return q.failure(err)
		}
		q.counts.published.Add(added)
		keys = keys[n:]
	}
	return nil
}

func (n names) all() []string { return []string{n.stream, n.index, n.delayed, n.dead} }

// Ready implements queue.Queue: it writes a key that expires, so that a server without memory,
// a replica and one that cannot write to its disk are found, too.
func (q *Queue) Ready(ctx context.Context) error {
	return q.failure(q.client.Set(ctx, q.keys.probe, 1, 10*time.Second).Err())
}

// Depth implements queue.Queue.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	p := q.client.Pipeline()
	length, delayed, dead := p.XLen(ctx, q.keys.stream), p.ZCard(ctx, q.keys.delayed), p.XLen(ctx, q.keys.dead)
	pending := p.XPending(ctx, q.keys.stream, group)
	if _, err := p.Exec(ctx); err != nil && !hasPrefix(err, "NOGROUP") {
		return queue.Depth{}, q.failure(err)
	}
	d := queue.Depth{Delayed: delayed.Val(), Dead: dead.Val()}
	if v := pending.Val(); v != nil {
		d.Held = v.Count
	}
	d.Waiting = max(0, length.Val()-d.Held)
	return d, nil
}

// Stats counts since the start of this process.
type Stats struct {
	Published  int64 // messages added; those that the queue held already left out
	Reclaimed  int64 // taken over from holders that said nothing for a lease
	Rebuilt    int64 // how often the group had to be made
	Unreadable int64 // entries moved to the dead letters
}

// Stats reads the counters; it may be called at any time.
func (q *Queue) Stats() Stats {
	c := &q.counts
	return Stats{c.published.Load(), c.reclaimed.Load(), c.rebuilt.Load(), c.unreadable.Load()}
}

// Close implements queue.Queue. What this process holds comes again after the lease.
func (q *Queue) Close() error {
	if q.closed.Swap(true) {
		return nil
	}
	return q.client.Close()
}
