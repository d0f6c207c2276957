package alerts

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
)

func TestClaim(t *testing.T) {
	s := begin(t)
	s.want(s.do(s.p.Claim(kim, at(1))), "", bongsu.WorkClaimed, "kim")
	n := len(s.history)
	s.want(s.do(s.p.Claim(kim, at(2))), "", bongsu.WorkClaimed, "kim")
	if len(s.history) != n {
		t.Fatal("claiming one's own left a record")
	}
	err := s.do(s.p.Claim(lee, at(3)))
	s.want(err, bongsu.CodeConflict, bongsu.WorkClaimed, "kim")
	var held *HeldError
	if !errors.As(err, &held) || held.Owner != "kim" || held.OwnerName != "김" || !strings.Contains(err.Error(), "김") {
		t.Fatalf("the loser is not told who won: %v", err)
	}
	h := s.history[n-1]
	if h.Actor != "kim" || h.ActorName != "김" || h.Client != "10.0.0.1" || !h.At.Equal(at(1)) || h.From != bongsu.WorkUnclaimed || h.To != bongsu.WorkClaimed {
		t.Fatalf("record %+v", h)
	}
}

func TestRelease(t *testing.T) {
	s := begin(t)
	s.want(s.do(s.p.Release(kim, at(1))), "", bongsu.WorkUnclaimed, "")
	s.do(s.p.Claim(kim, at(1)))
	s.want(s.do(s.p.Release(lee, at(2))), bongsu.CodeForbidden, bongsu.WorkClaimed, "kim")
	s.want(s.do(s.p.Release(kim, at(3))), "", bongsu.WorkUnclaimed, "")
	s.do(s.p.Claim(kim, at(4)))
	s.want(s.do(s.p.Release(admin, at(5))), "", bongsu.WorkUnclaimed, "")
	s.want(s.do(s.p.Claim(lee, at(6))), "", bongsu.WorkClaimed, "lee")
}

func TestEvidence(t *testing.T) {
	s := begin(t)
	s.want(s.do(s.p.Evidence(kim, at(1))), "", bongsu.WorkUnclaimed, "")
	s.do(s.p.Claim(kim, at(2)))
	s.want(s.do(s.p.Evidence(lee, at(3))), "", bongsu.WorkClaimed, "kim")
	s.want(s.do(s.p.Evidence(kim, at(4))), "", bongsu.WorkReviewing, "kim")
	n := len(s.history)
	s.do(s.p.Evidence(kim, at(13)))
	if len(s.history) != n {
		t.Fatal("the same look was recorded twice within 10 s")
	}
	s.do(s.p.Evidence(kim, at(14)))
	if len(s.history) != n+1 {
		t.Fatal("a look after 10 s was not recorded")
	}
}

func TestVerdictNeedsEvidence(t *testing.T) {
	s := begin(t)
	s.do(s.p.Claim(kim, at(1)))
	s.do(s.p.Evidence(lee, at(2)))
	err := s.do(s.p.Verdict(kim, at(3), bongsu.VerdictFalseAnimal, ""))
	s.want(err, bongsu.CodeConflict, bongsu.WorkClaimed, "kim")
	if !strings.Contains(err.Error(), "evidence") {
		t.Fatalf("the sentence does not say what to do: %v", err)
	}
	s.do(s.p.Evidence(kim, at(4)))
	s.want(s.do(s.p.Verdict(kim, at(5), bongsu.VerdictFalseAnimal, "고양이")), "", bongsu.WorkClosed, "kim")
	if s.a.Verdict != bongsu.VerdictFalseAnimal || s.a.Note != "고양이" || !s.a.ClosedAt.Equal(at(5)) {
		t.Fatalf("alert %+v", s.a)
	}
}

