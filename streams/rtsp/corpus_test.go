package rtsp

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

// optionsOf sets a reader up as a script says.
func optionsOf(s *streamstest.Script, url string) Options {
	in := s.Ingest
	return Options{
		Camera: "gate", URL: url, Username: in.Username, Password: in.Password, AllowBasic: in.AllowBasic,
		WorkedBefore: in.WorkedBefore, Transport: Transport(in.Transport), AnyPort: in.AnyPort,
		AllTracks: in.AllTracks, UDPBuffer: in.UDPBuffer, StallAfter: in.StallAfter,
	}
}

// TestCorpus runs every script of the corpus against the real reader: row Q of the faults.
func TestCorpus(t *testing.T) {
	scripts, err := streamstest.Quirks()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	var mu sync.Mutex
	names, slowest := map[string]bool{}, time.Duration(0)
	t.Run("scripts", func(t *testing.T) {
		for _, s := range scripts {
			rows[s.ID] = true
			t.Run(s.ID+" "+s.Title, func(t *testing.T) {
				t.Parallel()
				up, met := playScript(t, s)
				mu.Lock()
				defer mu.Unlock()
				slowest = max(slowest, up)
				for _, q := range met {
					names[q] = true
				}
			})
		}
	})
	for n := 1; n <= 50; n++ {
		if !rows[fmt.Sprintf("Q%d", n)] {
			t.Errorf("no script for Q%d", n)
		}
	}
	t.Logf("figure Q: %d scripts for %d rows, 0 panics, 0 reconnect storms, %d quirk names met; slowest up in %d ms", len(scripts), len(rows), len(names), slowest.Milliseconds())
}

