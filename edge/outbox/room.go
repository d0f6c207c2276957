package outbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"bongsu"
)

// reserveName is the file that holds space back for events.
const reserveName = "reserve"

// Codes of problems.
const (
	problemFull    = "disk-full"
	problemLow     = "disk-low"
	problemWrite   = "write-failed"
	problemDamaged = "records-damaged"
	problemHang    = "disk-hangs"
)

// hangAfter is how long a write may take before Health calls it a hang.
const hangAfter = 5 * time.Second

// quietAfter is how long after the last failed write the outbox counts as well again.
const quietAfter = time.Minute

// Problem is one thing that is wrong with the outbox.
type Problem struct {
	Code    string    `json:"code"` // stable: disk-full, disk-low, write-failed, records-damaged, disk-hangs
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
	Count   int       `json:"count"`
	last    time.Time
}

// health collects problems. Guarded by Outbox.mu.
type health struct {
	problems map[string]*Problem
	reserve  bool // the reserve is on disk
}

func (h *health) note(code string, now time.Time, message string) {
	if h.problems == nil {
		h.problems = map[string]*Problem{}
	}
	p := h.problems[code]
	if p == nil {
		p = &Problem{Code: code, Since: now}
		h.problems[code] = p
	}
	p.Message, p.last = message, now
	p.Count++
}

// Health gives what is wrong, empty when nothing is. It does not touch the disk, so that it
// answers while the disk hangs.
func (o *Outbox) Health() []Problem {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.opt.Now()
	var out []Problem
	for _, p := range o.health.problems {
		out = append(out, *p)
	}
	if b := o.watch.oldest(); !b.IsZero() && now.Sub(b) > hangAfter {
		out = append(out, Problem{Code: problemHang, Since: b, Count: 1,
			Message: "the disk has not answered for " + now.Sub(b).Round(time.Second).String()})
	}
	slices.SortFunc(out, func(a, b Problem) int { return cmp.Compare(a.Code, b.Code) })
	return out
}

// noteWrite takes down how a commit went: retried is a failure that a new segment made good,
// err one that it did not. The caller holds mu.
func (o *Outbox) noteWrite(retried, err error) {
	now := o.opt.Now()
	switch failed := cmp.Or(err, retried); {
	case failed == nil:
	case isNoSpace(failed):
		o.health.note(problemFull, now, "the disk is full: free some space; events go on in the reserve, clips are evicted")
	case errors.Is(failed, syscall.EROFS):
		o.health.note(problemWrite, now, "the file system of the outbox is read-only: look into the kernel's log for why, check the disk, mount it for writing again; until then events go to the cloud past the disk, and only while the cloud is reached")
	case err != nil:
		o.health.note(problemWrite, now, "the disk of the outbox cannot be written: check the disk; until then events go to the cloud past it, and only while the cloud is reached: "+failed.Error())
	default:
		o.health.note(problemWrite, now, "a write to the outbox failed, a new segment was begun: check the disk: "+failed.Error())
	}
	if retried != nil {
		o.log.Error("a write to the outbox failed", "err", retried, "recovered", err == nil)
	}
	if err == nil {
		o.health.settle(problemWrite, now)
		if o.opt.ReserveBytes <= 0 {
			o.health.settle(problemFull, now)
		}
	}
}

// settle ends a problem that has been quiet for long enough.
func (h *health) settle(code string, now time.Time) {
	if p := h.problems[code]; p != nil && now.Sub(p.last) > quietAfter {
		delete(h.problems, code)
	}
}

// noteDamage takes down what replay found.
func (o *Outbox) noteDamage(re *replayed) {
	for _, n := range re.notes {
		o.log.Error("the outbox's log is damaged", "where", n)
	}
	if len(re.notes) > 0 {
		o.health.note(problemDamaged, o.opt.Now(), fmt.Sprintf("%d places of the log cannot be read, first: %s", len(re.notes), re.notes[0]))
	}
	if re.torn > 0 {
		o.log.Info("the outbox's log ends in a write that was cut off, as a crash leaves it", "segments", re.torn)
	}
}

// makeReserve puts the reserve on disk if it is not there. Not being able to is a problem, no
// error.
func (o *Outbox) makeReserve() {
	if o.opt.ReserveBytes <= 0 || o.haveReserve() {
		return
	}
	size, err := o.fs.Size(reserveName)
	if err != nil || size != o.opt.ReserveBytes {
		err = o.writeReserve()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.health.reserve = err == nil
	if err != nil {
		o.health.note(problemFull, o.opt.Now(), "there is no room for the reserve that events need when the disk is full: free some space")
		return
	}
	delete(o.health.problems, problemFull)
}

func (o *Outbox) haveReserve() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.health.reserve
}

func (o *Outbox) writeReserve() error {
	if err := o.fs.Remove(reserveName); err != nil {
		return err
	}
	f, err := o.fs.Create(reserveName)
	if err != nil {
		return err
	}
	err = errors.Join(f.Allocate(o.opt.ReserveBytes), f.Sync(), f.Close())
	if err == nil {
		return o.fs.SyncDir(".")
	}
	return errors.Join(err, o.fs.Remove(reserveName))
}

