package s3

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/objects/objectstest"
	"bongsu/cloud/objects/objectstest/s3servers"
)

// TestWrongOptions: each mistake is named, and no sentence holds a credential.
func TestWrongOptions(t *testing.T) {
	srv := s3servers.Start(t, s3servers.Versity)
	good := options(t, srv)
	file := func(content string, mode os.FileMode) string {
		p := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(p, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, c := range map[string]struct {
		change func(*Options)
		code   bongsu.Code
		words  string
	}{
		"endpoint":        {func(o *Options) { o.Endpoint = "127.0.0.1:1" }, bongsu.CodeInvalid, "endpoint"},
		"endpoint's path": {func(o *Options) { o.Endpoint += "/x" }, bongsu.CodeInvalid, "endpoint"},
		"public endpoint": {func(o *Options) { o.PublicEndpoint = "ftp://x" }, bongsu.CodeInvalid, "endpoint"},
		"prefix":          {func(o *Options) { o.Prefix = "../" }, bongsu.CodeInvalid, "prefix"},
		"prefix's end":    {func(o *Options) { o.Prefix = "a" }, bongsu.CodeInvalid, "slash"},
		"no file":         {func(o *Options) { o.SecretKeyFile = "" }, bongsu.CodeInvalid, "secret_key_file"},
		"file not there":  {func(o *Options) { o.AccessKeyFile = "/none" }, bongsu.CodeInvalid, "/none"},
		"file for all":    {func(o *Options) { o.SecretKeyFile = file("hunter2", 0o644) }, bongsu.CodeInvalid, "chmod 600"},
		"file empty":      {func(o *Options) { o.SecretKeyFile = file("\n", 0o600) }, bongsu.CodeInvalid, "one line"},
		"file of two":     {func(o *Options) { o.SecretKeyFile = file("hunter2\nhunter2\n", 0o600) }, bongsu.CodeInvalid, "one line"},
		"file too long":   {func(o *Options) { o.SecretKeyFile = file(strings.Repeat("x", 2000), 0o600) }, bongsu.CodeInvalid, "more than one line"},
		"ca":              {func(o *Options) { o.CAFile = file("no certificate", 0o600) }, bongsu.CodeInvalid, "PEM"},
		"ca not there":    {func(o *Options) { o.CAFile = "/none" }, bongsu.CodeInvalid, "ca_file"},
		"bucket":          {func(o *Options) { o.Bucket = "no-such-bucket" }, bongsu.CodeUnavailable, "make it"},
		"wrong secret":    {func(o *Options) { o.SecretKeyFile = file("hunter2", 0o600) }, bongsu.CodeUnavailable, "refuses the credentials"},
		"nobody there":    {func(o *Options) { o.Endpoint, o.Tries = "http://127.0.0.1:1", 2 }, bongsu.CodeUnavailable, "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			o.Log = nil
			c.change(&o)
			s, err := New(t.Context(), o)
			if err == nil {
				s.Close()
			}
			wantCode(t, err, c.code, name)
			if !strings.Contains(err.Error(), c.words) {
				t.Errorf("%q does not say %q", err, c.words)
			}
			for _, secret := range []string{srv.Secret, "hunter2"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("a secret is in %q", err)
				}
			}
		})
	}
}

// TestRegionIsAsked: without a region the server is asked for it once.
func TestRegionIsAsked(t *testing.T) {
	srv := s3servers.Start(t, s3servers.Versity)
	o := options(t, srv)
	o.Region = ""
	s := open(t, o)
	if s.o.Region != "us-east-1" {
		t.Errorf("region %q", s.o.Region)
	}
	if err := put(t.Context(), s, "k", []byte("x")); err != nil {
		t.Fatal(err)
	}
	var metrics strings.Builder
	s.WriteMetrics(&metrics)
	for _, want := range []string{"# TYPE bongsu_cloud_s3_requests_total counter", "\nbongsu_cloud_s3_retries_total 0\n", "\nbongsu_cloud_s3_failed_total 0\n"} {
		if !strings.Contains(metrics.String(), want) {
			t.Errorf("%q is not in %s", want, metrics.String())
		}
	}
}

// careless is an S3 server that takes everything and compares nothing.
func careless(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if r.Method == http.MethodDelete {
		w.WriteHeader(http.StatusNoContent)
	}
}

