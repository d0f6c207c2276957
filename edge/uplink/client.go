package uplink

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bongsu"
)

// Limits on waiting for the cloud.
const (
	dialTimeout   = 5 * time.Second
	ackTimeout    = 10 * time.Second // bytes sent and not acknowledged by TCP: the peer is gone
	answerTimeout = 9 * time.Second  // a message is sent and there is no answer, or the answer stops
	clipTimeout   = 30 * time.Second // the same for a clip's bytes, which the cloud has to store and to hash
	tlsTimeout    = 5 * time.Second
	unsentBytes   = 16 << 10 // of a request in the kernel and not on the wire; more would go before an event
)

// NewClient makes the HTTP client for the cloud. caFile, unless "", is a PEM file of the
// authorities that may have signed the cloud's certificate, instead of the system's. Redirects
// are not followed: what answers with one is not the cloud but something in between.
func NewClient(caFile string) (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("authorities for the cloud's certificate: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("authorities for the cloud's certificate: %s holds no PEM certificate", caFile)
		}
	}
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second, Control: noticeSilence}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSClientConfig: conf, TLSHandshakeTimeout: tlsTimeout,
			ResponseHeaderTimeout: clipTimeout, IdleConnTimeout: 60 * time.Second,
			MaxIdleConnsPerHost: 4, ForceAttemptHTTP2: false, DisableCompression: true,
			WriteBufferSize: 16 << 10,
		},
	}, nil
}

// noticeSilence makes the kernel give a connection up when the peer acknowledges nothing for
// ackTimeout (TCP_USER_TIMEOUT, RFC 5482). A slow link is not a dead one: as long as bytes are
// acknowledged there is no limit on how long a request may take. What a clip has handed to the
// kernel goes before an event that comes after, so little of it is taken (TCP_NOTSENT_LOWAT).
func noticeSilence(_, _ string, c syscall.RawConn) error {
	var err error
	cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(ackTimeout.Milliseconds()))
		err = errors.Join(err, unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes))
	})
	return errors.Join(cerr, err)
}

// errSilent says that the cloud took a request and does not answer it.
var errSilent = fmt.Errorf("the cloud cannot be reached: it has not answered for %s", answerTimeout)

// watchAnswer ends the context with errSilent when a request that was sent is not answered
// within so long, or its answer does not end within that time. stop must be called.
func watchAnswer(ctx context.Context, within time.Duration) (watched context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := time.AfterFunc(never, func() { cancel(errSilent) })
	trace := &httptrace.ClientTrace{
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.Reset(within) },
		GotFirstResponseByte: func() { t.Reset(within) },
	}
	return httptrace.WithClientTrace(ctx, trace), func() { t.Stop(); cancel(nil) }
}

// patience is how long the answer to a request may take. To complete a clip the cloud may have to
// read it back from an object store.
func patience(path string) time.Duration {
	if strings.HasSuffix(path, "/complete") {
		return clipTimeout
	}
	return answerTimeout
}

// errNotOurs says that something answered that is not the cloud.
var errNotOurs = errors.New("what answers at the cloud's address is not Bongsu's cloud: check the address, and whether a proxy or a login page is in between")

// cloudError is an error that the cloud itself answered with.
type cloudError struct {
	err   *bongsu.Error
	after time.Duration // from Retry-After
}

func (e *cloudError) Error() string { return "the cloud answers: " + e.err.Error() }
func (e *cloudError) Unwrap() error { return e.err }

// answered reports whether the cloud was reached and answered with an error.
func answered(err error) bool {
	var ce *cloudError
	return errors.As(err, &ce)
}

// retryAfter is how long the cloud asked to be left alone; 0 when it did not.
func retryAfter(err error) time.Duration {
	var ce *cloudError
	if errors.As(err, &ce) {
		return ce.after
	}
	return 0
}

// maxRetryAfter bounds what a Retry-After can do to us.
const maxRetryAfter = 10 * time.Minute

// parseRetryAfter reads the header's seconds or date (RFC 9110, section 10.2.3).
func parseRetryAfter(h string, now time.Time) time.Duration {
	var d time.Duration
	if s, err := strconv.Atoi(h); err == nil {
		d = time.Duration(min(max(s, 0), int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(h); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// call posts in as JSON to a path of the cloud's edge API and reads the answer into out; nil
// out: none is wanted.
func call(ctx context.Context, client *http.Client, base *url.URL, credential, path string, in, out any, now time.Time) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	ctx, stop := watchAnswer(ctx, patience(path))
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if credential != "" {
		req.Header.Set("Authorization", "Bearer "+credential)
	}
	resp, err := client.Do(req)
	if err == nil {
		err = readAnswer(resp, out, now)
	} else {
		err = transportError(err)
	}
	if err != nil && !answered(err) && errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

// transportError shortens what net/http says and keeps addresses with secrets in them out.
func transportError(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var noTLS tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("the cloud's certificate is signed by an authority this box does not know: name it as cloud.ca_file: %w", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the cloud's certificate is not valid at this box's time: check the box's clock: %w", err)
	case errors.As(err, &name):
		return fmt.Errorf("the cloud's certificate is for another name: check the cloud's address, and whether a proxy or a login page is in between: %w", err)
	case errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("what answers at the cloud's address does not speak TLS: check the address, and whether a proxy or a login page is in between: %w", err)
	case errors.As(err, &dns):
		return fmt.Errorf("the cloud's name cannot be resolved: check the address and this box's DNS server: %w", err)
	}
	return fmt.Errorf("the cloud cannot be reached: %w", err)
}

// readAnswer reads an answer to its end and closes it. An answer that the cloud cannot have
// given is errNotOurs, whatever its status.
func readAnswer(resp *http.Response, out any, now time.Time) error {
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return transportError(err)
	}
	if len(b) > maxAnswerBytes {
		return errNotOurs
	}
	if resp.StatusCode/100 == 2 {
		if out == nil {
			return nil
		}
		if !isJSON(resp) || json.Unmarshal(b, out) != nil {
			return fmt.Errorf("%w (status %d, %.80q)", errNotOurs, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		return nil
	}
	var we bongsu.WireError
	after := parseRetryAfter(resp.Header.Get("Retry-After"), now)
	if !isJSON(resp) || json.Unmarshal(b, &we) != nil || we.Error.Code == "" {
		// A proxy in front of the cloud may say 429, 502 or 503 in its own words.
		if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
			return &cloudError{bongsu.Errorf(bongsu.CodeUnavailable, "status %d", resp.StatusCode), after}
		}
		return fmt.Errorf("%w (status %d)", errNotOurs, resp.StatusCode)
	}
	return &cloudError{bongsu.Errorf(we.Error.Code, "%s", we.Error.Message), after}
}

func isJSON(resp *http.Response) bool {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}
