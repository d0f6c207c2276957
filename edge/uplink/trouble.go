package uplink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"bongsu"
)

// storeRetry is the wait of a lane after trouble with the outbox, which is no trouble with the
// cloud: the other lanes go on.
const storeRetry = time.Second

// storeError is trouble with the outbox.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

func storeErrorf(format string, args ...any) error {
	return &storeError{fmt.Errorf(format, args...)}
}

// trouble notes why a lane did not get on. The cloud's trouble closes the gate for all; trouble
// with the outbox holds up the lane that has it, for storeRetry. Each new reason is logged once.
func (u *Uplink) trouble(ctx context.Context, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	var se *storeError
	if errors.As(err, &se) {
		u.storeTrouble(err)
		_ = pause(ctx, storeRetry)
		return
	}
	if u.gate.failed(err) {
		u.log.Warn("uplink is interrupted; everything is kept and sent later", "reason", err)
	}
	if errors.Is(err, errSilent) { // after the gate is shut, so that nobody begins anew in between
		u.line.cut()
		u.o.Client.CloseIdleConnections()
	}
}

func (u *Uplink) storeTrouble(err error) {
	u.mu.Lock()
	news := u.told != err.Error()
	u.told = err.Error()
	u.mu.Unlock()
	if news {
		u.log.Error("the uplink has trouble with the outbox", "reason", err)
	}
}

// well notes that a lane has got through.
func (u *Uplink) well() {
	if u.gate.ok() {
		u.online()
	}
}

func (u *Uplink) online() {
	u.log.Info("uplink is online")
	u.wakeBackfill()
}

// pause blocks for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// line is all requests that are on the wire. When the cloud falls silent on one of them it is
// gone for all, and they are ended together instead of each waiting for its own end.
type line struct {
	mu  sync.Mutex
	end []func() // guarded by mu: nil where a request has left
}

// join gives a context that ends with ctx or when the line is cut. leave must be called.
func (l *line) join(ctx context.Context) (joined context.Context, leave func()) {
	joined, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	at := 0
	for at < len(l.end) && l.end[at] != nil {
		at++
	}
	if at == len(l.end) {
		l.end = append(l.end, nil)
	}
	l.end[at] = cancel
	return joined, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.end[at] = nil
		cancel()
	}
}

// cut ends all that is on the wire now.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range l.end {
		if end != nil {
			end()
		}
	}
}

// owe remembers revisions that the cloud has, when the outbox cannot take that down: they are
// not sent again in this life.
func (u *Uplink) owe(keys []bongsu.EventKey, err error) {
	u.storeTrouble(storeErrorf("the outbox cannot take an acknowledgement; it is told again when it can write: %w", err))
	u.mu.Lock()
	for _, k := range keys {
		u.owed[k] = true
	}
	u.mu.Unlock()
	select {
	case u.owing <- struct{}{}:
	default:
	}
}

// payDebts tells the outbox of acknowledgements that it could not take.
func (u *Uplink) payDebts(ctx context.Context) {
	for {
		select {
		case <-u.owing:
		case <-ctx.Done():
			return
		}
		for u.debts() > 0 {
			if pause(ctx, storeRetry) != nil {
				return
			}
			u.pay()
		}
	}
}

func (u *Uplink) debts() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.owed)
}

// pay tries to settle what is owed, some at a time.
func (u *Uplink) pay() {
	u.mu.Lock()
	var keys []bongsu.EventKey
	for k := range u.owed {
		keys = append(keys, k)
	}
	u.mu.Unlock()
	for len(keys) > 0 {
		some := keys[:min(len(keys), bongsu.MaxEventsPerPost)]
		if err := u.o.Store.AckEvents(some...); err != nil {
			return
		}
		u.mu.Lock()
		for _, k := range some {
			delete(u.owed, k)
		}
		u.mu.Unlock()
		keys = keys[len(some):]
	}
}

// callProbe is call for a probe, which is not cut with the line: it is what finds the new one.
func (u *Uplink) callProbe(ctx context.Context, path string, in, out any) error {
	return call(ctx, u.o.Client, u.base, u.o.Credential, path, in, out, u.o.Now())
}

// SendNow brings one revision to the cloud past the outbox and its lanes, marked as not spooled,
// for a disk that cannot be written. It blocks for one request, at most answerTimeout after it is
// sent, and tries nothing again. nil: the cloud has it, durably. An error with bongsu.CodeInvalid
// or CodeTooLarge says that the cloud will never take it; any other, that it is not there or
// nobody knows.
func (u *Uplink) SendNow(ctx context.Context, rec bongsu.EventRecord) error {
	if !u.gate.open() {
		return bongsu.Errorf(bongsu.CodeUnavailable, "the cloud is not reached now: %s", u.gate.status().Reason)
	}
	rec.Event.Unspooled = true
	rec.Event.Stamps.SentUS = u.o.Now().UnixMicro()
	u.polite.enter()
	defer u.polite.leave()
	var resp bongsu.EventsResponse
	if err := u.call(ctx, "events", bongsu.EventsRequest{Events: []bongsu.EventRecord{rec}}, &resp); err != nil {
		if code := bongsu.CodeOf(err); !answered(err) || (code != bongsu.CodeInvalid && code != bongsu.CodeTooLarge) {
			u.trouble(ctx, err)
		}
		return err
	}
	if len(resp.Results) != 1 || resp.Results[0].EventKey != rec.Event.Key() {
		return errNotOurs
	}
	switch r := resp.Results[0]; r.Status {
	case bongsu.EventStored, bongsu.EventKnown:
		u.mu.Lock()
		u.sent.Direct++
		u.mu.Unlock()
		u.well()
		return nil
	case bongsu.EventRejected:
		return bongsu.Errorf(bongsu.CodeInvalid, "the cloud refuses the event: %s: %s", r.Code, r.Message)
	}
	return errNotOurs
}
