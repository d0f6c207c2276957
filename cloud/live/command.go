package live

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"bongsu"
	"bongsu/cloud/auth"
)

// pending is a command that an edge has not answered yet.
type pending struct {
	line   *line
	answer chan bongsu.Answer // room for one
}

// errLineLost says that a command's edge went away before it answered.
var errLineLost = bongsu.Errorf(bongsu.CodeEdgeSilent, "the box lost its connection before it answered: look whether it was done, and try again")

// Command has an edge do something and waits for its answer. The body goes into the command as it
// is and is kept nowhere. Errors are bongsu.CodeEdgeOffline at once when the edge is not connected,
// CodeEdgeOld when its release takes no commands, CodeThrottled when too many are under way or were
// sent in the last minute, and CodeEdgeSilent when no answer came in time.
func (h *Hub) Command(ctx context.Context, edge bongsu.EdgeID, op string, body any) (bongsu.Answer, error) {
	var none bongsu.Answer
	raw, err := json.Marshal(body)
	if err != nil {
		return none, bongsu.Wrap(bongsu.CodeInvalid, err, "the request cannot be passed on as JSON")
	}
	c := bongsu.Command{Type: bongsu.LiveTypeCommand, ID: bongsu.NewUUID(h.o.Now()), Op: op, Body: raw}
	text, err := json.Marshal(c)
	if err != nil {
		return none, bongsu.Wrap(bongsu.CodeInvalid, err, "the request cannot be passed on as JSON")
	}
	if len(text) > bongsu.MaxCommandBytes {
		return none, bongsu.Errorf(bongsu.CodeTooLarge, "the request has %d bytes for the box, the limit is %d", len(text), bongsu.MaxCommandBytes)
	}
	p, err := h.send(edge, c.ID, text)
	if err != nil {
		return none, err
	}
	defer h.forgetCommand(c.ID)
	late := time.NewTimer(h.o.CommandWithin)
	defer late.Stop()
	select {
	case a := <-p.answer:
		return a, nil
	case <-p.line.gone:
		select {
		case a := <-p.answer: // it came with the last breath
			return a, nil
		default:
			return none, errLineLost
		}
	case <-late.C:
		return none, bongsu.Errorf(bongsu.CodeEdgeSilent, "the box did not answer within %v: look whether it was done, and try again", h.o.CommandWithin)
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// send hands a command to the edge's line.
func (h *Hub) send(edge bongsu.EdgeID, id string, text []byte) (*pending, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.edges[edge]
	if l == nil || h.closed {
		return nil, bongsu.Errorf(bongsu.CodeEdgeOffline, "the box is not connected: check its power and its network, and try again when it is back")
	}
	if !l.can(bongsu.FeatureCommands) {
		return nil, bongsu.Errorf(bongsu.CodeEdgeOld, "the box runs a release that cannot be set up from here: update bongsu-edge on it, or edit its edge.yaml")
	}
	under := 0
	for _, p := range h.commands {
		if p.line == l {
			under++
		}
	}
	if under >= h.o.MaxCommands {
		return nil, throttled("the box is busy with %d requests already: wait for them", under)
	}
	if !h.rate(edge) {
		return nil, throttled("the box was asked more than %d times within a minute: wait a little", h.o.CommandsPerMinute)
	}
	p := &pending{line: l, answer: make(chan bongsu.Answer, 1)}
	h.commands[id] = p
	l.write(text)
	return p, nil
}

func throttled(format string, args ...any) error {
	return &auth.RetryError{Cause: bongsu.Errorf(bongsu.CodeThrottled, format, args...), After: 5 * time.Second}
}

// rate counts a command of the last minute in, unless there were too many. The caller holds h.mu.
func (h *Hub) rate(edge bongsu.EdgeID) bool {
	now := h.o.Now()
	lately := slices.DeleteFunc(h.asked[edge], func(t time.Time) bool { return now.Sub(t) > time.Minute })
	ok := len(lately) < h.o.CommandsPerMinute
	if ok {
		lately = append(lately, now)
	}
	h.asked[edge] = lately
	return ok
}

func (h *Hub) forgetCommand(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.commands, id)
}

// answerWithin is how long the body of an answer may take to come.
const answerWithin = 20 * time.Second

// postAnswer takes an edge's answer to a command that it was sent, and to no other.
func (h *Hub) postAnswer(w http.ResponseWriter, r *http.Request) error {
	edge, id := auth.From(r.Context()).Edge, r.PathValue("id")
	h.mu.Lock()
	p := h.commands[id]
	h.mu.Unlock()
	if p == nil || p.line.edge != edge {
		return bongsu.Errorf(bongsu.CodeNotFound, "nobody waits for an answer to this command any more")
	}
	// Writers that know no deadline (tests) do without.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(answerWithin))
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bongsu.MaxAnswerBytes))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return bongsu.Errorf(bongsu.CodeTooLarge, "the answer is over %d bytes", bongsu.MaxAnswerBytes)
	}
	if err != nil {
		return bongsu.Wrap(bongsu.CodeInvalid, err, "the answer did not arrive whole: send it again")
	}
	a, err := bongsu.ParseAnswer(b)
	if err != nil {
		return err
	}
	select {
	case p.answer <- a:
	default:
		return bongsu.Errorf(bongsu.CodeConflict, "this command is answered already")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// features reads what an edge says it can do beyond live pictures.
func features(r *http.Request) []string {
	var out []string
	for _, w := range strings.Split(r.Header.Get(bongsu.FeaturesHeader), ",") {
		if w = strings.TrimSpace(w); w != "" && len(out) < 16 {
			out = append(out, w)
		}
	}
	return out
}

// can reports whether the edge has said that it can do something.
func (l *line) can(feature string) bool { return slices.Contains(l.features, feature) }

// Online reports whether an edge is connected.
func (h *Hub) Online(edge bongsu.EdgeID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.edges[edge] != nil
}
