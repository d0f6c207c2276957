package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"bongsu"
)

// state is what is known of a file of which only a part is there.
type state struct {
	Validator string `json:"validator"` // for If-Range: a strong ETag or Last-Modified; "" when it cannot be continued
	Total     int64  `json:"total"`     // bytes; 0 when not known
}

// readState gives nothing when there is nothing of use: then the download begins anew.
func readState(path string) state {
	var s state
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &s) != nil || s.Total < 0 {
		return state{}
	}
	return s
}

var errStalled = errors.New("nothing came any more")

// attempt is one request. Errors of the connection come back as they are, what cannot be
// mended by asking again as a bongsu.Error.
func (d *download) attempt(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(d.o.Stall, func() { cancel(errStalled) })
	defer watch.Stop()
	resp, err := d.ask(ctx)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer resp.Body.Close()
	whole, err := d.accept(resp)
	if err != nil || whole {
		return err
	}
	err = d.copy(ctx, resp.Body, func() { watch.Reset(d.o.Stall) })
	if err == nil && d.state.Total > 0 && d.have < d.state.Total {
		err = io.ErrUnexpectedEOF
	}
	return causeOf(ctx, err)
}

// causeOf prefers the reason for which we ended a request ourselves.
func causeOf(ctx context.Context, err error) error {
	var told *bongsu.Error
	if err == nil || errors.As(err, &told) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return inner(err)
}

func (d *download) ask(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url.String(), nil)
	if err != nil {
		return nil, err
	}
	// Ranges count the bytes that travel: they must be those of the file.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "bongsu-edge")
	if d.have > 0 && d.state.Validator != "" {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.have))
		req.Header.Set("If-Range", d.state.Validator)
	}
	return d.client.Do(req)
}

// accept looks at the head of an answer and makes the part ready for its body. whole means
// that nothing is missing.
func (d *download) accept(resp *http.Response) (whole bool, err error) {
	switch resp.StatusCode {
	case http.StatusOK:
		if isPage(resp.Header) {
			return false, bongsu.Errorf(bongsu.CodeInvalid, "%s gives a web page, not a file: give the address of the file itself (on GitHub that of a release, or the raw one)", d.shown)
		}
		if err := d.restart(); err != nil {
			return false, err
		}
		return false, d.begin(resp)
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		from, total, ok := contentRange(resp.Header.Get("Content-Range"))
		same := validator(resp.Header) == "" || validator(resp.Header) == d.state.Validator
		if ok && same && resp.StatusCode == http.StatusPartialContent && from == d.have && (d.state.Total == 0 || total == d.state.Total) {
			d.state.Total = total
			return false, nil
		}
		if ok && same && resp.StatusCode != http.StatusPartialContent && total == d.have && d.have > 0 {
			return true, nil
		}
		return d.anew(resp)
	}
	return false, d.refused(resp.StatusCode)
}

// errAnew makes finish ask again, for the whole file.
var errAnew = errors.New("the file was changed at its source")

// anew begins again when the server has another file by now. Without a range it cannot answer
// so, and then it does not know what it says.
func (d *download) anew(resp *http.Response) (bool, error) {
	if d.have == 0 {
		return false, d.refused(resp.StatusCode)
	}
	if err := d.restart(); err != nil {
		return false, err
	}
	return false, errAnew
}

// begin notes what is needed to continue this body.
func (d *download) begin(resp *http.Response) error {
	d.state = state{Validator: validator(resp.Header), Total: max(resp.ContentLength, 0)}
	if d.state.Total > d.o.MaxBytes {
		return d.tooLarge(d.state.Total)
	}
	data, err := json.Marshal(d.state)
	if err == nil {
		err = os.WriteFile(d.meta, data, 0o644)
	}
	if err != nil {
		return d.diskError(err)
	}
	return nil
}

// validator gives what If-Range may hold; weak ETags do not promise the same bytes.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return h.Get("Last-Modified")
}

func (d *download) refused(status int) error {
	code, todo := bongsu.CodeUnavailable, "try again later"
	switch status {
	case http.StatusNotFound, http.StatusGone:
		code, todo = bongsu.CodeNotFound, "the file is there no more, or the address has a mistake"
	case http.StatusUnauthorized, http.StatusForbidden:
		code, todo = bongsu.CodeForbidden, "the file is not public: fetch it yourself and install the file"
	}
	return bongsu.Errorf(code, "%s answers %d %s: %s", d.shown, status, http.StatusText(status), todo)
}

// copy appends the body to the part.
func (d *download) copy(ctx context.Context, body io.Reader, alive func()) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			alive()
			if d.have+int64(n) > d.o.MaxBytes {
				return d.tooLarge(0)
			}
			if _, err := d.f.WriteAt(buf[:n], d.have); err != nil {
				return d.diskError(err)
			}
			d.have, d.got = d.have+int64(n), d.got+int64(n)
			if d.o.Progress != nil {
				d.o.Progress(d.have, d.state.Total)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil: // what is buffered would be read on
			return ctx.Err()
		}
	}
}

// contentRange reads "bytes 5-9/10" as (5, 10) and "bytes */10" as (0, 10): RFC 9110,
// section 14.4. A length that is not known is of no use here.
func contentRange(s string) (from, total int64, ok bool) {
	rest, ok := strings.CutPrefix(s, "bytes ")
	if !ok {
		return 0, 0, false
	}
	part, length, ok := strings.Cut(rest, "/")
	if !ok {
		return 0, 0, false
	}
	total, ok = decimal(length)
	if !ok || part == "*" {
		return 0, total, ok
	}
	first, last, ok := strings.Cut(part, "-")
	if !ok {
		return 0, 0, false
	}
	from, ok1 := decimal(first)
	to, ok2 := decimal(last)
	return from, total, ok1 && ok2 && from <= to && to < total
}

// decimal reads digits alone: no sign, no space.
func decimal(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
