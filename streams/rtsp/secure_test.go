package rtsp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

// identity is a certificate for 127.0.0.1 with what a reader needs to know it.
type identity struct {
	tls     *tls.Config
	caFile  string
	pemFile string // certificate and key
	pin     string
}

// selfSigned makes a certificate as cameras do, for an address or a name, valid until end.
func selfSigned(t *testing.T, name string, end time.Time) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "camera"}, NotBefore: end.Add(-time.Hour), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := filepath.Join(t.TempDir(), "both.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	if err := os.WriteFile(both, text, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return identity{
		tls:    &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		caFile: path, pemFile: both, pin: hex.EncodeToString(sum[:]),
	}
}

// TestTLS: a certificate is checked by authority or fingerprint, and nothing is sent where it
// is not the right one: S14.
func TestTLS(t *testing.T) {
	good := selfSigned(t, "127.0.0.1", time.Now().Add(time.Hour))
	other := selfSigned(t, "127.0.0.1", time.Now().Add(time.Hour))
	named := selfSigned(t, "camera.example", time.Now().Add(time.Hour))
	expired := selfSigned(t, "127.0.0.1", time.Now().Add(-time.Minute))
	colons := strings.ToUpper(good.pin[:2]) + ":" + good.pin[2:]
	passwords, cases := 0, 0
	for name, c := range map[string]struct {
		id    identity
		trust TLS
		code  string
		basic bool
	}{
		"authority":                      {id: good, trust: TLS{CAFile: good.caFile}},
		"fingerprint":                    {id: good, trust: TLS{PinSHA256: colons}},
		"both":                           {id: good, trust: TLS{CAFile: good.caFile, PinSHA256: good.pin}},
		"expired, pinned":                {id: expired, trust: TLS{PinSHA256: expired.pin}},
		"another name, told":             {id: named, trust: TLS{CAFile: named.caFile, ServerName: "camera.example"}},
		"Basic behind TLS":               {id: good, trust: TLS{CAFile: good.caFile}, basic: true},
		"the system's authorities":       {id: good, code: streams.ReasonUntrusted},
		"another authority":              {id: good, trust: TLS{CAFile: other.caFile}, code: streams.ReasonUntrusted},
		"another fingerprint":            {id: good, trust: TLS{PinSHA256: other.pin}, code: streams.ReasonUntrusted},
		"authority, another fingerprint": {id: good, trust: TLS{CAFile: good.caFile, PinSHA256: other.pin}, code: streams.ReasonUntrusted},
		"another name":                   {id: named, trust: TLS{CAFile: named.caFile}, code: streams.ReasonUntrusted},
		"expired":                        {id: expired, trust: TLS{CAFile: expired.caFile}, code: streams.ReasonUntrusted},
		"plain RTSP there":               {trust: TLS{CAFile: good.caFile}, code: streams.ReasonProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			s := &streamstest.Script{ID: "t", Title: "t", Video: streamstest.Video{Units: 5}, Login: &streamstest.Login{User: "admin", Password: secret}}
			if c.basic {
				s.Login.Challenges = []string{`Basic realm="camera"`}
			}
			cam := streamstest.StartCamera(t, s, streamstest.CameraOptions{TLS: c.id.tls})
			url := "rtsps://" + strings.SplitN(cam.URL(), "://", 2)[1]
			src, err := Open(t.Context(), Options{Camera: "gate", URL: url, Username: "admin", Password: secret, TLS: c.trust, StallAfter: 3 * time.Second})
			if err == nil {
				got, _ := drain(t, src)
				src.Close()
				if len(got) != 5 {
					t.Errorf("%d units", len(got))
				}
			}
			checkCode(t, err, c.code, stateOf(c.code))
			cases++
			if c.code != "" {
				passwords += len(cam.Passwords())
				if n := len(cam.Asked()); n > 0 {
					t.Errorf("%d requests were sent to who is not trusted", n)
				}
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Error("the error shows the password")
			}
		})
	}
	for name, o := range map[string]Options{
		"TLS set, plain URL":       {URL: "rtsp://127.0.0.1/", TLS: TLS{PinSHA256: good.pin}},
		"UDP behind TLS":           {URL: "rtsps://127.0.0.1/", Transport: UDP},
		"a pin that is none":       {URL: "rtsps://127.0.0.1/", TLS: TLS{PinSHA256: "abc"}},
		"no such file":             {URL: "rtsps://127.0.0.1/", TLS: TLS{CAFile: "/nowhere/ca.pem"}},
		"a transport that is none": {URL: "rtsp://127.0.0.1/", Transport: "auto"},
	} {
		var e *streams.Error
		if _, err := Open(t.Context(), o); !errors.As(err, &e) || e.Code != streams.ReasonBadURL {
			t.Errorf("%s: %v", name, err)
		}
		cases++
	}
	t.Logf("figure S14: %d cases, %d passwords shown to cameras that are not trusted, 0 requests in the clear", cases, passwords)
}

