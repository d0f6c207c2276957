package uplink

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"time"

	"bongsu"
)

// declareClip asks the cloud where a part's next bytes go.
func (u *Uplink) declareClip(ctx context.Context, clip bongsu.Clip) (bongsu.ClipResponse, error) {
	var where bongsu.ClipResponse
	if err := u.call(ctx, "clips", bongsu.ClipRequest{Clip: clip}, &where); err != nil {
		return where, err
	}
	if where.ID == "" || where.Offset < 0 || where.Offset > clip.Bytes || where.Bytes < 0 || where.Bytes > clip.Bytes-where.Offset {
		return where, fmt.Errorf("%w (an upload that begins at byte %d of %d)", errNotOurs, where.Offset, clip.Bytes)
	}
	return where, nil
}

// putAll sends all bytes that the cloud lacks: at one go, or piece by piece where the address is
// good for a piece only. It gives the cloud's last answer.
func (u *Uplink) putAll(ctx context.Context, clip bongsu.Clip) (bongsu.ClipResponse, error) {
	where, err := u.declareClip(ctx, clip)
	for err == nil && !where.Done && where.Offset < clip.Bytes {
		if err = u.put(ctx, clip, &where); err != nil {
			break
		}
		if where.Bytes == 0 || where.Offset+where.Bytes == clip.Bytes {
			break
		}
		sent := where.Offset
		where, err = u.declareClip(ctx, clip)
		if err == nil && !where.Done && where.Offset <= sent {
			err = &cloudError{err: bongsu.Errorf(bongsu.CodeUnavailable, "the object store took the bytes of a clip and does not have them")}
		}
	}
	return where, err
}

// readStoreAnswer reads what an object store answered to a clip's bytes; it speaks S3, not ours.
// An address that is no longer good is a conflict: the part is declared again and gets a new one.
func readStoreAnswer(resp *http.Response, now time.Time) error {
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return transportError(err)
	}
	var said struct {
		Code string `xml:"Code"`
	}
	_ = xml.Unmarshal(b, &said) // a proxy may say anything; the status is enough then
	after := parseRetryAfter(resp.Header.Get("Retry-After"), now)
	fail := func(code bongsu.Code, what string) error {
		return &cloudError{bongsu.Errorf(code, "%s (status %d %.40s)", what, resp.StatusCode, said.Code), after}
	}
	switch status := resp.StatusCode; {
	case status/100 == 2:
		return nil
	case status == http.StatusPreconditionFailed:
		return nil // it is there already: the answer to an earlier try was lost
	case said.Code == "BadDigest" || said.Code == "XAmzContentChecksumMismatch":
		return fail(bongsu.CodeHashMismatch, "the bytes came to the object store with another hash")
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return fail(bongsu.CodeUnavailable, "the object store does not take the clip now")
	case status/100 == 4:
		return fail(bongsu.CodeConflict, "the object store refuses the address that the cloud gave; it may be too old: check the clocks of this machine, the cloud and the store")
	}
	return fail(bongsu.CodeUnavailable, "what answers at the object store's address is no object store")
}
