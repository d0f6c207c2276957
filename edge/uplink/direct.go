package uplink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"bongsu"
)

// declareClip asks the cloud where a part's next bytes go.
func (u *Uplink) declareClip(ctx context.Context, req bongsu.ClipRequest) (bongsu.ClipResponse, error) {
	clip := req.Clip
	var where bongsu.ClipResponse
	if err := u.call(ctx, "clips", req, &where); err != nil {
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
	pieces, err := u.pieces(clip)
	if err != nil {
		return bongsu.ClipResponse{}, err
	}
	req := bongsu.ClipRequest{Clip: clip, Pieces: pieces}
	where, err := u.declareClip(ctx, req)
	for err == nil && !where.Done && where.Offset < clip.Bytes {
		if err = u.put(ctx, clip, &where); err != nil {
			break
		}
		if where.Bytes == 0 || where.Offset+where.Bytes == clip.Bytes {
			break
		}
		sent := where.Offset
		where, err = u.declareClip(ctx, req)
		if err == nil && !where.Done && where.Offset <= sent {
			err = &cloudError{err: bongsu.Errorf(bongsu.CodeUnavailable, "the object store took the bytes of a clip and does not have them")}
		}
	}
	return where, err
}

// pieces hashes a part piece by piece, so that an object store can refuse a piece that was damaged on
// its way. A part of one piece needs none: its own hash says it.
func (u *Uplink) pieces(clip bongsu.Clip) ([]string, error) {
	if clip.Bytes <= bongsu.ClipPieceBytes {
		return nil, nil
	}
	f, err := os.Open(u.o.Store.ClipPath(clip.Key()))
	if err != nil {
		return nil, storeErrorf("a clip's file cannot be opened: %w", err)
	}
	defer f.Close()
	var all []string
	for at := int64(0); at < clip.Bytes; at += bongsu.ClipPieceBytes {
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(f, at, min(bongsu.ClipPieceBytes, clip.Bytes-at))); err != nil {
			return nil, storeErrorf("a clip's file cannot be read: %w", err)
		}
		all = append(all, hex.EncodeToString(h.Sum(nil)))
	}
	return all, nil
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
