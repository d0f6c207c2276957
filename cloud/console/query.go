package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// Limits of a request's body.
const (
	maxBody    = 64 << 10
	bodyWithin = 30 * time.Second
)

// query reads the parameters of an address strictly: what it does not know or cannot read is
// an error that names it. The first error is kept.
type query struct {
	values url.Values
	err    error
}

// newQuery takes the parameters that an address has; known are those it may have.
func newQuery(r *http.Request, known ...string) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.fail("the part after \"?\" of the address cannot be read")
	}
	for name, v := range values {
		if !slices.Contains(known, name) {
			q.fail("unknown parameter %q: %s", name, takes(known))
		} else if len(v) > 1 {
			q.fail("%s: is given %d times: give it once", name, len(v))
		}
	}
	return q
}

func takes(known []string) string {
	if len(known) == 0 {
		return "this address takes none"
	}
	return "this address takes " + strings.Join(known, ", ")
}

func (q *query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = bongsu.Errorf(bongsu.CodeInvalid, format, args...)
	}
}

func (q *query) number(name string, low, high, without int64) int64 {
	s := q.values.Get(name)
	if s == "" {
		return without
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < low || n > high {
		q.fail("%s: must be a whole number from %d to %d, not %q", name, low, high, s)
	}
	return n
}

// atLeast is number without an upper end.
func (q *query) atLeast(name string, low, without int64) int64 {
	s := q.values.Get(name)
	if s == "" {
		return without
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < low {
		q.fail("%s: must be a whole number, %d or more, not %q", name, low, s)
	}
	return n
}

func (q *query) oneOf(name, without string, words ...string) string {
	s := q.values.Get(name)
	if s == "" {
		return without
	}
	if !slices.Contains(words, s) {
		q.fail("%s: must be one of %s, not %q", name, strings.Join(words, ", "), s)
	}
	return s
}

func (q *query) flag(name string) bool { return q.oneOf(name, "0", "0", "1") == "1" }

// name reads the name of an edge, camera or rule.
func (q *query) name(name string) string {
	s := q.values.Get(name)
	if s != "" {
		if err := bongsu.CheckName(s); err != nil {
			q.fail("%s: %s", name, err)
		}
	}
	return s
}

func (q *query) instant(name string) time.Time {
	s := q.values.Get(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		q.fail("%s: must be a time such as 2026-11-21T09:00:00Z, not %q", name, s)
	}
	return t.UTC()
}

func (q *query) cursor() archive.Cursor {
	c, err := archive.ParseCursor(q.values.Get("after"))
	if err != nil {
		q.fail("%s", err)
	}
	return c
}

// pathUUID reads an ID from the address; what cannot be one is not found.
func pathUUID(r *http.Request, what string) (string, error) {
	id := r.PathValue("id")
	if !bongsu.ValidUUID(id) {
		return "", bongsu.Errorf(bongsu.CodeNotFound, "there is no %s %q", what, id)
	}
	return id, nil
}

// missing puts words to a row that is not there.
func missing(err error, format string, args ...any) error {
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return bongsu.Errorf(bongsu.CodeNotFound, format, args...)
	}
	return err
}

// readBody reads a request's JSON into v strictly. An empty body leaves v as it is.
func readBody(w http.ResponseWriter, r *http.Request, v any) error {
	// Writers that know no deadline (tests) do without.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return bongsu.Errorf(bongsu.CodeTooLarge, "the body is over %d bytes", maxBody)
	}
	if err != nil {
		return bongsu.Wrap(bongsu.CodeInvalid, err, "the body did not arrive whole: send it again")
	}
	if len(body) == 0 {
		return nil
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return bongsu.Errorf(bongsu.CodeInvalid, "Content-Type: must be application/json")
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return bongsu.Errorf(bongsu.CodeInvalid, "the body is not what this address takes: %s", jsonSentence(err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return bongsu.Errorf(bongsu.CodeInvalid, "the body holds more than one JSON value: send one")
	}
	return nil
}

// jsonSentence says what is wrong without repeating values, which may be secret.
func jsonSentence(err error) string {
	var te *json.UnmarshalTypeError
	var se *json.SyntaxError
	switch {
	case errors.As(err, &te):
		return fmt.Sprintf("%s: must be a %s, not a %s", te.Field, te.Type, strings.SplitN(te.Value, " ", 2)[0])
	case errors.As(err, &se):
		return fmt.Sprintf("no JSON at byte %d", se.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the JSON ends too early"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}
