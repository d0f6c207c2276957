package cmd

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/cloud/objects/objectstest/s3servers"
)

// TestCheckInABucket: pictures and clips that lie in a bucket are held against their rows there.
// versitygw keeps objects as plain files, so they can be harmed behind its back.
func TestCheckInABucket(t *testing.T) {
	server := s3servers.Start(t, s3servers.Versity)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("cloud.yaml", fmt.Sprintf("data_dir: %s\nobjects:\n  kind: s3\n  s3:\n    endpoint: %s\n    region: us-east-1\n    bucket: %s\n    access_key_file: %s\n    secret_key_file: %s\n    presign: false\n",
		data, server.Endpoint, server.Bucket, write("access", server.Access), write("secret", server.Secret)))
	r := start(t, data, "--config", config)
	must(t, password+"\n", "user", "add", "--config", config, "--role", "admin", "boss")
	token := must(t, "", "user", "token", "--config", config, "boss")
	var edge bongsu.EnrolResponse
	r.must("POST", "/api/v1/edge/enrol", "", bongsu.EnrolRequest{Token: must(t, "", "edge", "token", "--config", config, "gate"), Name: "gate"}, &edge)
	r.deliver(edge.Credential, []byte("moving picture in a bucket"))
	var alerts alertList
	until(t, "the alert with its clip", func() bool {
		r.must("GET", "/api/v1/alerts", token, nil, &alerts)
		return len(alerts.Alerts) == 1 && alerts.Alerts[0].ClipParts == 1
	})
	check := func(code int, says string) {
		t.Helper()
		if got, out, errs := tool(t, "", "check", "--config", config); got != code || !strings.Contains(out, says) {
			t.Errorf("exit code %d, want %d and %q\n%s%s", got, code, says, out, errs)
		}
	}
	check(ExitOK, "ok 2 pictures and clips")
	r.stop()
	harm(t, server.Dir, ".mp4", flipped)
	check(ExitViolations, "VIOLATION C11, clip part 0 of event")
	harm(t, server.Dir, ".jpg", gone)
	check(ExitViolations, "VIOLATION C11, snapshot of revision 1 of event")
	check(ExitViolations, "2 violations")
	server.Stop()
	if code, out, errs := tool(t, "", "check", "--config", config); code != ExitFailure || strings.Contains(out, "VIOLATION") {
		t.Errorf("a server that is away is no violation: exit code %d\n%s%s", code, out, errs)
	}
}

// harm does something to the first file below dir that ends so.
func harm(t *testing.T, dir, ending string, do func(path string, b []byte) error) {
	t.Helper()
	done := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || done || d.IsDir() || !strings.HasSuffix(path, ending) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			return err
		}
		done = true
		return do(path, b)
	})
	if err != nil || !done {
		t.Fatalf("%s: %v, %v", ending, done, err)
	}
}
