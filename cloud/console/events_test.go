package console

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

func TestEventsFilterAndPage(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	first, alert := s.event()
	s.event(func(e *bongsu.Event) { e.Camera, e.Kind = "cam2", bongsu.KindLoitering })
	last, _ := s.event(func(e *bongsu.Event) { e.Camera, e.Kind = "cam2", bongsu.KindLineCrossing })
	kim.ask("POST", "/api/v1/alerts/"+string(alert)+"/evidence", nil)
	if a := kim.ask("POST", "/api/v1/alerts/"+string(alert)+"/verdict", map[string]string{"verdict": "training"}); a.status != 200 {
		t.Fatal(a.sentence())
	}
	at := func(minutes int) string {
		return url.QueryEscape(s.clock.now().Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339))
	}
	for query, want := range map[string]int{
		"": 3, "camera=cam2": 2, "camera=cam9": 0, "kind=loitering": 1, "kind=fire": 0, "verdict=training": 1, "verdict=none": 2, "verdict=duplicate": 0,
		"edge=" + string(s.edge): 3, "edge=nobody": 0, "from=" + at(3): 2, "to=" + at(3): 1, "from=" + at(3) + "&to=" + at(5): 1,
		"camera=cam2&kind=line-crossing": 1,
	} {
		var page eventsAnswer
		kim.get("/api/v1/events?"+query, &page)
		if len(page.Events) != want {
			t.Errorf("%q: %d events, want %d", query, len(page.Events), want)
		}
	}
	var ids []bongsu.EventID
	for after, pages := "", 0; pages == 0 || after != ""; pages++ {
		var page eventsAnswer // a new one: next is absent at the end
		kim.get("/api/v1/events?limit=1&after="+after, &page)
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		after = page.Next
	}
	if len(ids) != 3 || ids[0] != last || ids[2] != first {
		t.Errorf("pages gave %v", ids)
	}
}

func TestOneEventAndItsRevisions(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	e := s.newEvent()
	alert := s.deliver(e, jpeg)
	e.Revision, e.State, e.End, e.CloseReason = 2, bongsu.EventClosed, e.Fired.Add(5*time.Second), bongsu.CloseEnded
	s.deliver(e, nil)
	var v EventView
	kim.get("/api/v1/events/"+string(e.ID), &v)
	if v.Revision != 2 || v.State != bongsu.EventClosed || v.Alert != alert || v.SnapshotURL == "" || v.EdgeName != "정문" || !v.Received.Equal(s.clock.now()) || v.Edge != s.edge {
		t.Errorf("%+v", v)
	}
	var revs struct{ Revisions []RevisionView }
	kim.get("/api/v1/events/"+string(e.ID)+"/revisions", &revs)
	if len(revs.Revisions) != 2 || revs.Revisions[0].Revision != 1 || revs.Revisions[1].Revision != 2 {
		t.Errorf("%+v", revs)
	}
	const none = "/api/v1/events/0193a5f0-0000-7000-8000-000000000000"
	for path, want := range map[string]string{
		none: "there is no event", none + "/revisions": "there is no event", none + "/snapshot": "there is no event",
		none + "/clips/0": "has no clip part 0", "/api/v1/events/x": `there is no event "x"`, "/api/v1/events/" + string(e.ID) + "/clips/x": `there is no clip part "x"`,
		"/api/v1/events/" + string(e.ID) + "/clips/-1": `there is no clip part "-1"`,
	} {
		if a := kim.ask("GET", path, nil); a.status != 404 || !strings.Contains(a.sentence(), want) {
			t.Errorf("%s: %s", path, a.sentence())
		}
	}
}

