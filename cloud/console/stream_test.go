package console

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/auth"
)

// sse is one event of a stream as a browser reads it.
type sse struct {
	id    int64 // 0 without one
	event string
	data  string
}

// reader reads a stream.
type reader struct {
	t      *testing.T
	resp   *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
	last   int64 // the last id, as Last-Event-ID would say
}

// follow opens a stream; close it.
func (u *user) follow(query string, header ...string) *reader {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), 3*time.Minute)
	resp, err := http.DefaultClient.Do(u.request("GET", "/api/v1/stream"+query, nil, header...).WithContext(ctx))
	if err != nil {
		cancel()
		u.t.Fatal(err)
	}
	r := &reader{t: u.t, resp: resp, lines: bufio.NewScanner(resp.Body), cancel: cancel}
	r.lines.Buffer(nil, 4<<20)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		u.t.Errorf("stream: %d %v", resp.StatusCode, resp.Header)
	}
	u.t.Cleanup(r.close)
	return r
}

func (r *reader) close() {
	r.cancel()
	r.resp.Body.Close()
}

// next gives the next event; false at the end of the stream.
func (r *reader) next() (sse, bool) {
	var e sse
	for r.lines.Scan() {
		line := r.lines.Text()
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			if e.event == "" {
				r.t.Error("an event without a name")
			}
			return e, true
		case field == "id":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < r.last {
				r.t.Errorf("id %q after %d", value, r.last)
			}
			e.id, r.last = n, n
		case field == "event":
			e.event = value
		case field == "data":
			e.data = value
		default:
			r.t.Errorf("line %q", line)
		}
	}
	return e, false
}

// skip reads on to an event of that name.
func (r *reader) skip(event string) sse {
	r.t.Helper()
	for {
		e, more := r.next()
		if !more {
			r.t.Fatalf("the stream ended before %q: %v", event, r.lines.Err())
		}
		if e.event == event {
			return e
		}
	}
}

func decode[T any](t *testing.T, e sse) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(e.data), &v); err != nil {
		t.Fatalf("%s: %v in %s", e.event, err, e.data)
	}
	return v
}

func TestStreamSaysWhatHappens(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	s.report(bongsu.CameraStatus{ID: "cam1", Name: "정문", State: bongsu.CameraLive})
	r := kim.follow("")
	first, _ := r.next()
	hello := decode[struct {
		Seq     int64
		Version string
		Now     time.Time
	}](t, first)
	if first.event != "hello" || hello.Version != "1.2.3" || !hello.Now.Equal(s.clock.now()) {
		t.Fatalf("%+v", first)
	}
	for { // what the feed saw before the report may come first
		if c := decode[camerasAnswer](t, r.skip("cameras")); len(c.Cameras) == 1 && c.Cameras[0].State == bongsu.CameraLive {
			break
		}
	}
	event, alert := s.event()
	seen := map[string]sse{}
	for len(seen) < 2 {
		e, _ := r.next()
		if e.event == "event" || e.event == "alert" {
			seen[e.event] = e
		}
	}
	if v := decode[AlertView](t, seen["alert"]); v.ID != alert || v.SnapshotURL == "" || v.EdgeName != "정문" {
		t.Errorf("alert: %+v", v)
	}
	if v := decode[EventView](t, seen["event"]); v.ID != event || v.Alert != alert || v.Clips == nil {
		t.Errorf("event: %+v", v)
	}
	s.clip(event, 0, []byte("pictures"), true)
	if v := decode[clipNews](t, r.skip("clip")); v.Event != event || v.Alert != alert || v.State != bongsu.ClipReady || v.Clip.URL == "" {
		t.Errorf("clip: %+v", v)
	}
	if a := kim.ask("POST", "/api/v1/alerts/"+string(alert)+"/claim", nil); a.status != 200 {
		t.Fatal(a.sentence())
	}
	if v := decode[AlertView](t, r.skip("alert")); v.Owner != "kim" || v.Work != bongsu.WorkClaimed {
		t.Errorf("claimed: %+v", v)
	}
	r.skip("ping")
}