// TestNeverElsewhere: whatever addresses a camera names, one host is dialled: S9.
func TestNeverElsewhere(t *testing.T) {
	const trap = "127.0.0.9:5544"
	bases := []string{"", "rtsp://" + trap + "/cam/", "rtsp://rtsp://" + trap + "/", trap + "/cam", "//" + trap + "/cam/", "rtsps://evil.invalid/", "http://169.254.169.254/", "rtsp://[::1]:22/"}
	controls := []string{"trackID=1", "rtsp://" + trap + "/1", "rtsps://user:pw@" + trap + "/1", "//" + trap + "/1", "rtsp://169.254.169.254/latest", "*"}
	cases, played := 0, 0
	var mu sync.Mutex
	dialled := map[string]bool{}
	play := func(s *streamstest.Script) {
		s.ID, s.Title, s.Video.Units = "s9", "s9", 3
		cam := streamstest.StartCamera(t, s, streamstest.CameraOptions{})
		o := optionsOf(s, cam.URL())
		o.StallAfter = 2 * time.Second
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			mu.Lock()
			dialled[address] = true
			mu.Unlock()
			if "rtsp://"+address+"/cam" != cam.URL() {
				t.Errorf("%s was dialled: %+v", address, s.Answers)
				return nil, errors.New("not the camera")
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		src, err := Open(t.Context(), o)
		if err == nil {
			if got, _ := drain(t, src); len(got) > 0 {
				played++
			}
			src.Close()
		}
		checkAddresses(t, s, cam)
		cases++
	}
	sdp := "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=Camera\nt=0 0\na=control:%s\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 {{fmtp}}\na=control:%s\n"
	for i, b := range bases {
		for j, c := range controls {
			s := &streamstest.Script{SDP: fmt.Sprintf(sdp, []string{"*", "rtsp://" + trap + "/all"}[(i+j)%2], c), Answers: map[string][]streamstest.Answer{}}
			if b != "" {
				s.Answers["DESCRIBE"] = []streamstest.Answer{{Set: []string{"Content-Base: " + b}}}
			}
			s.Answers["SETUP"] = []streamstest.Answer{{Set: []string{"Transport: RTP/AVP/TCP;unicast;interleaved=0-1;source=127.0.0.9;destination=127.0.0.9"}}}
			play(s)
		}
	}
	for _, status := range []string{"301 Moved Permanently", "302 Found", "303 See Other", "305 Use Proxy"} {
		for _, method := range []string{"OPTIONS", "DESCRIBE", "SETUP", "PLAY"} {
			play(&streamstest.Script{Answers: map[string][]streamstest.Answer{method: {{Status: status, Set: []string{"Location: rtsp://" + trap + "/cam"}}}}})
		}
	}
	play(&streamstest.Script{Media: streamstest.Media{Changes: []streamstest.Change{{Do: "insert", At: []int{2}, Text: `REDIRECT * RTSP/1.0\r\nCSeq: 7\r\nLocation: rtsp://` + trap + `/\r\n\r\n`}}}})
	t.Logf("figure S9: %d cases of Content-Base, control, Location, source and REDIRECT, %d played, %d addresses dialled besides the cameras' own", cases, played, len(dialled)-cases)
	if len(dialled) != cases {
		t.Errorf("%d addresses were dialled for %d cameras", len(dialled), cases)
	}
}
