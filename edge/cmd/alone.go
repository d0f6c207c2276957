package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"bongsu/edge/config"
)

// A worker whose node was killed finishes the files of its clips before it ends, which takes some
// tenths of a second. A node that starts meanwhile would finish the same files, and two writers
// spoil them. So each worker holds a shared lock for as long as it lives, and a node looks at what
// the run before has left only when nobody holds it.

// workersLock is the lock's file.
func workersLock(cfg config.Config) string { return filepath.Join(cfg.DataDir, "workers.lock") }

// Waiting for workers of a former run.
const (
	formerWait = 10 * time.Second
	formerLook = 20 * time.Millisecond
)

// waitForFormer blocks until no worker of a former run lives, ctx ends, or formerWait has passed.
func waitForFormer(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	defer f.Close() // gives the lock back: workers of this run take it
	ctx, cancel := context.WithTimeout(ctx, formerWait)
	defer cancel()
	look := time.NewTicker(formerLook)
	defer look.Stop()
	for {
		err := flock(f, unix.LOCK_EX)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("a worker process of another run is still alive (it holds %s): stop the other bongsu-edge, or end the process, then start again", path)
		}
	}
}

// holdAsWorker takes a worker's share of the lock; closing gives it back, as does any end of the
// process. It does not wait: a node that holds the lock is not this worker's.
func holdAsWorker(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_SH); err != nil {
		return nil, errors.Join(fmt.Errorf("another node has begun: lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
