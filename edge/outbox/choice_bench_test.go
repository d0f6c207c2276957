package outbox

// This file holds the measurement by which the store was chosen: the smallest honest SQLite
// store beside the smallest honest append log, both with one fsync for all callers that wait
// (group commit). docs/design/durability.md has the figures.

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite"
)

// candidate stores a batch of records durably.
type candidate interface {
	commit(batch [][]byte) error
	close() error
}

// sqliteCandidate is WAL with synchronous=FULL: one fsync of the WAL at each commit.
type sqliteCandidate struct {
	db  *sql.DB
	seq int64
}

func newSQLite(dir string) (candidate, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "outbox.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`CREATE TABLE events (seq INTEGER PRIMARY KEY, id TEXT, revision INTEGER, body BLOB, UNIQUE(id, revision))`)
	return &sqliteCandidate{db: db}, err
}

func (s *sqliteCandidate) commit(batch [][]byte) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	for _, b := range batch {
		s.seq++
		if _, err := tx.Exec(`INSERT INTO events VALUES (?, ?, 1, ?)`, s.seq, fmt.Sprint(s.seq), b); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (s *sqliteCandidate) close() error { return s.db.Close() }

// logCandidate appends checksummed records to a file whose blocks exist already, so that
// fdatasync has no metadata to write.
type logCandidate struct {
	dir string
	f   *os.File
	off int64
	n   int
	buf []byte
}

const logCandidateSegment = 8 << 20

func newLog(dir string) (candidate, error) {
	l := &logCandidate{dir: dir, off: logCandidateSegment}
	return l, nil
}

func (l *logCandidate) rotate() error {
	if l.f != nil {
		if err := l.f.Close(); err != nil {
			return err
		}
	}
	l.n++
	f, err := os.Create(filepath.Join(l.dir, fmt.Sprintf("%08d.log", l.n)))
	if err != nil {
		return err
	}
	if err := unix.Fallocate(int(f.Fd()), 0, 0, logCandidateSegment); err != nil {
		return err
	}
	l.f, l.off = f, 0
	return f.Sync()
}

func (l *logCandidate) commit(batch [][]byte) error {
	l.buf = l.buf[:0]
	for _, b := range batch {
		l.buf = binary.LittleEndian.AppendUint32(l.buf, uint32(len(b)))
		l.buf = binary.LittleEndian.AppendUint32(l.buf, crc32.Checksum(b, castagnoli))
		l.buf = append(l.buf, b...)
	}
	if l.off+int64(len(l.buf)) > logCandidateSegment {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if _, err := l.f.WriteAt(l.buf, l.off); err != nil {
		return err
	}
	l.off += int64(len(l.buf))
	return unix.Fdatasync(int(l.f.Fd()))
}

func (l *logCandidate) close() error { return l.f.Close() }

// group lets the callers that wait while one commits go together in the next commit.
type group struct {
	mu   sync.Mutex
	next *pendingBatch
	turn sync.Mutex
	to   candidate
}

type pendingBatch struct {
	bodies [][]byte
	done   bool
	err    error
}

func (g *group) put(b []byte) error {
	g.mu.Lock()
	if g.next == nil {
		g.next = new(pendingBatch)
	}
	mine := g.next
	mine.bodies = append(mine.bodies, b)
	g.mu.Unlock()
	g.turn.Lock()
	defer g.turn.Unlock()
	if mine.done {
		return mine.err
	}
	g.mu.Lock()
	g.next = nil
	g.mu.Unlock()
	mine.err, mine.done = g.to.commit(mine.bodies), true
	return mine.err
}

// BenchmarkChoice stores events of 2 KiB (a revision without snapshot) and 40 KiB (with one)
// from 1 and 16 callers, in BONGSU_BENCH_DIR or the temporary folder.
func BenchmarkChoice(b *testing.B) {
	for _, kind := range []struct {
		name string
		open func(string) (candidate, error)
	}{{"sqlite-full", newSQLite}, {"log", newLog}} {
		for _, size := range []int{2 << 10, 40 << 10} {
			for _, callers := range []int{1, 16} {
				b.Run(fmt.Sprintf("%s/%dKiB/%dcallers", kind.name, size>>10, callers), func(b *testing.B) {
					benchCandidate(b, kind.open, size, callers)
				})
			}
		}
	}
}

func benchCandidate(b *testing.B, open func(string) (candidate, error), size, callers int) {
	dir, err := os.MkdirTemp(os.Getenv("BONGSU_BENCH_DIR"), "choice")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c, err := open(dir)
	if err != nil {
		b.Fatal(err)
	}
	g, body := &group{to: c}, make([]byte, size)
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				began := time.Now()
				if err := g.put(body); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		}()
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50_us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99_us")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
	if err := c.close(); err != nil {
		b.Fatal(err)
	}
}
