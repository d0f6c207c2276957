package cmd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bongsu/edge/config"
)

func TestNodeWaitsForFormerWorkers(t *testing.T) {
	path := workersLock(config.Config{DataDir: t.TempDir()})
	if err := waitForFormer(t.Context(), path); err != nil {
		t.Fatalf("with no worker: %v", err)
	}
	first, err := holdAsWorker(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := holdAsWorker(path) // workers of one node share it
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := waitForFormer(ctx, path); err == nil || !strings.Contains(err.Error(), "still alive") || !strings.Contains(err.Error(), path) {
		t.Errorf("with two workers: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- waitForFormer(t.Context(), path) }()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("one worker is left, and the node went on: %v", err)
	case <-time.After(5 * formerLook):
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(formerWait / 2):
		t.Error("the node does not notice that the last worker has ended")
	}
}

// TestLateWorkerOfAnotherNode: a worker that comes while a node looks at the files is not its own.
func TestLateWorkerOfAnotherNode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "workers.lock")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := flock(f, unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if held, err := holdAsWorker(path); err == nil {
		held.Close()
		t.Error("it took the lock all the same")
	}
	for _, bad := range []string{filepath.Join(path, "x"), filepath.Join(filepath.Dir(path), "missing", "x")} {
		if _, err := holdAsWorker(bad); err == nil {
			t.Errorf("%s: no error", bad)
		}
		if err := waitForFormer(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "data_dir") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
