package cmd

import (
	"context"
	"net/http"
	"sync"
	"time"

	"bongsu/edge/live"
	"bongsu/edge/obs"
)

// When live pictures give way: so many revisions have waited for so long without a pause.
const (
	yieldAfter  = 2 * time.Second
	yieldEvents = 5
	yieldLook   = 250 * time.Millisecond // how often that is looked at
)

// urgency tells whether events wait for the link that live pictures share with them.
type urgency struct {
	waiting func() int // set before use
	now     func() time.Time

	mu     sync.Mutex
	looked time.Time // guarded by mu
	since  time.Time // guarded by mu: events have waited at every look; zero when they have not
	yield  bool      // guarded by mu: as of the last look
}

// long reports whether so many events have waited for so long that pictures are to give way.
func (u *urgency) long() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := u.now()
	if now.Sub(u.looked) < yieldLook {
		return u.yield
	}
	u.looked = now
	switch {
	case u.waiting() < yieldEvents:
		u.since, u.yield = time.Time{}, false
	case u.since.IsZero():
		u.since = now
	default:
		u.yield = now.Sub(u.since) >= yieldAfter
	}
	return u.yield
}

// runWithLive runs the uplink and, beside it, live view over the same cloud and credential.
func (b *edgeBox) runWithLive(ctx context.Context, client *http.Client, credential string, uplink func(context.Context) error) error {
	urgent := &urgency{waiting: func() int { return b.outbox.Backlog().Events }, now: time.Now}
	show, err := live.New(live.Options{URL: b.cfg.Cloud.URL, Credential: credential, Client: live.Client(client),
		Cameras: b.node, Commands: b.setUp(), Yield: urgent.long, Log: b.log})
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.live = show
	b.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = show.Run(ctx) // ends with ctx only
	}()
	defer func() { <-done }()
	return uplink(ctx)
}

// liveMetrics gives the numbers of live view.
func (b *edgeBox) liveMetrics(emit func(obs.Sample)) {
	b.mu.Lock()
	show := b.live
	b.mu.Unlock()
	if show == nil {
		return
	}
	s := show.Status()
	connected := 0.0
	if s.Connected {
		connected = 1
	}
	emit(obs.Sample{Name: "bongsu_live_connected", Help: "Whether the cloud can ask for live pictures.", Kind: obs.KindGauge, Value: connected})
	emit(obs.Sample{Name: "bongsu_live_sending", Help: "Cameras whose pictures are sent to the cloud now.", Kind: obs.KindGauge, Value: float64(s.Sessions)})
	emit(obs.Sample{Name: "bongsu_live_sent_bytes_total", Help: "Bytes of live pictures sent to the cloud.", Kind: obs.KindCounter, Value: float64(s.Bytes)})
	emit(obs.Sample{Name: "bongsu_live_link_dropped_total", Help: "Live pictures that the link to the cloud did not carry in time.", Kind: obs.KindCounter, Value: float64(s.Dropped)})
}
