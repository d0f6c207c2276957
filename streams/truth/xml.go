package truth

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Limits on what is read. Real files have a few kilobytes.
const (
	maxXMLBytes = 2 << 20
	maxDepth    = 16
	maxText     = 4096
	maxAlarms   = 10_000
	maxPoints   = 1000
)

// element is one step of a walk through a file: an element begins (Text is empty) or ends.
type element struct {
	path   string // names joined by slashes, the root first
	name   string
	begins bool
	leaf   bool   // ends, and had no element inside
	text   string // of a leaf, trimmed
	line   int
	column int
}

func (e *element) errorf(format string, args ...any) *FormatError {
	return &FormatError{Line: e.line, Column: e.column, Path: e.path, Message: fmt.Sprintf(format, args...)}
}

// open is an element that has begun.
type open struct {
	name         string
	text         strings.Builder
	nested       bool
	line, column int
}

// walkXML calls visit for each element of a file, in order.
func walkXML(r io.Reader, visit func(*element) error) error {
	limited := &io.LimitedReader{R: r, N: maxXMLBytes + 1}
	d := xml.NewDecoder(limited)
	d.CharsetReader = func(name string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("the file says that it is written in %q: save it as UTF-8", name)
	}
	w := walker{d: d, visit: visit}
	for {
		line, column := d.InputPos()
		tok, err := d.Token()
		if limited.N == 0 {
			return &FormatError{Line: line, Message: fmt.Sprintf("the file is larger than %d MiB", maxXMLBytes>>20)}
		}
		if errors.Is(err, io.EOF) {
			return w.end(line)
		}
		if err != nil {
			return w.fault(err)
		}
		if err := w.token(tok, line, column); err != nil {
			return err
		}
	}
}

type walker struct {
	d     *xml.Decoder
	visit func(*element) error
	stack []*open
	roots int
}

func (w *walker) end(line int) error {
	if w.roots == 0 {
		return &FormatError{Line: line, Message: "the file holds no XML element"}
	}
	return nil
}

func (w *walker) fault(err error) error {
	line, column := w.d.InputPos()
	var se *xml.SyntaxError
	if errors.As(err, &se) {
		return &FormatError{Line: line, Column: column, Path: w.path(), Message: "not readable as XML: " + se.Msg}
	}
	return &FormatError{Line: line, Column: column, Path: w.path(), Message: "not readable", Err: err}
}

func (w *walker) path() string {
	names := make([]string, len(w.stack))
	for i, o := range w.stack {
		names[i] = o.name
	}
	return strings.Join(names, "/")
}

func (w *walker) token(tok xml.Token, line, column int) error {
	switch t := tok.(type) {
	case xml.StartElement:
		if len(w.stack) == 0 {
			w.roots++
		} else {
			w.stack[len(w.stack)-1].nested = true
		}
		w.stack = append(w.stack, &open{name: t.Name.Local, line: line, column: column})
		e := element{path: w.path(), name: t.Name.Local, begins: true, line: line, column: column}
		if len(w.stack) > maxDepth {
			return e.errorf("elements are nested more than %d deep", maxDepth)
		}
		if w.roots > 1 {
			return e.errorf("there is a second root element: a file has one")
		}
		return w.visit(&e)
	case xml.CharData:
		return w.chars(t, line, column)
	case xml.EndElement:
		o := w.stack[len(w.stack)-1]
		e := element{path: w.path(), name: o.name, leaf: !o.nested, line: o.line, column: o.column}
		if e.leaf {
			e.text = strings.TrimSpace(o.text.String())
		}
		w.stack = w.stack[:len(w.stack)-1]
		return w.visit(&e)
	case xml.Directive:
		return &FormatError{Line: line, Column: column, Message: "document types are not taken: leave <!...> out"}
	}
	return nil
}

func (w *walker) chars(t xml.CharData, line, column int) error {
	if len(w.stack) == 0 {
		return nil
	}
	o := w.stack[len(w.stack)-1]
	if o.text.Len()+len(t) > maxText {
		return &FormatError{Line: line, Column: column, Path: w.path(), Message: fmt.Sprintf("the text is longer than %d bytes", maxText)}
	}
	o.text.Write(t)
	return nil
}

// clock reads HH:MM:SS; hours may have more digits.
func clock(e *element) (time.Duration, error) {
	var parts [3]int
	fields := strings.Split(e.text, ":")
	if len(fields) != 3 {
		return 0, e.errorf("%q is no time: write HH:MM:SS", e.text)
	}
	for i, f := range fields {
		n, ok := digits(f, 4)
		if !ok || i > 0 && (n > 59 || len(f) != 2) {
			return 0, e.errorf("%q is no time: write HH:MM:SS", e.text)
		}
		parts[i] = n
	}
	return time.Duration(parts[0])*time.Hour + time.Duration(parts[1])*time.Minute + time.Duration(parts[2])*time.Second, nil
}

// exactClock reads HH:MM:SS with at most three decimals behind the seconds.
func exactClock(e *element) (time.Duration, error) {
	whole, part, dotted := strings.Cut(e.text, ".")
	rest := *e
	rest.text = whole
	d, err := clock(&rest)
	if err != nil || !dotted {
		return d, err
	}
	n, ok := digits(part, 3)
	if !ok {
		return 0, e.errorf("%q is no time: write HH:MM:SS.mmm", e.text)
	}
	for range 3 - len(part) {
		n *= 10
	}
	return d + time.Duration(n)*time.Millisecond, nil
}

// digits reads a number of at most most decimal digits and nothing else.
func digits(s string, most int) (n int, ok bool) {
	if s == "" || len(s) > most {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// clockText writes HH:MM:SS, rounded half up to whole seconds.
func clockText(d time.Duration) string {
	s := int64((max(d, 0) + time.Second/2) / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// xmlWriter writes elements, one a line, and remembers the first error.
type xmlWriter struct {
	w     io.Writer
	depth int
	err   error
}

func (x *xmlWriter) line(format string, args ...any) {
	if x.err == nil {
		_, x.err = fmt.Fprintf(x.w, strings.Repeat("  ", x.depth)+format+"\n", args...)
	}
}

func (x *xmlWriter) in(name string, body func()) {
	x.line("<%s>", name)
	x.depth++
	body()
	x.depth--
	x.line("</%s>", name)
}

func (x *xmlWriter) leaf(name, text string) {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil && x.err == nil {
		x.err = err
	}
	x.line("<%s>%s</%s>", name, b.String(), name)
}

// some writes the leaf unless its text is empty.
func (x *xmlWriter) some(name, text string) {
	if text != "" {
		x.leaf(name, text)
	}
}
