// Package s3 keeps objects in a bucket of an S3 server, for several ingests and workers at once.
// Below the store's prefix:
//
//	objects/<key>            an object, whole; its SHA-256 and size are metadata beside it
//	uploads/<id>/begun       JSON of an open upload; id is made of key and hash
//	uploads/<id>/data        the multipart upload that grows, and the object it becomes
//	uploads/<id>/tail-<n>    bytes from the n-th on that are too few for a part of their own
//	probe/<random>           for an instant, while New finds out what the server can do
//
// An object appears by one PUT whose body the server compares with the SHA-256 that the request is
// signed for: whatever happens on the way, no object holds other bytes than its metadata says.
// Create-once is the condition "If-None-Match: *" of that PUT.
package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"hash/maphash"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"bongsu"
	"bongsu/cloud/objects"
)

// PartBytes is the size of all parts of an upload but the last: the least that S3 allows.
const PartBytes = objects.PieceBytes

// MaxPresign is the longest that an address given by Presign is good for.
const MaxPresign = 5 * time.Minute

// Options says where the store is and how patient to be. Zero durations and counts take the
// defaults.
type Options struct {
	Endpoint string // http://host:port or https://host
	// PublicEndpoint is how clients reach the same server; "" is Endpoint.
	PublicEndpoint string
	Region         string // "": the server is asked
	Bucket         string // must be there already
	Prefix         string // "" or parts ending with a slash, of the letters of a key
	// AccessKeyFile and SecretKeyFile hold the credentials, one line each, readable by their
	// owner only.
	AccessKeyFile string
	SecretKeyFile string
	CAFile        string // PEM, instead of the system's certificates; "" is the system's
	PathStyle     bool   // http://host/bucket/key instead of http://bucket.host/key
	// Presign lets clients send clips to the server themselves, where the server can do what
	// that takes.
	Presign bool
	// CreateOnce refuses a server that ignores "If-None-Match: *", which two processes that
	// write the same key need. Without it such a server is used and a warning is logged.
	CreateOnce bool

	Tries   int           // attempts of each request; default 6
	Backoff time.Duration // pause before the second attempt, doubled for each further one up to 2 s; default 100 ms
	Request time.Duration // for a whole request without a body, or for the answer after a body; default 30 s
	Stall   time.Duration // how long a body may not move; default 20 s
	Buffers int           // how many parts, of PartBytes at most, are in memory at once; default 8

	Now  func() time.Time                                                     // nil is time.Now; stamps begun uploads
	Log  *slog.Logger                                                         // nil discards
	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil is a plain dialer
}

// Abilities are what a server was found to do when the store was opened.
type Abilities struct {
	CreateOnce bool // refuses a PUT with "If-None-Match: *" of a key that is there
	Checksums  bool // refuses a PUT whose body has not the SHA-256 of its x-amz-checksum-sha256
	Versions   bool // the bucket keeps old versions: deleted objects are not gone
}

// Store is an objects.Store in a bucket. It is safe for many goroutines and processes. Close it.
type Store struct {
	// set before use
	o      Options
	log    *slog.Logger
	client minio.Core
	public *minio.Client // signs addresses for clients, sends nothing
	http   *http.Transport
	can    Abilities
	counts counts

	// in use
	seed    maphash.Seed
	uploads [64]sync.Mutex // by upload ID, so that the steps of two writers do not mix
	keys    [64]sync.Mutex // by key, for servers without create-once
	buffers *buffers
}

var _ objects.Store = (*Store)(nil)

var prefixForm = regexp.MustCompile(`^(?:[a-z0-9_-][a-z0-9._-]*/)*$`)