// The sentence of each wrong question is part of the product: it is compared whole.
func TestWrongParameters(t *testing.T) {
	s := newSite(t)
	boss := s.user("boss", archive.RoleAdmin)
	const verdicts = "none, real-dispatch, real-minor, real-watch, false-animal, false-weather, false-shadow, false-static, false-normal, duplicate, technical, training, undecidable"
	for path, want := range map[string]string{
		"events?cam=1":           `unknown parameter "cam": this address takes after, limit, edge, camera, kind, from, to, verdict`,
		"events?limit=0":         `limit: must be a whole number from 1 to 1000, not "0"`,
		"events?limit=1001":      `limit: must be a whole number from 1 to 1000, not "1001"`,
		"events?limit=ten":       `limit: must be a whole number from 1 to 1000, not "ten"`,
		"events?limit=1&limit=2": `limit: is given 2 times: give it once`,
		"events?after=x":         `after: not a cursor of this list; use the value of "next" from the page before`,
		"events?camera=A%20B":    `camera: "A B" cannot be a name: use 1 to 64 of a-z, 0-9, '-' and '_', beginning and ending with a letter or digit`,
		"events?kind=flood":      "kind: must be one of " + strings.Join(kindWords(), ", ") + `, not "flood"`,
		"events?verdict=cat":     `verdict: must be one of ` + verdicts + `, not "cat"`,
		"events?from=yesterday":  `from: must be a time such as 2026-11-21T09:00:00Z, not "yesterday"`,
		"events?from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z": `to: must be later than from`,
		"events?%zz":         `the part after "?" of the address cannot be read`,
		"events.csv?bom=yes": `bom: must be one of 0, 1, not "yes"`,
		"events.csv?lang=jp": `lang: must be one of ko, en, not "jp"`,
		"events.csv?limit=5": `unknown parameter "limit": this address takes bom, lang, edge, camera, kind, from, to, verdict`,
		"alerts?state=new":   `state: must be one of open, closed, all, not "new"`,
		"cameras?x=1":        `unknown parameter "x": this address takes none`,
		"stream?after=-1":    `after: must be a whole number, 0 or more, not "-1"`,
		"audit?after=0":      `after: must be a whole number, 2 or more, not "0"`,
	} {
		if a := boss.ask("GET", "/api/v1/"+path, nil); a.sentence() != "400 invalid: "+want {
			t.Errorf("%s:\n got %s\nwant 400 invalid: %s", path, a.sentence(), want)
		}
	}
	if a := boss.ask("GET", "/api/v1/stream", nil, "Last-Event-ID", "x"); a.sentence() != `400 invalid: Last-Event-ID: must be the id of an event of this stream, not "x"` {
		t.Errorf("Last-Event-ID: %s", a.sentence())
	}
}

func TestWrongBodies(t *testing.T) {
	s := newSite(t)
	boss := s.user("boss", archive.RoleAdmin)
	for body, want := range map[string]string{
		`{"name":1}`:                   "400 invalid: the body is not what this address takes: name: must be a string, not a number",
		`{"name":"x"`:                  "400 invalid: the body is not what this address takes: the JSON ends too early",
		`name`:                         "400 invalid: the body is not what this address takes: no JSON at byte 2",
		`{"name":"x"}{}`:               "400 invalid: the body holds more than one JSON value: send one",
		`{"nam":"x"}`:                  `400 invalid: the body is not what this address takes: unknown field "nam"`,
		`{}`:                           "400 invalid: name: must be 1 to 64 printable characters",
		strings.Repeat(" ", maxBody+1): "413 too_large: the body is over 65536 bytes",
	} {
		r := boss.request("POST", "/api/v1/edges/tokens", nil)
		r.Header.Set("Content-Type", "application/json")
		a := boss.send(r, body)
		if a.sentence() != want {
			t.Errorf("%.40s:\n got %s\nwant %s", body, a.sentence(), want)
		}
	}
	r := boss.request("POST", "/api/v1/edges/tokens", nil)
	r.Header.Set("Content-Type", "text/plain")
	if a := boss.send(r, `{"name":"x"}`); a.sentence() != "400 invalid: Content-Type: must be application/json" {
		t.Errorf("text: %s", a.sentence())
	}
}

