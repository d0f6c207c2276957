package ingest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/queue/memq"
)

const eventsPath = "/api/v1/edge/events"

func (w *world) events(edge bongsu.EdgeID, records ...bongsu.EventRecord) []bongsu.EventResult {
	w.Helper()
	return good[bongsu.EventsResponse](w.T, w.post(edge, eventsPath, bongsu.EventsRequest{Events: records})).Results
}

func TestEventsAreStoredThenPublished(t *testing.T) {
	w := newWorld(t)
	jpeg := picture(t, 64, 48)
	forged := event(2, 1)
	forged.Edge = edgeB
	got := w.events(edgeA, bongsu.EventRecord{Event: event(1, 1), Snapshot: jpeg}, bongsu.EventRecord{Event: event(1, 2)},
		bongsu.EventRecord{Event: event(1, 1)}, bongsu.EventRecord{Event: forged})
	for i, want := range []string{bongsu.EventStored, bongsu.EventStored, bongsu.EventKnown, bongsu.EventRejected} {
		if got[i].Status != want || got[i].ID == "" || got[i].Revision == 0 {
			t.Errorf("record %d: %+v, want %s", i, got[i], want)
		}
	}
	row, err := w.archive.GetInbox(t.Context(), bongsu.EventKey{ID: eventID(1), Revision: 1})
	if err != nil || row.Edge != edgeA || len(row.Record.Snapshot) != len(jpeg) || row.Record.Event.Stamps.ReceivedUS != t0.UnixMicro() {
		t.Fatalf("inbox %+v, %v", row, err)
	}
	if n := w.queue.Len(); n != 2 {
		t.Fatalf("%d messages, want 2", n)
	}
	if got := w.events(edgeB, bongsu.EventRecord{Event: event(1, 3)}); got[0].Status != bongsu.EventRejected || got[0].Code != bongsu.CodeForbidden {
		t.Fatalf("another edge's event: %+v", got)
	}
}

func TestEventsOfAnUnknownEdge(t *testing.T) {
	w := newWorld(t)
	req := bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: event(1, 1)}}}
	bad(t, w.post("0190a000-0000-7000-8000-0000000000ff", eventsPath, req), bongsu.CodeUnauthorized, "not enrolled")
	if err := w.archive.SetEdgeDisabled(t.Context(), edgeA, true); err != nil {
		t.Fatal(err)
	}
	bad(t, w.post(edgeA, eventsPath, req), bongsu.CodeUnauthorized, "disabled")
	if w.queue.Len() != 0 {
		t.Fatal("published all the same")
	}
}

