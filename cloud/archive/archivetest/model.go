package archivetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

var modelTests = []test{{"RandomAgainstModel", randomAgainstModel}}

// place says where a revision is.
type place string

const (
	inInbox  place = "inbox"
	applied  place = "applied"
	isBuried place = "buried"
)

// model is what an archive should hold, in maps.
type model struct {
	*suite
	r         *rand.Rand
	revisions map[bongsu.EventKey]place
	clips     map[bongsu.ClipKey]string // hash; complete ones begin with '!'
	condemned map[string]bool
	log       []string
}

// randomAgainstModel does random things to an archive and to a model of it and compares what both
// say, across restarts. The seed and the last steps are printed on failure.
func randomAgainstModel(s *suite) {
	seed := uint64(time.Now().UnixNano())
	m := &model{suite: s, r: rand.New(rand.NewPCG(seed, 1)), revisions: map[bongsu.EventKey]place{}, clips: map[bongsu.ClipKey]string{}, condemned: map[string]bool{}}
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("seed %d; last steps %q", seed, m.log[max(0, len(m.log)-10):])
		}
	})
	steps := []func(){m.put, m.put, m.put, m.apply, m.apply, m.apply, m.bury, m.revive, m.declare, m.declare, m.complete, m.delete, m.forget, m.restart}
	for n := range 300 {
		steps[m.r.IntN(len(steps))]()
		if n%25 == 0 {
			m.compare()
		}
	}
	m.compare()
}

