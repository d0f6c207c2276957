package score

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestPage(t *testing.T) {
	p := &Page{Title: "Scores of <a suite>", Notes: []string{"first"}, Tables: []Table{{Title: "all", Head: []string{"category", "F1"}, Rows: [][]string{{"Loitering", "50.00"}}}},
		Sections: []Section{{Title: "Loitering", Strips: []Strip{
			{Name: "a", Verdict: "mistimed", LengthS: 100, BeforeS: 2, AfterS: 10, Events: []float64{20, 95}, Missed: []float64{95}, Alarms: []float64{21, 50}, False: []float64{50},
				Pictures: []Picture{{"pictures/a.jpg", "at 50 s"}}},
			{Name: "b", Verdict: "quiet"},
		}}}}
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Scores of &lt;a suite&gt;", `x="115.2" width="76.8" height="22" fill="#cfead6"`, `x="595.2" width="44.8" height="22" fill="#f7c9c4"`,
		`x="320.0" width="3" height="22" fill="#d92d20"`, `x="134.4" width="3" height="22" fill="#0b57d0"`, `<img src="pictures/a.jpg"`, "<td>50.00</td>"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "http") || strings.Contains(b.String(), "<script") {
		t.Error("the page is not self-contained")
	}
	d := xml.NewDecoder(strings.NewReader(b.String()))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := d.Token(); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
	}
}
