package live

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"bongsu"
)

// desk is a cloud that sends commands and takes answers.
type desk struct {
	t      *testing.T
	server *httptest.Server
	lines  chan *websocket.Conn

	mu       sync.Mutex
	features string
	answers  map[string]bongsu.Answer
	refuse   []int // statuses for the next answers
	posts    int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, answers: map[string]bongsu.Answer{}, lines: make(chan *websocket.Conn, 4)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/edge/live", func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.features = r.Header.Get(bongsu.FeaturesHeader)
		d.mu.Unlock()
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		ctx := c.CloseRead(context.Background())
		d.lines <- c
		<-ctx.Done()
	})
	mux.HandleFunc("POST /api/v1/edge/commands/{id}", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		a, perr := bongsu.ParseAnswer(b)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.posts++
		if len(d.refuse) > 0 {
			status := d.refuse[0]
			d.refuse = d.refuse[1:]
			w.WriteHeader(status)
			return
		}
		if err != nil || perr != nil || r.Header.Get("Authorization") != "Bearer "+credential {
			t.Errorf("an answer %.200s: %v, %v", b, err, perr)
		}
		d.answers[r.PathValue("id")] = a
		w.WriteHeader(http.StatusNoContent)
	})
	d.server = httptest.NewServer(mux)
	t.Cleanup(d.server.Close)
	return d
}

func (d *desk) answer(id string) (bongsu.Answer, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.answers[id]
	return a, ok
}

// doing does commands as a function says.
type doing func(ctx context.Context, c bongsu.Command) bongsu.Answer

func (f doing) Command(ctx context.Context, c bongsu.Command) bongsu.Answer { return f(ctx, c) }

func send(t *testing.T, line *websocket.Conn, text string) {
	t.Helper()
	if err := line.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func command(id, op, body string) string {
	b, _ := json.Marshal(bongsu.Command{Type: bongsu.LiveTypeCommand, ID: id, Op: op, Body: json.RawMessage(body)})
	return string(b)
}

func TestCommandsAreDoneAndAnswered(t *testing.T) {
	d := newDesk(t)
	var mu sync.Mutex
	var got []string
	startLive(t, d.server.URL, func(o *Options) {
		o.Commands = doing(func(_ context.Context, c bongsu.Command) bongsu.Answer {
			mu.Lock()
			got = append(got, c.Op+" "+string(c.Body))
			mu.Unlock()
			if c.Op == "large" {
				return bongsu.Answer{Status: 200, Body: json.RawMessage(`{"x":"` + strings.Repeat("x", bongsu.MaxAnswerBytes) + `"}`)}
			}
			return bongsu.Done(map[string]string{"did": c.Op})
		})
	})
	line := <-d.lines
	if d.features != "boxes, commands" {
		t.Errorf("features %q", d.features)
	}
	send(t, line, `{"type":"command","id":"no","op":"put"}`)
	send(t, line, `{"type":"command"`)
	d.mu.Lock()
	d.refuse = []int{http.StatusBadGateway}
	d.mu.Unlock()
	large := `{"x":"` + strings.Repeat("y", bongsu.MaxCommandBytes-500) + `"}`
	send(t, line, command(sessionA, "put", large))
	eventually(t, "an answer after a proxy's hiccup", func() bool { a, ok := d.answer(sessionA); return ok && string(a.Body) == `{"did":"put"}` })
	send(t, line, command(sessionB, "large", `{}`))
	eventually(t, "an answer that says that it is too large", func() bool {
		a, ok := d.answer(sessionB)
		return ok && a.Error != nil && a.Error.Code == bongsu.CodeTooLarge
	})
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(got, []string{"put " + large, "large {}"}) {
		t.Errorf("done: %.200q", got)
	}
}

func TestAnswersThatNobodyTakesAreGivenUp(t *testing.T) {
	d := newDesk(t)
	d.refuse = []int{http.StatusNotFound}
	startLive(t, d.server.URL, func(o *Options) {
		o.Commands = doing(func(context.Context, bongsu.Command) bongsu.Answer { return bongsu.Done(struct{}{}) })
	})
	line := <-d.lines
	send(t, line, command(sessionA, "put", `{}`))
	eventually(t, "the answer is offered", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.posts == 1 })
	send(t, line, command(sessionB, "put", `{}`))
	eventually(t, "the next one is taken", func() bool { _, ok := d.answer(sessionB); return ok })
	if _, ok := d.answer(sessionA); ok || d.posts != 2 {
		t.Errorf("%d posts", d.posts)
	}
}

// TestCommandsAreFewAtOnce: what is more is refused; with the connection all end.
func TestCommandsAreFewAtOnce(t *testing.T) {
	d := newDesk(t)
	var begun, ended sync.WaitGroup
	begun.Add(maxCommands)
	ended.Add(maxCommands)
	startLive(t, d.server.URL, func(o *Options) {
		o.MinBackoff = time.Minute
		o.Commands = doing(func(ctx context.Context, _ bongsu.Command) bongsu.Answer {
			begun.Done()
			<-ctx.Done()
			ended.Done()
			return bongsu.Done(struct{}{})
		})
	})
	line := <-d.lines
	for range maxCommands {
		send(t, line, command(bongsu.NewUUID(time.Now()), "put", `{}`))
	}
	begun.Wait()
	send(t, line, command(sessionA, "put", `{}`))
	eventually(t, "one more is refused", func() bool { a, ok := d.answer(sessionA); return ok && a.Status == http.StatusTooManyRequests })
	line.CloseNow()
	ended.Wait()
}

// TestEdgeWithoutCommands says so, and does none.
func TestEdgeWithoutCommands(t *testing.T) {
	d := newDesk(t)
	l, _ := startLive(t, d.server.URL, nil)
	line := <-d.lines
	if d.features != "boxes" {
		t.Errorf("features %q", d.features)
	}
	send(t, line, command(sessionA, "put", `{}`))
	line.CloseNow()
	eventually(t, "it comes back", func() bool { return l.Status().Connected && len(d.lines) > 0 })
	if d.posts != 0 {
		t.Error("it answered all the same")
	}
}

// TestWaitingNotesGiveWay: of what was found in pictures the newest waits, never at a picture's cost.
func TestWaitingNotesGiveWay(t *testing.T) {
	dropped := 0
	q := newQueue(1<<20, time.Now, func(n int) { dropped += n })
	q.put(bongsu.LiveItem{Kind: bongsu.LiveInit, Payload: []byte("init")})
	q.put(bongsu.LiveItem{Kind: bongsu.LiveFragment, Flags: bongsu.LiveKey, Payload: []byte("key")})
	for i := range 10 {
		q.put(bongsu.LiveItem{Kind: bongsu.LiveNote, Payload: []byte{'0' + byte(i)}})
	}
	var got []string
	for it, ok := q.take(true); ok; it, ok = q.take(true) {
		got = append(got, string(it.Payload))
	}
	if strings.Join(got, " ") != "init key 6 7 8 9" || dropped != 0 || q.bytes != 0 {
		t.Errorf("%q, %d dropped, %d bytes", got, dropped, q.bytes)
	}
	q.put(bongsu.LiveItem{Kind: bongsu.LiveNote, Payload: []byte("old")})
	q.jam()
	if it, ok := q.take(false); ok || dropped != 0 {
		t.Errorf("%+v waits on a link that is jammed, %d dropped", it, dropped)
	}
}
