package uplink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates for a test. file names its own, for NewClient.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(crand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, file: filepath.Join(t.TempDir(), "ca.pem")}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// serve answers at a certificate for an address, valid between the two times from now.
func (a *authority) serve(t *testing.T, name string, from, to time.Duration, h http.HandlerFunc) string {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to)}
	if ip := net.ParseIP(name); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(crand.Reader, tmpl, a.cert, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: a.key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// ear takes TCP connections and keeps what it is told, answering with something that is no TLS.
func ear(t *testing.T) (addr string, heard func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var b strings.Builder
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(200 * time.Millisecond))
				buf := make([]byte, 4096)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>log in</html>")
				for {
					n, err := c.Read(buf)
					mu.Lock()
					b.Write(buf[:n])
					mu.Unlock()
					if err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String(), func() string { mu.Lock(); defer mu.Unlock(); return b.String() }
}

// TestStrangersGetNothing: whoever stands where the cloud should be and cannot prove that it is
// the cloud gets no byte of payload, and the reason is shown (row R18). Login pages and
// redirects of a verified peer are in TestBadAnswers.
func TestStrangersGetNothing(t *testing.T) {
	a := newAuthority(t)
	var served atomic.Int64
	count := func(http.ResponseWriter, *http.Request) { served.Add(1) }
	plain, heard := ear(t)
	const day = 24 * time.Hour
	var slowest time.Duration
	for name, tc := range map[string]struct{ url, caFile, reason string }{
		"clock too late":    {a.serve(t, "127.0.0.1", -10*day, -day, count), a.file, "check the box's clock"},
		"clock too early":   {a.serve(t, "127.0.0.1", day, 10*day, count), a.file, "check the box's clock"},
		"other name":        {a.serve(t, "elsewhere.example", -day, day, count), a.file, "for another name"},
		"unknown authority": {a.serve(t, "127.0.0.1", -day, day, count), "", "cloud.ca_file"},
		"no TLS":            {"https://" + plain, a.file, "does not speak TLS"},
		"name unknown":      {"https://cloud.invalid:8443", a.file, "cannot be resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := NewClient(tc.caFile)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(tc.url, ".invalid") { // never ask the network in a test
				client.Transport.(*http.Transport).DialContext = (&net.Dialer{Resolver: deafResolver()}).DialContext
			}
			s := newFakeStore(t)
			s.put(77)
			s.putClip(t, 77, []byte("payload-canary"))
			began := time.Now()
			u, _ := start(t, &fakeCloud{Server: &httptest.Server{URL: tc.url}}, s, func(o *Options) { o.Client = client })
			eventually(t, "the reason is shown", func() bool { return strings.Contains(u.Status().Reason, tc.reason) })
			slowest = max(slowest, time.Since(began))
			if s.ackedEvents() != 0 {
				t.Error("taken for delivered")
			}
		})
	}
	if n := served.Load(); n != 0 {
		t.Errorf("%d requests reached a server that was not verified", n)
	}
	for _, secret := range []string{credential, "payload-canary", "01890a5d"} {
		if strings.Contains(heard(), secret) {
			t.Errorf("%q was told to a peer without TLS", secret)
		}
	}
	t.Logf("figure R18: 6 kinds of unverified peer: %d requests and 0 bytes of payload to them, reason shown after %v at most", served.Load(), slowest.Round(time.Millisecond))
}

// deafResolver gives a resolver whose server is nobody.
func deafResolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: (&net.Dialer{Timeout: time.Second, Resolver: nil}).DialContext}
}
