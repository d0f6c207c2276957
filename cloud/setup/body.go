package setup

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"bongsu"
)

// Limits of a request's body. A command of a little more still has to hold it.
const (
	maxBody    = bongsu.MaxCommandBytes - 4<<10
	bodyWithin = 30 * time.Second
)

// readBody reads a request's JSON into v strictly. What is wrong is said without repeating a value,
// which may be a password.
func readBody(w http.ResponseWriter, r *http.Request, v any) error {
	// Writers that know no deadline (tests) do without.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return bongsu.Errorf(bongsu.CodeTooLarge, "the body is over %d bytes", maxBody)
	}
	if err != nil {
		return bongsu.Errorf(bongsu.CodeInvalid, "the body did not arrive whole: send it again")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return bongsu.Errorf(bongsu.CodeInvalid, "Content-Type: must be application/json")
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		var te *json.UnmarshalTypeError
		switch {
		case errors.As(err, &te):
			return bongsu.Errorf(bongsu.CodeInvalid, "%s: must be a %s", te.Field, te.Type)
		case strings.HasPrefix(err.Error(), "json: unknown field "):
			return bongsu.Errorf(bongsu.CodeInvalid, "%.80s", strings.TrimPrefix(err.Error(), "json: "))
		}
		return bongsu.Errorf(bongsu.CodeInvalid, "the body is no JSON that can be read")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bongsu.Errorf(bongsu.CodeInvalid, "the body holds more than one JSON value: send one")
	}
	return nil
}
