package witness

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestOutputOfMany(t *testing.T) {
	var o Output
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { fmt.Fprintln(&o, "a line") })
	}
	all.Wait()
	if got := o.String(); got != strings.Repeat("a line\n", 8) {
		t.Errorf("%q", got)
	}
}

func TestTreeSeesEachChange(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "deep", "x")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	write := func(text string, at time.Time) map[string]string {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
		return Tree(t, dir)
	}
	first := write("one", at)
	if !maps.Equal(first, write("one", at)) {
		t.Error("the same is not the same")
	}
	if maps.Equal(first, write("two", at)) || maps.Equal(first, write("one", at.Add(time.Second))) {
		t.Error("a change was not seen")
	}
}
