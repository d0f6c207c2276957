package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestReportSaysWhatIsNotMet(t *testing.T) {
	var r report
	if r.met() {
		t.Error("a run that measured nothing met its floors")
	}
	r = report{command: "make bench", began: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), took: 7 * time.Second, machine: machineFacts(), synthetic: true}
	r.add(floor{"fast", "≤ 5 ms", "4 ms", true})
	if !r.met() {
		t.Error("one floor that is met is not met")
	}
	r.add(floor{"small", "≤ 1", "2", false})
	r.show(part{title: "Hops", notes: []string{"two cameras"}, table: table{head: []string{"hop", "ms"}, rows: [][]string{{"a", "1"}}}})
	if r.met() {
		t.Error("a floor that is not met is met")
	}
	var text strings.Builder
	r.print(&text)
	for name, all := range map[string]string{"text": text.String(), "Markdown": r.markdown()} {
		for _, want := range []string{"PASS", "FAIL", "fast", "≤ 1", "Hops", "two cameras", madeUp} {
			if !strings.Contains(all, want) {
				t.Errorf("%s: no %q in\n%s", name, want, all)
			}
		}
	}
	md := r.markdown()
	if !strings.Contains(md, "`make bench` on 2026-03-01 in 7 s") {
		t.Errorf("no command and date in\n%s", md)
	}
	host, err := os.Hostname()
	if err == nil && len(host) > 3 && strings.Contains(md, host) {
		t.Errorf("the report names the machine:\n%s", md)
	}
}

func TestFirstLine(t *testing.T) {
	for in, want := range map[string]string{"": "", "one": "one", "one\ntwo": "one", strings.Repeat("길", 90): strings.Repeat("길", 80) + "…"} {
		if got := firstLine(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestChoose(t *testing.T) {
	if all, err := choose(""); err != nil || len(all) != len(sections) {
		t.Errorf("everything: %d sections, %v", len(all), err)
	}
	if some, err := choose("stages,latency"); err != nil || len(some) != 2 || some[0].name != "stages" {
		t.Errorf("two: %+v, %v", some, err)
	}
	if _, err := choose("latency,speed"); err == nil || !strings.Contains(err.Error(), `"speed"`) {
		t.Errorf("a section that there is not: %v", err)
	}
}

func TestWrongWords(t *testing.T) {
	for _, args := range [][]string{{"--speed"}, {"now"}, {"--kills", "17"}} {
		var out, said strings.Builder
		if code := run(t.Context(), args, &out, &said); code != 2 || !strings.Contains(said.String(), "usage:") {
			t.Errorf("%v: code %d, said %q", args, code, said.String())
		}
	}
}
