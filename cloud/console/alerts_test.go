package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

func TestAlertFromRaisedToClosed(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	event, id := s.event()
	s.clip(event, 0, []byte("moving pictures"), true)
	s.clip(event, 1, []byte("more of them"), false)

	var list alertsAnswer
	kim.get("/api/v1/alerts", &list)
	if len(list.Alerts) != 1 || list.Seq == 0 || list.Next != "" {
		t.Fatalf("list: %+v", list)
	}
	a := list.Alerts[0]
	if a.ID != id || a.EdgeName != "정문" || a.SnapshotURL != "/api/v1/events/"+string(event)+"/snapshot" || a.ClipParts != 1 || a.Work != bongsu.WorkUnclaimed {
		t.Errorf("card: %+v", a)
	}
	step := func(action string, in any, want string) AlertView {
		t.Helper()
		got := kim.ask("POST", "/api/v1/alerts/"+string(id)+"/"+action, in)
		var v AlertView
		if got.status == 200 {
			if err := json.Unmarshal(got.body, &v); err != nil {
				t.Fatal(err)
			}
			if string(v.Work) != want {
				t.Errorf("%s: work is %s, want %s", action, v.Work, want)
			}
		} else if !strings.HasPrefix(got.sentence(), want) {
			t.Errorf("%s: %s, want %s", action, got.sentence(), want)
		}
		return v
	}
	verdict := map[string]string{"verdict": "false-animal", "note": "고양이"}
	step("claim", nil, "claimed")
	step("claim", map[string]string{}, "claimed") // once more changes nothing
	step("verdict", verdict, "409 conflict: alert "+string(id)+": open its evidence")
	step("evidence", nil, "reviewing")
	step("verdict", map[string]string{"verdict": "cat"}, `400 invalid: verdict: "cat"`)
	step("verdict", map[string]string{"verdct": "false-animal"}, `400 invalid: the body is not what this address takes: unknown field "verdct"`)
	if v := step("verdict", verdict, "closed"); v.Verdict != bongsu.VerdictFalseAnimal || v.Owner != "kim" || v.Note != "고양이" {
		t.Errorf("judged: %+v", v)
	}
	step("undo", nil, "reviewing")
	step("verdict", verdict, "closed")
	s.clock.add(11 * time.Second)
	step("undo", nil, "409 conflict")
	step("claim", nil, "409 conflict")

	var d AlertDetail
	kim.get("/api/v1/alerts/"+string(id), &d)
	var actions []string
	for _, h := range d.History {
		actions = append(actions, h.Actor+":"+h.Action)
	}
	if got := strings.Join(actions, " "); got != ":raise kim:claim kim:evidence kim:verdict kim:undo kim:verdict" {
		t.Errorf("history: %s", got)
	}
	if len(d.EventList) != 1 || d.EventList[0].Verdict != bongsu.VerdictFalseAnimal || len(d.EventList[0].Clips) != 2 {
		t.Fatalf("events: %+v", d.EventList)
	}
	if c := d.EventList[0].Clips; c[0].URL == "" || c[0].State != bongsu.ClipReady || c[1].URL != "" || c[1].State != bongsu.ClipWriting {
		t.Errorf("clips: %+v", c)
	}
	want := fmt.Sprintf("kim alert.claim alert %[1]s with token test|kim alert.evidence alert %[1]s with token test|kim alert.verdict alert %[1]s false-animal with token test|kim alert.undo alert %[1]s with token test|kim alert.verdict alert %[1]s false-animal with token test", id)
	if got := strings.Join(s.records(), "|"); got != want {
		t.Errorf("records:\n got %s\nwant %s", got, want)
	}
	kim.get("/api/v1/alerts?state=open", &list)
	if len(list.Alerts) != 0 {
		t.Errorf("open: %+v", list.Alerts)
	}
	kim.get("/api/v1/alerts?state=closed", &list)
	if len(list.Alerts) != 1 {
		t.Errorf("closed: %+v", list.Alerts)
	}
}