func TestVerdictStates(t *testing.T) {
	for _, v := range bongsu.Verdicts() {
		want := bongsu.WorkClosed
		if v == bongsu.VerdictRealDispatch {
			want = bongsu.WorkConfirmed
		}
		s := begin(t)
		s.do(s.p.Evidence(kim, at(1)))
		s.want(s.do(s.p.Verdict(kim, at(2), v, "")), "", want, "kim") // claimed by it
		if s.history[len(s.history)-2].Action != archive.ActionClaim {
			t.Fatalf("%s: the claim that a verdict implies is not recorded", v)
		}
	}
	s := begin(t)
	s.do(s.p.Evidence(kim, at(1)))
	s.do(s.p.Verdict(kim, at(2), bongsu.VerdictRealDispatch, ""))
	s.want(s.do(s.p.Release(kim, at(3))), bongsu.CodeConflict, bongsu.WorkConfirmed, "kim")
	s.want(s.do(s.p.Claim(lee, at(3))), bongsu.CodeConflict, bongsu.WorkConfirmed, "kim")
	s.want(s.do(s.p.Verdict(kim, at(60), bongsu.VerdictRealDispatch, "done")), "", bongsu.WorkClosed, "kim")
	for name, c := range map[string]archive.AlertChange{
		"claim": s.p.Claim(kim, at(61)), "release": s.p.Release(kim, at(61)), "verdict": s.p.Verdict(kim, at(61), bongsu.VerdictTraining, ""),
	} {
		if err := s.do(c); bongsu.CodeOf(err) != bongsu.CodeConflict {
			t.Errorf("%s of a closed alert: %v", name, err)
		}
	}
	s.want(s.do(s.p.Evidence(lee, at(61))), "", bongsu.WorkClosed, "kim")
}

func TestVerdictOfAnothersAlert(t *testing.T) {
	s := begin(t)
	s.do(s.p.Claim(kim, at(1)))
	for _, by := range []Actor{lee, admin} {
		s.do(s.p.Evidence(by, at(2)))
	}
	err := s.do(s.p.Verdict(lee, at(3), bongsu.VerdictTraining, ""))
	s.want(err, bongsu.CodeForbidden, bongsu.WorkClaimed, "kim")
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("who holds it is not told: %v", err)
	}
	s.want(s.do(s.p.Verdict(admin, at(4), bongsu.VerdictTraining, "")), "", bongsu.WorkClosed, "park")
}

func TestVerdictInput(t *testing.T) {
	s := begin(t)
	s.do(s.p.Evidence(kim, at(1)))
	for _, c := range []archive.AlertChange{
		s.p.Verdict(kim, at(2), "nonsense", ""),
		s.p.Verdict(kim, at(2), "", ""),
		s.p.Verdict(kim, at(2), bongsu.VerdictTraining, strings.Repeat("가", MaxNote+1)),
		s.p.Verdict(kim, at(2), bongsu.VerdictTraining, "\xff"),
	} {
		s.want(s.do(c), bongsu.CodeInvalid, bongsu.WorkUnclaimed, "")
	}
	s.want(s.do(s.p.Verdict(kim, at(2), bongsu.VerdictTraining, strings.Repeat("가", MaxNote))), "", bongsu.WorkClosed, "kim")
}

func TestUndo(t *testing.T) {
	judged := func() *story {
		s := begin(t)
		s.do(s.p.Claim(kim, at(1)))
		s.do(s.p.Evidence(kim, at(2)))
		s.want(s.do(s.p.Verdict(kim, at(10), bongsu.VerdictFalseShadow, "note")), "", bongsu.WorkClosed, "kim")
		return s
	}
	s := judged()
	s.want(s.do(s.p.Undo(lee, at(11))), bongsu.CodeForbidden, bongsu.WorkClosed, "kim")
	s.want(s.do(s.p.Undo(kim, at(20))), "", bongsu.WorkReviewing, "kim")
	if s.a.Verdict != "" || s.a.Note != "" || !s.a.ClosedAt.IsZero() {
		t.Fatalf("after undo: %+v", s.a)
	}
	s.want(s.do(s.p.Undo(kim, at(20))), bongsu.CodeConflict, bongsu.WorkReviewing, "kim")
	s.want(s.do(s.p.Verdict(kim, at(21), bongsu.VerdictDuplicate, "")), "", bongsu.WorkClosed, "kim")

	s = judged()
	s.want(s.do(s.p.Undo(kim, at(20).Add(time.Microsecond))), bongsu.CodeConflict, bongsu.WorkClosed, "kim")

	s = begin(t)
	s.want(s.do(s.p.Undo(kim, at(1))), bongsu.CodeConflict, bongsu.WorkUnclaimed, "")
	s.do(s.p.Claim(kim, at(1)))
	s.do(s.p.Evidence(admin, at(2)))
	s.do(s.p.Verdict(admin, at(3), bongsu.VerdictRealDispatch, ""))
	s.do(s.p.Evidence(admin, at(4)))
	s.want(s.do(s.p.Undo(admin, at(5))), "", bongsu.WorkClaimed, "kim") // back to whom it was taken from
}