// New opens the store: it reads the credentials, looks for the bucket and finds out what the server
// can do. bongsu.CodeInvalid: something in o is wrong, the sentence says what;
// bongsu.CodeUnavailable: the server does not answer, or refuses. Close frees the store.
func New(ctx context.Context, o Options) (*Store, error) {
	o.defaults()
	if !prefixForm.MatchString(o.Prefix) || len(o.Prefix) > 200 {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "s3: prefix %q: use parts of a-z, 0-9, '.', '_' and '-', each ending with a slash", o.Prefix)
	}
	s := &Store{o: o, log: o.Log, seed: maphash.MakeSeed(), buffers: newBuffers(o.Buffers)}
	if err := s.connect(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (o *Options) defaults() {
	if o.Tries <= 0 {
		o.Tries = 6
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.Backoff, 100 * time.Millisecond}, {&o.Request, 30 * time.Second}, {&o.Stall, 20 * time.Second}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.Buffers <= 0 {
		o.Buffers = 8
	}
	if o.PublicEndpoint == "" {
		o.PublicEndpoint = o.Endpoint
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	}
}

// Close frees the store's idle connections; open readers stay usable.
func (s *Store) Close() error {
	if s.http != nil {
		s.http.CloseIdleConnections()
	}
	return nil
}

// Abilities tells what the server was found to do.
func (s *Store) Abilities() Abilities { return s.can }

func (s *Store) connect(ctx context.Context) error {
	access, err := secretFile(s.o.AccessKeyFile)
	if err != nil {
		return err
	}
	secret, err := secretFile(s.o.SecretKeyFile)
	if err != nil {
		return err
	}
	if s.http, err = s.transport(); err != nil {
		return err
	}
	creds := credentials.NewStaticV4(access, secret, "")
	open := func(endpoint string) (*minio.Client, error) { return s.open(endpoint, creds) }
	c, err := open(s.o.Endpoint)
	if err != nil {
		return err
	}
	s.client = minio.Core{Client: c}
	if s.o.Region == "" { // asked once, so that signing an address needs no request
		err := s.try(ctx, "find the region of bucket "+s.o.Bucket, func(ctx context.Context) (err error) {
			s.o.Region, err = c.GetBucketLocation(ctx, s.o.Bucket)
			return err
		})
		if err != nil {
			return err
		}
		if c, err = open(s.o.Endpoint); err != nil {
			return err
		}
		s.client = minio.Core{Client: c}
	}
	if s.public, err = open(s.o.PublicEndpoint); err != nil {
		return err
	}
	return s.probe(ctx)
}

func (s *Store) open(endpoint string, creds *credentials.Credentials) (*minio.Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "s3: endpoint: give it as https://host or http://host:port, without a path and without credentials")
	}
	lookup := minio.BucketLookupDNS
	if s.o.PathStyle {
		lookup = minio.BucketLookupPath
	}
	c, err := minio.New(u.Host, &minio.Options{
		Creds: creds, Secure: u.Scheme == "https", Transport: s.http, Region: s.o.Region, BucketLookup: lookup,
		MaxRetries: 1, // try does that
	})
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "s3: endpoint %s cannot be used", u.Host)
	}
	return c, nil
}

func (s *Store) transport() (*http.Transport, error) {
	t := &http.Transport{
		DialContext: s.o.Dial, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: s.o.Request,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: 60 * time.Second,
		DisableCompression: true, // or lengths and ranges are not the object's
	}
	if s.o.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(s.o.CAFile)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "s3: ca_file %s cannot be read", s.o.CAFile)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "s3: ca_file %s holds no certificate in PEM form", s.o.CAFile)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// maxSecret is the longest credential that a file may hold.
const maxSecret = 1 << 10

// secretFile reads a file of one line that nobody but its owner can read. What it holds is in no
// error.
func secretFile(name string) (string, error) {
	if name == "" {
		return "", bongsu.Errorf(bongsu.CodeInvalid, "s3: name the files of the credentials: access_key_file and secret_key_file")
	}
	f, err := os.Open(name)
	if err != nil {
		return "", bongsu.Wrap(bongsu.CodeInvalid, err, "s3: the credential's file %s cannot be read", name)
	}
	defer f.Close()
	st, err := f.Stat()
	if err == nil && st.Mode().Perm()&0o007 != 0 {
		return "", bongsu.Errorf(bongsu.CodeInvalid, "s3: the credential's file %s has mode %04o: everybody may read it; run chmod 600 on it", name, st.Mode().Perm())
	}
	b := make([]byte, maxSecret+1)
	n, readErr := io.ReadFull(f, b)
	if err == nil && readErr != io.EOF && readErr != io.ErrUnexpectedEOF {
		err = readErr
	}
	if err != nil || n > maxSecret {
		return "", bongsu.Wrap(bongsu.CodeInvalid, err, "s3: the credential's file %s cannot be read, or holds more than one line of %d characters", name, maxSecret)
	}
	line := strings.TrimSpace(string(b[:n]))
	if line == "" || strings.ContainsAny(line, "\r\n") {
		return "", bongsu.Errorf(bongsu.CodeInvalid, "s3: the credential's file %s must hold one line", name)
	}
	return line, nil
}

func (s *Store) name(key string) string { return s.o.Prefix + "objects/" + key }

func (s *Store) lock(stripes *[64]sync.Mutex, name string) *sync.Mutex {
	return &stripes[maphash.String(s.seed, name)%uint64(len(stripes))]
}
