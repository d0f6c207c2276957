package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"

	"bongsu"
)

// maxBackoff bounds the pause between two attempts.
const maxBackoff = 2 * time.Second

// Counts says how often the server had to be asked again.
type Counts struct {
	Requests int64 // attempts
	Retries  int64 // of them, those after a failed one
	Failed   int64 // requests given up
}

type counts struct{ requests, retries, failed atomic.Int64 }

// Counts tells how the store fared since it was opened.
func (s *Store) Counts() Counts {
	return Counts{s.counts.requests.Load(), s.counts.retries.Load(), s.counts.failed.Load()}
}

// WriteMetrics writes the counts in Prometheus' text format 0.0.4.
func (s *Store) WriteMetrics(w io.Writer) {
	c := s.Counts()
	for _, m := range []struct {
		name, help string
		n          int64
	}{
		{"bongsu_cloud_s3_requests_total", "Requests to the S3 server, repeated ones too.", c.Requests},
		{"bongsu_cloud_s3_retries_total", "Requests to the S3 server that had to be repeated.", c.Retries},
		{"bongsu_cloud_s3_failed_total", "Requests to the S3 server that were given up.", c.Failed},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n%s %d\n", m.name, m.help, m.name, m.name, m.n)
	}
}

// try does a request until it works, is refused for good or has been tried Options.Tries times.
// The answer has a bongsu code.
func (s *Store) try(ctx context.Context, what string, f func(context.Context) error) error {
	pause := s.o.Backoff
	for n := 1; ; n++ {
		s.counts.requests.Add(1)
		err := f(ctx)
		if err == nil {
			return nil
		}
		if !again(err) || ctx.Err() != nil {
			return s.failed(ctx, what, err)
		}
		if n == s.o.Tries {
			s.counts.failed.Add(1)
			s.log.Warn("s3: a request failed for good", "what", what, "tries", n, "err", err)
			return s.failed(ctx, what, err)
		}
		s.counts.retries.Add(1)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return s.failed(ctx, what, ctx.Err())
		}
		pause = min(2*pause, maxBackoff)
	}
}

// ask is try for a request whose body is small: each attempt has its own time.
func (s *Store) ask(ctx context.Context, what string, f func(context.Context) error) error {
	return s.try(ctx, what, func(ctx context.Context) error {
		ctx, stop := context.WithTimeoutCause(ctx, s.o.Request, errSlow)
		defer stop()
		err := f(ctx)
		if err != nil && errors.Is(context.Cause(ctx), errSlow) {
			return errSlow
		}
		return err
	})
}

var (
	errSlow  = errors.New("the S3 server does not answer in time")
	errOver  = errors.New("the request is over")
	errStall = errors.New("the S3 server has stopped sending or taking bytes")
)

// Codes of S3 that say that the bytes changed on their way.
var damagedOnTheWay = map[string]bool{
	"BadDigest": true, "InvalidDigest": true, "XAmzContentSHA256Mismatch": true, "XAmzContentChecksumMismatch": true,
	"IncompleteBody": true, "RequestTimeout": true, "ContentSHA256Mismatch": true,
}

// again reports that the same request may work a moment later.
func again(err error) bool {
	var known *bongsu.Error
	if errors.As(err, &known) {
		return false
	}
	answer := answerOf(err)
	switch {
	case damagedOnTheWay[answer.Code]:
		return true
	case answer.StatusCode == 0:
		return !errors.Is(err, context.Canceled) || errors.Is(err, errStall) // nothing answered
	case answer.StatusCode == http.StatusConflict: // another writer of the key is at work
		return answer.Code == "ConditionalRequestConflict" || answer.Code == "OperationAborted"
	}
	return answer.StatusCode >= 500 || answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode == http.StatusTooManyRequests
}

// answerOf is what the server said; the zero answer when it said nothing.
func answerOf(err error) minio.ErrorResponse {
	var answer minio.ErrorResponse
	errors.As(err, &answer)
	return answer
}

func absent(err error) bool {
	switch answerOf(err).Code {
	case "NoSuchKey", "NoSuchUpload":
		return true
	}
	return false
}

func taken(err error) bool { return answerOf(err).StatusCode == http.StatusPreconditionFailed }

// failed gives an error a code and a sentence.
func (s *Store) failed(ctx context.Context, what string, err error) error {
	var known *bongsu.Error
	if errors.As(err, &known) {
		return err
	}
	answer := answerOf(err)
	switch {
	case ctx.Err() != nil:
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "s3: cannot %s: given up", what)
	case absent(err):
		return bongsu.Wrap(bongsu.CodeNotFound, err, "s3: cannot %s: there is no such object", what)
	case taken(err):
		return bongsu.Wrap(bongsu.CodeConflict, err, "s3: cannot %s: the object is there already", what)
	case answer.Code == "NoSuchBucket":
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "s3: there is no bucket %q on the S3 server; make it", s.o.Bucket)
	case answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusUnauthorized:
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "s3: cannot %s: the S3 server refuses the credentials (%s); check the key files, the key's rights on bucket %q and the clocks of both machines", what, answer.Code, s.o.Bucket)
	case answer.StatusCode != 0:
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "s3: cannot %s: the S3 server answers %d (%s)", what, answer.StatusCode, answer.Code)
	}
	return bongsu.Wrap(bongsu.CodeUnavailable, err, "s3: cannot %s: the S3 server does not answer as it should", what)
}

// watch ends a transfer that does not move. It starts no goroutine.
type watch struct {
	r     io.Reader
	timer *time.Timer
	after time.Duration
	end   context.CancelCauseFunc
	// sends: the server reads from us, and the time between two Reads is the server's; otherwise
	// we read from the server, and that time is our own
	sends bool

	mu   sync.Mutex // held while r is read
	over bool
}

// watched gives a context that ends after d without a call of the watch's Read.
func watched(ctx context.Context, d time.Duration) (context.Context, *watch) {
	ctx, end := context.WithCancelCause(ctx)
	return ctx, &watch{after: d, end: end, timer: time.AfterFunc(d, func() { end(errStall) })}
}

// Read implements io.Reader.
func (w *watch) Read(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return 0, errOver
	}
	w.timer.Reset(w.after)
	n, err := w.r.Read(b)
	if err == io.EOF || !w.sends {
		w.timer.Stop() // what follows has a limit of its own
	} else {
		w.timer.Reset(w.after)
	}
	return n, err
}

// stop ends the watch. After it r is not read any more: net/http may go on reading a request's body
// when the answer has come already.
func (w *watch) stop() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.timer.Stop()
	w.end(nil)
}

// stalled gives the cause where a transfer ended because of the watch.
func stalled(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errStall) {
		return errStall
	}
	return err
}