func TestLease(t *testing.T) {
	s := begin(t)
	s.want(s.do(s.p.Expire(at(1000))), "", bongsu.WorkUnclaimed, "")
	s.do(s.p.Claim(kim, at(0)))
	s.want(s.do(s.p.Expire(at(120))), "", bongsu.WorkClaimed, "kim")
	s.do(s.p.Evidence(kim, at(100)))
	s.want(s.do(s.p.Expire(at(121))), "", bongsu.WorkReviewing, "kim")
	s.want(s.do(s.p.Expire(at(221))), "", bongsu.WorkUnclaimed, "")
	if h := s.history[len(s.history)-1]; h.Actor != "" || h.Action != archive.ActionExpire || h.From != bongsu.WorkReviewing {
		t.Fatalf("record %+v", h)
	}
	s.want(s.do(s.p.Claim(lee, at(222))), "", bongsu.WorkClaimed, "lee")
	s.do(s.p.Evidence(lee, at(223)))
	s.do(s.p.Verdict(lee, at(224), bongsu.VerdictRealDispatch, ""))
	s.want(s.do(s.p.Expire(at(9999))), "", bongsu.WorkConfirmed, "lee")
}

// TestFiftyClaims is compare-and-set on the real archive: one wins, the others see who.
func TestFiftyClaims(t *testing.T) {
	a, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "a.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	p := DefaultPolicy()
	id := raise(t, a, p)
	var mu sync.Mutex
	var winners []string
	losers := map[string]int{}
	var slowest time.Duration
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			by := Actor{Username: fmt.Sprint("user", i)}
			begin := time.Now()
			_, err := a.UpdateAlert(t.Context(), id, p.Claim(by, at(1)))
			mu.Lock()
			defer mu.Unlock()
			slowest = max(slowest, time.Since(begin))
			var held *HeldError
			if err == nil {
				winners = append(winners, by.Username)
			} else if errors.As(err, &held) {
				losers[held.Owner]++
			} else {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	t.Logf("the slowest of 50 knew after %v", slowest)
	if len(winners) != 1 || losers[winners[0]] != 49 {
		t.Fatalf("winners %v, losers were told %v", winners, losers)
	}
	row, err := a.GetAlert(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	history, err := a.AlertHistory(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if built := p.Rebuild(id, history); built.Owner != row.Owner || built.Work != row.Work || len(history) != 2 {
		t.Fatalf("rebuilt %+v, stored %+v", built, row)
	}
}

func raise(t *testing.T, a archive.Archive, p Policy) bongsu.AlertID {
	t.Helper()
	ctx := t.Context()
	if err := a.PutEnrolToken(ctx, archive.EnrolToken{Hash: "h", Expires: at(9)}); err != nil {
		t.Fatal(err)
	}
	if err := a.Enrol(ctx, "h", archive.Edge{ID: "e", CredentialHash: "c"}, at(0)); err != nil {
		t.Fatal(err)
	}
	ev := event("0190b000-0000-7000-8000-000000000001", 0)
	if _, err := a.PutInbox(ctx, "e", at(0), []bongsu.EventRecord{{Event: ev}}); err != nil {
		t.Fatal(err)
	}
	done, err := a.Apply(ctx, ev.Key(), archive.ApplyOptions{At: at(0), Window: p.Fold, Route: p.Route})
	if err != nil {
		t.Fatal(err)
	}
	return done.Alert
}
