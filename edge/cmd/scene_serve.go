package cmd

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/scene/film"
	"bongsu/streams/streamstest"
)

// reel is a scene that is served, and the file with its film.
type reel struct {
	scene *scene.Scene
	file  string
}

// serveScenes plays scenes in loops. Those in the cache are there at once, the others as each is
// rendered, in the order given. Nothing that it began is left when it returns.
func serveScenes(ctx context.Context, m *Main, o *sceneOpts, words []string) error {
	if _, _, err := net.SplitHostPort(*o.listen); err != nil {
		return usageError{fmt.Sprintf("--listen: %v", err)}
	}
	if err := o.openCache(time.Now()); err != nil {
		return err
	}
	ready, missing, err := o.reels(words)
	if err != nil {
		return err
	}
	srv, err := streamstest.NewServer(streamstest.ServerOptions{Listen: *o.listen})
	if errors.Is(err, unix.EADDRINUSE) {
		return bongsu.Errorf(bongsu.CodeUnavailable, "another program listens at %s: name another port with --listen, or port 0 for a free one", *o.listen)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, told := &lines{w: m.Stdout}, &lines{w: m.Stderr}
	show := func(r reel) {
		if err := play(srv, r, out); err != nil {
			cancel(err)
		}
	}
	for _, r := range ready {
		show(r)
	}
	var crew sync.WaitGroup
	queue := make(chan reel, len(missing))
	for _, r := range missing {
		queue <- r
	}
	close(queue)
	for range min(cmp.Or(*o.jobs, runtime.NumCPU()), len(missing)) {
		crew.Go(func() {
			for r := range queue {
				if err := o.shoot(ctx, told, r); err != nil {
					cancel(err)
					return
				}
				show(r)
			}
		})
	}
	err = srv.Run(ctx)
	cancel(nil)
	crew.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// play begins to serve a film, and says so.
func play(srv *streamstest.Server, r reel, out *lines) error {
	p, err := streamstest.FilePath(r.scene.Name, r.file)
	if err != nil {
		return err
	}
	p.Loop, p.Reports = true, time.Second
	if err := srv.Add(p); err != nil {
		return err
	}
	out.print("serving %s %s", p.Name, srv.URL(p.Name))
	return nil
}

// lines prints whole lines from many goroutines.
type lines struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

// Write passes on what is one line already.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func (l *lines) print(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", args...)
}

// keepFilms is how long a film that nobody plays stays in the cache.
const keepFilms = 30 * 24 * time.Hour

// openCache finds or makes the folder of films, tries whether it can be written, and removes what has
// not been used for long.
func (o *sceneOpts) openCache(now time.Time) error {
	if *o.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("--cache is missing, and this user has no cache folder: %w", err)
		}
		*o.cache = filepath.Join(dir, "bongsu", "scenes")
	}
	err := os.MkdirAll(*o.cache, 0o755)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(*o.cache, ".try-*"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "the folder for rendered films, %s, cannot be written: name another one with --cache", *o.cache)
	}
	old, err := filepath.Glob(filepath.Join(*o.cache, "*.mp4*"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if info, err := os.Stat(f); err == nil && now.Sub(info.ModTime()) > keepFilms {
			_ = os.Remove(f) // it only takes room
		}
	}
	return nil
}

// reels reads the scenes and parts them into those whose film is in the cache and those that are to
// be rendered.
func (o *sceneOpts) reels(words []string) (ready, missing []reel, err error) {
	seen := map[string]bool{}
	for _, word := range words {
		r, err := o.reel(word)
		if err != nil {
			return nil, nil, err
		}
		if seen[r.scene.Name] {
			return nil, nil, usageError{fmt.Sprintf("two scenes are named %s", r.scene.Name)}
		}
		seen[r.scene.Name] = true
		now := time.Now()
		if err := os.Chtimes(r.file, now, now); err == nil {
			ready = append(ready, r)
		} else {
			missing = append(missing, r)
		}
	}
	return ready, missing, nil
}

// reel finds where a scene's film lies: everything that changes the pictures is in its name.
func (o *sceneOpts) reel(word string) (reel, error) {
	codec, err := o.codecOf()
	if err != nil {
		return reel{}, err
	}
	s, data, err := openScene(word)
	if err != nil {
		return reel{}, err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %d %d %d %v %v %v\n", looks, Version, *o.seed, *o.width, *o.fps, codec, *o.noWords, *o.noClock)
	h.Write(data)
	return reel{s, filepath.Join(*o.cache, s.Name+"-"+hex.EncodeToString(h.Sum(nil))[:16]+".mp4")}, nil
}

// shoot renders a film into the cache. Of several programs that want the same film one renders it and
// the others wait: the lock goes with the program that holds it, however that ends.
func (o *sceneOpts) shoot(ctx context.Context, told io.Writer, r reel) error {
	lock, err := os.OpenFile(r.file+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := lockFilm(ctx, lock); err != nil {
		return err
	}
	if _, err := os.Stat(r.file); err == nil {
		return nil
	}
	codec, err := o.codecOf()
	if err != nil {
		return err
	}
	renderer, err := o.renderer(told, r.scene)
	if err != nil {
		return err
	}
	_, err = film.Write(ctx, r.file, renderer, film.Options{Codec: codec, Progress: tenths(told, r.scene.Name)})
	if err == nil {
		_ = os.Remove(lock.Name()) // whoever waits for it finds the film
	}
	return err
}

// lockFilm waits for the lock, or for ctx.
func lockFilm(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := flock(f, unix.LOCK_EX)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
