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
	cred := s.enrolByHand(t, ctx)
	elsewhere := cred[:len(cred)-4] + strings.Map(func(r rune) rune { return 'A' + (r+1)%26 }, cred[len(cred)-4:])
	for _, c := range []struct {
		what, bearer string
		want         int
	}{
		{"without a credential", "", http.StatusUnauthorized},
		{"with something that is none", "nobody-knows-this-credential-0123456789abcdefg", http.StatusUnauthorized},
		{"with the credential of another cloud", elsewhere, http.StatusUnauthorized},
		{"with a user's token", s.Token, http.StatusForbidden},
	} {
		status, answer := stranger{s.ConsoleURL, c.bearer}.call(t, ctx, "POST", "/api/v1/edge/events", post, nil)
		var e bongsu.WireError
		if err := json.Unmarshal(answer, &e); err != nil || status != c.want || len(e.Error.Message) < 20 || c.bearer != "" && bytes.Contains(answer, []byte(c.bearer)) {
			t.Errorf("an event %s: %d %s, want %d and a sentence", c.what, status, answer, c.want)
		}
		t.Logf("an event %s: %d %s", c.what, status, bytes.TrimSpace(answer))
	}
	if err := s.API(ctx, "GET", "/events/"+string(ev.ID), nil, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("the stranger's event: %v, want 404", err)
	}
	refuseClip(t, ctx, stranger{s.ConsoleURL, cred}, ev.ID)
	eventually(t, ctx, "the edge's own events go on", func() (bool, string) {
		st, err := s.edgeStatus(ctx)
		return err == nil && st.Outbox.Events.Acked > before.Outbox.Events.Acked && st.Outbox.Events.Rejected == 0, fmt.Sprintf("%+v %v", st.Outbox, err)
	})
}

// enrolByHand enrols a second edge and gives its credential.
func (s *System) enrolByHand(t *testing.T, ctx context.Context) string {
	t.Helper()
	token, err := s.tool(ctx, "", "bongsu-cloud", "edge", "token", "--config", s.cloudConfig(), "by-hand")
	if err != nil {
		t.Fatal(err)
	}
	status, answer := stranger{s.ConsoleURL, ""}.call(t, ctx, "POST", "/api/v1/edge/enrol", bongsu.EnrolRequest{Token: token, Name: "by-hand"}, nil)
	var cred bongsu.EnrolResponse
	if err := json.Unmarshal(answer, &cred); err != nil || status != http.StatusOK || len(cred.Credential) < 20 {
		t.Fatalf("enrolment: %d %v", status, err)
	}
	return cred.Credential
}

// refuseClip lets an enrolled edge send bytes with another hash than it declared.
func refuseClip(t *testing.T, ctx context.Context, x stranger, event bongsu.EventID) {
	t.Helper()
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
	status, answer := put(sent)
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
