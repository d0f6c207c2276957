package console

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/alerts"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/queue"
)

// letterBox is a queue's dead letters.
type letterBox struct {
	letters []queue.Letter
	done    []string
	err     error
}

func (b *letterBox) DeadLetters(_ context.Context, limit int) ([]queue.Letter, error) {
	return b.letters[:min(limit, len(b.letters))], b.err
}

func (b *letterBox) take(what, id string) error {
	for i, l := range b.letters {
		if l.ID == id {
			b.letters = slices.Delete(b.letters, i, i+1)
			b.done = append(b.done, what+" "+id)
			return nil
		}
	}
	return bongsu.Errorf(bongsu.CodeNotFound, "there is no %s", id)
}

func (b *letterBox) Retry(_ context.Context, id string) error { return b.take("retry", id) }
func (b *letterBox) Drop(_ context.Context, id string) error  { return b.take("drop", id) }

// bury puts an event among the dead letters.
func (s *site) bury() bongsu.EventKey {
	s.t.Helper()
	e := s.newEvent()
	if _, err := s.archive.PutInbox(s.t.Context(), s.edge, s.clock.now(), []bongsu.EventRecord{{Event: e}}); err != nil {
		s.t.Fatal(err)
	}
	if err := s.archive.Bury(s.t.Context(), e.Key(), "it cannot be read", 5, s.clock.now()); err != nil {
		s.t.Fatal(err)
	}
	return e.Key()
}

func TestDeadLetters(t *testing.T) {
	box := &letterBox{letters: []queue.Letter{{ID: "17-0", At: time.UnixMilli(17).UTC(), Deliveries: 5, Reason: "k: no event ID", Entry: `["x","1"]`}, {ID: "18-0"}}}
	s := newSite(t, func(o *Options) { o.Letters = box })
	boss, kim := s.user("boss", archive.RoleAdmin), s.user("kim", archive.RoleOperator)
	var got lettersAnswer
	boss.get("/api/v1/deadletters?limit=1", &got)
	if got.Total != 0 || len(got.Letters) != 1 || got.Letters[0].Source != "queue" || got.Letters[0].Entry == "" || got.Letters[0].Received != nil {
		t.Fatalf("the queue's: %+v", got)
	}
	a, b := s.bury(), s.bury()
	boss.get("/api/v1/deadletters", &got)
	if got.Total != 2 || len(got.Letters) != 4 {
		t.Fatalf("%+v", got)
	}
	id := func(k bongsu.EventKey) string { return string(k.ID) + ".1" }
	for _, l := range got.Letters[:2] {
		if l.Source != "archive" || l.EdgeName != "정문" || l.Reason != "it cannot be read" || l.Deliveries != 5 || l.Received == nil || l.Buried.IsZero() || l.Revision != 1 {
			t.Errorf("%+v", l)
		}
	}
	letters := box.letters
	box.letters, box.err = nil, errors.New("away")
	boss.get("/api/v1/deadletters", &got)
	if len(got.Letters) != 2 || got.QueueError == "" {
		t.Errorf("without the queue: %+v", got)
	}
	box.letters, box.err = letters, nil
	for _, x := range []struct {
		who  *user
		path string
		want int
	}{
		{kim, id(a) + "/retry", 403}, {boss, id(a) + "/retry", 204}, {boss, id(a) + "/retry", 404}, {boss, id(b) + "/drop", 204},
		{boss, id(b) + "/drop", 404}, {boss, "17-0/retry", 204}, {boss, "18-0/drop", 204}, {boss, "18-0/drop", 404}, {boss, strings.Repeat("1", 65) + "/drop", 404},
	} {
		if a := x.who.ask("POST", "/api/v1/deadletters/"+x.path, nil); a.status != x.want {
			t.Errorf("%s: %d %s, want %d", x.path, a.status, a.body, x.want)
		}
	}
	pending, err := s.archive.PendingInbox(t.Context(), s.clock.now().Add(time.Hour), archive.Pending{}, 10)
	if err != nil || len(pending) != 1 || pending[0].Key != a {
		t.Errorf("to be tried again: %v, %v", pending, err)
	}
	if want := []string{"retry 17-0", "drop 18-0"}; !slices.Equal(box.done, want) {
		t.Errorf("the queue was told %v, want %v", box.done, want)
	}
	if all := strings.Join(s.records(), "\n"); !strings.Contains(all, "letter.retry letter "+id(a)) || !strings.Contains(all, "letter.drop letter "+id(b)) {
		t.Errorf("not recorded:\n%s", all)
	}
}

// TestDeadLettersAreSeen: they are in the answer about health and among the numbers.
func TestDeadLettersAreSeen(t *testing.T) {
	down := false
	s := newSite(t, func(o *Options) {
		o.Health = []HealthFunc{func(context.Context) []Reason {
			if down {
				return []Reason{{"queue", "away"}}
			}
			return nil
		}}
	})
	s.bury()
	s.clock.add(healthFor + 1)
	down = true
	var got health
	boss := s.user("boss", archive.RoleAdmin)
	boss.get("/healthz", &got)
	if got.Status != "degraded" || len(got.Reasons) != 2 || got.Reasons[0].Code != "dead-letters" || got.Reasons[1] != (Reason{"queue", "away"}) {
		t.Errorf("%+v", got)
	}
	if a := boss.ask("GET", "/metrics", nil); !strings.Contains(string(a.body), "\nbongsu_cloud_dead_letters 1\n") {
		t.Errorf("%s", a.body)
	}
	if a := boss.ask("POST", "/api/v1/deadletters/17-0/drop", nil); a.status != 404 {
		t.Errorf("a queue without letters: %d", a.status)
	}
}

// TestStreamSeesOtherProcesses: what another process commits wakes nobody here, and comes all the same.
func TestStreamSeesOtherProcesses(t *testing.T) {
	s := newSite(t)
	r := s.user("kim", archive.RoleOperator).follow("")
	r.skip("hello")
	other, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(s.dir, "cloud.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var waits []time.Duration
	for range 20 {
		e := s.newEvent()
		if _, err := other.PutInbox(t.Context(), s.edge, s.clock.now(), []bongsu.EventRecord{{Event: e}}); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Apply(t.Context(), e.Key(), archive.ApplyOptions{At: s.clock.now(), Route: alerts.DefaultPolicy().Route}); err != nil {
			t.Fatal(err)
		}
		committed := time.Now()
		for decode[EventView](t, r.skip("event")).ID != e.ID {
		}
		waits = append(waits, time.Since(committed))
	}
	slices.Sort(waits)
	t.Logf("from another process's commit to the stream: median %v, worst %v", waits[len(waits)/2], waits[len(waits)-1])
}
