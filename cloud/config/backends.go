package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Roles are what one process does. Several processes with Ingest or Worker may run at once, on one
// machine with one data folder; one has Console.
type Roles struct {
	Ingest  bool // takes what edges send
	Worker  bool // makes events and alerts of it, and deletes what is too old
	Console bool // serves operators, and the live view
}

// String gives the roles as the file has them.
func (r Roles) String() string {
	var names []string
	for _, x := range []struct {
		name string
		has  bool
	}{{"ingest", r.Ingest}, {"worker", r.Worker}, {"console", r.Console}} {
		if x.has {
			names = append(names, x.name)
		}
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// Kinds of queue.
const (
	QueueMemory = "memory" // within the process; ingest and worker are one
	QueueRedis  = "redis"  // Redis Streams
)

// Queue says how ingest hands events to workers.
type Queue struct {
	Kind  string // queue.kind
	Redis Redis
}

// Redis is a server of Redis, 6.2 or newer.
type Redis struct {
	Address      string // queue.redis.address: host:port
	Username     string // queue.redis.username
	PasswordFile string // queue.redis.password_file
	TLS          RedisTLS
	Database     int    // queue.redis.database
	Stream       string // queue.redis.stream: the beginning of all names on the server
	LeaseS       int    // queue.redis.lease_s: seconds, see Lease
}

// Lease is how long after its worker was killed a message is given to another.
func (r Redis) Lease() time.Duration { return time.Duration(r.LeaseS) * time.Second }

// RedisTLS says how the connection to Redis is encrypted.
type RedisTLS struct {
	Enabled    bool   // queue.redis.tls.enabled
	CAFile     string // queue.redis.tls.ca_file: PEM; "" is the system's
	ServerName string // queue.redis.tls.server_name: "" is the address's host
}

// Kinds of object store.
const (
	ObjectsDisk = "disk" // files in the data folder
	ObjectsS3   = "s3"
)

// Objects says where pictures and clips are kept.
type Objects struct {
	Kind string // objects.kind
	S3   S3
}

// S3 is a bucket of a server that speaks Amazon's S3.
type S3 struct {
	Endpoint       string // objects.s3.endpoint: such as https://s3.example
	Region         string // objects.s3.region
	Bucket         string // objects.s3.bucket
	Prefix         string // objects.s3.prefix: of every key
	AccessKeyFile  string // objects.s3.access_key_file
	SecretKeyFile  string // objects.s3.secret_key_file
	CAFile         string // objects.s3.ca_file: PEM; "" is the system's
	PathStyle      bool   // objects.s3.path_style: the bucket stands in the path, not in the host
	PublicEndpoint string // objects.s3.public_endpoint: how edges reach it; "" is Endpoint
	Presign        bool   // objects.s3.presign: edges send clips straight to it
}

func (o *Objects) check(bad func(key, msg string) error) error {
	if o.Kind != ObjectsS3 {
		return nil
	}
	for _, f := range []struct{ key, value, say string }{
		{"endpoint", o.S3.Endpoint, "the server's address, such as https://s3.example"},
		{"access_key_file", o.S3.AccessKeyFile, "a file that holds the access key"},
		{"secret_key_file", o.S3.SecretKeyFile, "a file that holds the secret key"},
	} {
		if f.value == "" {
			return bad("objects.s3."+f.key, "is empty, and objects.kind is s3: name "+f.say)
		}
	}
	return nil
}

// secret is a key whose value is a file that holds a secret.
type secret struct {
	key  string
	path *string
	used bool
}

func (c *Config) secrets() []secret {
	r, s := c.Queue.Kind == QueueRedis, c.Objects.Kind == ObjectsS3
	return []secret{
		{"queue.redis.password_file", &c.Queue.Redis.PasswordFile, r},
		{"objects.s3.access_key_file", &c.Objects.S3.AccessKeyFile, s},
		{"objects.s3.secret_key_file", &c.Objects.S3.SecretKeyFile, s},
	}
}

// maxSecret is more than any password or key has.
const maxSecret = 4096

// ReadSecret reads a file that holds one secret, without the line break at its end. One that
// everybody may read is refused. The error names the file and never what is in it.
func ReadSecret(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %s", path, cause(err))
	}
	if mode := st.Mode().Perm(); mode&0o007 != 0 {
		return "", fmt.Errorf("everybody on this machine can read %s (mode %#o): run `chmod 600 %s`", path, mode, path)
	}
	if st.IsDir() || st.Size() > maxSecret {
		return "", fmt.Errorf("%s is no file with one secret: it may have %d bytes", path, maxSecret)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %s", path, cause(err))
	}
	s := strings.TrimRight(string(b), "\r\n")
	if s == "" || strings.ContainsAny(s, "\r\n\x00") {
		return "", errors.New(path + " must hold one secret on one line")
	}
	return s, nil
}
