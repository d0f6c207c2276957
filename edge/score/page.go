package score

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
)

// Page is a report to look at: one HTML file, with pictures in a folder beside it.
type Page struct {
	Title    string
	Notes    []string
	Tables   []Table
	Sections []Section
}

// Section is one category of a Page.
type Section struct {
	Title  string
	Notes  []string
	Tables []Table
	Strips []Strip
}

// Table is a table with a title.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
}

// Strip is the timeline of one clip: what happened and what was said.
type Strip struct {
	Name     string
	Caption  string
	Verdict  string  // of ClipResult
	LengthS  float64 // of the clip
	BeforeS  float64 // of the window
	AfterS   float64
	Events   []float64
	Missed   []float64
	Alarms   []float64
	False    []float64
	Pictures []Picture
}

// Picture is a file in the folder beside the page.
type Picture struct{ File, Caption string }

// stripWidth is how wide a timeline is drawn, in pixels.
const stripWidth = 640

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"x": func(s *Strip, at float64) string { return fmt.Sprintf("%.1f", stripWidth*at/max(s.LengthS, 1)) },
	"from": func(s *Strip, at float64) string {
		return fmt.Sprintf("%.1f", stripWidth*max(at-s.BeforeS, 0)/max(s.LengthS, 1))
	},
	"span": func(s *Strip, at float64) string {
		from, to := max(at-s.BeforeS, 0), min(at+s.AfterS, max(s.LengthS, 1))
		return fmt.Sprintf("%.1f", max(stripWidth*(to-from)/max(s.LengthS, 1), 1))
	},
	"width": func() int { return stripWidth },
	"has": func(list []float64, v float64) bool {
		for _, e := range list {
			if e == v {
				return true
			}
		}
		return false
	},
}).Parse(pageHTML))

// Write writes the page.
func (p *Page) Write(w io.Writer) error { return pageTemplate.Execute(w, p) }
