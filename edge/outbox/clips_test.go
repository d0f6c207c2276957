package outbox

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"bongsu"
)

func eventID(n int) bongsu.EventID { return anEvent(n, 1, bongsu.EventOpen).Event.ID }

func TestClipFromOpenToAck(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	put(t, o, anEvent(1, 1, bongsu.EventOpen))
	content := []byte("moov and mdat")
	if err := writeClip(o, m, eventID(1), 0, content); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		clips := o.PendingClips(10, nil)
		if len(clips) != 1 || clips[0].State != bongsu.ClipReady || clips[0].SHA256 != hashHex(content) {
			t.Fatalf("got %+v", clips)
		}
		if b := o.Backlog(); b.Clips != 1 || b.ClipBytes != int64(len(content)) {
			t.Errorf("backlog %+v", b)
		}
		sumsHold(t, o)
		o.Close()
		o = mustOpen(t, testOptions(m))
	}
	if got := o.PendingClips(10, func(bongsu.ClipKey) bool { return true }); len(got) != 0 {
		t.Errorf("left out, but given: %v", got)
	}
	key := bongsu.ClipKey{Event: eventID(1), Part: 0}
	for range 2 {
		if err := o.AckClip(key); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Size(clipName(key)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	if c := o.Counts().Clips; c.Created != 1 || c.Acked != 1 || c.Pending != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestClipPartIsUsedOnce(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	put(t, o, anEvent(1, 1, bongsu.EventOpen))
	if err := writeClip(o, m, eventID(1), 3, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := o.AckClip(bongsu.ClipKey{Event: eventID(1), Part: 3}); err != nil {
		t.Fatal(err)
	}
	for n := 10; n < 100; n++ {
		r := anEvent(n, 1, bongsu.EventClosed)
		put(t, o, r)
		if err := o.AckEvents(r.Event.Key()); err != nil {
			t.Fatal(err)
		}
	}
	o.Close()
	o = mustOpen(t, testOptions(m))
	for part := range 4 {
		if _, err := o.OpenClip(bongsu.Clip{Event: eventID(1), Part: part, Camera: "yard"}); bongsu.CodeOf(err) != bongsu.CodeConflict {
			t.Errorf("part %d: got %v", part, err)
		}
	}
	open, err := o.OpenEvents("yard")
	if err != nil || len(open) != 1 || open[0].ClipParts != 4 {
		t.Errorf("%+v, %v", open, err)
	}
}

func TestOpenClipRefuses(t *testing.T) {
	o := mustOpen(t, testOptions(newMemFS()))
	for _, c := range []bongsu.Clip{{}, {Event: "../../x", Camera: "yard"}, {Event: eventID(1), Part: -1, Camera: "yard"}, {Event: eventID(1), Camera: "../x"}} {
		if _, err := o.OpenClip(c); bongsu.CodeOf(err) != bongsu.CodeInvalid {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

func TestCloseClip(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	clip := bongsu.Clip{Event: eventID(1), Camera: "yard", State: bongsu.ClipReady}
	if err := o.CloseClip(clip); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Errorf("a part that was never opened: %v", err)
	}
	path, err := o.OpenClip(clip)
	if err != nil {
		t.Fatal(err)
	}
	clip.State = "half"
	if err := o.CloseClip(clip); bongsu.CodeOf(err) != bongsu.CodeInvalid {
		t.Errorf("an unknown state: %v", err)
	}
	f, _ := m.Create(strings.TrimPrefix(path, "mem/"))
	if _, err := f.WriteAt([]byte("short"), 0); err != nil {
		t.Fatal(err)
	}
	clip.State, clip.Bytes, clip.SHA256 = bongsu.ClipReady, 500, hashHex([]byte("long"))
	for range 1 {
		if err := o.CloseClip(clip); err != nil {
			t.Fatal(err)
		}
	}
	got := o.PendingClips(1, nil)
	if len(got) != 1 || got[0].State != bongsu.ClipTorn || got[0].Bytes != 5 {
		t.Errorf("a writer that says another size: %+v", got)
	}
	clip = bongsu.Clip{Event: eventID(1), Part: 1, Camera: "yard"}
	if path, err = o.OpenClip(clip); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Create(strings.TrimPrefix(path, "mem/")); err != nil {
		t.Fatal(err)
	}
	clip.State = bongsu.ClipFailed
	if err := o.CloseClip(clip); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Size(clipName(clip.Key())); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the file of a failed part is still there")
	}
	if c := o.Counts().Clips; c.Failed != 1 || c.Pending != 1 {
		t.Errorf("%+v", c)
	}
	sumsHold(t, o)
}

// TestSalvage: what a dead writer left becomes torn, through Salvage or as it stands, or failed.
func TestSalvage(t *testing.T) {
	keep := func(path string, c bongsu.Clip) (bongsu.Clip, error) {
		c.State, c.Bytes, c.SHA256, c.Event = bongsu.ClipTorn, 4, hashHex([]byte("left")), "not mine"
		return c, nil
	}
	refuse := func(string, bongsu.Clip) (bongsu.Clip, error) {
		return bongsu.Clip{State: bongsu.ClipFailed}, errors.New("no key frame in it")
	}
	for name, c := range map[string]struct {
		salvage Salvage
		content string
		none    bool
		torn    int
	}{
		"as it stands":     {nil, "left", false, 1},
		"by the salvager":  {keep, "left over", false, 1},
		"refused":          {refuse, "left", false, 0},
		"empty file":       {keep, "", false, 0},
		"file never began": {keep, "", true, 0},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				m := newMemFS()
				opt := testOptions(m)
				opt.Salvage = c.salvage
				o := mustOpen(t, opt)
				path, err := o.OpenClip(bongsu.Clip{Event: eventID(1), Camera: "yard"})
				if err != nil {
					t.Fatal(err)
				}
				if !c.none {
					f, _ := m.Create(strings.TrimPrefix(path, "mem/"))
					if _, err := f.WriteAt([]byte(c.content), 0); err != nil {
						t.Fatal(err)
					}
				}
				if restart {
					o.Close()
					o = mustOpen(t, opt)
				} else if err := o.AbandonClips(func(c bongsu.Clip) bool { return c.Camera == "yard" }); err != nil {
					t.Fatal(err)
				}
				got := o.PendingClips(10, nil)
				if len(got) != c.torn || (c.torn == 1 && (got[0].State != bongsu.ClipTorn || got[0].Bytes != 4 || got[0].Event != eventID(1))) {
					t.Errorf("got %+v", got)
				}
				if k := o.Counts().Clips; k.Failed != int64(1-c.torn) {
					t.Errorf("counts %+v", k)
				}
				sumsHold(t, o)
				if c.torn == 0 {
					if _, err := m.Size(clipName(bongsu.ClipKey{Event: eventID(1)})); err == nil {
						t.Error("the file is left")
					}
				}
			})
		}
	}
}

func TestAbandonClipsLeavesOthersAlone(t *testing.T) {
	o := mustOpen(t, testOptions(newMemFS()))
	if _, err := o.OpenClip(bongsu.Clip{Event: eventID(1), Camera: "yard"}); err != nil {
		t.Fatal(err)
	}
	if err := o.AbandonClips(func(c bongsu.Clip) bool { return c.Camera == "gate" }); err != nil {
		t.Fatal(err)
	}
	if c := o.Counts().Clips; c.Writing != 1 {
		t.Errorf("%+v", c)
	}
}

// TestEviction: the least urgent go first, of those the oldest; what is being written and the
// events stay; all of it is counted.
func TestEviction(t *testing.T) {
	m := newMemFS()
	opt := testOptions(m)
	opt.MaxClipBytes = 350
	o := mustOpen(t, opt)
	for n, p := range []bongsu.Priority{bongsu.PriorityLow, bongsu.PriorityCritical, bongsu.PriorityLow, bongsu.PriorityHigh, bongsu.PriorityMedium} {
		r := anEvent(n, 1, bongsu.EventClosed)
		r.Event.Priority = p
		put(t, o, r)
	}
	var left []string
	for n := range 5 {
		if err := writeClip(o, m, eventID(n), 0, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if err := o.Enforce(); err != nil {
			t.Fatal(err)
		}
		sumsHold(t, o)
	}
	for _, c := range o.PendingClips(10, nil) {
		left = append(left, string(c.Event[len(c.Event)-1:]))
	}
	if got := strings.Join(left, ""); got != "134" {
		t.Errorf("left, in the order they are sent: %s, want critical, high, medium: 134", got)
	}
	if c := o.Counts(); c.Clips.Evicted != 2 || c.Clips.PendingBytes != 300 || c.Events.Pending != 5 {
		t.Errorf("%+v", c)
	}
	if b := o.Backlog(); b.ClipsEvicted != 2 {
		t.Errorf("%+v", b)
	}
	o.Close()
	o = mustOpen(t, opt)
	if c := o.Counts().Clips; c.Evicted != 2 {
		t.Errorf("after a restart %+v", c)
	}
}

func TestRehashAndFail(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	if err := writeClip(o, m, eventID(1), 0, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	key := bongsu.ClipKey{Event: eventID(1)}
	if _, changed, err := o.RehashClip(key); err != nil || changed {
		t.Fatalf("a sound file: %v, %v", changed, err)
	}
	m.names[clipName(key)].seen[0] ^= 1
	clip, changed, err := o.RehashClip(key)
	if err != nil || !changed || clip.State != bongsu.ClipTorn {
		t.Fatalf("a file that rotted: %+v, %v, %v", clip, changed, err)
	}
	if got := o.PendingClips(1, nil); len(got) != 1 || got[0].SHA256 != clip.SHA256 {
		t.Errorf("%+v", got)
	}
	if err := o.FailClip(key, "the cloud does not want it"); err != nil {
		t.Fatal(err)
	}
	if c := o.Counts().Clips; c.Failed != 1 || c.Pending != 0 {
		t.Errorf("%+v", c)
	}
	if _, _, err := o.RehashClip(key); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Errorf("%v", err)
	}
}

func TestFilesWithoutRowGo(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	if err := writeClip(o, m, eventID(1), 0, []byte("mine")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Create(clipDir + "/stray.mp4"); err != nil {
		t.Fatal(err)
	}
	o.Close()
	if rep, err := check(m); err != nil || len(rep.Violations) != 1 || rep.Violations[0].Invariant != "I6" {
		t.Errorf("%+v, %v", rep, err)
	}
	o = mustOpen(t, testOptions(m))
	list, err := m.ReadDir(clipDir)
	if err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if err := m.Remove(clipName(bongsu.ClipKey{Event: eventID(1)})); err != nil {
		t.Fatal(err)
	}
	o.Close()
	if rep, err := check(m); err != nil || len(rep.Violations) != 1 || rep.Violations[0].Invariant != "I5" {
		t.Errorf("%+v, %v", rep, err)
	}
	o = mustOpen(t, testOptions(m))
	if c := o.Counts().Clips; c.Evicted != 1 || c.Pending != 0 {
		t.Errorf("%+v", c)
	}
	sumsHold(t, o)
}
