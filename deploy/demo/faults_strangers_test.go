package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// stranger speaks the edges' API by hand.
type stranger struct {
	url, bearer string
}

// call sends body (JSON, unless it is bytes) and gives the status and the answer.
func (x stranger) call(t *testing.T, ctx context.Context, method, path string, body any, header map[string]string) (int, []byte) {
	t.Helper()
	data, raw := body.([]byte)
	if !raw {
		var err error
		if data, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, x.url+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if x.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+x.bearer)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// refuseStrangers sends what nobody enrolled may send, and from an enrolled edge a clip whose
// bytes are not what it declared. Both are refused in words, nothing of them is kept, and the
// edge's own cameras go on.
func (s *System) refuseStrangers(t *testing.T, ctx context.Context) {
	before, err := s.edgeStatus(ctx)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	ev := bongsu.Event{ID: bongsu.NewEventID(now), Revision: 1, Camera: "gate", Rule: "yard", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh,
		State: bongsu.EventClosed, CloseReason: bongsu.CloseEnded, Start: now, Fired: now, End: now, Class: bongsu.ClassPerson, Score: 0.9,
		Clock: bongsu.Clock{WallQuality: "unknown"}, Model: bongsu.ModelRef{Name: "tiny", Version: "1"}}
	post := bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: ev}}}
	for _, bearer := range []string{"", "nobody-knows-this-credential-0123456789abcdefg", s.Token} {
		status, answer := stranger{s.ConsoleURL, bearer}.call(t, ctx, "POST", "/api/v1/edge/events", post, nil)
		var e bongsu.WireError
		if err := json.Unmarshal(answer, &e); err != nil || (status != http.StatusUnauthorized && status != http.StatusForbidden) ||
			len(e.Error.Message) < 20 || bearer != "" && bearer != s.Token && status != http.StatusUnauthorized {
			t.Errorf("an event with the bearer of length %d: %d %s", len(bearer), status, answer)
		}
		t.Logf("an event from an unknown edge: %d %s", status, bytes.TrimSpace(answer))
	}
	if err := s.API(ctx, "GET", "/events/"+string(ev.ID), nil, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("the stranger's event: %v, want 404", err)
	}
	s.refuseClip(t, ctx, ev.ID)
	eventually(t, ctx, "the edge's own events go on", func() (bool, string) {
		st, err := s.edgeStatus(ctx)
		return err == nil && st.Outbox.Events.Acked > before.Outbox.Events.Acked && st.Outbox.Events.Rejected == 0, fmt.Sprintf("%+v %v", st.Outbox, err)
	})
}

// refuseClip enrols a second edge and lets it send bytes with another hash than it declared.
func (s *System) refuseClip(t *testing.T, ctx context.Context, event bongsu.EventID) {
	t.Helper()
	token, err := s.tool(ctx, "", "bongsu-cloud", "edge", "token", "--config", s.cloudConfig(), "by-hand")
	if err != nil {
		t.Fatal(err)
	}
	status, answer := stranger{s.ConsoleURL, ""}.call(t, ctx, "POST", "/api/v1/edge/enrol", bongsu.EnrolRequest{Token: token, Name: "by-hand"}, nil)
	var cred bongsu.EnrolResponse
	if err := json.Unmarshal(answer, &cred); err != nil || status != http.StatusOK || cred.Credential == "" {
		t.Fatalf("enrolment: %d %v", status, err)
	}
	x := stranger{s.ConsoleURL, cred.Credential}
	declared, sent := bytes.Repeat([]byte("declared"), 512), bytes.Repeat([]byte("sent not"), 512)
	sum := sha256.Sum256(declared)
	clip := bongsu.Clip{Event: event, Camera: "gate", State: bongsu.ClipReady, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(declared)),
		Codec: "avc1.64001f", Start: time.Now().UTC(), DurationUS: 1_000_000}
	put := func(data []byte) (int, []byte) {
		t.Helper()
		status, answer := x.call(t, ctx, "POST", "/api/v1/edge/clips", bongsu.ClipRequest{Clip: clip}, nil)
		var where bongsu.ClipResponse
		if err := json.Unmarshal(answer, &where); err != nil || status != http.StatusOK || where.Done || where.Offset != 0 {
			t.Fatalf("declaring a clip: %d %s, want an upload that begins at 0", status, answer)
		}
		if status, answer := x.call(t, ctx, where.Method, where.URL, data, map[string]string{"Upload-Offset": "0"}); status != http.StatusNoContent {
			t.Fatalf("sending a clip: %d %s", status, answer)
		}
		return x.call(t, ctx, "POST", "/api/v1/edge/clips/"+where.ID+"/complete", struct{}{}, nil)
	}
	status, answer = put(sent)
	var e bongsu.WireError
	if err := json.Unmarshal(answer, &e); err != nil || e.Error.Code != bongsu.CodeHashMismatch || len(e.Error.Message) < 20 {
		t.Errorf("a clip whose hash differs: %d %s", status, answer)
	}
	t.Logf("a clip whose hash differs: %d %s", status, bytes.TrimSpace(answer))
	// Nothing of the wrong bytes was kept: the same part can be sent anew, from its first byte.
	if status, answer := put(declared); status != http.StatusOK {
		t.Errorf("the same clip with the right bytes: %d %s", status, answer)
	}
}
