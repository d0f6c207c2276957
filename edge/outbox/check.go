package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"bongsu"
)

// Violation is one breach of an invariant of docs/design/durability.md.
type Violation struct {
	Invariant string `json:"invariant"` // "I1" ...
	Where     string `json:"where"`
	What      string `json:"what"`
}

// Report is what Check found.
type Report struct {
	Violations []Violation `json:"violations"`
	Refused    []Refusal   `json:"refused"`
	Counts     Counts      `json:"counts"`
	Segments   int         `json:"segments"`
	ClipFiles  int         `json:"clip_files"`
	InUse      bool        `json:"in_use"` // a process has the outbox open
}

// Refusal is a revision that the cloud refused for good. It stays in the outbox and is not sent
// again; a later revision of its event is judged by itself.
type Refusal struct {
	Key     bongsu.EventKey `json:"key"`
	Code    bongsu.Code     `json:"code"` // "" and no message when the record of the refusal has been given up
	Message string          `json:"message"`
}

// pauses are the times between looks at an outbox that is in use. What its process has not
// done for so long after it began is a breach: a file removed after its row, a row after its file.
var pauses = []time.Duration{200 * time.Millisecond, time.Second}

// Check reads the whole outbox in dir and holds it against its numbered invariants. It changes
// nothing and may run beside the process that owns the outbox: a breach counts then when it is
// found again and again in the same words. It blocks for as long as reading all clips takes.
func Check(dir string) (*Report, error) {
	lock := filepath.Join(dir, "lock")
	used := inUse(lock)
	rep, err := check(Disk(dir))
	for n := 0; err == nil && n < len(pauses) && len(rep.Violations) > 0 && inUse(lock); n++ {
		<-time.After(pauses[n])
		rep, err = again(Disk(dir), rep.Violations)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, bongsu.Wrap(bongsu.CodeNotFound, err, "there is no outbox in %s", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("outbox %s: %w", dir, err)
	}
	rep.InUse = used
	return rep, nil
}

// inUse reports whether a process holds the lock file. It asks for a shared lock for a moment
// and makes no file.
func inUse(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// check looks once.
func check(files FS) (*Report, error) { return lookPatiently(files, nil) }

// again looks once more and keeps what was found before, too.
func again(files FS, before []Violation) (*Report, error) {
	rep, err := lookPatiently(files, before)
	if err != nil {
		return nil, err
	}
	rep.Violations = slices.DeleteFunc(rep.Violations, func(v Violation) bool { return !slices.Contains(before, v) })
	return rep, nil
}

// lookPatiently looks anew when a segment was given up before it was opened.
func lookPatiently(files FS, again []Violation) (*Report, error) {
	for n := 0; ; n++ {
		still, err := holdStill(files)
		if errors.Is(err, errGivenUp) && n < 1000 {
			continue
		}
		if err != nil {
			return nil, err
		}
		rep, err := look(still, again)
		return rep, errors.Join(err, still.close())
	}
}

// look reads the log and the clips once. With again it reads only those files of clips that
// were found wrong before.
func look(still stillFS, again []Violation) (*Report, error) {
	rep := &Report{Violations: []Violation{}} // a list in JSON, empty or not
	order := newOrderCheck(rep)
	said := map[bongsu.EventKey]Refusal{}
	re, err := replay(still, true, func(r *record) {
		order.see(r)
		if r.kind == kindReject {
			for _, k := range r.m.Keys {
				said[k] = Refusal{k, r.m.Code, r.m.Message}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	rep.Refused = append([]Refusal{}, re.state.refused(said)...)
	rep.Segments = len(re.segments)
	rep.Counts = re.state.sums()
	for _, n := range re.notes {
		if n != sumsNote {
			rep.add("I1", "journal", "%s", n)
		}
	}
	if err := rep.chain(still, re.segments); err != nil {
		return nil, err
	}
	whole := len(rep.Violations) == 0
	if re.uneven && whole {
		rep.add("I3", "journal", "the sums do not hold")
	}
	return rep, rep.clips(still, re.state, whole, again)
}

// stillFS is a log as it stood at one instant: the segments that were there, held open so that
// they can be given up meanwhile, the newest up to the last record that was there. What is
// appended after that is not seen in part.
type stillFS struct {
	FS
	segments []Entry
	held     map[string]File
}

// ReadDir gives the segments of the instant.
func (s stillFS) ReadDir(name string) ([]Entry, error) {
	if name == journalDir {
		return s.segments, nil
	}
	return s.FS.ReadDir(name)
}

// Open gives a segment that is held, and any other file as it is.
func (s stillFS) Open(name string) (File, error) {
	if f := s.held[name]; f != nil {
		return heldFile{f}, nil
	}
	return s.FS.Open(name)
}

// heldFile is closed by its stillFS.
type heldFile struct{ File }

// Close does nothing.
func (heldFile) Close() error { return nil }

func (s stillFS) close() error {
	var errs []error
	for _, f := range s.held {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// errGivenUp says that a segment went between the listing and its opening.
var errGivenUp = errors.New("the log was turned over")

func holdStill(files FS) (stillFS, error) {
	still := stillFS{FS: files, held: map[string]File{}}
	segs, err := listSegments(files)
	if err != nil {
		return still, err
	}
	for i, s := range segs {
		name := segmentName(s.number)
		f, err := files.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = errGivenUp
		}
		if err != nil {
			return still, errors.Join(err, still.close())
		}
		still.held[name] = f
		if i == len(segs)-1 {
			if s.bytes, err = lastRecord(f, s); err != nil {
				return still, errors.Join(err, still.close())
			}
		}
		still.segments = append(still.segments, Entry{path.Base(name), s.bytes})
	}
	return still, nil
}

// lastRecord gives the end of the last good record of a segment.
func lastRecord(f File, seg segmentInfo) (int64, error) {
	s, err := scan(f, seg.number, seg.bytes, true, func(*record) {})
	return s.end, err
}

func (rep *Report) add(invariant, where, format string, args ...any) {
	rep.Violations = append(rep.Violations, Violation{invariant, where, fmt.Sprintf(format, args...)})
}

// chain checks that each segment begins with a checkpoint that names the one before.
func (rep *Report) chain(files FS, segs []segmentInfo) error {
	for i, s := range segs {
		point, err := readCheckpoint(files, s)
		if err != nil {
			return err
		}
		newest := i == len(segs)-1
		switch {
		case point == nil && newest: // it was being begun when the power went
		case point == nil && s.damaged: // its record of that place is damaged, which is I1
		case point == nil:
			rep.add("I2", segmentName(s.number), "it does not begin with a checkpoint")
		case i > 0 && point.Prev != segs[i-1].number && !hollow(files, segs[i-1]):
			rep.add("I2", segmentName(s.number), "it follows segment %d, but segment %d lies before it", point.Prev, segs[i-1].number)
		}
	}
	return nil
}

// hollow reports whether a segment holds no record but its checkpoint: one that could not be
// begun and could not be removed either.
func hollow(files FS, seg segmentInfo) bool {
	n := 0
	f, err := files.Open(segmentName(seg.number))
	if err != nil {
		return false
	}
	_, err = scan(f, seg.number, seg.bytes, false, func(r *record) {
		if r.kind != kindCheckpoint {
			n++
		}
	})
	return errors.Join(err, f.Close()) == nil && n == 0
}

// orderCheck follows the records of the log in their order.
type orderCheck struct {
	rep    *Report
	latest map[bongsu.EventID]int
	orders map[uint64]string
}

func newOrderCheck(rep *Report) *orderCheck {
	return &orderCheck{rep: rep, latest: map[bongsu.EventID]int{}, orders: map[uint64]string{}}
}

// see checks that order numbers name one thing each and that revisions rise. A record may come
// again, when it was moved or written again after a failure.
func (c *orderCheck) see(r *record) {
	var name string
	switch r.kind {
	case kindEvent:
		name = fmt.Sprintf("revision %d of event %s", r.m.Revision, r.m.ID)
	case kindClip:
		name = fmt.Sprintf("part %d of event %s", r.m.Clip.Part, r.m.Clip.Event)
	default:
		return
	}
	where := segmentName(r.at.segment)
	before, seen := c.orders[r.m.Order]
	if seen && before != name {
		c.rep.add("I4", where, "number %d is that of %s and of %s", r.m.Order, before, name)
	}
	c.orders[r.m.Order] = name
	if r.kind == kindEvent && !r.m.Moved && !seen {
		if r.m.Revision <= c.latest[r.m.ID] {
			c.rep.add("I4", where, "%s comes after revision %d", name, c.latest[r.m.ID])
		}
		c.latest[r.m.ID] = r.m.Revision
	}
}

// clips compares rows and files. When the log is not whole, a row or its end may be what was
// lost, so a file that is missing or has no row proves nothing.
func (rep *Report) clips(files FS, s *state, whole bool, again []Violation) error {
	list, err := files.ReadDir(clipDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	rep.ClipFiles = len(list)
	there := map[string]bool{}
	for _, e := range list {
		there[clipDir+"/"+e.Name] = true
	}
	for key, r := range s.clips {
		name := clipName(key)
		found := there[name]
		delete(there, name)
		switch {
		case r.clip.State == bongsu.ClipWriting: // the next start salvages it
		case found:
			if err := rep.file(files, name, r, again); err != nil {
				return err
			}
		case whole:
			rep.add("I5", name, "its row says %s, but the file is missing", r.clip.State)
		}
	}
	if whole {
		for _, name := range slices.Sorted(maps.Keys(there)) {
			rep.add("I6", name, "there is no row for this file; the next start removes it")
		}
	}
	return nil
}

// file compares a file with its row; with again only when it was wrong before.
func (rep *Report) file(files FS, name string, r *row, again []Violation) error {
	if again != nil && !slices.ContainsFunc(again, func(v Violation) bool { return v.Where == name }) {
		return nil
	}
	sum, size, err := hashFile(files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist): // it was sent a moment ago
	case err != nil:
		return err
	case size != r.clip.Bytes || sum != r.clip.SHA256:
		rep.add("I5", name, "it has %d bytes and hash %.12s, its row says %d and %.12s", size, sum, r.clip.Bytes, r.clip.SHA256)
	}
	return nil
}
