package live

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"bongsu"
	"bongsu/cloud/auth"
)

func TestOnePullForMany(t *testing.T) {
	const linger = 2 * time.Second
	th := newTheatre(t, func(o *Options) { o.Linger = linger })
	e := th.dialEdge(&fakeEdge{})
	kim := th.user("kim")
	var screens []*screen
	for range 20 {
		s := th.look(kim, "cam1")
		screens = append(screens, s)
		eventually(t, "pictures", func() bool { return s.count() > 0 })
	}
	eventually(t, "many pictures", func() bool { return screens[19].count() > 30 })
	if e.starts() != 1 || th.metric("bongsu_live_viewers") != "20" || th.metric("bongsu_live_pulls") != "1" || th.metric("bongsu_live_pulls_total") != "1" {
		t.Errorf("%d starts for %s viewers", e.starts(), th.metric("bongsu_live_viewers"))
	}
	left := time.Now()
	for _, s := range screens {
		left = time.Now()
		s.close()
		s.good(t)
		s.mu.Lock()
		if s.inits != 1 || s.heads[0].Age > 20*time.Second || s.last2().State != bongsu.LiveLive {
			t.Errorf("%d init segments, state %+v", s.inits, s.last2())
		}
		s.mu.Unlock()
	}
	again := th.look(kim, "cam1") // within the linger: the pull goes on
	eventually(t, "a picture", func() bool { return again.count() > 0 })
	if took := time.Since(left); took > linger {
		t.Skipf("this machine takes %v to open a view: it was not within the linger", took)
	}
	if e.starts() != 1 {
		t.Errorf("%d starts", e.starts())
	}
	left = time.Now()
	again.close()
	eventually(t, "the edge is told to stop", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.stopped) == 1 && e.stopped[0] == e.started[0].Session
	})
	t.Logf("figure LIVE: one pull for 20 viewers; the edge was told to stop %v after the last left, with a linger of %v", time.Since(left).Round(time.Millisecond), linger)
	eventually(t, "no pull", func() bool { return th.metric("bongsu_live_pulls") == "0" && th.metric("bongsu_live_viewers") == "0" })
	th.look(kim, "cam1")
	eventually(t, "a second start", func() bool { return e.starts() == 2 })
	if a, b := e.started[0], e.started[1]; a.Camera != "cam1" || a.Mode != bongsu.LiveVideo || a.Session == b.Session {
		t.Errorf("asked for %+v and %+v", a, b)
	}
}

// last2 is last for who holds mu.
func (s *screen) last2() bongsu.LiveText {
	return s.texts[slices.IndexFunc(s.texts, func(t bongsu.LiveText) bool { return t.State == bongsu.LiveLive })]
}

func TestEdgeComesAndGoes(t *testing.T) {
	th := newTheatre(t, nil)
	s := th.look(th.user("kim"), "cam1")
	eventually(t, "that the edge is away", func() bool { return s.last().Code == bongsu.LiveEdgeOffline })
	for range 3 {
		n := s.count()
		e := th.dialEdge(&fakeEdge{})
		eventually(t, "pictures", func() bool { return s.count() > n+20 && s.last().State == bongsu.LiveLive })
		e.drop()
		eventually(t, "that the edge is away", func() bool { return s.last().Code == bongsu.LiveEdgeOffline && s.last().State == bongsu.LiveWaiting })
	}
	a := th.dialEdge(&fakeEdge{})
	eventually(t, "pictures", func() bool { return s.last().State == bongsu.LiveLive })
	b := th.dialEdge(&fakeEdge{}) // the edge has come again before its former connection was found dead
	eventually(t, "the second takes over", func() bool { return b.starts() == 1 })
	<-a.done
	n := s.count()
	eventually(t, "its pictures", func() bool { return s.count() > n+20 && s.last().State == bongsu.LiveLive })
	s.close()
	s.good(t)
}

func TestEdgeRefuses(t *testing.T) {
	th := newTheatre(t, nil)
	e := th.dialEdge(&fakeEdge{refuse: bongsu.LiveNoSuchCamera})
	s := th.look(th.user("kim"), "cam1")
	eventually(t, "the reason", func() bool { return s.last().Code == bongsu.LiveNoSuchCamera && s.last().Message == "no" })
	eventually(t, "it is asked again", func() bool { return e.starts() > 2 })
	e.mu.Lock()
	e.refuse = ""
	e.mu.Unlock()
	eventually(t, "pictures", func() bool { return s.count() > 5 && s.last().State == bongsu.LiveLive })
}

