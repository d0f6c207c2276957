package rtsp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// errPin says that the camera showed another certificate than the pinned one.
var errPin = errors.New("the certificate is not the pinned one")

// config makes the TLS configuration for a camera at host. The error is a sentence.
func (t TLS) config(host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file of the camera cannot be read: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file of the camera holds no certificate in PEM form: %s", t.CAFile)
		}
	}
	if t.PinSHA256 == "" {
		return c, nil
	}
	pin, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(t.PinSHA256), ":", ""))
	if err != nil || len(pin) != sha256.Size {
		return nil, errors.New("pin_sha256 of the camera must be the 64 hexadecimal digits of its certificate's SHA-256")
	}
	// A pinned certificate vouches for itself: most cameras make their own.
	c.InsecureSkipVerify = t.CAFile == "" //nolint:gosec // VerifyConnection checks the pin
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errPin
		}
		sum := sha256.Sum256(s.PeerCertificates[0].Raw)
		if subtle.ConstantTimeCompare(sum[:], pin) != 1 {
			return fmt.Errorf("%w: it shows sha256 %s", errPin, hex.EncodeToString(sum[:]))
		}
		return nil
	}
	return c, nil
}

// secure speaks TLS on conn. It closes conn when that fails.
func (s *Source) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	c := tls.Client(conn, s.tls)
	if err := c.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &handshakeError{err}
	}
	return c, nil
}

// handshakeError is a TLS handshake that failed.
type handshakeError struct{ cause error }

func (e *handshakeError) Error() string { return e.cause.Error() }
func (e *handshakeError) Unwrap() error { return e.cause }

// untrusted reports whether the camera's certificate was the reason.
func (e *handshakeError) untrusted() bool {
	var verify *tls.CertificateVerificationError
	return errors.Is(e.cause, errPin) || errors.As(e.cause, &verify)
}
