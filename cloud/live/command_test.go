package live

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"bongsu"
)

// clerk is an edge that takes commands: what it answers is said by a function of the operation.
type clerk struct {
	th      *theatre
	conn    *websocket.Conn
	done    chan struct{}
	answers func(c bongsu.Command) string // JSON; "" answers nothing

	mu       sync.Mutex
	statuses []int
	bodies   []string
}

func (th *theatre) dialClerk(features string, answers func(bongsu.Command) string) *clerk {
	th.t.Helper()
	h := th.header(th.secret)
	h.Set(bongsu.FeaturesHeader, features)
	conn, _, err := websocket.Dial(th.t.Context(), th.server.URL+"/api/v1/edge/live", &websocket.DialOptions{HTTPHeader: h})
	if err != nil {
		th.t.Fatal(err)
	}
	conn.SetReadLimit(bongsu.MaxCommandBytes)
	c := &clerk{th: th, conn: conn, done: make(chan struct{}), answers: answers}
	go c.run()
	th.t.Cleanup(c.drop)
	eventually(th.t, "the edge is connected", func() bool { return th.hub.Online(th.edge) })
	return c
}

func (c *clerk) drop() {
	c.conn.CloseNow()
	<-c.done
}

func (c *clerk) run() {
	defer close(c.done)
	for {
		_, b, err := c.conn.Read(context.Background())
		if err != nil {
			return
		}
		cmd, err := bongsu.ParseCommand(b)
		if err != nil {
			c.th.t.Errorf("the cloud says %s: %v", b, err)
			return
		}
		c.mu.Lock()
		c.bodies = append(c.bodies, string(cmd.Body))
		c.mu.Unlock()
		if answer := c.answers(cmd); answer != "" {
			status := c.th.answer(c.th.secret, cmd.ID, answer)
			c.mu.Lock()
			c.statuses = append(c.statuses, status)
			c.mu.Unlock()
		}
	}
}