// The list's seq and the stream meet without a gap and without a repeat, and so do two streams
// that follow each other, whatever is written meanwhile.
func TestStreamResumesExactly(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	const writers, each = 4, 25
	events := make([][]bongsu.Event, writers)
	for w := range events {
		for range each {
			events[w] = append(events[w], s.newEvent(func(e *bongsu.Event) { e.Camera = bongsu.CameraID(fmt.Sprint("cam", w)) }))
		}
	}
	start := kim.follow("")
	hello, _ := start.next()
	from := decode[struct{ Seq int64 }](t, hello).Seq
	start.close()

	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for _, e := range events[w] {
				s.deliver(e, nil)
			}
		})
	}
	got := map[int64]string{}
	at := from
	for len(got) < 2*writers*each { // an event and an alert each
		var r *reader
		if rnd.IntN(2) == 0 {
			r = kim.follow("?after=" + fmt.Sprint(at))
		} else {
			r = kim.follow("?after=0", "Last-Event-ID", fmt.Sprint(at))
		}
		stop := rnd.IntN(30)
		for range stop + 1 {
			e, more := r.next()
			if !more || e.event == "ping" && len(got) == 2*writers*each {
				break
			}
			if e.event == "event" || e.event == "alert" {
				if have, twice := got[e.id]; twice {
					t.Fatalf("%d came twice: %s and %s", e.id, have, e.event)
				}
				got[e.id], at = e.event, e.id
			}
			if e.event == "reset" {
				t.Fatal("a reset, though nothing was trimmed")
			}
		}
		r.close()
	}
	wg.Wait()
	want, err := s.archive.ChangesSince(t.Context(), from, 10_000)
	if err != nil || len(want) != len(got) {
		t.Fatalf("%d changes in the archive, %d on the streams (%v)", len(want), len(got), err)
	}
	for _, c := range want {
		if got[c.Seq] != string(c.Kind) {
			t.Errorf("change %d is %s, the streams said %q", c.Seq, c.Kind, got[c.Seq])
		}
	}
}

// A stream that asks for what is no longer kept, or for what never was, is told to start anew.
func TestStreamReset(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	for range 5 {
		s.event()
	}
	if err := s.archive.TrimChanges(t.Context(), s.clock.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	s.event()
	_, latest, err := s.archive.ChangeBounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []string{"1", "999999"} {
		r := kim.follow("?after=" + after)
		r.skip("hello")
		e, _ := r.next()
		if e.event != "reset" || e.id != latest || decode[struct{ Seq int64 }](t, e).Seq != latest {
			t.Errorf("after=%s: %+v, want a reset to %d", after, e, latest)
		}
		_, alert := s.event()
		if v := decode[AlertView](t, r.skip("alert")); v.ID != alert {
			t.Errorf("after the reset: %+v", v)
		}
		latest = mustLatest(t, s)
		r.close()
	}
}

func mustLatest(t *testing.T, s *site) int64 {
	t.Helper()
	_, latest, err := s.archive.ChangeBounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return latest
}

// A stream further behind than the feed keeps takes the rest from the archive, in order.
func TestStreamFarBehind(t *testing.T) {
	s := newSite(t, func(o *Options) { o.keep = 10 })
	kim := s.user("kim", archive.RoleOperator)
	from := mustLatest(t, s)
	e := s.newEvent()
	for i := range feedBatch/2 + 20 {
		e.Revision, e.Score = i+1, float32(i)
		s.deliver(e, nil)
	}
	latest := mustLatest(t, s)
	until(t, "the feed has read all and dropped some", func() bool {
		s.console.feed.mu.Lock()
		defer s.console.feed.mu.Unlock()
		return s.console.feed.at == latest && s.console.feed.from > from
	})
	r := kim.follow("?after=" + fmt.Sprint(from))
	seen := int64(0)
	for r.last < latest {
		if ev, more := r.next(); !more {
			t.Fatal("the stream ended")
		} else if ev.event == "event" || ev.event == "alert" {
			seen++
		}
	}
	if seen != latest-from {
		t.Errorf("%d changes on the stream, want %d", seen, latest-from)
	}
}

func TestStreamEndsWithItsCredential(t *testing.T) {
	for name, shut := range map[string]func(*site, context.Context) error{
		"disabled": func(s *site, ctx context.Context) error { return s.auth.DisableUser(ctx, auth.CLI, "kim") },
		"expired":  func(s *site, _ context.Context) error { s.clock.add(13 * time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			kim := s.user("kim", archive.RoleOperator)
			_, secret, err := s.auth.Login(t.Context(), "192.0.2.1", "kim", password)
			if err != nil {
				t.Fatal(err)
			}
			req := kim.request("GET", "/api/v1/stream", nil)
			req.Header.Del("Authorization")
			req.AddCookie(&http.Cookie{Name: auth.CookieName, Value: secret})
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			r := &reader{t: t, resp: resp, lines: bufio.NewScanner(resp.Body)}
			r.skip("ping")
			if err := shut(s, t.Context()); err != nil {
				t.Fatal(err)
			}
			for {
				if _, more := r.next(); !more {
					break
				}
			}
		})
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	s := newSite(t)
	r := s.user("kim", archive.RoleOperator).follow("")
	r.skip("hello")
	s.stop()
	for {
		if _, more := r.next(); !more {
			break
		}
	}
}

// A reader that reads nothing is cut off and counted; nobody else waits for it.
func TestSlowReaderIsCutOff(t *testing.T) {
	s := newSite(t, func(o *Options) { o.WriteWithin = 200 * time.Millisecond; o.PingEvery = time.Hour })
	kim := s.user("kim", archive.RoleOperator)
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(conn, "GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", kim.token)
	until(t, "the slow stream is open", func() bool { return s.console.counts.streams.Load() == 1 })
	good := kim.follow("")
	good.skip("hello")

	e := s.newEvent(func(e *bongsu.Event) { e.CameraName = strings.Repeat("긴 이름 ", 20_000) })
	var slowest time.Duration
	for i := 0; s.console.counts.streamsCut.Load() == 0; i++ {
		if i == 400 {
			t.Fatal("the slow reader was never cut off")
		}
		at := time.Now()
		e.Revision = i + 1
		s.deliver(e, nil)
		for good.skip("event"); good.last < mustLatest(t, s)-1; {
			good.next()
		}
		slowest = max(slowest, time.Since(at))
	}
	t.Logf("another reader waited %s at most", slowest)
	until(t, "its place is free again", func() bool { return s.console.counts.streams.Load() == 1 })
	if !strings.Contains(s.log.String(), "its reader is too slow") {
		t.Error("nothing in the log")
	}
}

func TestTooManyStreams(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Streams = 2 })
	kim := s.user("kim", archive.RoleOperator)
	a, b := kim.follow(""), kim.follow("")
	a.skip("hello")
	b.skip("hello")
	if got := kim.ask("GET", "/api/v1/stream", nil); got.status != 503 {
		t.Errorf("the third: %d", got.status)
	}
	a.close()
	until(t, "its place is free", func() bool { return s.console.counts.streams.Load() == 1 })
	kim.follow("").skip("hello")
}

