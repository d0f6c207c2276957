package rtsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"

	"bongsu"
	"bongsu/streams"
)

// sentence is what went wrong in words, with the cause kept inside.
type sentence struct {
	text  string
	cause error
}

func (e *sentence) Error() string { return e.text }
func (e *sentence) Unwrap() error { return e.cause }

// failure makes the error that ends a run. Err holds the whole sentence for people: what,
// where, what to do. A cause is added to it in brackets unless it holds a secret.
func (s *Source) failure(op, code string, cause error, format string, args ...any) *streams.Error {
	text := fmt.Sprintf(format, args...)
	if cause != nil {
		if c := cause.Error(); s.o.secret(c) {
			cause = nil
		} else {
			text += " (" + c + ")"
		}
	}
	return &streams.Error{
		Camera: s.o.Camera, Run: s.o.Run, Seq: s.seq, PTS: s.pts,
		Op: op, Code: code, State: stateOf(code), Err: &sentence{text: text, cause: cause},
	}
}

// secret reports whether text shows the login.
func (o *Options) secret(text string) bool {
	return o.Password != "" && strings.Contains(text, o.Password)
}

// stateOf gives the state that a camera has for a reason.
func stateOf(code string) bongsu.CameraState {
	switch code {
	case streams.ReasonBusy:
		return bongsu.CameraBusy
	case streams.ReasonWrongPassword, streams.ReasonNeedPassword, streams.ReasonBasicRefused:
		return bongsu.CameraDenied
	case streams.ReasonBadURL, streams.ReasonNotFound, streams.ReasonNoVideo, streams.ReasonUntrusted:
		return bongsu.CameraFailed
	}
	return bongsu.CameraOffline
}

// refusal says why a step of the opening failed. cause is gortsplib's error.
func (s *Source) refusal(ctx context.Context, op string, cause error) *streams.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	host := s.target.host
	var status liberrors.ErrClientBadStatusCode
	var shake *handshakeError
	switch {
	case errors.As(cause, &shake) && shake.untrusted():
		return s.failure("connect", streams.ReasonUntrusted, cause,
			"%s shows a certificate that is not trusted: set ca_file or pin_sha256 of the camera, or find out who answers in its place", host)
	case errors.As(cause, &shake):
		return s.failure("connect", streams.ReasonProtocol, cause,
			"%s does not speak TLS as expected: check that this is its RTSPS port", host)
	case !s.login.connected:
		return s.unreachable(ctx, cause)
	case s.login.basicRefused:
		return s.failure(op, streams.ReasonBasicRefused, nil,
			"%s accepts the password only readable on the network (Basic), which is refused: switch the camera to digest login, or set allow_basic for it", host)
	case s.login.unknown && !s.login.accepted && !s.o.WorkedBefore:
		return s.failure(op, streams.ReasonProtocol, nil,
			"%s asks for a kind of login that is not spoken: switch its RTSP authentication to digest (MD5 or SHA-256)", host)
	case errors.As(cause, &status):
		return s.status(op, status.Code)
	case errors.Is(cause, errNoServerPorts):
		return s.failure(op, streams.ReasonProtocol, nil,
			"%s does not say from which ports it sends, so that anybody could send in its name: set transport to tcp, or any_udp_port for it", host)
	case s.offer != nil && s.offer.codec == streams.CodecNone:
		return s.failure("describe", streams.ReasonNoVideo, nil,
			"%s offers no H.264 or H.265 video at %s (%s): choose another stream, or set the camera's encoder", host, s.target.path, offered(s.offer.tracks))
	case ctx.Err() != nil || errors.As(cause, new(liberrors.ErrClientRequestTimedOut)):
		return s.failure(op, streams.ReasonSilent, nil,
			"%s accepts the connection, but did not answer in %s: check that this is its RTSP port, and restart the camera if it is", host, s.o.StallAfter)
	case errors.Is(cause, io.EOF) || errors.Is(cause, io.ErrUnexpectedEOF) || errors.Is(cause, syscall.ECONNRESET) || errors.Is(cause, syscall.EPIPE):
		return s.failure(op, streams.ReasonEnded, cause, "%s closed the connection during %s", host, op)
	}
	return s.failure(op, streams.ReasonProtocol, cause, "%s does not speak RTSP as expected: check that this is its RTSP port", host)
}

// status maps an RTSP status (RFC 2326, section 7.1.1).
func (s *Source) status(op string, code base.StatusCode) *streams.Error {
	host := s.target.host
	switch {
	case code == base.StatusUnauthorized && (s.o.WorkedBefore || s.login.accepted):
		return s.failure(op, streams.ReasonBusy, nil,
			"%s refuses a login that it accepted before: most likely it has no session left; close other viewers of it", host)
	case code == base.StatusUnauthorized && s.o.Username == "":
		return s.failure(op, streams.ReasonNeedPassword, nil,
			"%s asks for a login, and none is configured: set username and password_file of the camera", host)
	case code == base.StatusUnauthorized || code == base.StatusForbidden:
		return s.failure(op, streams.ReasonWrongPassword, nil,
			"%s refuses user %q with the configured password (%d): correct username or password_file of the camera", host, s.o.Username, code)
	case code == base.StatusNotFound:
		return s.failure(op, streams.ReasonNotFound, nil,
			"%s has no stream at %s (404): correct the path in the camera's URL", host, s.target.path)
	case code == base.StatusNotEnoughBandwidth || code == base.StatusServiceUnavailable:
		return s.failure(op, streams.ReasonBusy, nil,
			"%s has no session left (%d): close other viewers of it, or raise its limit", host, code)
	case code >= 300 && code < 400:
		return s.failure(op, streams.ReasonProtocol, nil,
			"%s sends elsewhere (%d), which is not followed: put the final address in the camera's URL", host, code)
	}
	return s.failure(op, streams.ReasonProtocol, nil, "%s answered %s with status %d", host, op, code)
}

func (s *Source) unreachable(ctx context.Context, cause error) *streams.Error {
	host := s.target.host
	var dns *net.DNSError
	switch {
	case errors.Is(cause, syscall.ECONNREFUSED):
		return s.failure("connect", streams.ReasonUnreachable, nil,
			"%s refuses connections: check the port in the camera's URL, and that RTSP is enabled in the camera", host)
	case errors.As(cause, &dns):
		return s.failure("connect", streams.ReasonUnreachable, nil, "the name of %s is not known: check the host in the camera's URL", host)
	case ctx.Err() != nil || errors.Is(cause, context.DeadlineExceeded) || errors.As(cause, new(liberrors.ErrClientTerminated)):
		return s.failure("connect", streams.ReasonUnreachable, nil,
			"%s did not answer in %s: check the address in the camera's URL, its power and its network", host, s.o.StallAfter)
	}
	return s.failure("connect", streams.ReasonUnreachable, cause, "%s cannot be reached", host)
}

func offered(tracks []Track) string {
	if len(tracks) == 0 {
		return "it describes no track at all"
	}
	var names []string
	for _, t := range tracks {
		names = append(names, clip(t.Media)+" "+clip(t.Codec))
	}
	return "it offers " + strings.Join(names, ", ")
}
