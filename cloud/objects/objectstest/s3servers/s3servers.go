// Package s3servers starts real S3 servers for tests, each on a free port of the loopback with a
// folder of the test's own, and stops them with the test. The programs are built once by
// `make deps-test` into .deps. versitygw stores objects as plain files; MinIO in its own format, with
// checksums of its own.
package s3servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Kinds of servers.
const (
	Versity = "versitygw"
	MinIO   = "minio"
)

// Kinds lists all servers that there are.
func Kinds() []string { return []string{Versity, MinIO} }

// readyWithin is how long a server may take to answer on a busy machine.
const readyWithin = 60 * time.Second

// Server is one running server.
type Server struct {
	Kind     string
	Endpoint string // http://127.0.0.1:port
	Access   string // access key
	Secret   string // secret key
	Bucket   string // made already, empty
	Dir      string // where the server keeps its files

	t    testing.TB
	port int
	stop func() // nil: not running
}

// Start starts a server of a kind and makes its bucket. It ends with the test.
func Start(t testing.TB, kind string) *Server {
	t.Helper()
	s := &Server{
		Kind: kind, Access: "bongsu-test", Secret: "not-a-secret-" + kind, Bucket: "bongsu", Dir: t.TempDir(), t: t,
	}
	t.Cleanup(s.Stop)
	// Another process may take the port between its choice and its use.
	for range 3 {
		s.port = freePort(t)
		s.Endpoint = fmt.Sprintf("http://127.0.0.1:%d", s.port)
		if s.start() {
			break
		}
	}
	if s.stop == nil {
		t.Fatalf("%s does not start on three ports; its output is above", kind)
	}
	c := s.Client()
	ctx, end := context.WithTimeout(t.Context(), readyWithin)
	defer end()
	if err := c.MakeBucket(ctx, s.Bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatalf("%s: the bucket cannot be made: %v", kind, err)
	}
	return s
}

// Client gives a plain client of the server, for a test's looking and meddling behind the back of
// what it tests.
func (s *Server) Client() *minio.Client {
	s.t.Helper()
	c, err := minio.New(fmt.Sprintf("127.0.0.1:%d", s.port), &minio.Options{
		Creds:  credentials.NewStaticV4(s.Access, s.Secret, ""),
		Region: "us-east-1", BucketLookup: minio.BucketLookupPath,
		Transport: transport(s.t),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// KeyFiles writes the credentials into two files of mode 0600, as a configuration names them.
func (s *Server) KeyFiles() (access, secret string) {
	s.t.Helper()
	dir := s.t.TempDir()
	access, secret = filepath.Join(dir, "access-key"), filepath.Join(dir, "secret-key")
	for file, key := range map[string]string{access: s.Access, secret: s.Secret} {
		if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	return access, secret
}

// transport is one whose connections end with the test.
func transport(t testing.TB) *http.Transport {
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// Stop kills the server, as a power cut would; what it holds stays. Start it again with Restart.
func (s *Server) Stop() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// Restart starts a stopped server at its old address.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if !s.start() {
		s.t.Fatalf("%s does not start again; its output is above", s.Kind)
	}
}

// program finds the built server in .deps, above the test's folder.
func (s *Server) program() string {
	dir, err := os.Getwd()
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		p := filepath.Join(dir, ".deps", "s3", s.Kind)
		if st, err := os.Stat(p); err == nil && !st.IsDir() {
			return p
		}
		up := filepath.Dir(dir)
		if up == dir {
			s.t.Fatalf("the S3 server %s is not built: run make deps-test, which builds it into .deps/s3", s.Kind)
		}
		dir = up
	}
}

func (s *Server) command() *exec.Cmd {
	address := fmt.Sprintf("127.0.0.1:%d", s.port)
	var cmd *exec.Cmd
	switch s.Kind {
	case Versity:
		cmd = exec.Command(s.program(), "--port", address, "--quiet", "posix", s.Dir)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.Access, "ROOT_SECRET_KEY="+s.Secret)
	case MinIO:
		cmd = exec.Command(s.program(), "server", "--quiet", "--address", address, s.Dir)
		cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+s.Access, "MINIO_ROOT_PASSWORD="+s.Secret,
			"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CI_CD=1")
	default:
		s.t.Fatalf("there is no S3 server %q", s.Kind)
	}
	return cmd
}

// start starts the program and waits until it answers. False: it has ended by itself.
func (s *Server) start() bool {
	s.t.Helper()
	cmd := s.command()
	out, err := os.CreateTemp(s.t.TempDir(), "output")
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		// Pdeathsig means the death of the thread, which therefore lives as long as the program.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed
		}
	}()
	if err := <-started; err != nil {
		s.t.Fatalf("%s: %v", s.Kind, err)
	}
	stop := func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	}
	if s.ready(ended) {
		s.stop = stop
		return true
	}
	stop()
	b, _ := os.ReadFile(out.Name())
	s.t.Logf("%s did not start: %.2000s", s.Kind, b)
	return false
}

// ready waits until the server answers a request with anything but "not yet".
func (s *Server) ready(ended <-chan struct{}) bool {
	ctx, stop := context.WithTimeout(context.Background(), readyWithin)
	defer stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+"/", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode < 500 {
				return true
			}
		}
		select {
		case <-ended:
			return false
		case <-ctx.Done():
			s.t.Logf("%s does not answer within %v", s.Kind, readyWithin)
			return false
		case <-tick.C:
		}
	}
}

// Files lists the files under the server's folder that hold a key's bytes, for a test that damages
// them behind the server's back. The key is the one in the bucket.
func (s *Server) Files(key string) []string {
	s.t.Helper()
	at := filepath.Join(s.Dir, s.Bucket, filepath.FromSlash(key))
	st, err := os.Stat(at)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if !st.IsDir() {
		return []string{at}
	}
	var files []string // MinIO keeps an object as a folder
	err = filepath.WalkDir(at, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