// What an edge no longer reports on is never shown as live.
func TestSilentEdge(t *testing.T) {
	s := newSite(t)
	kim, boss := s.user("kim", archive.RoleOperator), s.user("boss", archive.RoleAdmin)
	s.report(bongsu.CameraStatus{ID: "cam1", Name: "정문", State: bongsu.CameraLive, FPS: 25, InferPS: 10, Width: 1920, Height: 1080, Codec: "h264", Since: s.clock.now()})
	reported := s.clock.now()
	one := func() CameraView {
		t.Helper()
		var out camerasAnswer
		kim.get("/api/v1/cameras", &out)
		if len(out.Cameras) != 1 {
			t.Fatalf("%+v", out)
		}
		return out.Cameras[0]
	}
	edge := func() EdgeView {
		t.Helper()
		var out edgesAnswer
		boss.get("/api/v1/edges", &out)
		return out.Edges[0]
	}
	if v := one(); !v.EdgeOnline || v.State != bongsu.CameraLive || v.FPS != 25 || v.EdgeName != "정문" || !v.LastReport.Equal(reported) {
		t.Errorf("live: %+v", v)
	}
	r := kim.follow("")
	r.skip("cameras")
	s.clock.add(EdgeSilentAfter)
	if v := one(); !v.EdgeOnline || !edge().Online {
		t.Errorf("at the limit: %+v", v)
	}
	s.clock.add(time.Second)
	v := one()
	if v.EdgeOnline || v.State != bongsu.CameraOffline || v.Code != "edge-silent" || v.FPS != 0 || v.InferPS != 0 || !v.Since.Equal(reported) || v.Reason == "" {
		t.Errorf("silent: %+v", v)
	}
	if edge().Online {
		t.Error("the edge's list says online")
	}
	for {
		if c := decode[camerasAnswer](t, r.skip("cameras")).Cameras[0]; !c.EdgeOnline {
			break
		}
	}
	s.report(bongsu.CameraStatus{ID: "cam1", State: bongsu.CameraLive})
	if v := one(); !v.EdgeOnline || v.State != bongsu.CameraLive {
		t.Errorf("back: %+v", v)
	}
}

// shaky is an archive whose changes cannot be read for a while.
type shaky struct {
	archive.Archive
	broken atomic.Bool
}

func (a *shaky) ChangesSince(ctx context.Context, after int64, limit int) ([]archive.Change, error) {
	if a.broken.Load() {
		return nil, bongsu.Errorf(bongsu.CodeUnavailable, "busy")
	}
	return a.Archive.ChangesSince(ctx, after, limit)
}

func TestStreamSurvivesAnOutage(t *testing.T) {
	a := &shaky{}
	s := newSite(t, func(o *Options) { a.Archive = o.Archive; o.Archive = a })
	kim := s.user("kim", archive.RoleOperator)
	r := kim.follow("")
	r.skip("hello")
	s.event()
	r.skip("alert")
	a.broken.Store(true)
	_, alert := s.event()
	until(t, "the outage is noticed", func() bool { return strings.Contains(s.log.String(), "the live streams cannot be fed") })
	a.broken.Store(false)
	if v := decode[AlertView](t, r.skip("alert")); v.ID != alert {
		t.Errorf("after the outage: %+v", v)
	}
}
