package catalog

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"bongsu"
)

// noNetwork fails a test that asks for anything.
type noNetwork struct{ t *testing.T }

func (n noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("%s was asked for", r.URL)
	return nil, http.ErrNotSupported
}

func TestInstallBuiltIn(t *testing.T) {
	c, l := open(t)
	p := tiny.YOLOPackage("tiny-own", 2)
	c.o.BuiltIn = []BuiltIn{{Manifest: []byte(p.Manifest()), Model: p.Model}}
	u := &user{}
	o := u.options("Tiny_Own", "")
	o.Client = &http.Client{Transport: noNetwork{t}}
	m, err := c.Install(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if m.Manifest.Name != "tiny-own" || len(l.paths) != 1 || len(u.licences)+len(u.seen) != 0 {
		t.Errorf("%+v, %d trial runs, asked %v", m.Manifest, len(l.paths), u.licences)
	}
	if err := c.Verify(t.Context(), "tiny-own"); err != nil {
		t.Error(err)
	}
	if _, err := c.Install(t.Context(), o); bongsu.CodeOf(err) != bongsu.CodeConflict {
		t.Errorf("again: %v", err)
	}
	o.Manifest = "other.yaml"
	if _, err := c.Install(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), "the manifest of tiny-own is known: leave --manifest out") {
		t.Errorf("%v", err)
	}
	o.Source, o.Manifest = "tiny-other", ""
	if _, err := c.Install(t.Context(), o); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Errorf("%v", err)
	}
}

func TestBuiltWrongly(t *testing.T) {
	p := tiny.YOLOPackage("tiny-own", 2)
	for want, b := range map[string]BuiltIn{
		"tiny-own comes with this program, but its file has SHA-256 ": {Manifest: []byte(p.Manifest()), Model: append(bytes.Clone(p.Model), 0)},
		"a model that comes with this program: manifest.yaml: ":       {Model: p.Model},
	} {
		c, l := open(t)
		c.o.BuiltIn = []BuiltIn{b}
		if _, err := c.Install(t.Context(), (&user{}).options("tiny-own", "")); err == nil || !strings.HasPrefix(err.Error(), want) || len(l.paths) != 0 {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
