package worker

import (
	"context"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/streams/streamstest"
)

// TestRulesAloneRestartNothing: what differs in name and rules only is handed to the run that goes on;
// all else, and what that run does not take, is a new run.
func TestRulesAloneRestartNothing(t *testing.T) {
	running := make(chan *fakeRunner, 10)
	n := start(t, func(ctx context.Context, r *fakeRunner) {
		running <- r
		<-ctx.Done()
	}, nil)
	n.next(link.TypeHello)
	var mu sync.Mutex
	var took []link.Assignment
	takes := true
	send := func(change func(*link.Assignment)) {
		a := assignment("a")
		change(a)
		n.send(link.Message{Type: link.TypeAssign, Assign: a})
	}
	runs := func() *fakeRunner {
		r := <-running
		r.setAdjust(func(a link.Assignment) bool {
			mu.Lock()
			defer mu.Unlock()
			if takes {
				took = append(took, a)
			}
			return takes
		})
		return r
	}
	taken := func(want int) {
		t.Helper()
		streamstest.Eventually(t, "the rules are taken", func() bool { mu.Lock(); defer mu.Unlock(); return len(took) == want })
	}
	send(func(*link.Assignment) {})
	runs()
	send(func(a *link.Assignment) { a.Rules = []link.Rule{{ID: "r"}} })
	taken(1)
	send(func(a *link.Assignment) { a.Rules, a.Name = []link.Rule{{ID: "s"}}, "문" })
	taken(2)
	send(func(a *link.Assignment) {
		a.Rules, a.Name, a.Timezone, a.Ground = []link.Rule{{ID: "s"}}, "문", "Asia/Seoul", &bongsu.Ground{Aspect: 1}
	})
	taken(3)
	send(func(a *link.Assignment) { a.URL = "rtsp://h/1" })
	if r := runs(); r.a.URL == "" || len(r.a.Rules) != 0 {
		t.Errorf("the new run has %+v", r.a)
	}
	send(func(a *link.Assignment) { a.URL, a.Rules = "rtsp://h/1", []link.Rule{{ID: "t"}} })
	taken(4)
	mu.Lock()
	takes = false
	mu.Unlock()
	send(func(a *link.Assignment) { a.URL, a.Rules = "rtsp://h/1", []link.Rule{{ID: "u"}} })
	if r := runs(); len(r.a.Rules) != 1 || r.a.Rules[0].ID != "u" {
		t.Errorf("the new run has %+v", r.a)
	}
	mu.Lock()
	if took[1].Name != "문" || took[2].Ground == nil || took[2].Timezone == "" || took[3].Rules[0].ID != "t" || len(took) != 4 {
		t.Errorf("taken: %+v", took)
	}
	mu.Unlock()
	n.stop()
	if len(n.built) != 3 {
		t.Errorf("%d runs", len(n.built))
	}
}

// TestRulesForARunThatEnded begin a new one: nobody would take them.
func TestRulesForARunThatEnded(t *testing.T) {
	ended := make(chan *fakeRunner, 10)
	n := start(t, func(_ context.Context, r *fakeRunner) {
		r.setAdjust(func(link.Assignment) bool { return true }) // as it would until it has ended
		r.quits = true
		ended <- r
	}, nil)
	n.next(link.TypeHello)
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	<-ended
	deadline, tick := time.After(time.Minute), time.NewTicker(500*time.Millisecond) // longer than starts are spread
	defer tick.Stop()
	for rules := 1; ; rules++ {
		a := assignment("a")
		a.Rules = make([]link.Rule, rules)
		n.send(link.Message{Type: link.TypeAssign, Assign: a})
		select {
		case r := <-ended:
			if len(r.a.Rules) == 0 {
				t.Errorf("the new run has %+v", r.a)
			}
			n.stop()
			return
		case <-tick.C:
		case <-deadline:
			t.Fatal("no new run in a minute")
		}
	}
}