// answer posts an answer with an edge's credential and gives the status.
func (th *theatre) answer(secret, id, body string) int {
	r, err := http.NewRequest(http.MethodPost, th.server.URL+"/api/v1/edge/commands/"+id, strings.NewReader(body))
	if err != nil {
		th.t.Error(err)
		return 0
	}
	r.Header = th.header(secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		th.t.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

func TestCommandIsAnswered(t *testing.T) {
	th := newTheatre(t, nil)
	c := th.dialClerk("boxes, commands", func(c bongsu.Command) string {
		if c.Op == bongsu.OpProbe {
			return `{"status":422,"error":{"code":"no-route","message":"nobody there"}}`
		}
		return `{"status":200,"body":{"revision":"7"}}`
	})
	a, err := th.hub.Command(t.Context(), th.edge, bongsu.OpPut, map[string]any{"password": password})
	if err != nil || a.Status != 200 || string(a.Body) != `{"revision":"7"}` {
		t.Errorf("%+v, %v", a, err)
	}
	a, err = th.hub.Command(t.Context(), th.edge, bongsu.OpProbe, struct{}{})
	if err != nil || a.Error == nil || a.Error.Code != "no-route" {
		t.Errorf("%+v, %v", a, err)
	}
	c.drop()
	if !slices.Equal(c.statuses, []int{204, 204}) || !strings.Contains(c.bodies[0], password) {
		t.Errorf("statuses %v", c.statuses)
	}
	eventually(t, "the edge is gone", func() bool { return !th.hub.Online(th.edge) })
	began := time.Now()
	if _, err := th.hub.Command(t.Context(), th.edge, bongsu.OpCameras, struct{}{}); bongsu.CodeOf(err) != bongsu.CodeEdgeOffline || time.Since(began) > 5*time.Second {
		t.Errorf("an edge that is away: %v", err)
	}
}

func TestCommandNeedsAnEdgeOfThisRelease(t *testing.T) {
	th := newTheatre(t, nil)
	th.dialClerk("boxes", func(bongsu.Command) string { t.Error("it got a command"); return "" })
	if _, err := th.hub.Command(t.Context(), th.edge, bongsu.OpCameras, struct{}{}); bongsu.CodeOf(err) != bongsu.CodeEdgeOld {
		t.Error(err)
	}
}

// TestAnswersOfStrangers: an answer counts from the edge that was asked, once, and in our form.
func TestAnswersOfStrangers(t *testing.T) {
	th := newTheatre(t, func(o *Options) { o.CommandWithin = time.Minute })
	_, stranger := th.enrol("후문")
	const good = `{"status":200,"body":{}}`
	var tried []int
	th.dialClerk("commands", func(c bongsu.Command) string {
		for _, x := range []struct{ secret, id, body string }{
			{stranger, c.ID, good}, {th.secret, bongsu.NewUUID(time.Now()), good}, {th.secret, c.ID, `{"status":200}`}, {th.secret, c.ID, `{"status":302,"body":{}}`},
			{th.secret, c.ID, `{"status":500,"body":{},"error":{"code":"x"}}`}, {th.secret, c.ID, `[]`}, {th.secret, c.ID, strings.Repeat(" ", bongsu.MaxAnswerBytes) + good},
			{"", c.ID, good},
		} {
			tried = append(tried, th.answer(x.secret, x.id, x.body))
		}
		return good
	})
	if a, err := th.hub.Command(t.Context(), th.edge, bongsu.OpCameras, struct{}{}); err != nil || a.Status != 200 {
		t.Errorf("%+v, %v", a, err)
	}
	if want := []int{404, 404, 400, 400, 400, 400, 413, 401}; !slices.Equal(tried, want) {
		t.Errorf("statuses %v, want %v", tried, want)
	}
}

// TestSilentEdge: who asks is told when no answer comes, and when the edge goes away meanwhile; what
// comes after that is for nobody.
func TestSilentEdge(t *testing.T) {
	th := newTheatre(t, func(o *Options) { o.CommandWithin = 50 * time.Millisecond })
	ids := make(chan string, 1)
	th.dialClerk("commands", func(c bongsu.Command) string { ids <- c.ID; return "" })
	if _, err := th.hub.Command(t.Context(), th.edge, bongsu.OpCameras, struct{}{}); bongsu.CodeOf(err) != bongsu.CodeEdgeSilent {
		t.Error(err)
	}
	if status := th.answer(th.secret, <-ids, `{"status":200,"body":{}}`); status != 404 {
		t.Errorf("too late: %d", status)
	}
	slow := newTheatre(t, func(o *Options) { o.CommandWithin = time.Minute })
	var c *clerk
	gone := make(chan struct{})
	c = slow.dialClerk("commands", func(bongsu.Command) string { close(gone); return "" })
	go func() {
		<-gone
		c.conn.CloseNow()
	}()
	if _, err := slow.hub.Command(t.Context(), slow.edge, bongsu.OpCameras, struct{}{}); bongsu.CodeOf(err) != bongsu.CodeEdgeSilent || !strings.Contains(err.Error(), "lost its connection") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	th.dialClerk("commands", func(bongsu.Command) string { return "" })
	if _, err := th.hub.Command(ctx, th.edge, bongsu.OpCameras, struct{}{}); err == nil {
		t.Error("who went away is answered")
	}
}

func TestCommandsAreBounded(t *testing.T) {
	th := newTheatre(t, func(o *Options) { o.MaxCommands, o.CommandsPerMinute, o.CommandWithin = 2, 5, 30*time.Second })
	free := make(chan struct{})
	var answering sync.WaitGroup
	c := th.dialClerk("commands", func(c bongsu.Command) string {
		answering.Go(func() {
			<-free
			th.answer(th.secret, c.ID, `{"status":200,"body":{}}`)
		})
		return ""
	})
	ask := func() error {
		_, err := th.hub.Command(t.Context(), th.edge, bongsu.OpCameras, struct{}{})
		return err
	}
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			if err := ask(); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "two are under way", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.bodies) == 2 })
	if err := ask(); bongsu.CodeOf(err) != bongsu.CodeThrottled || !strings.Contains(err.Error(), "busy with 2") {
		t.Errorf("a third at once: %v", err)
	}
	close(free)
	asking.Wait()
	for range 3 {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	if err := ask(); bongsu.CodeOf(err) != bongsu.CodeThrottled || !strings.Contains(err.Error(), "within a minute") {
		t.Errorf("a sixth within a minute: %v", err)
	}
	if _, err := th.hub.Command(t.Context(), th.edge, bongsu.OpPut, strings.Repeat("x", bongsu.MaxCommandBytes)); bongsu.CodeOf(err) != bongsu.CodeTooLarge {
		t.Errorf("a large one: %v", err)
	}
	answering.Wait()
}

