package demo

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"syscall"
	"testing"
	"time"

	"bongsu"
)

// keeper holds on to everything that an edge's outbox ever wrote: it links each segment of the
// log into a folder of its own, where it stays when the outbox gives it up.
type keeper struct {
	// set before run
	from, to string
}

// newKeeper keeps what the outbox in dir writes from now on.
func newKeeper(t *testing.T, dir string) *keeper {
	t.Helper()
	k := &keeper{from: filepath.Join(dir, "journal"), to: filepath.Join(filepath.Dir(dir), "kept")}
	if err := os.MkdirAll(k.to, 0o700); err != nil {
		t.Fatal(err)
	}
	return k
}

// run keeps until ctx ends. A segment lives at least until the next one has been begun, written
// and its folder synced twice, so looking every few milliseconds misses none; records proves it.
func (k *keeper) run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := k.keep(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return k.keep()
		}
	}
}

func (k *keeper) keep() error {
	list, err := os.ReadDir(k.from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range list {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		// A segment that was not begun is made anew under the same name: both are kept.
		name := fmt.Sprintf("%s.%d", e.Name(), info.Sys().(*syscall.Stat_t).Ino)
		err = os.Link(filepath.Join(k.from, e.Name()), filepath.Join(k.to, name))
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// ledger is what an outbox wrote, as a reader of the documented format finds it
// (docs/design/durability.md, section 3). It shares no code with the outbox.
type ledger struct {
	events   map[bongsu.EventKey]bongsu.Event // every revision that was durable
	acked    map[bongsu.EventKey]bool         // those that the cloud was said to have
	rejected map[bongsu.EventKey]bool
	clips    map[bongsu.ClipKey]clipRow // last row of each part
	lives    int                        // segments with an event in them: a start begins a new one
	missing  []uint32                   // segments that the keeper did not see
}

type clipRow struct {
	clip  bongsu.Clip
	acked bool
}

// logRecord is one record of a segment.
type logRecord struct {
	kind byte
	meta logMeta
	body []byte
}

type logMeta struct {
	Keys  []bongsu.EventKey `json:"keys"`
	Clip  *bongsu.Clip      `json:"clip"`
	Acked bool              `json:"acked"`
	Point *struct {
		Prev    uint32 `json:"prev"`
		PrevEnd int64  `json:"prev_end"`
	} `json:"point"`
}

// read reads all segments that were kept.
func (k *keeper) read(t *testing.T) *ledger {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.to, "*.log.*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no segment was kept: %v", err)
	}
	sort.Strings(files)
	l := &ledger{events: map[bongsu.EventKey]bongsu.Event{}, acked: map[bongsu.EventKey]bool{},
		rejected: map[bongsu.EventKey]bool{}, clips: map[bongsu.ClipKey]clipRow{}}
	var segments []segment
	ends, there := map[uint32]int64{}, map[uint32]bool{0: true}
	for _, f := range files {
		var x segment
		if _, err := fmt.Sscanf(filepath.Base(f), "%010d.log", &x.number); err != nil {
			t.Fatal(err)
		}
		if x.data, err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
		if first, _, ok := parseRecord(x.data, x.number, 0); ok && first.meta.Point != nil {
			ends[first.meta.Point.Prev] = first.meta.Point.PrevEnd
			there[x.number] = true
			segments = append(segments, x)
		}
	}
	for prev := range ends {
		if !there[prev] {
			l.missing = append(l.missing, prev)
		}
	}
	for _, x := range segments {
		end, known := ends[x.number]
		if !known {
			end = int64(len(x.data))
		}
		l.segment(t, x.data[:min(end, int64(len(x.data)))], x.number)
	}
	return l
}

// segment is one file of the log that was begun.
type segment struct {
	number uint32
	data   []byte
}

// segment takes in the records of one segment.
func (l *ledger) segment(t *testing.T, b []byte, number uint32) {
	t.Helper()
	had := len(l.events)
	for off := int64(0); off+32 <= int64(len(b)); {
		r, size, ok := parseRecord(b, number, off)
		if !ok {
			off += 8
			continue
		}
		off += size
		if err := l.take(r); err != nil {
			t.Fatalf("segment %d, byte %d: %v", number, off-size, err)
		}
	}
	if len(l.events) > had {
		l.lives++
	}
}

func (l *ledger) take(r logRecord) error {
	switch r.kind {
	case 2:
		if len(r.body) < 4 || int(binary.LittleEndian.Uint32(r.body)) > len(r.body)-4 {
			return errors.New("an event's body is too short")
		}
		var ev bongsu.Event
		if err := json.Unmarshal(r.body[4:4+binary.LittleEndian.Uint32(r.body)], &ev); err != nil {
			return err
		}
		l.events[ev.Key()] = ev
	case 3, 4:
		for _, k := range r.meta.Keys {
			if r.kind == 3 {
				l.acked[k] = true
			} else {
				l.rejected[k] = true
			}
		}
	case 5:
		l.clips[r.meta.Clip.Key()] = clipRow{*r.meta.Clip, r.meta.Acked}
	case 6:
		return errors.New("a record was found damaged")
	}
	return nil
}

// parseRecord reads the record at off; ok is false when none that is right begins there.
func parseRecord(b []byte, number uint32, off int64) (r logRecord, size int64, ok bool) {
	if off+32 > int64(len(b)) {
		return r, 0, false
	}
	h, le := b[off:], binary.LittleEndian
	if [4]byte(h) != [4]byte{0xF5, 0x42, 0xFF, 0x4F} || h[4] != 1 || le.Uint32(h[8:]) != number || int64(le.Uint32(h[12:])) != off {
		return r, 0, false
	}
	m, n := int64(le.Uint32(h[16:])), int64(le.Uint32(h[20:]))
	if size = (32 + m + n + 7) &^ 7; off+size > int64(len(b)) {
		return r, 0, false
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	meta, body := h[32:32+m], h[32+m:32+m+n]
	if crc32.Update(crc32.Checksum(h[:28], table), table, meta) != le.Uint32(h[28:]) || crc32.Checksum(body, table) != le.Uint32(h[24:]) {
		return r, 0, false
	}
	r.kind, r.body = h[5], body
	return r, size, json.Unmarshal(meta, &r.meta) == nil
}

// checkLedger says whether the archive has exactly what the outbox ever recorded.
func (s *System) checkLedger(t *testing.T, ctx context.Context, l *ledger) {
	t.Helper()
	if len(l.missing) > 0 {
		t.Fatalf("segments %v were never seen: the test has no truth", l.missing)
	}
	if len(l.rejected) > 0 {
		t.Errorf("the cloud refused %d revisions of an edge that it knows", len(l.rejected))
	}
	events, revisions := s.settled(t, ctx, l)
	seen := map[bongsu.EventKey]int{}
	for _, page := range revisions {
		for _, r := range page {
			seen[r.Key()]++
			want, recorded := l.events[r.Key()]
			if !recorded {
				t.Errorf("revision %d of event %s is in the archive, but the edge never recorded it", r.Revision, r.ID)
			} else if r.State != want.State || !r.Start.Equal(want.Start) || !r.End.Equal(want.End) || r.Camera != want.Camera || r.Rule != want.Rule {
				t.Errorf("revision %d of event %s is not what the edge recorded", r.Revision, r.ID)
			}
		}
	}
	lost, doubled := 0, 0
	for k, ev := range l.events {
		switch seen[k] {
		case 0:
			lost++
			t.Errorf("lost: revision %d of event %s (%s, began %s, %s)", k.Revision, k.ID, ev.Camera, ev.Start.Format("15:04:05.000"), ev.State)
		case 1:
		default:
			doubled++
			t.Errorf("doubled: revision %d of event %s is %d times in the archive", k.Revision, k.ID, seen[k])
		}
	}
	s.checkThings(t, events)
	t.Logf("%d revisions of %d events recorded in %d lives of the edge: %d lost, %d doubled", len(l.events), len(events), l.lives, lost, doubled)
}

// settleWithin is how long the archive may take over what the edge was told it has: a message that
// a killed worker held is given to another when its lease of 5 s is over, and what the queue lost is
// published again by the sweeper, which looks every 5 s for what has waited for 10 s.
const settleWithin = 30 * time.Second

// settled reads all events and their revisions once none of the ledger's is missing, or when there
// has been time enough for it.
func (s *System) settled(t *testing.T, ctx context.Context, l *ledger) (events []apiEvent, revisions [][]bongsu.Event) {
	t.Helper()
	for began := time.Now(); ; waits(ctx, time.Second) {
		var err error
		if events, err = s.events(ctx, ""); err != nil {
			t.Fatal(err)
		}
		revisions = revisions[:0]
		missing := len(l.events)
		for _, e := range events {
			var page struct {
				Revisions []bongsu.Event `json:"revisions"`
			}
			if err := s.API(ctx, "GET", "/events/"+string(e.ID)+"/revisions", nil, &page); err != nil {
				t.Fatal(err)
			}
			revisions = append(revisions, page.Revisions)
			missing -= len(page.Revisions)
		}
		if missing <= 0 || time.Since(began) > settleWithin || ctx.Err() != nil {
			t.Logf("the archive was through with all that it had taken %.0f s after the edge had handed over the last of it; missing then: %d", time.Since(began).Seconds(), max(missing, 0))
			return events, revisions
		}
	}
}

// checkThings looks for one thing that made two events: events of one camera and rule that
// overlap in time. A kill may split what happened (an event whose successor did not come in
// time ends as interrupted at the last instant known, and what goes on is a new event) and it
// may join two stretches (a successor continues the open event when the rule fires next), but
// neither makes an overlap. Nor may one stay open.
func (s *System) checkThings(t *testing.T, events []apiEvent) {
	t.Helper()
	last := map[string]apiEvent{}
	reasons := map[string]int{}
	for _, e := range events {
		reasons[e.CloseReason]++
		if e.State != bongsu.EventClosed {
			t.Errorf("event %s of %s is still open", e.ID, e.Camera)
			continue
		}
		place := string(e.Camera) + "/" + string(e.Rule)
		if before, ok := last[place]; ok && e.Start.Before(before.End) {
			t.Errorf("%s: events %s (%s to %s, %s) and %s (%s to %s, %s) overlap", place, before.ID, stamp(before.Start), stamp(before.End), before.CloseReason,
				e.ID, stamp(e.Start), stamp(e.End), e.CloseReason)
		}
		last[place] = e
	}
	t.Logf("events by why they closed: %v", reasons)
}

func stamp(at time.Time) string { return at.Format("15:04:05.000") }

// checkClips says whether the cloud has each clip part that the edge finished, whole, and
// nothing that is still on its way.
func (s *System) checkClips(t *testing.T, ctx context.Context, l *ledger) {
	t.Helper()
	events, err := s.events(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	states, there := map[bongsu.ClipState]int{}, map[bongsu.ClipKey]bool{}
	for _, e := range events {
		for _, c := range e.Clips {
			key := bongsu.ClipKey{Event: e.ID, Part: c.Part}
			states[c.State]++
			there[key] = true
			if c.State == bongsu.ClipFailed && l.clips[key].clip.State == bongsu.ClipFailed {
				continue // the edge has told that it never had a picture
			}
			if c.State != bongsu.ClipReady && c.State != bongsu.ClipTorn || c.URL == "" {
				t.Errorf("part %d of event %s is %s in the cloud", c.Part, e.ID, c.State)
			}
			if row := l.clips[key]; row.clip.Bytes != c.Bytes || !row.acked {
				t.Errorf("part %d of event %s has %d bytes in the cloud, the edge says %d (acknowledged: %t)", c.Part, e.ID, c.Bytes, row.clip.Bytes, row.acked)
			}
		}
	}
	failed := 0
	for key, row := range l.clips {
		switch {
		case row.acked && !there[key]:
			t.Errorf("part %d of event %s is acknowledged, but the cloud does not show it", key.Part, key.Event)
		case row.acked && row.clip.State == bongsu.ClipFailed:
			failed++ // killed between its row and its first whole picture: there never was anything
		case !row.acked:
			t.Errorf("part %d of event %s is left as %s on the edge", key.Part, key.Event, row.clip.State)
		}
	}
	t.Logf("clip parts in the cloud: %v; %d of the edge's %d never had a picture", states, failed, len(l.clips))
}
