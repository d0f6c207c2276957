package demo

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// StartScenes serves the shows that have a scene over RTSP: those whose film is in the cache at once,
// the others as they are rendered. Each show comes out of the channel with its URL when it is served;
// the channel is closed after the last. cache is the folder of films, "" for the user's; fps is that of
// the cameras, 0 for each scene's own; rendered is told how much of all films is there, in percent, from
// another goroutine, and may be nil.
func (s *System) StartScenes(shows []Show, cache string, fps int, rendered func(percent int)) (<-chan Show, error) {
	args := []string{"scene", "serve", "--listen", "127.0.0.1:0", "--no-clock"}
	if cache != "" {
		args = append(args, "--cache", cache)
	}
	if fps > 0 {
		args = append(args, "--fps", strconv.Itoa(fps))
	}
	of := map[string]Show{}
	for _, show := range shows {
		if show.Scene != "" {
			of[show.Scene] = show
			args = append(args, show.Scene)
		}
	}
	out := make(chan Show, len(of)) // as many as will ever come: nobody waits
	r := &rendering{all: len(of), percent: map[string]int{}, tell: rendered}
	left := len(of)
	told := func(line string) {
		name, url, ok := strings.Cut(strings.TrimPrefix(line, "serving "), " ")
		if !ok || !strings.HasPrefix(line, "serving ") {
			r.hear(line)
			return
		}
		show := of[name]
		show.URL = url
		r.set(name, 100)
		out <- show
		if left--; left == 0 {
			close(out)
		}
	}
	if left == 0 {
		close(out)
		return out, nil
	}
	p, err := startProcess("cameras", filepath.Join(s.Dir, "cameras.log"), nil, told, filepath.Join(s.Bin, "bongsu-edge"), args...)
	if err != nil {
		return nil, err
	}
	s.keep(p)
	return out, nil
}

// rendering adds up how far the films are. It is used by one goroutine.
type rendering struct {
	all     int
	percent map[string]int
	tell    func(percent int)
	last    int
}

// hear takes a line of progress: "NAME: 40 %".
func (r *rendering) hear(line string) {
	name, rest, ok := strings.Cut(line, ": ")
	n, err := strconv.Atoi(strings.TrimSuffix(rest, " %"))
	if ok && err == nil && strings.HasSuffix(rest, " %") {
		r.set(name, min(n, 99))
	}
}

func (r *rendering) set(name string, percent int) {
	r.percent[name] = percent
	sum := 0
	for _, p := range r.percent {
		sum += p
	}
	if now := sum / r.all; now > r.last && r.tell != nil {
		r.last = now
		r.tell(now)
	}
}

// freePort says whether the console can listen there, before anything is started.
func freePort(addr string) error {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(addr)
		return fmt.Errorf("ADDR %s: another program listens there, perhaps an earlier demo; stop it, or take another port: make demo ADDR=127.0.0.1:%s", addr, elsewhere(port))
	case err != nil:
		return fmt.Errorf("ADDR %s: nothing can listen there: %w", addr, err)
	}
	return l.Close()
}

func elsewhere(port string) string {
	if n, err := strconv.Atoi(port); err == nil && n < 65535 {
		return strconv.Itoa(n + 1)
	}
	return "0"
}

// writable says whether the folder of films can be written, before anything is started.
func writable(cache string) error {
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("this user has no cache folder for the cameras' films (%w): name a folder, DEMO_CACHE=/var/tmp/bongsu make demo", err)
		}
		cache = filepath.Join(dir, "bongsu", "scenes")
	}
	err := os.MkdirAll(cache, 0o755)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(cache, ".try-*"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("the cameras' films cannot be kept in %s (%w): name another folder, DEMO_CACHE=/var/tmp/bongsu make demo", cache, err)
	}
	return nil
}