// playScript runs one script. It gives the time until the first unit, and the quirks met.
func playScript(t *testing.T, s *streamstest.Script) (up time.Duration, met []string) {
	cam := streamstest.StartCamera(t, s, streamstest.CameraOptions{})
	o := optionsOf(s, cam.URL())
	began := time.Now()
	src, err := Open(t.Context(), o)
	if s.Expect.Error != "" {
		var e *streams.Error
		if !errors.As(err, &e) || e.Code != s.Expect.Error {
			t.Fatalf("opening should fail as %s: %v", s.Expect.Error, err)
		}
		checkRetries(t, s, cam)
		return 0, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var got []*streams.AccessUnit
	var end *streams.Error
	for {
		au, err := src.Next(t.Context())
		if err != nil {
			if !errors.As(err, &end) {
				t.Fatalf("the end is no *streams.Error: %v", err)
			}
			break
		}
		if len(got) == 0 {
			up = time.Since(began)
		}
		got = append(got, au)
	}
	st := src.Stats()
	src.Close()
	st.Quirks.Each(func(name string, _ uint64) { met = append(met, name) })
	checkQuirks(t, s, met)
	checkEnd(t, s, cam, got, end, st)
	checkDelivered(t, s, got)
	checkTimes(t, s, got)
	return up, met
}

func checkQuirks(t *testing.T, s *streamstest.Script, met []string) {
	t.Helper()
	for _, q := range s.Expect.Quirks {
		if !slices.Contains(met, q) {
			t.Errorf("%s was not counted: %v", q, met)
		}
	}
	for _, q := range met {
		if !slices.Contains(s.Expect.Quirks, q) && !slices.Contains(s.Expect.Also, q) {
			t.Errorf("%s was counted, and is not there", q)
		}
	}
}

func checkEnd(t *testing.T, s *streamstest.Script, cam *streamstest.Camera, got []*streams.AccessUnit, end *streams.Error, st Stats) {
	t.Helper()
	want := s.Expect.End
	if want == "" {
		want = streams.ReasonEnded
	}
	if end.Code != want || s.Expect.Units >= 0 && len(got) != s.Expect.Units || s.Expect.Units < 0 && len(got) == 0 {
		t.Errorf("%d units of %d, then %v; %+v", len(got), s.Expect.Units, end, st)
	}
	if n := cam.Opened(); n != 1 {
		t.Errorf("%d connections for one session", n)
	}
	if n := cam.Most(); n > 1 {
		t.Errorf("%d sessions at once", n)
	}
	for _, m := range s.Expect.Methods {
		streamstest.Eventually(t, m+" was sent", func() bool {
			return slices.ContainsFunc(cam.Asked(), func(a streamstest.Asked) bool { return a.Method == m })
		})
	}
	checkAddresses(t, s, cam)
}

// checkAddresses: whatever the camera names, what is sent names the configured host and holds
// no password.
func checkAddresses(t *testing.T, s *streamstest.Script, cam *streamstest.Camera) {
	t.Helper()
	host, _, _ := strings.Cut(strings.TrimPrefix(cam.URL(), "rtsp://"), "/")
	for _, a := range cam.Asked() {
		if !strings.HasPrefix(a.URL, "rtsp://"+host+"/") {
			t.Errorf("%s asks for %s", a.Method, a.URL)
		}
		if p := s.Ingest.Password; p != "" && strings.Contains(a.URL+a.Authorization, p) {
			t.Errorf("%s shows the password", a.Method)
		}
	}
	if p := cam.Passwords(); len(p) > 0 {
		t.Errorf("the camera saw a password")
	}
}

func checkDelivered(t *testing.T, s *streamstest.Script, got []*streams.AccessUnit) {
	t.Helper()
	for i, au := range got {
		if !au.Params.Complete() || i == 0 && !au.Key {
			t.Fatalf("unit %d: key %v, parameter sets complete %v", i, au.Key, au.Params.Complete())
		}
		n := streamstest.Index(au)
		if s.Expect.Units < 0 || s.Video.Source != "" {
			continue
		}
		if want := slices.Contains(s.Expect.Lost, n); au.Lost != want {
			t.Errorf("unit %d (%d): lost is %v", i, n, au.Lost)
		}
		if len(s.Expect.Lost) == 0 && s.Expect.Units == 50 && n != i {
			t.Fatalf("unit %d holds the picture %d", i, n)
		}
	}
	if n := len(got); n > 0 && s.Expect.Size != "" {
		in := readSPS(got[n-1].Codec, got[n-1].Params.SPS)
		if size := fmt.Sprintf("%dx%d", in.width, in.height); size != s.Expect.Size {
			t.Errorf("the last unit is %s by its parameter sets, not %s", size, s.Expect.Size)
		}
	}
	if n := len(got); n > 0 && s.Expect.Claim != "" && s.Expect.Claim != map[bool]string{true: "yes", false: "no"}[!got[n-1].CameraClock.IsZero()] {
		t.Errorf("the last unit's claim: %v", got[n-1].CameraClock)
	}
}

// checkTimes: media time rises as pictures are shown, and no picture lasts for hours.
func checkTimes(t *testing.T, s *streamstest.Script, got []*streams.AccessUnit) {
	t.Helper()
	if len(got) < 2 {
		return
	}
	limit := s.Expect.MaxStep
	if limit == 0 {
		limit = time.Second
	}
	for i := 1; i < len(got); i++ {
		a, b := got[i-1], got[i]
		if b.DTS <= a.DTS || b.DTS > b.PTS || b.PTS-a.PTS > limit || !s.Expect.Reordered && b.PTS <= a.PTS {
			t.Fatalf("unit %d: decoded at %v, shown at %v, after %v and %v", i, b.DTS, b.PTS, a.DTS, a.PTS)
		}
		if b.PTS > a.PTS && b.Wall.Before(a.Wall) || b.Arrived.Before(a.Arrived) || b.Wall.Location() != time.UTC {
			t.Fatalf("unit %d: wall time %v after %v", i, b.Wall, a.Wall)
		}
	}
	if want := s.Expect.Span; want > 0 {
		if span := got[len(got)-1].PTS - got[0].PTS; (span - want).Abs() > want/10+100*time.Millisecond {
			t.Errorf("the units span %v, not %v", span, want)
		}
	}
}

// checkRetries tries on as a worker would, in a time that is made: R34.
func checkRetries(t *testing.T, s *streamstest.Script, cam *streamstest.Camera) {
	t.Helper()
	tries := attempts(t, optionsOf(s, cam.URL()), 3*time.Minute)
	first := 0
	for _, at := range tries {
		if at < time.Minute {
			first++
		}
	}
	if s.Expect.Error == streams.ReasonBusy && first > 4 || len(tries)-first > 4 {
		t.Errorf("%d attempts in the first minute, %d in the two after it", first, len(tries)-first)
	}
	if n := cam.Most(); n > 1 {
		t.Errorf("%d sessions at once", n)
	}
}

// attempts opens again and again as long as opening fails, waiting as Backoff says in a time
// that is made, and gives the times of the attempts.
func attempts(t *testing.T, o Options, length time.Duration) []time.Duration {
	t.Helper()
	var out []time.Duration
	b := &Backoff{}
	for now := time.Duration(0); now < length; {
		out = append(out, now)
		src, err := Open(t.Context(), o)
		if err == nil {
			src.Close()
			return out
		}
		var e *streams.Error
		if !errors.As(err, &e) {
			t.Fatalf("no *streams.Error: %v", err)
		}
		now += b.After(e.Code)
	}
	return out
}

// TestQuirksAreDocumented: the page for people names every quirk and every script.
func TestQuirksAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/design/cameras.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for q := range quirkCount {
		name := q.String()
		if name == "" || seen[name] || !strings.Contains(string(page), "\n| `"+name+"` | ") {
			t.Errorf("quirk %d, %q: not documented, without a name, or with another's", q, name)
		}
		seen[name] = true
	}
	scripts, err := streamstest.Quirks()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		if !strings.Contains(string(page), "| "+s.Title+" | ") {
			t.Errorf("%s is not documented: %s", s.ID, s.Title)
		}
	}
}