// TestEdgeThatDoesNotCome: a start without a connection is asked again, the old session is stopped.
func TestEdgeThatDoesNotCome(t *testing.T) {
	th := newTheatre(t, func(o *Options) { o.AnswerWithin = 100 * time.Millisecond })
	e := th.dialEdge(&fakeEdge{manual: true})
	th.look(th.user("kim"), "cam1")
	eventually(t, "several starts", func() bool { return e.starts() >= 3 })
	eventually(t, "stops", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.stopped) > 0 && e.stopped[0] == e.started[0].Session
	})
}

func TestStaleAndStates(t *testing.T) {
	th := newTheatre(t, func(o *Options) { o.StaleAfter = 150 * time.Millisecond })
	e := th.dialEdge(&fakeEdge{manual: true})
	s := th.look(th.user("kim"), "cam1")
	c, ctx := th.media(e)
	put := func(typ websocket.MessageType, b []byte) {
		t.Helper()
		if err := c.Write(ctx, typ, b); err != nil {
			t.Fatal(err)
		}
	}
	put(websocket.MessageText, videoFormat.Encode())
	put(websocket.MessageBinary, packet(bongsu.LiveInit, 0, 0, 0, []byte("a")))
	put(websocket.MessageBinary, packet(bongsu.LiveFragment, bongsu.LiveKey, 0, 1, []byte("0 ")))
	// It is stale again soon, so what counts is that it was live.
	eventually(t, "live", func() bool { return s.told(bongsu.LiveLive) == 1 })
	eventually(t, "stale", func() bool { return s.last().State == bongsu.LiveStale })
	put(websocket.MessageText, bongsu.LiveState(bongsu.LiveWaiting, bongsu.LiveCameraOffline, "gone").Encode())
	eventually(t, "offline", func() bool { return s.last().Code == bongsu.LiveCameraOffline })
	late := th.look(th.user("lee"), "cam1")
	eventually(t, "who comes now is told the same", func() bool { return late.last().Code == bongsu.LiveCameraOffline && late.count() == 1 })
	other := videoFormat
	other.Width = 640
	put(websocket.MessageText, other.Encode())
	put(websocket.MessageBinary, packet(bongsu.LiveInit, 0, 0, 2, []byte("b")))
	put(websocket.MessageBinary, packet(bongsu.LiveFragment, bongsu.LiveKey, 0, 3, []byte("1 ")))
	eventually(t, "live again", func() bool { return s.told(bongsu.LiveLive) == 2 })
	third := th.look(th.user("park"), "cam1")
	eventually(t, "a picture", func() bool { return third.count() == 1 })
	third.mu.Lock()
	if third.inits != 1 || third.numbers[0] != 1 {
		t.Errorf("who comes after a change of format gets %d init segments and picture %v", third.inits, third.numbers)
	}
	third.mu.Unlock()
	put(websocket.MessageText, bongsu.LiveState(bongsu.LiveEnded, bongsu.LiveNoSuchCamera, "taken out").Encode())
	eventually(t, "for viewers it goes on", func() bool { return s.last().Code == bongsu.LiveNoSuchCamera && s.last().State == bongsu.LiveWaiting })
}

// told is how often a screen was told a state.
func (s *screen) told(state string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.texts {
		if t.State == state {
			n++
		}
	}
	return n
}

// TestEdgeGivesUpItsConnection: an edge that refuses a session which had begun has found its
// connection dead. It is hung up here too, and the pictures come over another one.
func TestEdgeGivesUpItsConnection(t *testing.T) {
	th := newTheatre(t, nil)
	e := th.dialEdge(&fakeEdge{manual: true})
	s := th.look(th.user("kim"), "cam1")
	_, dead := th.media(e)
	e.mu.Lock()
	e.manual = false
	no := bongsu.LiveText{Type: bongsu.LiveTypeRefused, Session: e.started[0].Session, Code: bongsu.LiveRefused, Message: "broke"}
	e.mu.Unlock()
	if err := e.control.Write(t.Context(), websocket.MessageText, no.Encode()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-dead.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the dead connection is kept")
	}
	eventually(t, "pictures", func() bool { return s.count() > 5 && s.last().State == bongsu.LiveLive })
}

