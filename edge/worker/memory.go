package worker

import (
	"fmt"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// LimitMemory bounds what this process may allocate, its C libraries included (RLIMIT_DATA: heaps
// and private writable mappings, not the reserved address space that Go never touches). Beyond it
// an allocation fails, which a decoder reports and anything else dies of; the node starts another
// worker. Go begins to collect harder at three quarters of it. 0 sets no limit.
func LimitMemory(bytes int64) error {
	if bytes <= 0 {
		return nil
	}
	n := uint64(bytes)
	var is unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &is); err == nil && is.Max < n {
		n = is.Max
	}
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: n, Max: n}); err != nil {
		return fmt.Errorf("limit this worker's memory to %d bytes: %w", n, err)
	}
	debug.SetMemoryLimit(int64(n / 4 * 3))
	return nil
}