func TestSomebodyElsesAlert(t *testing.T) {
	s := newSite(t)
	kim, lee, boss := s.user("kim", archive.RoleOperator), s.user("lee", archive.RoleOperator), s.user("boss", archive.RoleAdmin)
	_, id := s.event()
	path := "/api/v1/alerts/" + string(id)
	verdict := map[string]string{"verdict": "duplicate"}
	if a := kim.ask("POST", path+"/claim", nil); a.status != 200 {
		t.Fatal(a.sentence())
	}
	for _, action := range []string{"claim", "release", "verdict"} {
		lee.ask("POST", path+"/evidence", nil)
		var in any
		if action == "verdict" {
			in = verdict
		}
		a := lee.ask("POST", path+"/"+action, in)
		var held heldAnswer
		if err := json.Unmarshal(a.body, &held); err != nil || held.Owner != "kim" || held.OwnerName != "김 kim" || !strings.Contains(held.Error.Message, "김 kim") {
			t.Errorf("%s: %d %s (%v)", action, a.status, a.body, err)
		}
		if want := map[string]int{"claim": 409, "release": 403, "verdict": 403}[action]; a.status != want {
			t.Errorf("%s: %d, want %d", action, a.status, want)
		}
	}
	boss.ask("POST", path+"/evidence", nil)
	if a := boss.ask("POST", path+"/verdict", verdict); a.status != 200 {
		t.Errorf("an admin: %s", a.sentence())
	}
}

// Fifty operators claim at the same instant: exactly one wins, the others see who, quickly.
func TestFiftyClaims(t *testing.T) {
	s := newSite(t)
	const n = 50
	users := make([]*user, n)
	for i := range users {
		users[i] = s.user(fmt.Sprintf("op%d", i), archive.RoleOperator)
	}
	_, id := s.event()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var winners []string
	losers := map[string]int{}
	var took []time.Duration
	begin := make(chan struct{})
	for i, u := range users {
		wg.Go(func() {
			<-begin
			at := time.Now()
			a := u.ask("POST", "/api/v1/alerts/"+string(id)+"/claim", nil)
			d := time.Since(at)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, d)
			var held heldAnswer
			switch {
			case a.status == 200:
				winners = append(winners, fmt.Sprintf("op%d", i))
			case a.status == 409 && json.Unmarshal(a.body, &held) == nil:
				losers[held.Owner]++
			default:
				t.Errorf("op%d: %d %s", i, a.status, a.body)
			}
		})
	}
	close(begin)
	wg.Wait()
	if len(winners) != 1 || losers[winners[0]] != n-1 {
		t.Fatalf("winners %v; losers saw %v", winners, losers)
	}
	slices.Sort(took)
	t.Logf("50 claims at once: median %s, slowest %s", took[n/2], took[n-1])
	claims := 0
	for _, r := range s.records() {
		if strings.Contains(r, " alert.claim ") {
			claims++
		}
	}
	if claims != 1 {
		t.Errorf("%d claims in the records, want 1", claims)
	}
}

func TestAlertPages(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	want := map[bongsu.AlertID]bool{}
	for range 7 {
		s.clock.add(time.Second)
		_, id := s.event()
		want[id] = true
	}
	path := "/api/v1/alerts?state=all&limit=3"
	after := ""
	for range 3 {
		var page alertsAnswer
		kim.get(path+after, &page)
		for _, a := range page.Alerts {
			if !want[a.ID] {
				t.Errorf("%s is repeated or unknown", a.ID)
			}
			delete(want, a.ID)
		}
		after = "&after=" + page.Next
	}
	if len(want) != 0 || after != "&after=" {
		t.Errorf("left %v, next %q", want, after)
	}
}

func TestAlertsThatAreNot(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	const none = "0193a5f0-0000-7000-8000-000000000000"
	for _, id := range []string{none, "x", "..%2f..%2fetc"} {
		for _, action := range []string{"", "/claim", "/release", "/evidence", "/undo"} {
			method := "POST"
			if action == "" {
				method = "GET"
			}
			if a := kim.ask(method, "/api/v1/alerts/"+id+action, nil); a.status != 404 || !strings.Contains(a.sentence(), "there is no alert") {
				t.Errorf("%s%s: %s", id, action, a.sentence())
			}
		}
	}
}