// media opens the connection of the session that an edge was asked for last.
func (th *theatre) media(e *fakeEdge) (*websocket.Conn, context.Context) {
	th.t.Helper()
	eventually(th.t, "a start", func() bool { return e.starts() > 0 })
	var c *websocket.Conn
	eventually(th.t, "the session's connection", func() bool {
		e.mu.Lock()
		last := e.started[len(e.started)-1].Session
		e.mu.Unlock()
		var err error
		c, err = e.dialMedia(last)
		return err == nil
	})
	return c, c.CloseRead(th.t.Context())
}

func TestRevokedSessionEnds(t *testing.T) {
	th := newTheatre(t, nil)
	th.dialEdge(&fakeEdge{})
	kim, lee := th.look(th.user("kim"), "cam1"), th.look(th.user("lee"), "cam1")
	eventually(t, "pictures", func() bool { return kim.count() > 0 && lee.count() > 0 })
	if err := th.auth.DisableUser(t.Context(), auth.CLI, "kim"); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	<-kim.done
	t.Logf("figure LIVE: a revoked session's view ended after %v", time.Since(at).Round(time.Millisecond))
	if last := kim.last(); last.State != bongsu.LiveEnded || last.Code != bongsu.LiveEndedCode || kim.status != websocket.StatusPolicyViolation {
		t.Errorf("told %+v and closed with %v", last, kim.status)
	}
	n := lee.count()
	eventually(t, "others go on", func() bool { return lee.count() > n+20 })
	lee.close()
	eventually(t, "the records", func() bool { return len(th.records()) == 4 })
	got := strings.Join(th.records(), "\n")
	for _, want := range []string{
		"kim live.open camera " + string(th.edge) + "/cam1 mode video", "lee live.open camera", "kim live.close camera " + string(th.edge) + "/cam1 mode video, ", "lee live.close",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the records:\n%s", want, got)
		}
	}
}

func TestWhoMayLook(t *testing.T) {
	th := newTheatre(t, func(o *Options) { o.MaxViewers = 1 })
	kim := auth.CookieName + "=" + th.user("kim")
	token, err := th.auth.UserToken(t.Context(), auth.CLI, "kim", "script", 0)
	if err != nil {
		t.Fatal(err)
	}
	camera := "/api/v1/cameras/" + string(th.edge) + "/cam1/live"
	for _, c := range []struct {
		name, path string
		header     []string
		want       int
	}{
		{"nobody", camera, nil, 401},
		{"no WebSocket", camera, []string{"Cookie", kim, "Sec-WebSocket-Key", ""}, 400},
		{"another site's page", camera, []string{"Cookie", kim, "Origin", "https://evil.example"}, 403},
		{"another port's page", camera, []string{"Cookie", kim, "Origin", "http://127.0.0.1:1"}, 403},
		{"a sandboxed page", camera, []string{"Cookie", kim, "Origin", "null"}, 403},
		{"a page of a neighbour", camera, []string{"Cookie", kim, "Origin", th.server.URL, "Sec-Fetch-Site", "same-site"}, 403},
		{"a cookie without a page", camera, []string{"Cookie", kim}, 403},
		{"an edge", camera, []string{"Authorization", "Bearer " + th.secret}, 403},
		{"the console", camera, []string{"Cookie", kim, "Origin", th.server.URL}, 101},
		{"the console behind a proxy", camera, []string{"Cookie", kim, "Origin", "https://cctv.example"}, 101},
		{"a script", camera, []string{"Authorization", "Bearer " + token}, 101},
		{"no such mode", camera + "?mode=film", []string{"Authorization", "Bearer " + token}, 400},
		{"no such camera", strings.Replace(camera, "cam1", "cellar", 1), []string{"Authorization", "Bearer " + token}, 404},
		{"no such edge", "/api/v1/cameras/other/cam1/live", []string{"Authorization", "Bearer " + token}, 404},
		{"archive away", strings.Replace(camera, "cam1", "broken", 1), []string{"Authorization", "Bearer " + token}, 500},
		{"control: nobody", "/api/v1/edge/live", nil, 401},
		{"control: a user", "/api/v1/edge/live", []string{"Authorization", "Bearer " + token}, 403},
		{"control: no WebSocket", "/api/v1/edge/live", []string{"Authorization", "Bearer " + th.secret, "Sec-WebSocket-Key", ""}, 400},
		{"media: nobody's session", "/api/v1/edge/live/01890a5d-ac96-774b-bcce-b302099a8057", []string{"Authorization", "Bearer " + th.secret}, 404},
		{"media: a user", "/api/v1/edge/live/01890a5d-ac96-774b-bcce-b302099a8057", []string{"Authorization", "Bearer " + token}, 403},
	} {
		if got := th.knock(c.path, c.header...); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		eventually(t, "nobody looks", func() bool { return th.metric("bongsu_live_viewers") == "0" })
	}
	th.mute.Store(true)
	if got := th.knock(camera, "Authorization", "Bearer "+token); got != 503 {
		t.Errorf("without an audit: %d", got)
	}
	th.mute.Store(false)
	s := th.look(strings.TrimPrefix(kim, auth.CookieName+"="), "cam1")
	if got := th.knock(camera, "Authorization", "Bearer "+token); got != 503 {
		t.Errorf("one viewer too many: %d", got)
	}
	s.close()
}

