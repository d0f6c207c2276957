// Package uplink brings what the outbox holds to the cloud over HTTPS. Events and clips go on
// lanes of their own, so that no revision waits for a clip; what happens now goes first and
// what had to wait is filled in behind it. Everything is sent until the cloud has said that it
// is durable there, and may arrive twice: the cloud knows it by its key. See wire.go of package
// bongsu for the messages and docs/design/durability.md for what each answer means.
package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"bongsu"
)

// Store is what the uplink empties.
type Store interface {
	// PendingEvents gives revisions that wait, the newest or the oldest first.
	PendingEvents(newestFirst bool, limit, maxBytes int, skip func(bongsu.EventKey) bool) ([]bongsu.EventRecord, error)
	AckEvents(keys ...bongsu.EventKey) error
	RejectEvent(key bongsu.EventKey, code bongsu.Code, message string) error
	// PendingClips gives parts that wait, the most urgent first.
	PendingClips(limit int, skip func(bongsu.ClipKey) bool) []bongsu.Clip
	ClipPath(key bongsu.ClipKey) string
	AckClip(key bongsu.ClipKey) error
	FailClip(key bongsu.ClipKey, reason string) error
	// LostClips gives parts that will never come and of which the cloud does not know yet.
	LostClips(limit int) []bongsu.Clip
	LostClipTold(key bongsu.ClipKey) error
	// RehashClip reads a part's file again and says whether it is other than its row said.
	RehashClip(key bongsu.ClipKey) (clip bongsu.Clip, changed bool, err error)
	// Changed gives a channel that is closed when something new waits.
	Changed() <-chan struct{}
	Backlog() bongsu.Backlog
}

// Options are what an Uplink needs.
type Options struct {
	Store      Store
	URL        string // of the cloud, such as https://cloud.example:8443
	Credential string // from enrolment; goes into a header, never into a log
	Version    string // of this program, for the report
	// Cameras gives how all cameras are now. A Still is sent when its StillAt is new.
	Cameras func() []bongsu.CameraStatus
	// CamerasChanged tells that a report is due now, besides every ReportEvery; may be nil.
	CamerasChanged <-chan struct{}
	ReportEvery    time.Duration // 0: 5 s
	Client         *http.Client  // nil: made by NewClient without a file of authorities
	MinBackoff     time.Duration // 0: 250 ms
	MaxBackoff     time.Duration // 0: 30 s
	Now            func() time.Time
	Rand           func() float64 // 0..1, for jitter
	Log            *slog.Logger   // nil: discard
}

// Numbers of the lanes.
const (
	liveBatch      = 20        // small, so that the next event does not wait long
	liveBytes      = 512 << 10 // of one post on the live lane
	backfillBytes  = 4 << 20   // of one post on the back-fill lane
	maxAnswerBytes = 1 << 20
)

// Uplink empties a Store. Make it with New.
type Uplink struct {
	// set before Run
	o    Options
	base *url.URL
	log  *slog.Logger
	gate *gate

	backfill chan struct{} // in: there is more than the live lane took
	owing    chan struct{} // in: there are acknowledgements that the outbox could not take
	polite   politeness    // clips step aside for events
	line     line          // all that is on the wire

	mu        sync.Mutex
	inFlight  map[bongsu.EventKey]bool  // guarded by mu: on one of the lanes
	firstSent map[bongsu.EventKey]int64 // guarded by mu: Unix µs, until acknowledged
	owed      map[bongsu.EventKey]bool  // guarded by mu: the cloud has them, the outbox does not know yet
	stills    map[bongsu.CameraID]time.Time
	sent      Sent   // guarded by mu
	told      string // guarded by mu: the last trouble with the store that was logged
}

// New checks the options and makes an Uplink; nothing starts before Run.
func New(o Options) (*Uplink, error) {
	base, err := checkURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Credential == "" {
		return nil, errors.New("the edge is not enrolled: there is no credential for the cloud")
	}
	if o.Client == nil {
		if o.Client, err = NewClient(""); err != nil {
			return nil, err
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.ReportEvery = orDefault(o.ReportEvery, 5*time.Second)
	u := &Uplink{o: o, base: base, log: o.Log, backfill: make(chan struct{}, 1), owing: make(chan struct{}, 1), owed: map[bongsu.EventKey]bool{},
		inFlight: map[bongsu.EventKey]bool{}, firstSent: map[bongsu.EventKey]int64{}, stills: map[bongsu.CameraID]time.Time{}}
	u.gate = newGate(orDefault(o.MinBackoff, 250*time.Millisecond), orDefault(o.MaxBackoff, 30*time.Second), o.Now, o.Rand)
	return u, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// Run sends until ctx ends, and blocks until everything it began has ended. Trouble with the
// cloud is never an error of Run: it is shown by Status and tried again, for ever.
func (u *Uplink) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, lane := range []func(context.Context){u.liveLane, u.backfillLane, u.clipLane, u.reports, u.payDebts} {
		wg.Go(func() { lane(ctx) })
	}
	wg.Wait()
	u.o.Client.CloseIdleConnections()
	return ctx.Err()
}

// Sent counts what the cloud has taken since Run began.
type Sent struct {
	Events   int64 `json:"events"` // acknowledged revisions, those it knew included
	Known    int64 `json:"known"`  // of Events: it had them already
	Rejected int64 `json:"rejected"`
	Clips    int64 `json:"clips"`
	Bytes    int64 `json:"clip_bytes"` // put on the wire for clips
	Reports  int64 `json:"reports"`
	Direct   int64 `json:"direct"` // revisions that SendNow has brought, past the outbox
}

// Status is how the uplink is.
type Status struct {
	State   string         `json:"state"` // "starting", "online", "offline", "denied" (credential refused) or "throttled"
	Reason  string         `json:"reason,omitempty"`
	Since   time.Time      `json:"since"`
	LastOK  time.Time      `json:"last_ok,omitzero"`
	RetryAt time.Time      `json:"retry_at,omitzero"`
	Sent    Sent           `json:"sent"`
	Pending bongsu.Backlog `json:"pending"`
}

// Status gives how things stand. It does not block on the network.
func (u *Uplink) Status() Status {
	s := u.gate.status()
	u.mu.Lock()
	s.Sent = u.sent
	u.mu.Unlock()
	s.Pending = u.o.Store.Backlog()
	return s
}

// checkURL holds the cloud's address against what may carry a credential: https, or http to
// this machine.
func checkURL(s string) (*url.URL, error) {
	base, err := url.Parse(s)
	if err != nil || base.Host == "" {
		return nil, errors.New("the cloud's address is no URL: write it as https://host or https://host:port")
	}
	local := base.Hostname() == "localhost" || base.Hostname() == "127.0.0.1" || base.Hostname() == "::1"
	switch {
	case base.User != nil:
		return nil, errors.New("user and password do not belong into the cloud's address")
	case base.Scheme != "https" && (base.Scheme != "http" || !local):
		return nil, fmt.Errorf("the cloud's address %s must begin with https://, so that nobody on the way can read the credential (http is allowed to this machine only)", base.Redacted())
	}
	return base.JoinPath("/api/v1/edge/"), nil
}
