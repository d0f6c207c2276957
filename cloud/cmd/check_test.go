package cmd

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/deploy/faults/witness"
)

// checkJSON is what `check --json` prints.
type checkJSON struct {
	Findings []struct{ Level, Area, Invariant, Where, What string }
}

// breaches runs the check as JSON and gives the invariants that are named as violated, each once.
func breaches(t *testing.T, data string) (code int, named []string, said checkJSON) {
	t.Helper()
	code, out, errs := tool(t, "", "check", "--data", data, "--json")
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, out, errs)
	}
	for _, f := range said.Findings {
		if f.Level == "bad" && !slices.Contains(named, f.Invariant) {
			named = append(named, f.Invariant)
		}
	}
	return code, named, said
}

// world is a server with an admin and an edge.
func world(t *testing.T, data string) (r *running, token, credential string) {
	t.Helper()
	r = start(t, data)
	must(t, password+"\n", "user", "add", "--data", data, "--role", "admin", "boss")
	token = must(t, "", "user", "token", "--data", data, "boss")
	var edge bongsu.EnrolResponse
	r.must("POST", "/api/v1/edge/enrol", "", bongsu.EnrolRequest{Token: must(t, "", "edge", "token", "--data", data, "gate"), Name: "gate"}, &edge)
	return r, token, edge.Credential
}

// fillCloud makes a data folder in which there is some of everything that check looks at.
func fillCloud(t *testing.T, data string) {
	t.Helper()
	r, token, credential := world(t, data)
	for n := range 3 {
		r.deliver(credential, fmt.Appendf(nil, "moving picture %d", n))
	}
	var alerts alertList
	until(t, "the alert with its clip", func() bool {
		r.must("GET", "/api/v1/alerts", token, nil, &alerts)
		return len(alerts.Alerts) > 0 && alerts.Alerts[0].ClipParts == 1
	})
	path := "/api/v1/alerts/" + string(alerts.Alerts[0].ID)
	r.must("POST", path+"/claim", token, nil, nil)
	r.must("POST", path+"/evidence", token, nil, nil)
	r.must("POST", path+"/verdict", token, map[string]string{"verdict": "false-animal"}, nil)
	if code := r.stop(); code != ExitOK {
		t.Fatalf("exit code %d\n%s", code, r.stderr)
	}
}

// query is a breach that is made by SQL.
func query(q string) func(*testing.T, string) {
	return func(t *testing.T, data string) {
		t.Helper()
		db, err := sql.Open("sqlite", filepath.Join(data, dbFile)+"?_pragma=busy_timeout(5000)")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		res, err := db.ExecContext(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			t.Fatalf("%s: %d rows, %v", q, n, err)
		}
	}
}

// object is a breach that is made in the folder of objects, to the first that ends so.
func object(ending string, do func(path string, b []byte) error) func(*testing.T, string) {
	return func(t *testing.T, data string) {
		t.Helper()
		harm(t, filepath.Join(data, objectsDir, "objects"), ending, do)
	}
}

func flipped(path string, b []byte) error {
	b[len(b)/2] ^= 1
	return os.WriteFile(path, b, 0o600)
}

func gone(path string, _ []byte) error { return os.Remove(path) }

// planted are the breaches, each with the one invariant that it breaks.
var planted = []struct {
	name, invariant string
	plant           func(t *testing.T, data string)
}{
	{"an event is ahead of its revisions", "C1", query("UPDATE events SET revision = 7 WHERE rowid = 1")},
	{"an applied revision is in the inbox again", "C2", query("INSERT INTO inbox SELECT event, revision, '', 9999999999999999, '', NULL FROM revisions LIMIT 1")},
	{"a revision without its event", "C3", query("INSERT INTO revisions (event, revision, received_us, applied_us, body) VALUES ('01890a5d-ac96-774b-bcce-000000000077', 1, 0, 0, '{}')")},
	{"an alert that is not there", "C4", query("UPDATE events SET alert = 'nothing' WHERE rowid = (SELECT max(rowid) FROM events)")},
	{"an alert that does not list its event", "C4", query("UPDATE alerts SET body = json_set(body, '$.events', json('[]'))")},
	{"an event with another verdict than its alert's", "C5", query("UPDATE events SET verdict = 'training' WHERE rowid = 1")},
	{"a complete clip without an object", "C6", query("UPDATE clips SET object = '' WHERE rowid = 1")},
	{"a picture that is being deleted", "C7", query("INSERT INTO tombstones SELECT snapshot, 9999999999999999 FROM revisions WHERE snapshot <> '' LIMIT 1")},
	{"a step of an alert's history is gone", "C8", query("DELETE FROM alert_history WHERE n = 2")},
	{"an audit record was rewritten", "C9", query("UPDATE audit SET actor = 'somebody' WHERE seq = 2")},
	{"an audit record is gone", "C9", query("DELETE FROM audit WHERE seq = 2")},
	{"an alert from the future of the change sequence", "C10", query("UPDATE alerts SET seq = 1000 WHERE rowid = 1")},
	{"a bit of a clip is flipped", "C11", object(".mp4", flipped)},
	{"a bit of a picture is flipped", "C11", object(".jpg", flipped)},
	{"a clip is gone", "C11", object(".mp4~meta", gone)},
	{"another clip in its place", "C11", func(t *testing.T, data string) {
		object(".mp4", func(path string, b []byte) error {
			b = append(b, "and more"...)
			meta := fmt.Sprintf(`{"bytes":%d,"sha256":"%x","type":"video/mp4","stored":"2026-03-01T09:00:00Z"}`, len(b), sha256.Sum256(b))
			if err := os.WriteFile(path+"~meta", []byte(meta), 0o600); err != nil {
				return err
			}
			return os.WriteFile(path, b, 0o600)
		})(t, data)
	}},
}