// badEvents is what one wrong field gives, beside what its sentence must hold.
var badEvents = map[string]struct {
	change func(*bongsu.EventRecord)
	words  string
}{
	"id":           {func(r *bongsu.EventRecord) { r.Event.ID = "../../etc/passwd" }, "event.id"},
	"id case":      {func(r *bongsu.EventRecord) { r.Event.ID = "0190B000-0000-7000-8000-000000000001" }, "event.id"},
	"revision 0":   {func(r *bongsu.EventRecord) { r.Event.Revision = 0 }, "event.revision"},
	"revision -1":  {func(r *bongsu.EventRecord) { r.Event.Revision = -1 }, "event.revision"},
	"camera":       {func(r *bongsu.EventRecord) { r.Event.Camera = "cam 1" }, "event.camera"},
	"camera name":  {func(r *bongsu.EventRecord) { r.Event.CameraName = strings.Repeat("x", 201) }, "200 bytes"},
	"control":      {func(r *bongsu.EventRecord) { r.Event.CameraName = "a\x1b[31m" }, "control"},
	"run":          {func(r *bongsu.EventRecord) { r.Event.Run = "one" }, "event.run"},
	"rule":         {func(r *bongsu.EventRecord) { r.Event.Rule = "" }, "event.rule"},
	"kind":         {func(r *bongsu.EventRecord) { r.Event.Kind = "" }, "event.kind"},
	"priority":     {func(r *bongsu.EventRecord) { r.Event.Priority = "urgent" }, "event.priority"},
	"state":        {func(r *bongsu.EventRecord) { r.Event.State = "" }, "event.state"},
	"close reason": {func(r *bongsu.EventRecord) { r.Event.CloseReason = "so" }, "event.close_reason"},
	"no start":     {func(r *bongsu.EventRecord) { r.Event.Start = time.Time{} }, "event.start: it is missing"},
	"no fired":     {func(r *bongsu.EventRecord) { r.Event.Fired = time.Time{} }, "event.fired: it is missing"},
	"fired first":  {func(r *bongsu.EventRecord) { r.Event.Fired = t0.Add(-1) }, "before event.start"},
	"end first":    {func(r *bongsu.EventRecord) { r.Event.End = t0.Add(-1) }, "event.end"},
	"year 3000":    {func(r *bongsu.EventRecord) { r.Event.End = t0.AddDate(1000, 0, 0) }, "year 3026"},
	"future":       {func(r *bongsu.EventRecord) { r.Event.Fired = t0.AddDate(0, 0, 2) }, "set the edge's clock"},
	"quality":      {func(r *bongsu.EventRecord) { r.Event.Clock.WallQuality = "fine" }, "wall_quality"},
	"class":        {func(r *bongsu.EventRecord) { r.Event.Class = "<b>" }, "event.class"},
	"score":        {func(r *bongsu.EventRecord) { r.Event.Score = 1.5 }, "event.score"},
	"box outside":  {func(r *bongsu.EventRecord) { r.Event.Box.X1 = 1.2 }, "event.box"},
	"box turned":   {func(r *bongsu.EventRecord) { r.Event.Box.X1 = 0 }, "event.box"},
	"zone":         {func(r *bongsu.EventRecord) { r.Event.Zone[0].X = -1 }, "event.zone"},
	"zone points":  {func(r *bongsu.EventRecord) { r.Event.Zone = make([]bongsu.Point, 129) }, "129 points"},
	"line":         {func(r *bongsu.EventRecord) { r.Event.Line = []bongsu.Point{{X: 2}} }, "event.line"},
	"trail":        {func(r *bongsu.EventRecord) { r.Event.Trail = []bongsu.TrailPoint{{}} }, "event.trail"},
	"trail points": {func(r *bongsu.EventRecord) { r.Event.Trail = trail(bongsu.MaxTrail + 1) }, "121 points"},
	"reasons":      {func(r *bongsu.EventRecord) { r.Event.Reasons = make([]bongsu.Reason, 65) }, "65 reasons"},
	"frames":       {func(r *bongsu.EventRecord) { r.Event.Frames = []bongsu.DecidingFrame{{}} }, "event.frames"},
	"many frames": {func(r *bongsu.EventRecord) {
		r.Event.Frames = make([]bongsu.DecidingFrame, bongsu.MaxDecidingFrames+1)
		for i := range r.Event.Frames {
			r.Event.Frames[i].At = t0
		}
	}, "event.frames"},
	"frame's score": {func(r *bongsu.EventRecord) { r.Event.Frames = []bongsu.DecidingFrame{{At: t0, Score: 2}} }, "event.frames"},
	"rule version":  {func(r *bongsu.EventRecord) { r.Event.RuleVersion = "\x00" }, "event.rule_version"},
	"reason":        {func(r *bongsu.EventRecord) { r.Event.Reasons = []bongsu.Reason{{Name: "\x00"}} }, "event.reasons"},
	"parts":         {func(r *bongsu.EventRecord) { r.Event.ClipParts = -1 }, "event.clip_parts"},
	"model hash":    {func(r *bongsu.EventRecord) { r.Event.Model.SHA256 = "AB" }, "event.model.sha256"},
	"model name":    {func(r *bongsu.EventRecord) { r.Event.Model.Name = strings.Repeat("m", 300) }, "event.model.name"},
	"no jpeg":       {func(r *bongsu.EventRecord) { r.Snapshot = []byte("<svg onload=alert(1)>") }, "no whole JPEG"},
	"cut jpeg":      {func(r *bongsu.EventRecord) { r.Snapshot = r.Snapshot[:len(r.Snapshot)-2] }, "no whole JPEG"},
	"large jpeg":    {func(r *bongsu.EventRecord) { r.Snapshot = make([]byte, bongsu.MaxSnapshotBytes+1) }, "at most 65536"},
}

func trail(n int) []bongsu.TrailPoint {
	out := make([]bongsu.TrailPoint, n)
	for i := range out {
		out[i].At = t0
	}
	return out
}

// TestBadEvents sends each bad record between two good ones: it alone is rejected, with a sentence.
func TestBadEvents(t *testing.T) {
	w := newWorld(t)
	n := 0
	for name, c := range badEvents {
		t.Run(name, func(t *testing.T) {
			n += 2
			rec := bongsu.EventRecord{Event: event(9999, 1), Snapshot: picture(t, 64, 48)}
			c.change(&rec)
			got := w.events(edgeA, bongsu.EventRecord{Event: event(n, 1)}, rec, bongsu.EventRecord{Event: event(n+1, 1)})
			if got[0].Status != bongsu.EventStored || got[2].Status != bongsu.EventStored {
				t.Errorf("the neighbours: %+v, %+v", got[0], got[2])
			}
			if r := got[1]; r.Status != bongsu.EventRejected || !strings.Contains(r.Message, c.words) || r.Code != bongsu.CodeInvalid && r.Code != bongsu.CodeTooLarge {
				t.Errorf("%+v, want a rejection that says %q", r, c.words)
			}
		})
	}
}