// TestCarelessServer: one that ignores conditions is refused where several processes share it, and
// said to be so elsewhere; it gets no addresses.
func TestCarelessServer(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(careless))
	defer web.Close()
	srv := s3servers.Start(t, s3servers.Versity)
	o := options(t, srv)
	o.Endpoint = web.URL
	var said bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&said, nil))
	s := open(t, o)
	if can := s.Abilities(); can.CreateOnce || can.Checksums {
		t.Errorf("it is said to be able to %+v", can)
	}
	for _, words := range []string{"If-None-Match", "x-amz-checksum-sha256"} {
		if !strings.Contains(said.String(), words) {
			t.Errorf("%s is not in %s", words, said.String())
		}
	}
	if strings.Contains(said.String(), srv.Secret) || strings.Contains(said.String(), srv.Access) {
		t.Error("a credential is in the log")
	}
	o.CreateOnce = true
	_, err := New(t.Context(), o)
	wantCode(t, err, bongsu.CodeInvalid, "New with CreateOnce")
	servers(t, func(t *testing.T, srv *s3servers.Server) {
		o := options(t, srv)
		o.CreateOnce = true
		if can := open(t, o).Abilities(); !can.CreateOnce || !can.Checksums || can.Versions {
			t.Errorf("%+v", can)
		}
	})
}

// TestTLS: the server's certificate is checked against the CA file, and addresses lead to the
// public endpoint.
func TestTLS(t *testing.T) {
	srv := s3servers.Start(t, s3servers.Versity)
	target, err := url.Parse(srv.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true}
	web := httptest.NewUnstartedServer(&httputil.ReverseProxy{Transport: tr, Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = p.In.Host
	}})
	web.Config.ErrorLog = discardLog()
	web.StartTLS()
	defer tr.CloseIdleConnections()
	defer web.Close()
	o := options(t, srv)
	o.Endpoint, o.Tries, o.Log = web.URL, 2, nil
	_, err = New(t.Context(), o)
	wantCode(t, err, bongsu.CodeUnavailable, "New without the CA")
	o.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(o.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	o.PublicEndpoint = srv.Endpoint
	s := open(t, o)
	b := objectstest.Bytes(t, 1000)
	if to := address(t, s, "direct", b, time.Minute); !strings.HasPrefix(to.URL, srv.Endpoint+"/") {
		t.Errorf("the address leads elsewhere than to %s", srv.Endpoint)
	}
	if _, err := sendDirect(t.Context(), s, "direct", b, plainTransport(t)); err != nil {
		t.Fatal(err)
	}
	if err := send(t.Context(), s, "through-us", b, 400); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"direct", "through-us"} {
		if err := s.Verify(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
}

// TestServerGoesAndComes: while the server is away everything fails with CodeUnavailable in bounded
// time, and the same store works when it is back.
func TestServerGoesAndComes(t *testing.T) {
	servers(t, func(t *testing.T, srv *s3servers.Server) {
		o := options(t, srv)
		o.Log, o.Tries = nil, 3
		s := open(t, o)
		b := objectstest.Bytes(t, 1000)
		if err := put(t.Context(), s, "before", b); err != nil {
			t.Fatal(err)
		}
		srv.Stop()
		wantCode(t, put(t.Context(), s, "during", b), bongsu.CodeUnavailable, "Put")
		wantCode(t, s.Verify(t.Context(), "before"), bongsu.CodeUnavailable, "Verify")
		_, err := s.Begin(t.Context(), "during", "", 1000, objectstest.Hash(b))
		wantCode(t, err, bongsu.CodeUnavailable, "Begin")
		srv.Restart()
		back := time.Now()
		for err = errors.New("not yet"); err != nil && time.Since(back) < time.Minute; {
			err = put(t.Context(), s, "during", b)
		}
		if err != nil {
			t.Fatalf("a minute after the server's return: %v", err)
		}
		t.Logf("%s: serving %v after its return", srv.Kind, time.Since(back).Round(time.Millisecond))
		for _, key := range []string{"before", "during"} {
			if err := s.Verify(t.Context(), key); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestStall: a server that takes a request and says nothing is given up after the time for it.
func TestStall(t *testing.T) {
	srv := s3servers.Start(t, s3servers.Versity)
	o := options(t, srv)
	s := open(t, o)
	hung := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hung:
		case <-r.Context().Done():
		}
	}))
	defer web.Close()
	defer close(hung)
	o.Endpoint, o.Tries, o.Request, o.Stall, o.Log = web.URL, 2, 100*time.Millisecond, 100*time.Millisecond, nil
	_, err := New(t.Context(), o)
	wantCode(t, err, bongsu.CodeUnavailable, "New on a server that hangs")
	_ = s
}
