package worker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/config"
	"bongsu/edge/link"
	"bongsu/models/ort"
	"bongsu/streams/streamstest"
)

// selfSigned is a camera's certificate, as PEM and by its pin.
func selfSigned(t *testing.T) (conf *tls.Config, pemFile, pin string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pemFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(pemFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pemFile, hex.EncodeToString(sum[:])
}

// TestEdgeYAMLReachesTheWire takes cameras from the text of edge.yaml to pictures: over UDP, and over
// TLS by authority and by pin; a pin of another certificate sees none and says why.
func TestEdgeYAMLReachesTheWire(t *testing.T) {
	library, err := ort.Locate("")
	if err == nil {
		err = ort.Load(library)
	}
	if code := bongsu.CodeOf(err); code == bongsu.CodeNoCgo || code == bongsu.CodeUnavailable {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	conf, pemFile, pin := selfSigned(t)
	film := func() *streamstest.Script {
		return &streamstest.Script{ID: "wire", Title: "wire", Video: streamstest.Video{Source: "ffmpeg", Units: 100, GOP: 10, Width: 64, Height: 64}, Media: streamstest.Media{Speed: 1, End: "hold"}}
	}
	plain := streamstest.StartCamera(t, film(), streamstest.CameraOptions{})
	secure := streamstest.StartCamera(t, film(), streamstest.CameraOptions{TLS: conf})
	cfg, err := config.Parse("edge.yaml", []byte(fmt.Sprintf(`
defaults: {model: tiny}
cameras:
  - {id: udp, url: %q, transport: udp, all_tracks: true}
  - {id: authority, url: %q, tls: {ca_file: %q}}
  - {id: pinned, url: %q, tls: {pin_sha256: %q}}
  - {id: stranger, url: %q, tls: {pin_sha256: %q}}
`, plain.URL(), secure.URL(), pemFile, secure.URL(), pin, secure.URL(), strings.Repeat("00", 32))))
	if err != nil {
		t.Fatal(err)
	}
	all, errs := cfg.Assignments(config.OS)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	models := &Models{Catalog: tinyCatalog(t), Library: library, Threads: 1, Log: slog.New(slog.DiscardHandler)}
	h := newWhole(t, models)
	for i := range all {
		h.send(link.Message{Type: link.TypeAssign, Assign: &all[i]})
	}
	for _, id := range []bongsu.CameraID{"udp", "authority", "pinned"} {
		h.runs(id, len(all))
	}
	var status bongsu.CameraStatus
	streamstest.Eventually(t, "the stranger is refused", func() bool {
		h.mu.Lock()
		status = h.runners["stranger"].Status()
		h.mu.Unlock()
		return status.Code != ""
	})
	if status.State == bongsu.CameraLive || status.FPS > 0 || !strings.Contains(status.Reason, "certificate") {
		t.Errorf("%+v", status)
	}
	h.end()
	models.Close()
}