// TestGoodEvents holds what must not be lost for being unusual.
func TestGoodEvents(t *testing.T) {
	w := newWorld(t)
	n := 0
	for name, change := range map[string]func(*bongsu.Event){
		"no clock since 1970": func(e *bongsu.Event) {
			e.Start, e.Fired, e.Clock.WallQuality = time.Unix(9, 0), time.Unix(9, 0), "unsynchronised"
		},
		"unset clock ahead":     func(e *bongsu.Event) { e.Fired, e.Clock.WallQuality = t0.AddDate(1, 0, 0), "unknown" },
		"old backlog":           func(e *bongsu.Event) { e.Start, e.Fired = t0.AddDate(-1, 0, 0), t0.AddDate(-1, 0, 0) },
		"box rounded over":      func(e *bongsu.Event) { e.Box.X1 = 1.0005 },
		"empty box":             func(e *bongsu.Event) { e.Box = bongsu.Box{} },
		"full trail":            func(e *bongsu.Event) { e.Trail = trail(bongsu.MaxTrail) },
		"closed without an end": func(e *bongsu.Event) { e.State, e.CloseReason = bongsu.EventClosed, bongsu.CloseInterrupted },
		"another kind":          func(e *bongsu.Event) { e.Kind, e.Class = "fall", "fire" },
	} {
		t.Run(name, func(t *testing.T) {
			n++
			ev := event(n, 1)
			change(&ev)
			if got := w.events(edgeA, bongsu.EventRecord{Event: ev}); got[0].Status != bongsu.EventStored {
				t.Errorf("%+v", got[0])
			}
		})
	}
}

func TestBadBodies(t *testing.T) {
	w := newWorld(t)
	one, err := json.Marshal(bongsu.EventRecord{Event: event(1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body  string
		code  bongsu.Code
		words string
	}{
		"empty":    {"", bongsu.CodeInvalid, "JSON"},
		"html":     {"<html>", bongsu.CodeInvalid, "JSON"},
		"list":     {"[]", bongsu.CodeInvalid, "JSON"},
		"nothing":  {`{"events":[]}`, bongsu.CodeInvalid, "none"},
		"null":     {`{"events":null}`, bongsu.CodeInvalid, "none"},
		"unknown":  {`{"events":[],"more":1}`, bongsu.CodeInvalid, "more"},
		"trailing": {`{"events":[` + string(one) + `]} {}`, bongsu.CodeInvalid, "follows"},
		"too many": {`{"events":[` + strings.Repeat(string(one)+",", bongsu.MaxEventsPerPost) + string(one) + `]}`, bongsu.CodeTooLarge, "101"},
		"too long": {`{"events":[` + strings.Repeat(" ", bongsu.MaxEventPostBytes) + `]}`, bongsu.CodeTooLarge, "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			bad(t, w.send(edgeA, "POST", eventsPath, strings.NewReader(c.body)), c.code, c.words)
		})
	}
	body := `{"events":[{"event":{"id":"x","revision":3,"camera":7}},{"event":null,"odd":1},7,` + string(one) + `]}`
	got := good[bongsu.EventsResponse](t, w.send(edgeA, "POST", eventsPath, strings.NewReader(body))).Results
	if got[0].Status != bongsu.EventRejected || got[1].Status != bongsu.EventRejected || got[2].Status != bongsu.EventRejected || got[3].Status != bongsu.EventStored {
		t.Fatalf("records that cannot be read: %+v", got)
	}
}

func TestBusyIsThrottled(t *testing.T) {
	w := newWorldWith(t, Limits{Posts: 1}, memq.Options{})
	leave, err := w.g.enter()
	if err != nil {
		t.Fatal(err)
	}
	rec := w.post(edgeA, eventsPath, bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: event(1, 1)}}})
	bad(t, rec, bongsu.CodeThrottled, "try again")
	if rec.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	leave()
	w.events(edgeA, bongsu.EventRecord{Event: event(1, 1)})
}

func TestArchiveDown(t *testing.T) {
	w := newWorld(t)
	w.archive.Close()
	bad(t, w.post(edgeA, eventsPath, bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: event(1, 1)}}}), bongsu.CodeUnavailable, "closed")
	if w.queue.Len() != 0 {
		t.Fatal("published what is not stored")
	}
}

