package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bongsu/cloud/objects/objectstest/s3servers"
	"bongsu/cloud/queue/queuetest/redistest"
)

// region is what a distributed installation stands on: a Redis and an S3 server, real ones, and
// a second process that takes from edges and works the queue.
type region struct {
	redis *redistest.Server
	s3    *s3servers.Server
	keys  string // folder with the S3 server's keys, one a file
}

// startRegion starts both servers; they end with the test.
func startRegion(t *testing.T) *region {
	t.Helper()
	r := &region{redis: redistest.Start(t, redistest.Options{Fsync: "everysec"}), s3: s3servers.Start(t, s3servers.Versity), keys: t.TempDir()}
	for name, secret := range map[string]string{"access": r.s3.Access, "secret": r.s3.Secret} {
		if err := os.WriteFile(filepath.Join(r.keys, name), []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// yaml is what cloud.yaml says of the region.
func (r *region) yaml() string {
	return fmt.Sprintf(`queue:
  kind: redis
  redis:
    address: %q
objects:
  kind: s3
  s3:
    endpoint: %q
    bucket: %q
    access_key_file: %q
    secret_key_file: %q
`, r.redis.Address(), r.s3.Endpoint, r.s3.Bucket, filepath.Join(r.keys, "access"), filepath.Join(r.keys, "secret"))
}

// emptyQueue takes everything out of Redis, its groups included (row R21).
func (r *region) emptyQueue(context.Context) error {
	r.redis.Kill()
	r.redis.Wipe()
	r.redis.Restart()
	return nil
}

// killQueue ends Redis as a power cut does; it is back after a moment (row R20).
func (r *region) killQueue(ctx context.Context) error {
	r.redis.Kill()
	waits(ctx, 2*time.Second)
	r.redis.Restart()
	return nil
}

// objectsAway has the S3 server down for a while (row R25).
func (r *region) objectsAway(ctx context.Context) error {
	r.s3.Stop()
	waits(ctx, 8*time.Second)
	r.s3.Restart()
	return nil
}

// startSystemOn is startSystem on a region: a second process with the roles ingest and worker runs
// beside the first, and the edge's requests go to both by turns.
func startSystemOn(t *testing.T, model string, r *region) *System {
	t.Helper()
	s := NewSystem(bin, t.TempDir(), "127.0.0.1:0")
	s.CloudMore = r.yaml()
	s.begin(t, model)
	if err := s.startSecondCloud(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	s.EdgeCloudURL = s.balance(t)
	return s
}

// startSecondCloud starts, or starts anew, the process that only takes from edges and works the
// queue. It keeps its address.
func (s *System) startSecondCloud(ctx context.Context) error {
	if s.secondAddr == "" {
		s.secondAddr = "127.0.0.1:0"
	}
	yaml := fmt.Sprintf("listen: %s\ndata_dir: %s\nroles: [ingest, worker]\n%s", s.secondAddr, filepath.Join(s.Dir, "cloud"), s.CloudMore)
	config := filepath.Join(s.Dir, "cloud-2.yaml")
	if err := os.WriteFile(config, []byte(yaml), 0o600); err != nil {
		return err
	}
	p, err := s.start("cloud-2", "bongsu-cloud", nil, "serve", "--config", config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	line, err := p.Line(ctx, func(l string) bool { return strings.HasPrefix(l, "ready http") })
	if err != nil {
		return err
	}
	s.secondAddr = strings.TrimPrefix(line, "ready http://")
	return nil
}

// balance stands before both processes as a region's load balancer does: what edges send goes to
// them by turns, live view and everything else to the one with the console.
func (s *System) balance(t *testing.T) string {
	t.Helper()
	var n atomic.Uint64
	first, second := s.Addr, s.secondAddr // they stay what they are
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			to := first
			path := r.In.URL.Path
			if strings.HasPrefix(path, "/api/v1/edge/") && !strings.HasPrefix(path, "/api/v1/edge/live") && n.Add(1)%2 == 0 {
				to = second
			}
			r.SetURL(&url.URL{Scheme: "http", Host: to})
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			if !errors.Is(err, context.Canceled) {
				w.Header().Set("Retry-After", "1")
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

// startClouds starts the cloud again, both processes when there are two.
func (s *System) startClouds(t *testing.T, ctx context.Context) {
	t.Helper()
	err := s.StartCloud(ctx)
	if err == nil && s.secondAddr != "" {
		err = s.startSecondCloud(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
}
