package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestTurnsWhileAnotherHangs: another process hangs with the lock in its hands. However many writers
// give up waiting, one place waits in the kernel; it is the next writer's when the lock is free,
// and without one it does not keep the lock from others.
func TestTurnsWhileAnotherHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	other, err := os.OpenFile(path+turnSuffix, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	lock := func(how int) error { return syscall.Flock(int(other.Fd()), how) }
	if err := lock(syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	var mine turns
	over, end := context.WithCancel(t.Context())
	end()
	before := runtime.NumGoroutine()
	for range 100 {
		mine.take(over, path, time.Minute)()
		mine.take(t.Context(), path, time.Microsecond)()
	}
	if n := runtime.NumGoroutine() - before; n > 1 {
		t.Fatalf("%d goroutines wait, each of them in a thread", n)
	}
	if err := lock(syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	done := mine.take(t.Context(), path, time.Minute)
	if err := lock(syscall.LOCK_EX | syscall.LOCK_NB); err != syscall.EWOULDBLOCK {
		t.Fatalf("the lock is not held during a turn: %v", err)
	}
	done()
	if err := lock(syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	mine.take(over, path, time.Minute)()
	if err := lock(syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := lock(syscall.LOCK_EX); err != nil { // blocks for ever if the place that was left kept it
		t.Fatal(err)
	}
	if err := lock(syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	mine.take(t.Context(), path, time.Minute)()
}