// csvRow is an event as the CSV must have it, made of the API's JSON.
func csvRow(raw map[string]any) []string {
	str := func(path ...string) string {
		var v any = raw
		for _, p := range path {
			m, _ := v.(map[string]any)
			v = m[p]
		}
		switch v := v.(type) {
		case nil:
			return ""
		case string:
			return v
		case json.Number:
			return v.String()
		}
		return fmt.Sprint(v)
	}
	utc := func(name string) string {
		t, err := time.Parse(time.RFC3339Nano, str(name))
		if err != nil {
			return ""
		}
		return t.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	local := func(name string) string {
		t, err := time.Parse(time.RFC3339Nano, str(name))
		if err != nil {
			return ""
		}
		return t.Add(9*time.Hour).UTC().Format("2006-01-02T15:04:05.000000") + "+09:00"
	}
	ready := 0
	clips, _ := raw["clips"].([]any)
	for _, c := range clips {
		if c.(map[string]any)["url"] != nil {
			ready++
		}
	}
	tainted := str("tainted")
	if tainted == "" {
		tainted = "false"
	}
	experimental := str("experimental")
	if experimental == "" {
		experimental = "false"
	}
	return []string{
		str("id"), str("revision"), str("edge"), str("edge_name"), str("camera"), str("camera_name"), str("rule"), str("kind"),
		str("priority"), str("state"), str("close_reason"), utc("start"), local("start"), utc("fired"), local("fired"), utc("end"), local("end"),
		str("clock", "wall_quality"), str("class"), str("score"), str("track"), str("direction"), tainted, fmt.Sprint(ready),
		str("alert"), str("verdict"), str("model", "name"), str("model", "version"), str("model", "sha256"), utc("received"), local("received"), experimental, str("rule_version"),
	}
}

func TestCSVEqualsTheAPI(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	names := []string{"정문", `he said "stop", twice`, "=cmd|' /C calc'!A0", "+1", "-1", "@x", "\ttab", "＝1", "'quoted", "two\r\nlines", "", " space "}
	for i, name := range names {
		id, _ := s.event(func(e *bongsu.Event) {
			e.CameraName, e.Score = name, float32(i)/7
			e.Kind, e.RuleVersion = bongsu.Kinds()[i%len(bongsu.Kinds())], name
			if i%2 == 0 {
				e.State, e.End, e.CloseReason, e.Tainted = bongsu.EventClosed, e.Start.Add(time.Minute+123456*time.Microsecond), bongsu.CloseEnded, true
			}
		})
		if i%3 == 0 {
			s.clip(id, 0, []byte(name+"x"), true)
			s.clip(id, 1, []byte(name+"y"), false)
		}
	}
	var page struct{ Events []map[string]any }
	dec := json.NewDecoder(bytes.NewReader(kim.ask("GET", "/api/v1/events?limit=1000", nil).body))
	dec.UseNumber()
	if err := dec.Decode(&page); err != nil || len(page.Events) != len(names) {
		t.Fatal(len(page.Events), err)
	}
	a := kim.ask("GET", "/api/v1/events.csv?lang=en", nil)
	if a.status != 200 || a.header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || a.header.Get("Cache-Control") != "no-store" ||
		a.header.Get("Content-Disposition") != `attachment; filename="bongsu-events-20261121T090000Z.csv"` {
		t.Errorf("%d %v", a.status, a.header)
	}
	rows, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != len(names)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, e := range page.Events {
		want := csvRow(e)
		for j, cell := range rows[i+1] {
			if strings.HasPrefix(cell, "'") {
				cell = cell[1:]
			} else if cell != "" && strings.ContainsAny(cell[:1], "=+@\t\r") {
				t.Errorf("row %d, %s: %q would run as a formula", i, rows[0][j], cell)
			}
			// RFC 4180 readers may give CRLF inside a cell back as LF; Go's does
			if cell != strings.ReplaceAll(want[j], "\r\n", "\n") {
				t.Errorf("row %d, %s: %q, the API says %q", i, rows[0][j], cell, want[j])
			}
		}
	}
	for _, line := range strings.SplitAfter(string(a.body), "\n") {
		if line != "" && !strings.HasSuffix(line, "\r\n") {
			t.Errorf("a line does not end with CRLF: %q", line)
		}
	}
	if got := s.records(); len(got) != 1 || got[0] != "kim events.export events.csv lang=en with token test" {
		t.Errorf("records: %q", got)
	}
}

func TestCSVForms(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	for query, want := range map[string]string{
		"":               "사건 ID,개정,",
		"?bom=1":         "\uFEFF사건 ID,개정,",
		"?bom=1&lang=en": "\uFEFFid,revision,",
		"?lang=en":       "id,revision,",
	} {
		a := kim.ask("GET", "/api/v1/events.csv"+query, nil)
		if !strings.HasPrefix(string(a.body), want) || strings.Count(string(a.body), "\r\n") != 1 {
			t.Errorf("%s: %q", query, a.body)
		}
	}
	if a, b := kim.ask("GET", "/api/v1/events.csv", nil), kim.ask("GET", "/api/v1/events.csv", nil); !bytes.Equal(a.body, b.body) {
		t.Error("the same question gave another file")
	}
}

func TestCSVGoesOverPages(t *testing.T) {
	f := &failing{} // its pages have two rows
	s := newSite(t, func(o *Options) { f.Archive = o.Archive; o.Archive = f })
	kim := s.user("kim", archive.RoleOperator)
	const n = 31
	for range n {
		s.event()
	}
	f.good.Store(n/2 + 1)
	rows, err := csv.NewReader(bytes.NewReader(kim.ask("GET", "/api/v1/events.csv", nil).body)).ReadAll()
	if err != nil || len(rows) != n+1 {
		t.Fatalf("%d rows, want %d (%v)", len(rows), n+1, err)
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		seen[row[0]] = true
	}
	if len(seen) != n {
		t.Errorf("%d different events, want %d", len(seen), n)
	}
}

func TestGuardFormula(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", "1": "1", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\t=1": "'\t=1", "\r": "'\r",
		"＝1": "'＝1", "'a": "''a", "a=1": "a=1", "정문": "정문",
	} {
		if got := guardFormula(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzGuardFormula(f *testing.F) {
	for _, s := range []string{"", "=1", "'x", "정문", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := guardFormula(s)
		back := strings.TrimPrefix(got, "'")
		if back != s && got != s || got == s && strings.HasPrefix(s, "'") {
			t.Fatalf("%q became %q, which gives %q back", s, got, back)
		}
		if got != "" && strings.ContainsRune("=+-@\t\r", rune(got[0])) {
			t.Fatalf("%q became %q, a formula", s, got)
		}
	})
}

// failing is an archive whose lists fail from some call on.
type failing struct {
	archive.Archive
	good atomic.Int64 // calls of ListEvents that still work
}

func (f *failing) ListEvents(ctx context.Context, q archive.EventQuery) (archive.EventPage, error) {
	if f.good.Add(-1) < 0 {
		return archive.EventPage{}, bongsu.Errorf(bongsu.CodeUnavailable, "disk gone")
	}
	q.Limit = min(q.Limit, 2)
	return f.Archive.ListEvents(ctx, q)
}

// A file that cannot be finished is never taken for a whole one.
func TestCSVThatBreaksOffIsNoticed(t *testing.T) {
	f := &failing{}
	s := newSite(t, func(o *Options) { f.Archive = o.Archive; o.Archive = f })
	kim := s.user("kim", archive.RoleOperator)
	for range 5 {
		s.event()
	}
	f.good.Store(2)
	resp, err := http.DefaultClient.Do(kim.request("GET", "/api/v1/events.csv", nil))
	if err == nil { // the header may have gone out before
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("a file that was cut off came as if it were whole")
	}
	f.good.Store(0)
	if a := kim.ask("GET", "/api/v1/events.csv", nil); a.status != 503 {
		t.Errorf("before the first row: %d", a.status)
	}
	f.good.Store(100)
	if a := kim.ask("GET", "/api/v1/events.csv", nil); a.status != 200 || strings.Count(string(a.body), "\r\n") != 6 {
		t.Errorf("mended: %d", a.status)
	}
}
