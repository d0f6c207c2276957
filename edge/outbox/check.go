package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

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
	InUse      bool        `json:"in_use"` // a process has the outbox open: files of clips were not compared
}

// Refusal is a revision that the cloud refused for good. It stays in the outbox and is not sent
// again; a later revision of its event is judged by itself.
type Refusal struct {
	Key     bongsu.EventKey `json:"key"`
	Code    bongsu.Code     `json:"code"` // "" and no message when the record of the refusal has been given up
	Message string          `json:"message"`
}

// Check reads the whole outbox in dir and holds it against its numbered invariants. It changes
// nothing and may run beside the process that owns the outbox.
func Check(dir string) (*Report, error) {
	rep, err := check(Disk(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no outbox in %s: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("outbox %s: %w", dir, err)
	}
	return rep, nil
}

func check(files FS) (*Report, error) {
	if _, err := files.ReadDir(journalDir); err != nil {
		return nil, err
	}
	rep := new(Report)
	if lock, err := files.Lock("lock"); err != nil {
		rep.InUse = true
	} else {
		defer lock.Close()
	}
	order := newOrderCheck(rep)
	said := map[bongsu.EventKey]Refusal{}
	re, err := replay(files, true, func(r *record) {
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
	rep.Refused = re.state.refused(said)
	rep.Segments = len(re.segments)
	for _, n := range re.notes {
		if n != sumsNote {
			rep.add("I1", "journal", "%s", n)
		}
	}
	if re.uneven && re.damaged == 0 {
		rep.add("I3", "journal", "the sums do not hold")
	}
	if err := rep.chain(files, re.segments); err != nil {
		return nil, err
	}
	rep.Counts = re.state.sums()
	if rep.InUse {
		return rep, nil
	}
	return rep, rep.clips(files, re.state)
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

// clips compares rows and files.
func (rep *Report) clips(files FS, s *state) error {
	list, err := files.ReadDir(clipDir)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range list {
		names = append(names, clipDir+"/"+e.Name)
	}
	for key, r := range s.clips {
		name := clipName(key)
		i := slices.Index(names, name)
		if i >= 0 {
			names = slices.Delete(names, i, i+1)
		}
		if r.clip.State == bongsu.ClipWriting {
			continue // the next start salvages it
		}
		if i < 0 {
			rep.add("I5", name, "its row says %s, but the file is missing", r.clip.State)
			continue
		}
		sum, size, err := hashFile(files, name)
		if err != nil {
			return err
		}
		if size != r.clip.Bytes || sum != r.clip.SHA256 {
			rep.add("I5", name, "it has %d bytes and hash %.12s, its row says %d and %.12s", size, sum, r.clip.Bytes, r.clip.SHA256)
		}
	}
	for _, n := range names {
		rep.add("I6", n, "there is no row for this file; the next start removes it")
	}
	return nil
}
