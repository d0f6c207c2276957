package cmd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"bongsu/streams/scene/suite"
)

// bar shows how many clips were played and how long it will take: redrawn on a terminal, a line a
// tenth elsewhere.
type bar struct {
	w        io.Writer
	terminal bool
	began    time.Time
	all      float64 // seconds of clips

	mu     sync.Mutex
	clips  int     // guarded by mu
	played float64 // guarded by mu: seconds of clips
	tenth  int     // guarded by mu
	of     int
}

func newBar(w io.Writer, clips []*suite.Clip) *bar {
	b := &bar{w: w, began: time.Now(), of: len(clips)}
	if f, ok := w.(*os.File); ok {
		b.terminal = term.IsTerminal(int(f.Fd()))
	}
	for _, c := range clips {
		b.all += c.DurationS
	}
	return b
}

// done says that a clip was played.
func (b *bar) done(c *suite.Clip) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clips++
	b.played += c.DurationS
	share := b.played / max(b.all, 1e-9)
	left := time.Duration(float64(time.Since(b.began)) * (1 - share) / share).Round(time.Second)
	line := fmt.Sprintf("[%-30s] %d of %d clips, %s left", strings.Repeat("#", int(30*share+0.5)), b.clips, b.of, left)
	switch tenth := int(10 * share); {
	case b.terminal:
		fmt.Fprintf(b.w, "\r%s   ", line)
	case tenth > b.tenth:
		b.tenth = tenth
		fmt.Fprintln(b.w, line)
	}
}

// end leaves the bar's line.
func (b *bar) end() {
	if b.terminal {
		fmt.Fprintln(b.w)
	}
}
