package cmd

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/auth"
	"bongsu/cloud/config"
	"bongsu/cloud/queue/queuetest/redistest"
)

// TestServes says for each role which routes its process answers itself.
func TestServes(t *testing.T) {
	always := []string{"healthz", "metrics", "openapi"}
	for _, r := range auth.Routes() {
		edges := strings.HasPrefix(r.Pattern, "/api/v1/edge/")
		live := strings.HasPrefix(r.Pattern, "/api/v1/edge/live") || strings.HasPrefix(r.Pattern, "/api/v1/edge/commands/")
		enrol := r.Pattern == "/api/v1/edge/enrol"
		want := map[config.Roles]bool{
			{Worker: true}:  slices.Contains(always, r.Name),
			{Ingest: true}:  slices.Contains(always, r.Name) || edges && !live,
			{Console: true}: slices.Contains(always, r.Name) || !edges || live || enrol,
			{Ingest: true, Worker: true, Console: true}: true,
		}
		for roles, w := range want {
			if got := serves(r, roles); got != w {
				t.Errorf("%s %s with %s: %t", r.Method, r.Pattern, roles, got)
			}
		}
	}
}

// write makes a configuration file.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cloud.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSeveralProcesses runs two ingests, two workers and a console on one folder and one Redis, all
// started at once on an empty folder. Events go in by one and are seen at the other end as they
// come, also after the processes between were replaced.
func TestSeveralProcesses(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Fsync: "everysec", Password: "canary-redis"})
	data := filepath.Join(t.TempDir(), "data")
	secret := filepath.Join(t.TempDir(), "redis.password")
	if err := os.WriteFile(secret, []byte("canary-redis\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(roles string) *running {
		return start(t, data, "--config", write(t, fmt.Sprintf("roles: [%s]\nqueue: {kind: redis, redis: {address: %s, password_file: %s}}\n", roles, s.Address(), secret)))
	}
	var wg sync.WaitGroup
	nodes := make([]*running, 5)
	for i, roles := range []string{"console", "ingest", "ingest", "worker", "worker"} {
		wg.Go(func() { nodes[i] = with(roles) })
	}
	wg.Wait()
	console, ingests := nodes[0], nodes[1:3]
	console.must("POST", "/api/v1/setup", "", map[string]string{"code": console.code, "username": "boss", "name": "관리자", "password": password}, nil)
	token := must(t, "", "user", "token", "--data", data, "boss")
	var edge bongsu.EnrolResponse
	ingests[1].must("POST", "/api/v1/edge/enrol", "", bongsu.EnrolRequest{Token: must(t, "", "edge", "token", "--data", data, "gate"), Name: "gate"}, &edge)

	seen := follow(t, console, token)
	var waits []time.Duration
	for i := range 10 {
		begin := time.Now()
		id := ingests[i%2].deliver(edge.Credential, fmt.Appendf(nil, "moving pictures %d", i))
		seen(string(id))
		waits = append(waits, time.Since(begin))
	}
	for _, path := range []string{"/api/v1/alerts", "/", "/api/v1/edge/live"} {
		if status := ingests[0].ask("GET", path, token, nil, nil); status != http.StatusNotFound && status != http.StatusForbidden {
			t.Errorf("an ingest answers %s with %d", path, status)
		}
	}
	if status := console.ask("POST", "/api/v1/edge/events", edge.Credential, map[string]any{}, nil); status != http.StatusNotFound {
		t.Errorf("a console takes events: %d", status)
	}
	if code := nodes[3].stop(); code != ExitOK {
		t.Errorf("worker: exit code %d\n%s", code, nodes[3].stderr)
	}
	with("ingest, worker")
	id := ingests[0].deliver(edge.Credential, []byte("after a worker went"))
	seen(string(id))

	s.Kill()
	until(t, "the outage is told", func() bool {
		var h struct{ Status string }
		console.must("GET", "/healthz", "", nil, &h)
		return h.Status == "degraded"
	})
	s.Restart()
	id = ingests[1].insist(edge.Credential)
	seen(string(id))
	slices.Sort(waits)
	t.Logf("through ingest, Redis, worker and console of four processes: event and clip in, event on the stream: median %v, worst %v", waits[len(waits)/2], waits[len(waits)-1])
	for _, n := range nodes {
		if strings.Contains(n.stderr.String(), "canary-redis") {
			t.Error("the log holds the password of Redis")
		}
	}
}

// insist sends an event until it is taken, as an edge does while the queue is away.
func (r *running) insist(credential string) bongsu.EventID {
	r.t.Helper()
	e := event(time.Now().UTC())
	until(r.t, "the event is taken", func() bool {
		return r.ask("POST", "/api/v1/edge/events", credential, bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: e, Snapshot: picture}}}, nil) == 200
	})
	return e.ID
}

// follow reads the console's stream; the function that it gives waits for a word on it.
func follow(t *testing.T, r *running, token string) (seen func(word string)) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("stream: %v", err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func(word string) {
		t.Helper()
		deadline := time.AfterFunc(2*time.Minute, func() { resp.Body.Close() })
		defer deadline.Stop()
		for lines.Scan() {
			if strings.Contains(lines.Text(), word) {
				return
			}
		}
		t.Fatalf("%s did not come over the stream: %v", word, lines.Err())
	}
}

// TestSecondConsole: two consoles on one folder are refused; a process without one is not.
func TestSecondConsole(t *testing.T) {
	data := t.TempDir()
	start(t, data)
	file := write(t, "roles: [ingest, worker]\n")
	other := start(t, data, "--config", file)
	if other.code != "" || other.ask("GET", "/healthz", "", nil, nil) != 200 {
		t.Error("a process without a console beside one with it")
	}
	code, _, errOut := tool(t, "", "serve", "--data", data, "--listen", "127.0.0.1:0")
	if code != ExitFailure || !strings.Contains(errOut, "another bongsu-cloud serves the data folder") || !strings.Contains(errOut, "roles without console") {
		t.Errorf("%d %s", code, errOut)
	}
}

// TestWrongBackends: what cannot be used is said before anything is served, with the key's name.
func TestWrongBackends(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.pem")
	if err := os.WriteFile(bad, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{
		"queue: {kind: redis, redis: {password_file: /nowhere/p}}\n":                                                             "cloud.yaml:1: queue.redis.password_file: /nowhere/p cannot be read: no such file or directory",
		"queue: {kind: redis, redis: {tls: {enabled: true, ca_file: " + bad + "}}}\n":                                            "queue.redis.tls.ca_file: " + bad + " holds no certificate in PEM",
		"queue: {kind: redis, redis: {tls: {enabled: true, ca_file: /nowhere/ca}}}\n":                                            "queue.redis.tls.ca_file cannot be read",
		"objects: {kind: s3, s3: {endpoint: 'http://127.0.0.1:1', access_key_file: " + bad + ", secret_key_file: /nowhere/s}}\n": "cloud.yaml:1: objects.s3.secret_key_file: /nowhere/s cannot be read: no such file or directory",
	} {
		code, _, errOut := tool(t, "", "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--config", write(t, content))
		if code != ExitFailure || !strings.Contains(errOut, want) {
			t.Errorf("%s: %d %s", content, code, errOut)
		}
	}
}
