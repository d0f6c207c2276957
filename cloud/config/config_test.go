package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
)

func TestShippedFileEqualsDefaults(t *testing.T) {
	src, err := os.ReadFile("../../deploy/cloud.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("cloud.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	if want := Default(); got != want {
		t.Errorf("deploy/cloud.yaml says %+v\nthe defaults are %+v", got, want)
	}
	for _, k := range keys() { // each key must stand in the file, not merely be defaulted
		last := k.path[strings.LastIndex(k.path, ".")+1:]
		indent := strings.Repeat("  ", strings.Count(k.path, "."))
		if !strings.Contains(string(src), "\n"+indent+last+":") {
			t.Errorf("deploy/cloud.yaml does not document %s", k.path)
		}
	}
}

func TestEmptyFileGivesDefaults(t *testing.T) {
	for _, src := range []string{"", "\n", "# only words\n", "{}\n", "tls:\n"} {
		got, err := Parse("cloud.yaml", []byte(src))
		if err != nil || got != Default() {
			t.Errorf("%q: %+v, %v", src, got, err)
		}
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	const src = `
listen: 0.0.0.0:9443
data_dir: /srv/bongsu
public_url: https://bongsu.example
allow_http: true
tls: {cert_file: /c.pem, key_file: /k.pem}
roles:
  - worker
queue:
  kind: redis
  redis:
    address: redis.example:6380
    username: bongsu
    password_file: /redis.password
    tls: {enabled: true, ca_file: /ca.pem, server_name: redis}
    database: 3
    stream: other
    lease_s: 9
objects:
  kind: s3
  s3:
    endpoint: https://s3.example
    region: seoul
    bucket: clips
    prefix: one/
    access_key_file: /a
    secret_key_file: /s
    ca_file: /s3.pem
    path_style: false
    public_endpoint: https://public.example
    presign: false
retention_days: 7
alerts: {fold_s: 0}
session:
  idle_minutes: 10
  absolute_hours: 13
log:
  level: warn
  format: json
debug: {listen: 127.0.0.1:9091}
`
	got, err := Parse("cloud.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Listen: "0.0.0.0:9443", DataDir: "/srv/bongsu", PublicURL: "https://bongsu.example", AllowHTTP: true,
		TLS: TLS{"/c.pem", "/k.pem"}, Roles: Roles{Worker: true},
		Queue:         Queue{"redis", Redis{"redis.example:6380", "bongsu", "/redis.password", RedisTLS{true, "/ca.pem", "redis"}, 3, "other", 9}},
		Objects:       Objects{"s3", S3{"https://s3.example", "seoul", "clips", "one/", "/a", "/s", "/s3.pem", false, "https://public.example", false}},
		RetentionDays: 7, Alerts: Alerts{0},
		Session: Session{10, 13}, Log: Log{"warn", "json"}, Debug: Debug{"127.0.0.1:9091"},
	}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	def := Default()
	for _, k := range keys() { // the case above moves every key off its default
		if k.get(&got) == k.get(&def) {
			t.Errorf("%s was not read", k.path)
		}
	}
	if got.Session.Idle() != 10*time.Minute || got.Session.Absolute() != 13*time.Hour || got.Alerts.Fold() != 0 || got.Queue.Redis.Lease() != 9*time.Second {
		t.Errorf("durations: %s %s %s", got.Session.Idle(), got.Session.Absolute(), got.Alerts.Fold())
	}
	if got.Log.SlogLevel() != slog.LevelWarn || !got.Secure() {
		t.Errorf("level %s, secure %t", got.Log.SlogLevel(), got.Secure())
	}
}

// The sentence of each wrong file is part of the product: it is compared whole.
func TestWrongFiles(t *testing.T) {
	for _, tc := range []struct{ src, want string }{
		{"listen: 127.0.0.1:8080\nlisen: x\n", `cloud.yaml:2: lisen: unknown key: the keys here are listen, data_dir, public_url, allow_http, tls, roles, queue, objects, retention_days, alerts, session, log, debug`},
		{"tls:\n  cert: x\n", `cloud.yaml:2: tls.cert: unknown key: the keys here are cert_file, key_file`},
		{"alerts:\n  fold_s: 60\n  fold_s: 61\n", `cloud.yaml:3: alerts.fold_s: is given twice: keep one`},
		{"debug:\n  listen: 0.0.0.0:9091\n", `cloud.yaml:2: debug.listen: must be an address of this machine alone, such as 127.0.0.1:9091, for it is served without a login, not "0.0.0.0:9091"`},
		{"debug:\n  listen: '9091'\n", `cloud.yaml:2: debug.listen: must be host:port such as 127.0.0.1:8080, not "9091"`},
		{"listen: 8080\n", `cloud.yaml:1: listen: must be host:port such as 127.0.0.1:8080, not "8080"`},
		{"listen: ':8080'\n", `cloud.yaml:1: listen: must name the address to listen on, such as 0.0.0.0:8080, not ":8080"`},
		{"listen: 127.0.0.1:99999\n", `cloud.yaml:1: listen: must have a port from 0 to 65535, not "99999"`},
		{"# x\nlisten: 0.0.0.0:80\n", `cloud.yaml:2: listen: 0.0.0.0:80 without tls would send passwords and pictures in the clear: set tls.cert_file and tls.key_file, listen on 127.0.0.1, or set allow_http: true where a proxy in front speaks HTTPS`},
		{"data_dir: ''\n", `cloud.yaml:1: data_dir: is empty: name a folder`},
		{"data_dir: [a]\n", `cloud.yaml:1: data_dir: must be one text, not a list or keys`},
		{"public_url: ftp://x\n", `cloud.yaml:1: public_url: must be an address such as https://bongsu.example, without user, password or query`},
		{"public_url: https://u:secret@x\n", `cloud.yaml:1: public_url: must be an address such as https://bongsu.example, without user, password or query`},
		{"allow_http: maybe\n", `cloud.yaml:1: allow_http: must be true or false, not "maybe"`},
		{"tls:\n  cert_file: a.pem\n", `cloud.yaml:1: tls: cert_file and key_file go together: give both, or neither for plain HTTP`},
		{"tls: on\n", `cloud.yaml:1: tls: must hold keys, each as ` + "`key: value`" + ` on a line of its own`},
		{"retention_days: 0\n", `cloud.yaml:1: retention_days: must be a whole number from 1 to 3650, not "0"`},
		{"retention_days: a month\n", `cloud.yaml:1: retention_days: must be a whole number from 1 to 3650, not "a month"`},
		{"alerts:\n  fold_s: 1.5\n", `cloud.yaml:2: alerts.fold_s: must be a whole number from 0 to 3600, not "1.5"`},
		{"session:\n  idle_minutes: 120\n  absolute_hours: 1\n", `cloud.yaml:2: session.idle_minutes: is longer than session.absolute_hours: make it shorter`},
		{"log:\n  level: loud\n", `cloud.yaml:2: log.level: must be one of debug, info, warn, error, not "loud"`},
		{"log:\n  format: xml\n", `cloud.yaml:2: log.format: must be one of text, json, not "xml"`},
		{"roles: [ingest, console]\n", `cloud.yaml:1: roles: ingest and worker share a queue in memory, so they are one process: give both or neither, or set queue.kind: redis`},
		{"\nroles: worker\n", `cloud.yaml:2: roles: must be a list of ingest, worker and console, one at least`},
		{"roles: []\n", `cloud.yaml:1: roles: must be a list of ingest, worker and console, one at least`},
		{"roles: [all]\n", `cloud.yaml:1: roles: must be a list of ingest, worker and console, one at least, not "all"`},
		{"roles: [console, console]\n", `cloud.yaml:1: roles: must name console once`},
		{"queue: {kind: kafka}\n", `cloud.yaml:1: queue.kind: must be one of memory, redis, not "kafka"`},
		{"queue:\n  redis:\n    host: x\n", `cloud.yaml:3: queue.redis.host: unknown key: the keys here are address, username, password_file, tls, database, lease_s, stream`},
		{"queue:\n  redis:\n    tls:\n      ca: x\n", `cloud.yaml:4: queue.redis.tls.ca: unknown key: the keys here are enabled, ca_file, server_name`},
		{"queue: {redis: {address: localhost}}\n", `cloud.yaml:1: queue.redis.address: must be host:port such as 127.0.0.1:6379, not "localhost"`},
		{"queue: {redis: {stream: 'a b'}}\n", `cloud.yaml:1: queue.redis.stream: must be a name of letters, digits and _.:-, such as bongsu, not "a b"`},
		{"queue: {redis: {username: x}}\n", `cloud.yaml:1: queue.redis.username: is given without a password: set queue.redis.password_file`},
		{"objects:\n  kind: s3\n", `cloud.yaml: objects.s3.endpoint: is empty, and objects.kind is s3: name the server's address, such as https://s3.example`},
		{"objects:\n  kind: s3\n  s3: {endpoint: http://s3}\n", `cloud.yaml: objects.s3.access_key_file: is empty, and objects.kind is s3: name a file that holds the access key`},
		{"objects: {s3: {bucket: A}}\n", `cloud.yaml:1: objects.s3.bucket: must be a bucket's name of 3 to 63 small letters, digits, dots and hyphens, not "A"`},
		{"objects: {s3: {prefix: ../x}}\n", `cloud.yaml:1: objects.s3.prefix: must be parts of a-z, 0-9, '.', '_' and '-' between slashes, not "../x"`},
		{"- a\n- b\n", `cloud.yaml:1: must hold keys, each as ` + "`key: value`" + ` on a line of its own`},
		{"listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2\n", `cloud.yaml:3: a second document begins here: keep one, without ---`},
	} {
		_, err := Parse("cloud.yaml", []byte(tc.src))
		if err == nil || err.Error() != tc.want {
			t.Errorf("%q\n got %v\nwant %s", tc.src, err, tc.want)
		}
	}
}

func TestByteOrderMark(t *testing.T) {
	for _, src := range []string{"\ufeffretention_days: 7\n", "\ufeff# a comment\r\nretention_days: 7\r\n"} {
		if c, err := Parse("cloud.yaml", []byte(src)); err != nil || c.RetentionDays != 7 {
			t.Errorf("%q: %+v, %v", src, c, err)
		}
	}
}

func TestSyntaxErrorNamesItsLine(t *testing.T) {
	_, err := Parse("cloud.yaml", []byte("listen: 127.0.0.1:1\n\tx: y\n"))
	var fe *bongsu.FieldError
	if !errors.As(err, &fe) || fe.Line != 2 || !strings.HasPrefix(fe.Message, "not YAML: ") {
		t.Errorf("got %v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "cloud.yaml")
	if _, err := Load(path); err == nil || err.Error() != path+": cannot be read: no such file or directory" {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("data_dir: data\ntls: {cert_file: c.pem, key_file: /k.pem}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != filepath.Join(dir, "data") || c.TLS.CertFile != filepath.Join(dir, "c.pem") || c.TLS.KeyFile != "/k.pem" {
		t.Errorf("paths: %+v", c)
	}
}

// A secret's file is not for everybody; the sentence names the key's line and not the secret.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "cloud.yaml")
	put := func(name, content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("cloud.yaml", "queue:\n  kind: redis\n  redis:\n    password_file: p\n", 0o644)
	p := filepath.Join(dir, "p")
	for _, c := range []struct {
		content string
		mode    os.FileMode
		want    string
	}{
		{"canary\n", 0o644, "everybody on this machine can read " + p + " (mode 0644): run `chmod 600 " + p + "`"},
		{"", 0o600, p + " must hold one secret on one line"},
		{"canary\nmore\n", 0o600, p + " must hold one secret on one line"},
		{strings.Repeat("canary", 1000), 0o600, p + " is no file with one secret: it may have 4096 bytes"},
	} {
		put("p", c.content, c.mode)
		_, err := Load(path)
		if want := "cloud.yaml:4: queue.redis.password_file: " + c.want; err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	put("p", "canary\r\n", 0o600)
	c, err := Load(path)
	if err != nil || c.Queue.Redis.PasswordFile != p {
		t.Fatalf("%+v, %v", c.Queue, err)
	}
	if s, err := ReadSecret(p); err != nil || s != "canary" {
		t.Fatalf("%q, %v", s, err)
	}
	if err := os.Remove(p); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), p+" cannot be read: no such file or directory") {
		t.Fatalf("missing: %v", err)
	}
	put("cloud.yaml", "queue:\n  redis:\n    password_file: p\n", 0o644) // not used
	if _, err := Load(path); err != nil {
		t.Fatal(err)
	}
}

func TestCheckAfterFlags(t *testing.T) {
	c := Default()
	if err := c.Check("flags"); err != nil {
		t.Error(err)
	}
	c.Listen = "192.0.2.1:80"
	if err := c.Check("flags"); err == nil || !strings.HasPrefix(err.Error(), "flags: listen: 192.0.2.1:80 without tls") {
		t.Errorf("got %v", err)
	}
	c.AllowHTTP = true
	if err := c.Check("flags"); err != nil || c.Secure() {
		t.Errorf("%v, secure %t", err, c.Secure())
	}
	c.PublicURL = "https://bongsu.example"
	if !c.Secure() {
		t.Error("an https public_url must make cookies secure")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "listen: 8080\n", "tls:\n  cert: x\n", "alerts: {fold_s: 60}\n", "- a\n", "a: &x [*x]\n", "? a\n: b\n", "listen: |\n  127.0.0.1:1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse("cloud.yaml", src)
		var fe *bongsu.FieldError
		if err != nil && !errors.As(err, &fe) {
			t.Fatalf("not a FieldError: %v", err)
		}
		if err == nil && c.Check("x") != nil {
			t.Fatalf("Parse accepted what Check refuses: %+v", c)
		}
	})
}