// TestCheckFindsWhatIsPlanted plants one breach at a time, in a dead data folder and beside a
// running server: that invariant is named and no other, and nothing is changed.
func TestCheckFindsWhatIsPlanted(t *testing.T) {
	good := filepath.Join(t.TempDir(), "data")
	fillCloud(t, good)
	found, all := 0, 0
	for _, live := range []bool{false, true} {
		for i, c := range planted {
			if live && i%4 != 0 && os.Getenv("BONGSU_LONG") == "" {
				continue // each takes the start of a server
			}
			all++
			t.Run(fmt.Sprintf("%s, live %v", c.name, live), func(t *testing.T) {
				data := filepath.Join(t.TempDir(), "data")
				if err := os.CopyFS(data, os.DirFS(good)); err != nil {
					t.Fatal(err)
				}
				if live {
					defer start(t, data).stop()
				}
				if code, named, said := breaches(t, data); code != ExitOK || len(named) > 0 {
					t.Fatalf("before: exit code %d, %+v", code, said)
				}
				c.plant(t, data)
				before := witness.Tree(t, data)
				code, named, said := breaches(t, data)
				if code != ExitViolations || !slices.Equal(named, []string{c.invariant}) {
					t.Errorf("exit code %d, %v; want %s alone\n%+v", code, named, c.invariant, said.Findings)
				}
				if after := witness.Tree(t, data); !live && fmt.Sprint(before) != fmt.Sprint(after) {
					t.Errorf("the check changed something:\n%v\n%v", before, after)
				}
				if !t.Failed() {
					found++
				}
			})
		}
	}
	t.Logf("figure CHECK-CLOUD: %d planted breaches found of %d, each named exactly; beside the running server and without", found, all)
}

// TestCheckUnderLoad checks beside a server that takes events with clips: nothing is found.
func TestCheckUnderLoad(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r, _, credential := world(t, data)
	var stop atomic.Bool
	var work sync.WaitGroup
	n := 0
	work.Go(func() {
		for ; !stop.Load(); n++ {
			r.deliver(credential, fmt.Appendf(nil, "moving picture %d", n))
		}
	})
	checks := 0
	for from := time.Now(); time.Since(from) < 2*time.Second; checks++ {
		if code, named, said := breaches(t, data); code != ExitOK || len(named) > 0 {
			t.Errorf("check %d: exit code %d, %+v", checks, code, said)
			break
		}
	}
	stop.Store(true)
	work.Wait()
	t.Logf("%d checks while %d events came with their clips", checks, n)
}

// TestCheckAfterAKill: a copy of the files as a kill leaves them is sound, with what stands in
// the write-ahead log only.
func TestCheckAfterAKill(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r, _, credential := world(t, data)
	r.deliver(credential, []byte("moving picture"))
	killed := filepath.Join(t.TempDir(), "data")
	for _, name := range []string{dbFile, dbFile + "-wal"} {
		b, err := os.ReadFile(filepath.Join(data, name))
		if err != nil || len(b) == 0 {
			t.Fatalf("%s: %d bytes, %v", name, len(b), err)
		}
		if err := os.MkdirAll(killed, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(killed, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(killed, objectsDir), os.DirFS(filepath.Join(data, objectsDir))); err != nil {
		t.Fatal(err)
	}
	before := witness.Tree(t, killed)
	if code, named, said := breaches(t, killed); code != ExitOK || len(named) > 0 {
		t.Errorf("exit code %d, %+v", code, said)
	}
	after := witness.Tree(t, killed)
	delete(after, filepath.Join(killed, dbFile+"-shm")) // SQLite's index of the log
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("the check changed something:\n%v\n%v", before, after)
	}
}

// TestCheckOfWhatCannotBeRead: no clean bill for a file that is no database, or damaged.
func TestCheckOfWhatCannotBeRead(t *testing.T) {
	good := filepath.Join(t.TempDir(), "data")
	fillCloud(t, good)
	for name, c := range map[string]struct {
		harm func([]byte) []byte
		code int
		says string
	}{
		"nothing":       {func([]byte) []byte { return nil }, ExitFailure, "no such table"},
		"text":          {func([]byte) []byte { return bytes.Repeat([]byte("text "), 5000) }, ExitFailure, "no archive"},
		"damaged pages": {func(b []byte) []byte { clear(b[8<<12 : 24<<12]); return b }, ExitViolations, "VIOLATION C0, "},
	} {
		data := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(data, os.DirFS(good)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(data, dbFile)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, c.harm(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out, errs := tool(t, "", "check", "--data", data); code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
		}
	}
}