// knock asks for a WebSocket and gives the status.
func (th *theatre) knock(path string, header ...string) int {
	th.t.Helper()
	r, err := http.NewRequestWithContext(th.t.Context(), http.MethodGet, th.server.URL+path, nil)
	if err != nil {
		th.t.Fatal(err)
	}
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(k, v)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		th.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestOtherEdgesSession: an edge cannot send pictures for another one's camera.
func TestOtherEdgesSession(t *testing.T) {
	th := newTheatre(t, func(o *Options) { o.PingEvery = 100 * time.Millisecond })
	e := th.dialEdge(&fakeEdge{manual: true})
	_, foreign := th.enrol("후문")
	th.look(th.user("kim"), "cam1")
	eventually(t, "a start", func() bool { return e.starts() == 1 })
	if got := th.knock("/api/v1/edge/live/"+e.started[0].Session, "Authorization", "Bearer "+foreign); got != 404 {
		t.Errorf("another edge got %d", got)
	}
	c, ctx := th.media(e)
	defer c.CloseNow()
	if err := th.auth.RevokeEdge(t.Context(), auth.CLI, th.edge); err != nil {
		t.Fatal(err)
	}
	<-e.done
	<-ctx.Done() // its pictures end with it
}

// TestHostileEdge: what breaks the protocol ends that connection, is passed on to nobody, and
// the edge is asked again.
func TestHostileEdge(t *testing.T) {
	th := newTheatre(t, nil)
	e := th.dialEdge(&fakeEdge{manual: true})
	s := th.look(th.user("kim"), "cam1")
	for name, m := range map[string]struct {
		typ websocket.MessageType
		b   []byte
	}{
		"nothing":      {websocket.MessageBinary, nil},
		"unknown kind": {websocket.MessageBinary, packet(9, 0, 0, 0, []byte("x"))},
		"huge still":   {websocket.MessageBinary, packet(bongsu.LiveJPEG, 1, 0, 0, make([]byte, bongsu.MaxLiveJPEGBytes+1))},
		"no JSON":      {websocket.MessageText, []byte("<script>")},
		"unknown text": {websocket.MessageText, []byte(`{"type":"reboot"}`)},
		"endless text": {websocket.MessageText, make([]byte, bongsu.MaxLiveTextBytes+1)},
		"too large":    {websocket.MessageBinary, packet(bongsu.LiveFragment, 1, 0, 0, make([]byte, bongsu.MaxLiveMessageBytes))},
	} {
		c, ctx := th.media(e)
		_ = c.Write(ctx, m.typ, m.b) // it may be cut off within
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the connection goes on", name)
		}
		c.CloseNow()
	}
	if n := s.count(); n != 0 {
		t.Errorf("%d pictures were passed on", n)
	}
	e.mu.Lock()
	e.manual = false
	e.mu.Unlock()
	eventually(t, "pictures after all", func() bool { return s.count() > 5 })
	s.close()
	s.good(t)
}
