package console

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// Limits of the feed.
const (
	feedKeep  = 2048                   // messages kept for streams that are a little behind ...
	feedBytes = 1 << 20                // ... and how large they are together; a card with many events is
	feedBatch = 256                    // changes read at once
	catchUp   = 10_000                 // a stream that is further behind starts anew
	feedLook  = time.Second            // how often cameras are looked at
	feedPoll  = 200 * time.Millisecond // how often changes of other processes are looked for
	camerasIn = 5 * time.Second        // how often numbers about cameras are sent, at most
)

// message is one event of the stream in its final form.
type message struct {
	seq  int64
	data []byte
}

// feed reads the change sequence once for all streams and keeps the latest messages. A stream
// takes them at its own pace from here; one that is too slow falls back to the archive, so
// nothing ever waits for a stream.
type feed struct {
	// set before run
	c     *Console
	keep  int // messages kept
	bytes int // of them together

	// owned by run
	sent   time.Time    // when cameras were sent
	states []CameraView // as sent, without numbers

	// out
	mu      sync.Mutex
	started bool
	at      int64     // every change up to it was read
	from    int64     // messages hold every change after it
	kept    []message // in order
	size    int       // bytes of kept
	cameras []byte    // latest message about cameras
	version int       // counts the messages about cameras
	changed chan struct{}
	done    chan struct{} // closed when run ends
}

func newFeed(c *Console, keep, bytes int) *feed {
	return &feed{c: c, keep: keep, bytes: bytes, changed: make(chan struct{}), done: make(chan struct{})}
}

// run reads until ctx ends: this process's changes as they are committed, those of others, which
// wake nobody here, within feedPoll, cameras once a second at most. What
// fails is tried again at the next second.
func (f *feed) run(ctx context.Context) error {
	defer close(f.done)
	wake, cancel := f.c.archive.Subscribe()
	defer func() { cancel() }()
	looks := time.NewTicker(feedLook)
	defer looks.Stop()
	poll := time.NewTicker(feedPoll)
	defer poll.Stop()
	look := true // at the cameras
	for ctx.Err() == nil {
		err := f.read(ctx)
		if err == nil && look {
			err = f.lookAtCameras(ctx)
			look = false
		}
		if err != nil && ctx.Err() == nil {
			f.c.log.Error("the live streams cannot be fed; trying again", "err", err)
			wake = nil // until the next second
		}
		polls := poll.C
		if wake == nil {
			polls = nil
		}
		select {
		case <-wake:
		case <-polls:
		case <-looks.C:
			look = true
			if wake == nil {
				cancel()
				wake, cancel = f.c.archive.Subscribe()
			}
		case <-ctx.Done():
		}
	}
	return nil
}

// read takes in all changes after at.
func (f *feed) read(ctx context.Context) error {
	if !f.started {
		_, latest, err := f.c.archive.ChangeBounds(ctx)
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.started, f.at, f.from = true, latest, latest
		f.tell()
		f.mu.Unlock()
	}
	for {
		f.mu.Lock()
		after := f.at
		f.mu.Unlock()
		messages, last, err := f.c.messagesAfter(ctx, after, feedBatch)
		if err != nil {
			return err
		}
		if last == after {
			return nil
		}
		f.mu.Lock()
		f.at = last
		f.add(messages)
		f.tell()
		f.mu.Unlock()
	}
}

// add keeps messages and lets go of the oldest beyond keep and bytes; the latest stays whatever its
// size. Streams may still read what after gave them, so kept is made anew. The caller holds mu.
func (f *feed) add(messages []message) {
	f.kept = append(f.kept, messages...)
	for _, m := range messages {
		f.size += len(m.data)
	}
	over := 0
	for left := len(f.kept); left > f.keep || f.size > f.bytes && left > 1; left-- {
		f.size -= len(f.kept[over].data)
		over++
	}
	if over > 0 {
		f.from = f.kept[over-1].seq
		f.kept = slices.Clone(f.kept[over:])
	}
}

// tell wakes all streams; the caller holds mu.
func (f *feed) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// lookAtCameras takes in how the cameras are: a changed state is sent at once, numbers at most
// every camerasIn.
func (f *feed) lookAtCameras(ctx context.Context) error {
	now := f.c.now()
	views, err := f.c.cameraViews(ctx)
	if err != nil {
		return err
	}
	states := make([]CameraView, len(views))
	for i, v := range views {
		v.FPS, v.InferPS, v.LastReport, v.StillAt = 0, 0, time.Time{}, time.Time{}
		states[i] = v
	}
	if f.version > 0 && now.Sub(f.sent) < camerasIn && slices.Equal(states, f.states) {
		return nil
	}
	data, err := render("cameras", 0, camerasAnswer{views})
	if err != nil {
		return err
	}
	f.states, f.sent = states, now
	f.mu.Lock()
	defer f.mu.Unlock()
	if !bytes.Equal(data, f.cameras) {
		f.cameras = data
		f.version++
		f.tell()
	}
	return nil
}

