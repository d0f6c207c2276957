package bongsu

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
)

func TestErrorKeepsThreeThingsApart(t *testing.T) {
	err := Wrap(CodeUnavailable, io.ErrUnexpectedEOF, "cannot read clip %d; try again", 3)
	if err.Error() != "cannot read clip 3; try again: unexpected EOF" || err.Message != "cannot read clip 3; try again" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, message %q", err, err.Message)
	}
	if err := Errorf(CodeInvalid, "no %s", "zone"); err.Error() != "no zone" || err.Unwrap() != nil {
		t.Errorf("%v", err)
	}
}

func TestCodeOf(t *testing.T) {
	inner := Errorf(CodeNotFound, "no such camera")
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, ""},
		{io.EOF, CodeInternal},
		{inner, CodeNotFound},
		{fmt.Errorf("while reading: %w", inner), CodeNotFound},
		{Wrap(CodeUnavailable, inner, "later"), CodeUnavailable}, // the outermost decides
		{ErrNoCgo, CodeNoCgo},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

func TestHTTPStatus(t *testing.T) {
	for code, want := range map[Code]int{
		"":               http.StatusOK,
		CodeInvalid:      http.StatusBadRequest,
		CodeUnauthorized: http.StatusUnauthorized,
		CodeForbidden:    http.StatusForbidden,
		CodeNotFound:     http.StatusNotFound,
		CodeConflict:     http.StatusConflict,
		CodeHashMismatch: http.StatusUnprocessableEntity,
		CodeTooLarge:     http.StatusRequestEntityTooLarge,
		CodeThrottled:    http.StatusTooManyRequests,
		CodeUnavailable:  http.StatusServiceUnavailable,
		CodeInternal:     http.StatusInternalServerError,
		CodeNoCgo:        http.StatusInternalServerError,
		"new":            http.StatusInternalServerError,
	} {
		if got := HTTPStatus(code); got != want {
			t.Errorf("%q: %d, want %d", code, got, want)
		}
	}
}

func TestFieldError(t *testing.T) {
	for want, e := range map[string]FieldError{
		"edge.yaml:14: cameras[2].rules[0].zone: polygon crosses itself": {File: "edge.yaml", Line: 14, Path: "cameras[2].rules[0].zone", Message: "polygon crosses itself"},
		"edge.yaml: too large":     {File: "edge.yaml", Message: "too large"},
		"edge.yaml:3: not YAML":    {File: "edge.yaml", Line: 3, Message: "not YAML"},
		"edge.yaml: edge: no name": {File: "edge.yaml", Path: "edge", Message: "no name"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
