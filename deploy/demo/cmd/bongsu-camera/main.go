// Command bongsu-camera serves MP4 files as cameras over RTSP, for the demo and for tests.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

const help = `usage: bongsu-camera [--listen HOST:PORT] [--loop] NAME=FILE.mp4 ...

Serves each file at rtsp://HOST:PORT/NAME from the first viewer on, in real time. Prints
"serving NAME URL" for each when it is ready, and "playing NAME TIME" when its first viewer came.
Exit codes: 0 stopped, 1 failed, 2 wrong words.

flags:
  --listen HOST:PORT   where to listen (default 127.0.0.1:0, a free port)
  --loop               begin a file again at its end; without it the camera falls silent

example:
  bongsu-camera --loop gate=gate.mp4 yard=yard.mp4
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("bongsu-camera", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() { fmt.Fprint(stderr, help) }
	listen := fs.String("listen", "127.0.0.1:0", "")
	loop := fs.Bool("loop", false, "")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	if fs.NArg() == 0 {
		fmt.Fprint(stderr, help)
		return 2
	}
	if err := serve(ctx, *listen, *loop, fs.Args(), stdout); err != nil {
		fmt.Fprintln(stderr, "bongsu-camera:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, listen string, loop bool, shows []string, stdout io.Writer) error {
	out := &lines{w: stdout}
	o := streamstest.ServerOptions{Listen: listen}
	for _, show := range shows {
		name, file, ok := strings.Cut(show, "=")
		if !ok || name == "" || file == "" {
			return fmt.Errorf("%q: say NAME=FILE.mp4", show)
		}
		p, err := streamstest.FilePath(name, file)
		if err != nil {
			return err
		}
		p.Loop, p.Hold, p.Reports = loop, !loop, time.Second
		open := p.Open
		p.Open = func(ctx context.Context) (streams.Source, error) {
			out.print("playing %s %s", name, time.Now().UTC().Format(time.RFC3339Nano))
			return open(ctx)
		}
		o.Paths = append(o.Paths, p)
	}
	s, err := streamstest.NewServer(o)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-s.Ready():
			for _, p := range o.Paths {
				out.print("serving %s %s", p.Name, s.URL(p.Name))
			}
		case <-ctx.Done():
		}
	}()
	return s.Run(ctx)
}

// lines prints whole lines from many goroutines.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) print(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", args...)
}