// news is what a stream has not sent yet.
type news struct {
	behind   bool      // the messages are no longer kept: read the archive
	at       int64     // every change up to it is in messages
	messages []message // after the stream's position
	cameras  []byte    // nil when the stream has the latest
	version  int
	changed  <-chan struct{} // closed when there is more
}

// after gives what is new to a stream.
func (f *feed) after(seq int64, cameras int) news {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := news{at: seq, version: f.version, changed: f.changed}
	if f.version != cameras {
		n.cameras = f.cameras
	}
	if !f.started || seq >= f.at {
		return n
	}
	if seq < f.from {
		n.behind = true
		return n
	}
	n.at = f.at
	for i := len(f.kept) - 1; i >= 0 && f.kept[i].seq > seq; i-- {
		n.messages = f.kept[i:]
	}
	return n
}

// messagesAfter reads changes from the archive and makes messages of them; last is the last
// sequence number read, after itself when there is none. What has been deleted meanwhile
// makes no message.
func (c *Console) messagesAfter(ctx context.Context, after int64, limit int) (out []message, last int64, err error) {
	changes, err := c.archive.ChangesSince(ctx, after, limit)
	if err != nil || len(changes) == 0 {
		return nil, after, err
	}
	names, err := c.edgeNames(ctx)
	if err != nil {
		return nil, after, err
	}
	known := map[string]any{} // an event or alert that changed often is read once
	for _, ch := range changes {
		data, err := c.message(ctx, ch, names, known)
		if err != nil {
			return nil, after, err
		}
		if data != nil {
			out = append(out, message{ch.Seq, data})
		}
	}
	return out, changes[len(changes)-1].Seq, nil
}

// clipNews is what a stream says about a clip part.
type clipNews struct {
	Event bongsu.EventID   `json:"event"`
	Part  int              `json:"part"`
	State bongsu.ClipState `json:"state"`
	Alert bongsu.AlertID   `json:"alert,omitempty"`
	Clip  ClipView         `json:"clip"`
}

// message renders one change; nil when its thing is gone.
func (c *Console) message(ctx context.Context, ch archive.Change, names edgeNames, known map[string]any) ([]byte, error) {
	var view any
	var err error
	key := string(ch.Kind) + " " + string(ch.Alert) + " " + string(ch.Event) + " " + strconv.Itoa(ch.Part)
	if ch.Kind == archive.ChangeAlert {
		key = "alert " + string(ch.Alert)
	}
	if have, ok := known[key]; ok {
		view = have
	} else {
		view, err = c.changed(ctx, ch, names)
		if bongsu.CodeOf(err) == bongsu.CodeNotFound {
			view, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		known[key] = view
	}
	if view == nil {
		return nil, nil
	}
	return render(string(ch.Kind), ch.Seq, view)
}

// changed reads the thing that a change is about.
func (c *Console) changed(ctx context.Context, ch archive.Change, names edgeNames) (any, error) {
	switch ch.Kind {
	case archive.ChangeAlert:
		row, err := c.archive.GetAlert(ctx, ch.Alert)
		return alertView(row, names), err
	case archive.ChangeEvent:
		row, err := c.archive.GetEvent(ctx, ch.Event)
		return eventView(row, names), err
	case archive.ChangeClip:
		row, err := c.archive.GetClip(ctx, bongsu.ClipKey{Event: ch.Event, Part: ch.Part})
		v := clipView(row)
		return clipNews{Event: ch.Event, Part: ch.Part, State: v.State, Alert: ch.Alert, Clip: v}, err
	}
	return nil, bongsu.Errorf(bongsu.CodeInternal, "the archive has a change of the unknown kind %q", ch.Kind)
}

// render makes a server-sent event (WHATWG HTML, section 9.2); seq 0 has no id.
func render(event string, seq int64, v any) ([]byte, error) {
	data, err := json.Marshal(v) // has no line breaks
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInternal, err, "a defect of the server; it is in its log")
	}
	head := "event: " + event + "\ndata: "
	if seq > 0 {
		head = "id: " + strconv.FormatInt(seq, 10) + "\n" + head
	}
	return slices.Concat([]byte(head), data, []byte("\n\n")), nil // no larger than it is, for it is kept
}
