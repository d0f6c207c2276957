// Package config reads cloud.yaml: its keys, their defaults and what is wrong with a file, in
// one sentence with its line and key. deploy/cloud.yaml documents every key and equals the
// defaults. Every failure is a *bongsu.FieldError.
package config

import (
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"bongsu"
)

// Config is cloud.yaml with all defaults filled in. The key of each field stands beside it.
type Config struct {
	Listen        string // listen: host:port; port 0 takes a free one
	DataDir       string // data_dir: made if it is not there; a relative path starts at the file's folder
	PublicURL     string // public_url: how browsers and edges reach this server; "" when they use Listen
	AllowHTTP     bool   // allow_http: plain HTTP beyond loopback is accepted
	TLS           TLS
	Roles         Roles // roles: what this process does
	Queue         Queue
	Objects       Objects
	RetentionDays int // retention_days: after it, pictures, clips and events are deleted
	Alerts        Alerts
	Session       Session
	Log           Log
	Debug         Debug
}

// TLS names the server's certificate and key, both PEM; both empty means plain HTTP.
type TLS struct {
	CertFile string // tls.cert_file
	KeyFile  string // tls.key_file
}

// Enabled reports whether the server speaks HTTPS itself.
func (t TLS) Enabled() bool { return t.CertFile != "" }

// Alerts holds how alerts are made.
type Alerts struct {
	FoldS int // alerts.fold_s: repeats of one camera and rule within so many seconds join one card; 0: only those that overlap
}

// Fold is the fold window.
func (a Alerts) Fold() time.Duration { return time.Duration(a.FoldS) * time.Second }

// Session holds how long a login lasts.
type Session struct {
	IdleMinutes   int // session.idle_minutes: without any request or open stream
	AbsoluteHours int // session.absolute_hours: whatever is done
}

// Idle is the idle limit.
func (s Session) Idle() time.Duration { return time.Duration(s.IdleMinutes) * time.Minute }

// Absolute is the limit from login.
func (s Session) Absolute() time.Duration { return time.Duration(s.AbsoluteHours) * time.Hour }

// Debug is for whoever looks into the process itself.
type Debug struct {
	Listen string // debug.listen: host:port on loopback where Go's profiles are served; "" for none
}

// Log holds what is logged, and how.
type Log struct {
	Level  string // log.level: debug, info, warn or error
	Format string // log.format: text or json
}

// SlogLevel is Level as log/slog has it.
func (l Log) SlogLevel() slog.Level {
	var v slog.Level
	if v.UnmarshalText([]byte(l.Level)) != nil {
		return slog.LevelInfo
	}
	return v
}

// Default is the configuration of an empty file.
func Default() Config {
	return Config{
		Listen:        "127.0.0.1:8080",
		DataDir:       "/var/lib/bongsu-cloud",
		Roles:         Roles{Ingest: true, Worker: true, Console: true},
		Queue:         Queue{Kind: QueueMemory, Redis: Redis{Address: "127.0.0.1:6379", Stream: "bongsu", LeaseS: 5}},
		Objects:       Objects{Kind: ObjectsDisk, S3: S3{Bucket: "bongsu", PathStyle: true, Presign: true}},
		RetentionDays: 30,
		Alerts:        Alerts{FoldS: 60},
		Session:       Session{IdleMinutes: 30, AbsoluteHours: 12},
		Log:           Log{Level: "info", Format: "text"},
	}
}

// Load reads and checks a file, and that the secrets that it names are in files that not everybody may
// read. Relative paths in it start at its folder.
func Load(path string) (Config, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return Config{}, &bongsu.FieldError{File: path, Message: "cannot be read: " + cause(err)}
	}
	name := filepath.Base(path)
	c, lines, err := parse(name, src)
	if err != nil {
		return Config{}, err
	}
	dir := filepath.Dir(path)
	files := []*string{&c.DataDir, &c.TLS.CertFile, &c.TLS.KeyFile, &c.Queue.Redis.TLS.CAFile, &c.Objects.S3.CAFile}
	for _, s := range c.secrets() {
		files = append(files, s.path)
	}
	for _, p := range files {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	for _, s := range c.secrets() {
		if *s.path == "" || !s.used {
			continue
		}
		if _, err := ReadSecret(*s.path); err != nil {
			return Config{}, &bongsu.FieldError{File: name, Line: lines[s.key], Path: s.key, Message: err.Error()}
		}
	}
	return c, nil
}

// cause is a file error without the path, which FieldError names already.
func cause(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// Check says what does not fit together in c, as Load does; it is for configurations that
// flags have changed. name stands for the file in the error.
func (c *Config) Check(name string) error { return c.check(name, func(string) int { return 0 }) }

// check holds the rules over more than one key. line gives the line of a key, or 0.
func (c *Config) check(file string, line func(key string) int) error {
	bad := func(key, msg string) error {
		return &bongsu.FieldError{File: file, Line: line(key), Path: key, Message: msg}
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		return bad("tls", "cert_file and key_file go together: give both, or neither for plain HTTP")
	}
	if !c.TLS.Enabled() && !c.AllowHTTP && !Loopback(c.Listen) {
		return bad("listen", c.Listen+" without tls would send passwords and pictures in the clear: set tls.cert_file and tls.key_file, listen on 127.0.0.1, or set allow_http: true where a proxy in front speaks HTTPS")
	}
	if c.Session.Idle() > c.Session.Absolute() {
		return bad("session.idle_minutes", "is longer than session.absolute_hours: make it shorter")
	}
	if c.Queue.Kind == QueueMemory && c.Roles.Ingest != c.Roles.Worker {
		return bad("roles", "ingest and worker share a queue in memory, so they are one process: give both or neither, or set queue.kind: redis")
	}
	if r := c.Queue.Redis; r.Username != "" && r.PasswordFile == "" {
		return bad("queue.redis.username", "is given without a password: set queue.redis.password_file")
	}
	return c.Objects.check(bad)
}

// Secure reports whether browsers reach the server over HTTPS, so that cookies may insist on it.
func (c *Config) Secure() bool {
	u, err := url.Parse(c.PublicURL)
	return c.TLS.Enabled() || err == nil && u.Scheme == "https"
}

// Loopback tells whether an address, host and port, is of this machine alone.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
