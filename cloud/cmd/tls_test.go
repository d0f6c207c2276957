package cmd

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned writes a certificate for 127.0.0.1 and gives the pool that trusts it.
func selfSigned(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}

func TestHTTPS(t *testing.T) {
	dir := t.TempDir()
	pool := selfSigned(t, dir)
	file := filepath.Join(dir, "cloud.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\ntls: {cert_file: cert.pem, key_file: key.pem}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	r := start(t, data, "--config", file)
	must(t, password, "user", "add", "--data", data, "kim")
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	resp, err := client.Post(r.url+"/api/v1/login", "application/json", strings.NewReader(`{"username":"kim","password":"`+password+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cookie := resp.Header.Get("Set-Cookie")
	if !strings.HasPrefix(r.url, "https://127.0.0.1:") || resp.StatusCode != 200 || resp.ProtoMajor != 2 || !strings.HasSuffix(cookie, "; HttpOnly; Secure; SameSite=Strict") {
		t.Errorf("%s: %s %d, cookie %q", r.url, resp.Proto, resp.StatusCode, cookie)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", strings.SplitN(cookie, ";", 2)[0])
	stream, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() && lines.Text() != "event: ping" { // deadlines of a stream within a shared connection
	}
	if lines.Text() != "event: ping" {
		t.Errorf("the stream ended early: %v", lines.Err())
	}
	if _, err := tls.Dial("tcp", strings.TrimPrefix(r.url, "https://"), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	if code, _, errOut := tool(t, "", "serve", "--config", strings.Replace(file, "cloud.yaml", "none.yaml", 1)); code != ExitFailure || !strings.Contains(errOut, "cannot be read") {
		t.Errorf("%d %s", code, errOut)
	}
}

func TestWrongCertificate(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cloud.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\ndata_dir: data\ntls: {cert_file: cert.pem, key_file: key.pem}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := tool(t, "", "serve", "--config", file); code != ExitFailure || !strings.Contains(errOut, "cert.pem and "+filepath.Join(dir, "key.pem")+" are no certificate and its key") {
		t.Errorf("%d %s", code, errOut)
	}
}