// releaseReserve gives the reserve's space to the log. It reports whether there was any.
func (o *Outbox) releaseReserve() bool {
	o.mu.Lock()
	held := o.health.reserve
	o.health.reserve = false
	o.mu.Unlock()
	if !held {
		return false
	}
	o.log.Error("the disk is full: the reserve is given to events")
	if err := o.fs.Remove(reserveName); err != nil {
		o.log.Error("the reserve cannot be released", "err", err)
		return false
	}
	return true
}

// Enforce keeps the outbox within its bounds: it evicts clips while they are over MaxClipBytes
// or the disk has less than MinFreeBytes, makes the reserve again when there is room, stores what
// TakeSent was given, and gives up log files that are not needed. Call it every second or so; it does little when there is
// nothing to do.
func (o *Outbox) Enforce() error {
	over := o.excess()
	for over > 0 {
		freed, err := o.evictOne()
		if err != nil {
			return err
		}
		if freed == 0 {
			break
		}
		over -= freed
	}
	low := o.crowded()
	o.noteRoom(low)
	if !o.haveReserve() && !low {
		if free, err := o.fs.Free(); err == nil && free > 2*o.opt.ReserveBytes {
			o.makeReserve()
		}
	}
	if err := o.boundLost(); err != nil {
		return err
	}
	if err := o.storeSent(); err != nil {
		return err
	}
	return o.compact()
}

// excess is how many bytes of clips must go.
func (o *Outbox) excess() int64 {
	o.mu.Lock()
	used := o.state.sums().Clips.PendingBytes
	var writing []bongsu.ClipKey
	for k, r := range o.state.clips {
		if r.clip.State == bongsu.ClipWriting {
			writing = append(writing, k)
		}
	}
	o.mu.Unlock()
	for _, k := range writing {
		if n, err := o.fs.Size(clipName(k)); err == nil {
			used += n
		}
	}
	over := used - o.opt.MaxClipBytes
	if free, err := o.fs.Free(); err == nil {
		over = max(over, o.opt.MinFreeBytes-free)
	}
	return over
}

// noteRoom takes down whether clips can be recorded. Events may go on for hours in blocks that
// they hold already, so no failed write would tell of a disk that is full.
func (o *Outbox) noteRoom(low bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !low {
		delete(o.health.problems, problemLow)
		return
	}
	o.health.note(problemLow, o.opt.Now(), fmt.Sprintf("clips are not recorded: less than %d MiB of the disk are free, and no clip is left that could go: free some space; events go on",
		o.opt.MinFreeBytes>>20))
}

// crowded reports whether the disk has less room than clips must leave.
func (o *Outbox) crowded() bool {
	free, err := o.fs.Free()
	return err == nil && free < o.opt.MinFreeBytes
}

// victim is the clip to evict next: of the least urgent ones that wait the oldest, besides
// those in gone. Clips that the cloud has are gone already, those being written and events are
// never evicted.
func (o *Outbox) victim(gone map[bongsu.ClipKey]bool) *row {
	o.mu.Lock()
	defer o.mu.Unlock()
	var v *row
	for k, r := range o.state.clips {
		if r.clip.State == bongsu.ClipWriting || gone[k] {
			continue
		}
		if v == nil || r.rank > v.rank || (r.rank == v.rank && r.order < v.order) {
			v = r
		}
	}
	return v
}

// evictOne removes one clip and gives the bytes freed; 0 when there is none to remove.
func (o *Outbox) evictOne() (int64, error) {
	v := o.victim(nil)
	if v == nil {
		return 0, nil
	}
	clip := v.clip
	clip.State = bongsu.ClipEvicted
	o.log.Warn("a clip is evicted for lack of space", "event", clip.Event, "part", clip.Part, "bytes", clip.Bytes, "rank", v.rank)
	return max(clip.Bytes, 1), o.endClip(clip, v, false)
}

// commitByEvicting is the last resort when the disk is full and the reserve is used up: files
// of clips go first, and the rows that say so are written with the records that needed the
// room. The caller holds turn.
func (o *Outbox) commitByEvicting(recs []*record, point checkpoint, err error) ([]*record, error) {
	gone := map[bongsu.ClipKey]bool{}
	for isNoSpace(err) {
		v := o.victim(gone)
		if v == nil {
			return recs, err
		}
		clip := v.clip
		gone[clip.Key()] = true
		if rerr := o.fs.Remove(clipName(clip.Key())); rerr != nil {
			return recs, errors.Join(err, rerr)
		}
		clip.State = bongsu.ClipEvicted
		recs = append(recs, clipRecord(clip, v))
		o.log.Warn("a clip is evicted so that events can be stored", "event", clip.Event, "part", clip.Part, "bytes", clip.Bytes)
		err = o.journal.append(recs, point)
	}
	return recs, err
}
