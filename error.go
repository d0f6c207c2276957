package bongsu

import (
	"errors"
	"fmt"
	"net/http"
)

// Code is the machine's word for what went wrong. Codes are stable: scripts match on them.
type Code string

// Codes that cross a process border.
const (
	CodeInvalid      Code = "invalid"       // the request or file is wrong; do not send it again unchanged
	CodeUnauthorized Code = "unauthorized"  // no or unknown credential
	CodeForbidden    Code = "forbidden"     // known, but not allowed
	CodeNotFound     Code = "not_found"     // there is no such thing
	CodeConflict     Code = "conflict"      // somebody else was first, or the state does not allow it
	CodeHashMismatch Code = "hash_mismatch" // bytes do not have the declared SHA-256 or size
	CodeTooLarge     Code = "too_large"     // over a documented limit
	CodeThrottled    Code = "throttled"     // too many; try again after the time given
	CodeUnavailable  Code = "unavailable"   // cannot be done now; try again
	CodeInternal     Code = "internal"      // a defect of ours
	CodeNoCgo        Code = "no_cgo"        // built without C; see ErrNoCgo
)

// Error keeps the machine's code, the human's sentence and the inner cause apart. Message
// names what, where and what to do; it never holds a secret.
type Error struct {
	Code    Code
	Message string
	Err     error // inner cause; not shown to remote parties
}

// Error gives the sentence, and the cause when there is one.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap gives the inner cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error without an inner cause; the whole sentence is shown to remote parties.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an Error of a sentence and a cause that stays inside.
func Wrap(code Code, err error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// CodeOf gives the code of the outermost Error in err's chain: CodeInternal when there is
// none, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// HTTPStatus is the one mapping from Code to HTTP status.
func HTTPStatus(c Code) int {
	switch c {
	case "":
		return http.StatusOK
	case CodeInvalid:
		return http.StatusBadRequest
	case CodeUnauthorized:
		return http.StatusUnauthorized
	case CodeForbidden:
		return http.StatusForbidden
	case CodeNotFound:
		return http.StatusNotFound
	case CodeConflict:
		return http.StatusConflict
	case CodeHashMismatch:
		return http.StatusUnprocessableEntity
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeThrottled:
		return http.StatusTooManyRequests
	case CodeUnavailable, CodeEdgeOffline:
		return http.StatusServiceUnavailable
	case CodeEdgeSilent:
		return http.StatusGatewayTimeout
	case CodeEdgeOld:
		return http.StatusNotImplemented
	case CodeNotAllowed:
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// ErrNoCgo is returned by packages with C inside when they were built without it.
var ErrNoCgo = &Error{Code: CodeNoCgo, Message: "this program was built with CGO_ENABLED=0: build it with cgo and the packages that `make deps` installs"}

// FieldError says where in a configuration file or manifest something is wrong, in the form
// "edge.yaml:14: cameras[2].rules[0].zone: polygon crosses itself".
type FieldError struct {
	File    string // base name or path as the user gave it
	Line    int    // 1-based; 0 when the line is not known
	Path    string // such as cameras[2].rules[0].zone; "" for the file as a whole
	Message string // what is wrong and what to do
}

// Error gives the one-line form.
func (e *FieldError) Error() string {
	s := e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, e.Line)
	}
	if e.Path != "" {
		s += ": " + e.Path
	}
	return s + ": " + e.Message
}
