package outbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"bongsu"
)

// unknownRank is the rank of a clip whose event the outbox has not seen: that of medium.
const unknownRank = 2

// clipName is the file of a clip part. An EventID has been checked to be a UUID.
func clipName(k bongsu.ClipKey) string { return fmt.Sprintf("%s/%s-%d.mp4", clipDir, k.Event, k.Part) }

// OpenClip makes the row of a part, in state writing, durable and returns the path of the file
// that the caller may then create. CodeConflict: the part exists already. CodeUnavailable: there
// is no room for clips, or the disk cannot be written.
func (o *Outbox) OpenClip(clip bongsu.Clip) (path string, err error) {
	key := clip.Key()
	if !bongsu.ValidUUID(string(key.Event)) || key.Part < 0 || !bongsu.ValidName(string(clip.Camera)) {
		return "", bongsu.Errorf(bongsu.CodeInvalid, "a clip needs its event's UUID, a part of 0 or more and a camera's name")
	}
	o.mu.Lock()
	rank, mem := unknownRank, o.state.memories[key.Event]
	if mem != nil {
		rank = mem.rank
	}
	used := o.state.clips[key] != nil || (mem != nil && key.Part < mem.parts)
	o.mu.Unlock()
	taken := bongsu.Errorf(bongsu.CodeConflict, "part %d of event %s exists already: use the next number", key.Part, key.Event)
	if used {
		return "", taken
	}
	if err := o.Enforce(); err != nil {
		return "", err
	}
	if o.crowded() {
		return "", bongsu.Errorf(bongsu.CodeUnavailable, "no room for clips: the disk is full with what is not ours or not sent yet")
	}
	clip.State, clip.SHA256, clip.Bytes = bongsu.ClipWriting, "", 0
	r := clipRecord(clip, &row{rank: rank})
	if err := o.submit(r); err != nil {
		return "", err
	}
	if r.void { // somebody was faster
		return "", taken
	}
	return o.fs.Path(clipName(key)), nil
}

// clipRecord makes the record by which r's part becomes what clip says.
func clipRecord(clip bongsu.Clip, r *row) *record {
	return &record{kind: kindClip, m: meta{Clip: &clip, Rank: r.rank, Order: r.order}}
}

// CloseClip records what became of a part that was opened: ready or torn with its size and
// hash, its file fsynced by the caller; or failed, then the file is removed. A ready part whose
// file has another size is treated as that of a writer that died. Saying the same twice is no
// error.
func (o *Outbox) CloseClip(clip bongsu.Clip) error {
	o.mu.Lock()
	r := o.state.clips[clip.Key()]
	o.mu.Unlock()
	if r == nil || r.clip.State != bongsu.ClipWriting {
		if r != nil && r.clip.State == clip.State && r.clip.SHA256 == clip.SHA256 {
			return nil
		}
		return bongsu.Errorf(bongsu.CodeNotFound, "part %d of event %s is not being written", clip.Part, clip.Event)
	}
	clip.Camera = r.clip.Camera
	switch clip.State {
	case bongsu.ClipFailed:
		return o.endClip(clip, r, false)
	case bongsu.ClipReady, bongsu.ClipTorn:
	default:
		return bongsu.Errorf(bongsu.CodeInvalid, "a clip cannot be closed as %.80q", clip.State)
	}
	size, err := o.fs.Size(clipName(clip.Key()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil || size != clip.Bytes || len(clip.SHA256) != 2*sha256.Size {
		o.log.Warn("a clip is not what its writer says, looking at the file", "event", clip.Event, "part", clip.Part,
			"bytes", size, "said_bytes", clip.Bytes)
		return o.salvage(r)
	}
	return o.submit(clipRecord(clip, r))
}

// endClip records the row's end and then removes the file: a crash between the two leaves a
// file without a row, which the next Open removes.
func (o *Outbox) endClip(clip bongsu.Clip, r *row, acked bool) error {
	rec := clipRecord(clip, r)
	rec.m.Acked = acked
	if err := o.submit(rec); err != nil {
		return err
	}
	return o.fs.Remove(clipName(clip.Key()))
}

// AbandonClips deals with parts whose writer is gone: those in state writing for which lost
// is true are salvaged, or marked failed when nothing can be kept. The writer must not run
// any more.
func (o *Outbox) AbandonClips(lost func(bongsu.Clip) bool) error {
	o.mu.Lock()
	var rows []*row
	for _, r := range o.state.clips {
		if r.clip.State == bongsu.ClipWriting && lost(r.clip) {
			rows = append(rows, r)
		}
	}
	o.mu.Unlock()
	slices.SortFunc(rows, func(a, b *row) int { return cmp.Compare(a.order, b.order) })
	for _, r := range rows {
		if err := o.salvage(r); err != nil {
			return err
		}
	}
	return nil
}

// salvage closes the row of a part whose writer is gone. When the disk does not let it look,
// the row stays for the next time.
func (o *Outbox) salvage(r *row) error {
	clip, err := o.inspect(r.clip)
	switch {
	case err == nil && clip.Bytes > 0 && (clip.State == bongsu.ClipReady || clip.State == bongsu.ClipTorn):
		return o.submit(clipRecord(clip, r))
	case err != nil && clip.State == bongsu.ClipWriting:
		o.log.Error("a clip whose writer died cannot be looked at now", "event", clip.Event, "part", clip.Part, "err", err)
		return nil
	case err != nil:
		o.log.Warn("nothing of a clip could be kept", "event", clip.Event, "part", clip.Part, "err", err)
	}
	clip = r.clip
	clip.State = bongsu.ClipFailed
	return o.endClip(clip, r, false)
}

// inspect finds out what is in a file whose writer is gone: through Salvage, or as it stands.
func (o *Outbox) inspect(clip bongsu.Clip) (bongsu.Clip, error) {
	name := clipName(clip.Key())
	size, err := o.fs.Size(name)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && size == 0) {
		clip.State = bongsu.ClipFailed
		return clip, nil
	}
	if err != nil {
		return clip, err
	}
	if o.opt.Salvage != nil {
		got, err := o.opt.Salvage(o.fs.Path(name), clip)
		got.Event, got.Part, got.Camera = clip.Event, clip.Part, clip.Camera
		return got, err
	}
	sum, size, err := hashFile(o.fs, name)
	if err == nil {
		clip.State, clip.SHA256, clip.Bytes = bongsu.ClipTorn, sum, size
	}
	return clip, err
}

// hashFile gives the SHA-256 of a file, lower-case hex, and its length.
func hashFile(fs FS, name string) (sum string, size int64, err error) {
	f, err := fs.Open(name)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	size, err = io.Copy(h, io.NewSectionReader(f, 0, 1<<62))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// PendingClips gives parts that wait to be sent, ready or torn, at most limit: the most urgent
// first, of those the newest first. Those for which skip is true are left out; skip is called
// with the outbox locked and must not call it.
func (o *Outbox) PendingClips(limit int, skip func(bongsu.ClipKey) bool) []bongsu.Clip {
	o.mu.Lock()
	defer o.mu.Unlock()
	rows := o.sendable(skip)
	slices.SortFunc(rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.order, a.order))
	})
	var out []bongsu.Clip
	for _, r := range rows[:min(limit, len(rows))] {
		out = append(out, r.clip)
	}
	return out
}