// TestDuplicatesAtOnce sends the same events from many connections (R27), each again after a
// "lost" reply (R14): one row each.
func TestDuplicatesAtOnce(t *testing.T) {
	w := newWorldWith(t, Limits{Posts: 100}, memq.Options{})
	const senders, events = 16, 10
	var mu sync.Mutex
	stored := 0
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for n := range events {
				for range 2 {
					b, _ := json.Marshal(bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: event(n, 1)}}})
					r := httptest.NewRequest(http.MethodPost, eventsPath, strings.NewReader(string(b)))
					rec := httptest.NewRecorder()
					w.mux.ServeHTTP(rec, r.WithContext(WithEdge(r.Context(), edgeA)))
					var got bongsu.EventsResponse
					if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || len(got.Results) != 1 {
						t.Errorf("status %d: %s", rec.Code, rec.Body)
						return
					}
					mu.Lock()
					if got.Results[0].Status == bongsu.EventStored {
						stored++
					} else if got.Results[0].Status != bongsu.EventKnown {
						t.Errorf("%+v", got.Results[0])
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if stored != events {
		t.Fatalf("%d answers said stored, want %d", stored, events)
	}
}

// TestSweeper: what a full queue did not take is published later, and by Run.
func TestSweeper(t *testing.T) {
	w := newWorldWith(t, Limits{Republish: 10 * time.Second}, memq.Options{Capacity: 2})
	for n := range 3 {
		if got := w.events(edgeA, bongsu.EventRecord{Event: event(n, 1)}); got[0].Status != bongsu.EventStored {
			t.Fatalf("%+v", got)
		}
	}
	for range 2 { // a worker applies what it gets
		d, err := w.queue.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.archive.Bury(t.Context(), d.Message().Key, "done", 1, t0); err != nil {
			t.Fatal(err)
		}
		d.Ack(t.Context())
	}
	if err := w.g.republish(t.Context()); err != nil || w.queue.Len() != 0 {
		t.Fatalf("published too early: %d messages, %v", w.queue.Len(), err)
	}
	w.now = t0.Add(10*time.Second + time.Microsecond)
	for range 2 {
		if err := w.g.republish(t.Context()); err != nil || w.queue.Len() != 1 {
			t.Fatalf("%d messages, %v; want the one that was left", w.queue.Len(), err)
		}
	}
	d, err := w.queue.Receive(t.Context())
	if err != nil || d.Message().Key.ID != eventID(2) {
		t.Fatalf("%+v, %v", d.Message(), err)
	}
}

// FuzzEvents feeds the JSON reader: it never panics, and what it lets through keeps the bounds and
// survives a round trip.
func FuzzEvents(f *testing.F) {
	add := func(r bongsu.EventRecord) {
		b, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	add(bongsu.EventRecord{Event: event(1, 1), Snapshot: picture(f, 8, 8)})
	for _, c := range badEvents {
		r := bongsu.EventRecord{Event: event(1, 1), Snapshot: picture(f, 8, 8)}
		c.change(&r)
		if len(r.Snapshot) < 4096 {
			add(r)
		}
	}
	for _, s := range []string{"", "{", "null", "{}", `{"event":{"start":"yesterday"}}`, `{"event":{"score":1e999}}`, "[[[[[[[["} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		keyOf(b)
		splitEvents(b)
		rec, err := readEvent(b, edgeA, t0)
		if err != nil {
			if code := bongsu.CodeOf(err); code != bongsu.CodeInvalid && code != bongsu.CodeTooLarge {
				t.Fatalf("code %q: %v", code, err)
			}
			return
		}
		ev := rec.Event
		if !bongsu.ValidUUID(string(ev.ID)) || ev.Revision < 1 || ev.Score > 1 || len(rec.Snapshot) > bongsu.MaxSnapshotBytes {
			t.Fatalf("let through: %+v", ev)
		}
		again, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readEvent(again, edgeA, t0); err != nil {
			t.Fatalf("after a round trip: %v", err)
		}
	})
}

// FuzzClipID: what is read as an ID is one that a clip could have.
func FuzzClipID(f *testing.F) {
	f.Add(fmt.Sprintf("%s-0-%s", eventID(1), "0123456789abcdef"))
	f.Add("")
	f.Add(string(eventID(1)) + "--1-")
	f.Fuzz(func(t *testing.T, id string) {
		if k, ok := parseClipID(id); ok && (!bongsu.ValidUUID(string(k.Event)) || k.Part < 0) {
			t.Fatalf("%q was read as %+v", id, k)
		}
	})
}