func (m *model) note(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

// key picks one of few keys, so that steps meet.
func (m *model) key() (int, bongsu.EventKey) {
	n := m.r.IntN(8) * 40
	return n, Key(n, 1+m.r.IntN(3))
}

func (m *model) put() {
	n, k := m.key()
	m.note("put %v", k)
	want := archive.PutStored
	if m.revisions[k] != "" {
		want = archive.PutKnown
	} else {
		m.revisions[k] = inInbox
	}
	if got := m.suite.put(EdgeA, T0, Event(n, k.Revision)); got[0] != want {
		m.Fatalf("put %v: %s, want %s", k, got[0], want)
	}
}

func (m *model) apply() {
	_, k := m.key()
	m.note("apply %v", k)
	done, err := m.a.Apply(m.Context(), k, m.options(k, T0))
	switch {
	case m.revisions[k] == applied:
		m.ok(err)
		if !done.Known {
			m.Fatalf("applied twice: %v", k)
		}
	case m.revisions[k] != inInbox:
		m.code(err, bongsu.CodeNotFound, "apply of what is not in the inbox")
	case m.condemned[archive.SnapshotKey(k)]:
		m.code(err, bongsu.CodeUnavailable, "apply with a condemned snapshot")
	default:
		m.ok(err)
		m.revisions[k] = applied
		if done.Known || done.Latest != (m.highest(k.ID) == k.Revision) {
			m.Fatalf("apply %v: %+v", k, done)
		}
	}
}

// highest is an event's highest applied revision, 0 without one.
func (m *model) highest(id bongsu.EventID) (n int) {
	for k, p := range m.revisions {
		if k.ID == id && p == applied {
			n = max(n, k.Revision)
		}
	}
	return n
}

// move is Bury or Revive: from one place to another, or "not found".
func (m *model) move(what string, from, to place, f func(bongsu.EventKey) error) {
	_, k := m.key()
	m.note("%s %v", what, k)
	err := f(k)
	if m.revisions[k] != from {
		m.code(err, bongsu.CodeNotFound, what)
		return
	}
	m.ok(err)
	m.revisions[k] = to
}

func (m *model) bury() {
	m.move("bury", inInbox, isBuried, func(k bongsu.EventKey) error { return m.a.Bury(m.Context(), k, "reason", 5, T0) })
}

func (m *model) revive() {
	m.move("revive", isBuried, inInbox, func(k bongsu.EventKey) error { return m.a.Revive(m.Context(), k) })
}

func (m *model) declare() {
	n, k := m.key()
	c := Clip(n, k.Revision, string(rune('a'+m.r.IntN(2))))
	m.note("declare %v %s", c.Key(), c.SHA256)
	_, err := m.a.DeclareClip(m.Context(), EdgeA, c, T0)
	there := m.clips[c.Key()]
	switch {
	case there == c.SHA256 || there == "!"+c.SHA256:
		m.ok(err)
	case there != "" && there[0] == '!':
		m.code(err, bongsu.CodeConflict, "declare over a complete clip")
	case m.condemned[archive.ClipKey(c.Key(), c.SHA256)]:
		m.code(err, bongsu.CodeUnavailable, "declare with a condemned key")
	default:
		m.ok(err)
		m.clips[c.Key()] = c.SHA256
	}
}

func (m *model) complete() {
	n, k := m.key()
	key, hash := bongsu.ClipKey{Event: ID(n), Part: k.Revision}, string(rune('a'+m.r.IntN(2)))
	m.note("complete %v %s", key, hash)
	_, err := m.a.CompleteClip(m.Context(), EdgeA, key, hash, T0)
	switch there := m.clips[key]; {
	case there == "":
		m.code(err, bongsu.CodeNotFound, "complete without declaration")
	case there == "!"+hash:
		m.ok(err)
	case there != hash:
		m.code(err, bongsu.CodeConflict, "complete of other bytes")
	case m.condemned[archive.ClipKey(key, hash)]:
		m.code(err, bongsu.CodeUnavailable, "complete with a condemned key")
	default:
		m.ok(err)
		m.clips[key] = "!" + hash
	}
}

// delete removes what began before some instant: whole events with all that hangs on them, clips
// without event likewise. Letters are younger: they count from their arrival at T0.
func (m *model) delete() {
	before := T0.Add(time.Duration(m.r.IntN(120)-60) * time.Second)
	m.note("delete before %v", before)
	_, err := m.a.DeleteBefore(m.Context(), before, T0, 1000)
	m.ok(err)
	old := func(id bongsu.EventID) bool {
		for n := 0; n < 320; n += 40 {
			if ID(n) == id { // received at T0, so nothing counts from later than T0
				return min(T0.Add(time.Duration(n)*time.Second).UnixMicro(), T0.UnixMicro()) < before.UnixMicro()
			}
		}
		return false
	}
	letters := T0.Before(before)
	for k, p := range m.revisions {
		if p == applied && old(k.ID) {
			m.condemned[archive.SnapshotKey(k)] = true
		}
		if p == applied && old(k.ID) || p != applied && letters {
			delete(m.revisions, k)
		}
	}
	for k, hash := range m.clips {
		if old(k.Event) {
			m.condemned[archive.ClipKey(k, clean(hash))] = true
			delete(m.clips, k)
		}
	}
}

func clean(hash string) string {
	if hash[0] == '!' {
		return hash[1:]
	}
	return hash
}

func (m *model) forget() {
	m.note("forget")
	m.ok(m.a.Forget(m.Context(), m.stones()))
	clear(m.condemned)
}

func (m *model) restart() {
	m.note("restart")
	m.reopen()
}

// compare looks at all that the archive says.
func (m *model) compare() {
	m.Helper()
	m.ok(m.a.Check(m.Context()))
	got := map[bongsu.EventKey]place{}
	pending, err := m.a.PendingInbox(m.Context(), T0.Add(time.Hour), archive.Pending{}, 1000)
	m.ok(err)
	for _, p := range pending {
		got[p.Key] = inInbox
	}
	letters, err := m.a.DeadLetters(m.Context(), 1000)
	m.ok(err)
	for _, d := range letters {
		got[d.Key] = isBuried
	}
	page, err := m.a.ListEvents(m.Context(), archive.EventQuery{Limit: 1000})
	m.ok(err)
	clips := map[bongsu.ClipKey]string{}
	for _, e := range page.Events {
		revisions, err := m.a.Revisions(m.Context(), e.ID)
		m.ok(err)
		for _, r := range revisions {
			got[r.Key()] = applied
		}
		if e.Revision != m.highest(e.ID) {
			m.Fatalf("event %s stands at revision %d, want %d", e.ID, e.Revision, m.highest(e.ID))
		}
	}
	for n := 0; n < 320; n += 40 {
		parts, err := m.a.ListClips(m.Context(), ID(n))
		m.ok(err)
		for _, c := range parts {
			hash := c.SHA256
			if c.Complete() {
				hash = "!" + hash
			}
			clips[c.Key()] = hash
		}
	}
	stones := map[string]bool{}
	for _, k := range m.stones() {
		stones[k] = true
	}
	if !maps.Equal(got, m.revisions) || !maps.Equal(clips, m.clips) || !maps.Equal(stones, m.condemned) {
		m.Fatalf("revisions %v\nwant      %v\nclips %v\nwant  %v\ncondemned %q\nwant      %q", got, m.revisions, clips, m.clips,
			slices.Sorted(maps.Keys(stones)), slices.Sorted(maps.Keys(m.condemned)))
	}
}
