package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"bongsu"
	"bongsu/models/catalog"
)

// installModel brings a model into the folder and prints its name.
func installModel(ctx context.Context, m *Main, cat *catalog.Catalog, o *modelOpts, source string) error {
	ask := licence{accepted: *o.accept, in: m.Stdin, out: m.Stderr, terminal: isTerminal(m.Stdin) && isTerminal(m.Stderr)}
	show := &progress{w: m.Stderr, terminal: isTerminal(m.Stderr), now: time.Now}
	model, err := cat.Install(ctx, catalog.InstallOptions{
		Source: source, Manifest: *o.manifest, Accept: ask.accept, Progress: show.tell,
		Seen: func(address, sha256 string, bytes int64) {
			show.end()
			fmt.Fprintf(m.Stderr, "%s: %d bytes, SHA-256 %s\nNobody has told this program the hash, so this file counts from now on; compare it with what its publisher says.\n", address, bytes, sha256)
		},
	})
	show.end()
	if errors.Is(err, context.Canceled) { // a plain one would count as done
		return bongsu.Errorf(bongsu.CodeUnavailable, "the installation was stopped: nothing was installed")
	}
	if err != nil {
		return err
	}
	f := model.Manifest
	fmt.Fprintf(m.Stderr, "%s %s: licence %s, family %s, %d×%d pixels, from %s\n", f.Name, f.Version, f.Licence, f.Family, f.Input.Width, f.Input.Height, f.Origin)
	_, err = fmt.Fprintln(m.Stdout, f.Name)
	return err
}

// isTerminal says whether a person is at the other end.
func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// licence asks a person whether a licence is accepted.
type licence struct {
	accepted bool // by a flag
	in       io.Reader
	out      io.Writer
	terminal bool // a person can be asked
}

func (l licence) accept(of catalog.Licence) error {
	fmt.Fprintf(l.out, "%s is under the licence %s: %s\n", of.Model, of.Licence, of.Text)
	if l.accepted {
		return nil
	}
	if !l.terminal {
		return usageError{fmt.Sprintf("the licence of %s must be accepted: read it, then say --accept-licence", of.Model)}
	}
	fmt.Fprint(l.out, "Do you accept it? [y/N] ")
	answer, err := bufio.NewReader(io.LimitReader(l.in, 100)).ReadString('\n')
	if err != nil && answer == "" {
		fmt.Fprintln(l.out)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "예", "네":
		return nil
	}
	return bongsu.Errorf(bongsu.CodeForbidden, "the licence of %s was not accepted: nothing was installed", of.Model)
}

// progress shows how far a download is: one line that changes on a terminal, else a line at
// every tenth of the file, or every 16 MiB where its size is not known.
type progress struct {
	w        io.Writer
	terminal bool
	now      func() time.Time

	begun, shown time.Time
	from         int64 // bytes that were there before
	step         int64 // the last tenth or 16 MiB that was told
	open         bool  // a line without an end stands on the terminal
}

const mebibyte = 1 << 20

func (p *progress) tell(done, total int64) {
	now := p.now()
	if p.begun.IsZero() {
		p.begun, p.from = now, done
	}
	if p.terminal {
		p.redraw(now, done, total)
		return
	}
	step, size := done/(16*mebibyte), fmt.Sprintf("%.1f MiB", float64(done)/mebibyte)
	if total > 0 {
		step, size = 10*done/total, fmt.Sprintf("%d %% of %.1f MiB", 10*(10*done/total), float64(total)/mebibyte)
	}
	if step > p.step {
		p.step = step
		fmt.Fprintf(p.w, "downloaded %s\n", size)
	}
}

func (p *progress) redraw(now time.Time, done, total int64) {
	if done != total && now.Sub(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown, p.open = now, true
	line := fmt.Sprintf("%.1f MiB", float64(done)/mebibyte)
	if total > 0 {
		line = fmt.Sprintf("%3d %%  %.1f of %.1f MiB", 100*done/total, float64(done)/mebibyte, float64(total)/mebibyte)
	}
	if s := now.Sub(p.begun).Seconds(); s > 0.5 {
		line += fmt.Sprintf("  %.1f MiB/s", float64(done-p.from)/mebibyte/s)
	}
	fmt.Fprintf(p.w, "\r%s\x1b[K", line)
}

// end ends the line that stands on the terminal.
func (p *progress) end() {
	if p.open {
		p.open = false
		fmt.Fprintln(p.w)
	}
}

// listPublics prints the catalogue: what comes with this program, then what others publish.
func listPublics(m *Main) error {
	var b strings.Builder
	for _, own := range builtIns() {
		f, err := own.Parse()
		if err != nil {
			return err
		}
		in := f.Input
		fmt.Fprintf(&b, "%s\n  family   %s\n  tensors  in [%d, 3, %d, %d] %s, out %v\n  licence  %s\n  from     built in: %s\n  SHA-256  %s\n",
			f.Name, f.Family, f.Outputs[0].Shape[0], in.Height, in.Width, strings.ToUpper(in.Channels), f.Outputs[0].Shape, f.Licence, f.Origin, f.SHA256)
	}
	for _, p := range catalog.Publics() {
		family, hash, from := p.Family, "the first one installed counts", p.Address
		switch {
		case p.Family == "":
			family, hash, from = "none: not supported yet, "+p.Why, "", p.Home
		case p.SHA256 != "":
			hash = p.SHA256
		}
		fmt.Fprintf(&b, "%s\n  family   %s\n  tensors  %s\n  licence  %s, %s\n  from     %s\n", p.Name, family, p.Layout, p.Licence, p.LicenceText, from)
		if hash != "" {
			fmt.Fprintf(&b, "  SHA-256  %s\n", hash)
		}
	}
	_, err := io.WriteString(m.Stdout, b.String())
	return err
}
