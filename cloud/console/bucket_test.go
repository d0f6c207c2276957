package console

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/objects/objectstest/s3servers"
	"bongsu/cloud/objects/s3"
)

// TestDamagedInABucket: an object that was good when it was shown, and is changed or removed in its
// S3 server afterwards, is said to be damaged or missing when it is asked for again.
func TestDamagedInABucket(t *testing.T) {
	srv := s3servers.Start(t, s3servers.Versity)
	o := s3.Options{Endpoint: srv.Endpoint, Region: "us-east-1", Bucket: srv.Bucket, PathStyle: true, Backoff: time.Millisecond}
	o.AccessKeyFile, o.SecretKeyFile = srv.KeyFiles()
	store, err := s3.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := newSite(t, func(o *Options) { o.Objects = store })
	kim := s.user("kim", archive.RoleOperator)
	shown := func(body []byte) (path, file string) {
		t.Helper()
		id, _ := s.event()
		s.clip(id, 0, body, true)
		key := archive.ClipKey(bongsu.ClipKey{Event: id}, hash(body))
		if err := store.Put(t.Context(), key, "video/mp4", int64(len(body)), hash(body), bytes.NewReader(body)); err != nil {
			t.Fatal(err)
		}
		path = "/api/v1/events/" + string(id) + "/clips/0"
		if a := kim.ask("GET", path, nil); a.status != 200 || !bytes.Equal(a.body, body) {
			t.Fatalf("a good object: %d %.100s", a.status, a.body)
		}
		return path, srv.Files("objects/" + key)[0]
	}
	path, file := shown([]byte("secret pictures"))
	if err := os.WriteFile(file, []byte("secret picturez"), 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(2 * time.Second) // S3 tells times by the second
	if err := os.Chtimes(file, later, later); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if a := kim.ask("GET", path, nil); a.status != 422 || !strings.Contains(a.sentence(), "is damaged") || strings.Contains(string(a.body), "secret pict") {
			t.Errorf("damaged: %d %s", a.status, a.body)
		}
	}
	path, file = shown([]byte("to be lost"))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if a := kim.ask("GET", path, nil); a.status != 404 || !strings.Contains(a.sentence(), "is missing from the store") {
		t.Errorf("missing: %d %s", a.status, a.sentence())
	}
}