// ClipPath is the path of a part's file. The outbox may remove the file at any time when it
// needs room; whoever has it open can read on.
func (o *Outbox) ClipPath(key bongsu.ClipKey) string { return o.fs.Path(clipName(key)) }

// sendable gives the rows that are ready or torn. The caller holds mu.
func (o *Outbox) sendable(skip func(bongsu.ClipKey) bool) []*row {
	var rows []*row
	for k, r := range o.state.clips {
		if r.clip.State != bongsu.ClipWriting && (skip == nil || !skip(k)) {
			rows = append(rows, r)
		}
	}
	return rows
}

// AckClip says that the cloud has the part's bytes: its row goes, then its file. A part that
// is not here is no error.
func (o *Outbox) AckClip(key bongsu.ClipKey) error { return o.settleClip(key, true) }

// FailClip gives a part up that the cloud refuses for good or that cannot be read; it is
// counted as failed, and its file is removed.
func (o *Outbox) FailClip(key bongsu.ClipKey, reason string) error {
	o.log.Error("a clip is given up", "event", key.Event, "part", key.Part, "reason", reason)
	return o.settleClip(key, false)
}

func (o *Outbox) settleClip(key bongsu.ClipKey, acked bool) error {
	o.mu.Lock()
	r := o.state.clips[key]
	o.mu.Unlock()
	if r == nil || r.clip.State == bongsu.ClipWriting {
		return nil
	}
	clip := r.clip
	if !acked {
		clip.State = bongsu.ClipFailed
	}
	return o.endClip(clip, r, acked)
}

// RehashClip reads a part's file again. When it is not what the row says, the row becomes torn
// with the file's own size and hash, and changed is true.
func (o *Outbox) RehashClip(key bongsu.ClipKey) (clip bongsu.Clip, changed bool, err error) {
	o.mu.Lock()
	r := o.state.clips[key]
	o.mu.Unlock()
	if r == nil {
		return clip, false, bongsu.Errorf(bongsu.CodeNotFound, "part %d of event %s is not held any more", key.Part, key.Event)
	}
	sum, size, err := hashFile(o.fs, clipName(key))
	if err != nil {
		return clip, false, err
	}
	clip = r.clip
	if clip.SHA256 == sum && clip.Bytes == size {
		return clip, false, nil
	}
	clip.State, clip.SHA256, clip.Bytes = bongsu.ClipTorn, sum, size
	return clip, true, o.submit(clipRecord(clip, r))
}

// recoverClips brings rows and files together after a start. When records were lost to damage
// a file without a row may be what is left of a clip, so then none is removed.
func (o *Outbox) recoverClips(damaged bool) error {
	if err := o.AbandonClips(func(bongsu.Clip) bool { return true }); err != nil {
		return err
	}
	files, err := o.fs.ReadDir(clipDir)
	if err != nil {
		return err
	}
	size := map[string]int64{}
	for _, f := range files {
		size[clipDir+"/"+f.Name] = f.Bytes
	}
	o.mu.Lock()
	rows := o.sendable(nil)
	o.mu.Unlock()
	for _, r := range rows {
		name := clipName(r.clip.Key())
		_, there := size[name]
		delete(size, name)
		if there {
			continue
		}
		clip := r.clip
		clip.State = bongsu.ClipEvicted // removed in need, before its row could be written
		if err := o.endClip(clip, r, false); err != nil {
			return err
		}
	}
	for name := range size {
		if damaged {
			o.log.Warn("a clip file without a row is kept, because the log is damaged", "file", name)
			continue
		}
		if err := o.fs.Remove(name); err != nil {
			return err
		}
	}
	return nil
}