// TestBoxesForThoseWhoAsked: one pull for both viewers; the edge is asked for boxes when the first who
// wants them comes, and told when none is left.
func TestBoxesForThoseWhoAsked(t *testing.T) {
	th := newTheatre(t, nil)
	e := th.dialEdgeWith(&fakeEdge{}, "boxes")
	cookie := th.user("kim")
	plain := th.look(cookie, "gate")
	eventually(t, "pictures", func() bool { return plain.count() > 3 })
	boxed := th.look(cookie, "gate?boxes=1")
	wants := func(on bool) func() bool {
		return func() bool {
			e.mu.Lock()
			defer e.mu.Unlock()
			last := e.started[len(e.started)-1]
			return last.Boxes == on && last.Session == e.started[0].Session
		}
	}
	eventually(t, "the edge is asked for boxes", wants(true))
	b := bongsu.LiveBoxes{Seq: 3, WallUS: 1, Width: 640, Height: 360, AgeMS: 40, Boxes: []bongsu.LiveBox{{ID: "t1", Class: "person", Score: 0.5, Box: [4]float64{0, 0, 1, 1}}}}
	e.say(b.Encode())
	eventually(t, "boxes", func() bool { return len(boxed.found()) == 1 })
	got := boxed.found()[0]
	if got.Seq != 3 || got.AgeMS < 40 || got.Boxes[0].ID != "t1" {
		t.Errorf("%+v", got)
	}
	if n := len(plain.found()); n != 0 {
		t.Errorf("%d messages for who asked for none", n)
	}
	if e.films() != 1 || th.metric("bongsu_live_pulls_total") != "1" {
		t.Errorf("%d films, %s pulls", e.films(), th.metric("bongsu_live_pulls_total"))
	}
	boxed.conn.CloseNow()
	eventually(t, "the edge is told that nobody wants boxes", wants(false))
	e.say(bytes.Replace(b.Encode(), []byte(`"w":640`), []byte(`"w":-1`), 1))
	eventually(t, "an edge that breaks the protocol is cut off", func() bool { return e.films() > 1 })
	plain.conn.CloseNow()
	resp, err := http.DefaultClient.Do(must(t, th.server.URL+"/api/v1/cameras/"+string(th.edge)+"/gate/live?boxes=2", cookie))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("boxes=2: %d", resp.StatusCode)
	}
}

// must makes a request for a WebSocket that a browser with a cookie would make.
func must(t *testing.T, url, cookie string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "bongsu_session", Value: cookie})
	r.Header.Set("Sec-WebSocket-Key", "x")
	r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
	return r
}

// TestWaitingBoxesGiveWay: of what was found in pictures only the newest waits, and never at the cost
// of a picture or of what sets the pictures up.
func TestWaitingBoxesGiveWay(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	dropped := 0
	q := newQueue(1<<20, func() time.Time { return now }, func(n int) { dropped += n })
	q.prime(nil)
	q.put(&message{text: []byte("format"), format: true})
	q.put(&message{head: bongsu.LiveHeader{Kind: bongsu.LiveInit}, payload: []byte("init")})
	q.put(&message{text: []byte("state")})
	q.put(&message{head: bongsu.LiveHeader{Kind: bongsu.LiveFragment, Flags: bongsu.LiveKey}, payload: []byte("key")})
	for i := range 10 {
		q.put(&message{boxes: &bongsu.LiveBoxes{Seq: uint64(i)}})
	}
	var got []string
	for m := q.take(); m != nil; m = q.take() {
		switch {
		case m.boxes != nil:
			b, _ := json.Marshal(m.boxes.Seq)
			got = append(got, string(b))
		case m.text != nil:
			got = append(got, string(m.text))
		default:
			got = append(got, string(m.payload))
		}
	}
	if want := "format init state key 6 7 8 9"; strings.Join(got, " ") != want || dropped != 0 {
		t.Errorf("%v, %d dropped", got, dropped)
	}
	q.put(&message{boxes: &bongsu.LiveBoxes{}})
	q.jam()
	if m := q.take(); m != nil && m.boxes != nil || dropped != 0 {
		t.Errorf("%+v waits on a way that is jammed, %d dropped", m, dropped)
	}
}
