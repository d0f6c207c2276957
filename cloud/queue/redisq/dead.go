package redisq

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"bongsu"
	"bongsu/cloud/queue"
)

// Limits of the dead letters. They hold no event: those wait in the archive's inbox.
const (
	deadKeep  = 10_000 // about so many are kept, the newest
	deadEntry = 8 << 10
	deadShow  = 500 // bytes of an entry that are shown
)

// bury moves an entry that cannot be read to the dead letters. When it fails the entry comes again.
func (q *Queue) bury(ctx context.Context, m redis.XMessage, turn int, reason error) {
	ctx, cancel := q.outlive(ctx)
	defer cancel()
	entry, err := json.Marshal(flat(m.Values))
	if err != nil || len(entry) > deadEntry {
		entry = []byte("[]") // it could not be put back as it was
	}
	err = buryScript.Run(ctx, q.client, q.keys.all(), group, m.ID, deadKeep,
		"at", q.o.Now().UnixMicro(), "deliveries", turn, "reason", reason.Error(), "entry", entry).Err()
	if err != nil {
		q.o.Log.Warn("queue: an entry cannot be moved to the dead letters; tried again later", "entry", m.ID, "err", q.failure(err))
		return
	}
	q.counts.unreadable.Add(1)
	q.o.Log.Error("queue: entry moved to the dead letters", "stream", q.keys.stream, "entry", m.ID, "deliveries", turn, "reason", reason)
}

// flat lists an entry's fields and values in turn, in the order of their names.
func flat(v map[string]any) []string {
	var names []string
	for k := range v {
		names = append(names, k)
	}
	slices.Sort(names)
	out := make([]string, 0, 2*len(names))
	for _, k := range names {
		s, _ := v[k].(string)
		out = append(out, k, s)
	}
	return out
}

// DeadLetters implements queue.Letters.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]queue.Letter, error) {
	rows, err := q.client.XRevRangeN(ctx, q.keys.dead, "+", "-", int64(limit)).Result()
	if err != nil {
		return nil, q.failure(err)
	}
	out := make([]queue.Letter, len(rows))
	for i, r := range rows {
		text := func(name string) string { s, _ := r.Values[name].(string); return s }
		l := queue.Letter{ID: r.ID, Reason: text("reason"), Entry: text("entry")}
		if us, err := strconv.ParseInt(text("at"), 10, 64); err == nil {
			l.At = time.UnixMicro(us).UTC()
		}
		if n, err := strconv.Atoi(text("deliveries")); err == nil {
			l.Deliveries = n
		}
		if len(l.Entry) > deadShow {
			l.Entry = l.Entry[:deadShow] + "…"
		}
		out[i] = l
	}
	return out, nil
}

var entryID = regexp.MustCompile(`^\d{1,20}-\d{1,20}$`)

func noLetter(id string) error {
	return bongsu.Errorf(bongsu.CodeNotFound, "the queue has no dead letter %.60q", id)
}

// Retry implements queue.Letters.
func (q *Queue) Retry(ctx context.Context, id string) error {
	if !entryID.MatchString(id) {
		return noLetter(id)
	}
	rows, err := q.client.XRange(ctx, q.keys.dead, id, id).Result()
	if err != nil {
		return q.failure(err)
	}
	if len(rows) == 0 {
		return noLetter(id)
	}
	text, _ := rows[0].Values["entry"].(string)
	var fields []string
	if err := json.Unmarshal([]byte(text), &fields); err != nil || len(fields) == 0 || len(fields)%2 != 0 {
		return bongsu.Errorf(bongsu.CodeConflict, "dead letter %s was too large to be kept whole: it can only be dropped", id)
	}
	args := []any{id}
	for _, f := range fields {
		args = append(args, f)
	}
	n, err := retryScript.Run(ctx, q.client, q.keys.all(), args...).Int64()
	if err == nil && n == 0 {
		return noLetter(id)
	}
	return q.failure(err)
}

// Drop implements queue.Letters.
func (q *Queue) Drop(ctx context.Context, id string) error {
	if !entryID.MatchString(id) {
		return noLetter(id)
	}
	n, err := q.client.XDel(ctx, q.keys.dead, id).Result()
	if err == nil && n == 0 {
		return noLetter(id)
	}
	return q.failure(err)
}

// failure gives an error of the server or of the way to it a code and a sentence. Everything is
// CodeUnavailable: the server may be mended, and the inbox holds the events until then.
func (q *Queue) failure(err error) error {
	if err == nil {
		return nil
	}
	if q.closed.Load() || errors.Is(err, redis.ErrClosed) {
		return bongsu.Errorf(bongsu.CodeUnavailable, "the queue is closed")
	}
	say := func(what string) error {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "the queue: Redis at %s %s", q.o.Address, what)
	}
	for _, c := range []struct{ prefix, what string }{
		{"OOM", "has no memory left (maxmemory): give it more, or see why workers are slow"},
		{"NOAUTH", "wants a password: set queue.redis.username and queue.redis.password_file"},
		{"WRONGPASS", "refuses the password: check queue.redis.username and queue.redis.password_file"},
		{"NOPERM", "does not allow this user what the queue needs: give it all commands on keys that begin with queue.redis.stream"},
		{"WRONGTYPE", "has something else under a name of the queue: choose another queue.redis.stream"},
		{"READONLY", "is a replica: name its master in queue.redis.address"},
		{"LOADING", "is reading its data from the disk: it answers soon"},
		{"MASTERDOWN", "is a replica whose master is away"},
		{"MISCONF", "cannot write to its disk: see its log"},
		{"BUSY", "is busy with a script: see its log"},
	} {
		if hasPrefix(err, c.prefix) {
			return say(c.what)
		}
	}
	var answered redis.Error
	if errors.As(err, &answered) {
		return say("refuses: see its log and its version, which must be 6.2 or newer")
	}
	return say("does not answer: check queue.redis.address and whether it runs")
}

// hasPrefix tells errors of the server by their first word.
func hasPrefix(err error, prefix string) bool { return err != nil && redis.HasErrorPrefix(err, prefix) }
