package uplink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"bongsu"
)

// offsetHeader says at which byte of the part a body begins.
const offsetHeader = "Upload-Offset"

// clipTries is how often a part is declared in one go before others get their turn.
const clipTries = 4

// clipLane sends clip parts one after the other.
func (u *Uplink) clipLane(ctx context.Context) {
	for ctx.Err() == nil {
		changed := u.o.Store.Changed()
		if u.gate.wait(ctx) != nil {
			return
		}
		lost, clips := u.o.Store.LostClips(lostBatch), u.o.Store.PendingClips(1, nil)
		if len(lost)+len(clips) == 0 {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		err := u.tellLost(ctx, lost)
		if err == nil && len(clips) > 0 {
			err = u.sendClip(ctx, clips[0])
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			u.trouble(ctx, err)
			continue
		}
		u.well()
	}
}

// lostBatch is how many lost parts are told of before a clip gets its turn.
const lostBatch = 100

// tellLost tells the cloud of parts that will never come, so that nobody waits for them. A cloud
// that does not want to know is not asked again.
func (u *Uplink) tellLost(ctx context.Context, lost []bongsu.Clip) error {
	for _, clip := range lost {
		err := u.call(ctx, "clips", bongsu.ClipRequest{Clip: clip}, nil)
		switch bongsu.CodeOf(err) {
		case bongsu.CodeInvalid, bongsu.CodeForbidden, bongsu.CodeConflict, bongsu.CodeTooLarge:
			if !answered(err) {
				return err
			}
			u.log.Warn("the cloud does not take it that a clip is lost", "event", clip.Event, "part", clip.Part, "state", clip.State, "err", err)
		default:
			if err != nil {
				return err
			}
		}
		if err := u.o.Store.LostClipTold(clip.Key()); err != nil {
			return storeErrorf("the outbox cannot take down that the cloud knows of a lost clip: %w", err)
		}
	}
	return nil
}

// sendClip brings one part over, going on where an earlier try was cut. nil: the part is
// settled, one way or the other.
func (u *Uplink) sendClip(ctx context.Context, clip bongsu.Clip) error {
	mismatches := 0
	var err error
	for range clipTries {
		err = u.tryClip(ctx, clip)
		switch code := bongsu.CodeOf(err); {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			return u.vanished(clip)
		case !answered(err):
			return err
		case code == bongsu.CodeHashMismatch:
			if mismatches++; mismatches > 2 {
				return u.giveUp(clip, "its bytes do not arrive as they are on disk: "+err.Error())
			}
			if clip, err = u.rehash(clip); err != nil {
				return err
			}
		case code == bongsu.CodeConflict || code == bongsu.CodeNotFound: // the cloud holds another part of it than we thought
		case code == bongsu.CodeInvalid || code == bongsu.CodeTooLarge:
			return u.giveUp(clip, err.Error())
		default:
			return err
		}
	}
	return err
}

// giveUp takes a part out that will never be sent. An outbox that cannot take that down is no
// trouble of the cloud's, which events may need just then.
func (u *Uplink) giveUp(clip bongsu.Clip, why string) error {
	if err := u.o.Store.FailClip(clip.Key(), why); err != nil {
		return storeErrorf("the outbox cannot take down that a clip is given up: %w", err)
	}
	return nil
}

// rehash reads the part's file again after the cloud found another hash. A file that has
// changed on disk is sent as torn, with the hash that it has; otherwise it was the way.
func (u *Uplink) rehash(clip bongsu.Clip) (bongsu.Clip, error) {
	fresh, changed, err := u.o.Store.RehashClip(clip.Key())
	if err != nil {
		return clip, storeErrorf("a clip's file cannot be read again: %w", err)
	}
	u.log.Warn("a clip did not arrive as it was declared, sending it again", "event", clip.Event, "part", clip.Part, "changed_on_disk", changed)
	return fresh, nil
}

// vanished deals with a part whose file is gone: the outbox has evicted it, or somebody else
// removed it.
func (u *Uplink) vanished(clip bongsu.Clip) error {
	for _, c := range u.o.Store.PendingClips(1<<30, nil) {
		if c.Key() == clip.Key() {
			return u.giveUp(clip, "its file is gone")
		}
	}
	return nil
}

// tryClip declares the part, sends what the cloud lacks and completes it.
func (u *Uplink) tryClip(ctx context.Context, clip bongsu.Clip) error {
	where, err := u.putAll(ctx, clip)
	if err != nil {
		return err
	}
	if !where.Done {
		if err := u.call(ctx, "clips/"+url.PathEscape(where.ID)+"/complete", struct{}{}, nil); err != nil {
			return err
		}
	}
	if err := u.o.Store.AckClip(clip.Key()); err != nil {
		return storeErrorf("the outbox cannot take a clip's acknowledgement: %w", err)
	}
	u.mu.Lock()
	u.sent.Clips++
	u.mu.Unlock()
	return nil
}

// put sends the rest of the part's bytes, or the piece that the address is good for.
func (u *Uplink) put(ctx context.Context, clip bongsu.Clip, where *bongsu.ClipResponse) error {
	target, ours, err := u.target(where.URL)
	if err != nil {
		return err
	}
	f, err := os.Open(u.o.Store.ClipPath(clip.Key()))
	if err != nil {
		return storeErrorf("a clip's file cannot be opened: %w", err)
	}
	defer f.Close()
	ctx, leave := u.line.join(ctx)
	defer leave()
	n := clip.Bytes - where.Offset
	if where.Bytes > 0 {
		n = where.Bytes
	}
	body := &clipBody{r: io.NewSectionReader(f, where.Offset, n), u: u}
	req, err := http.NewRequestWithContext(ctx, where.Method, target, body)
	if err != nil {
		return fmt.Errorf("%w (method %.20q)", errNotOurs, where.Method)
	}
	req.ContentLength = n
	req.Header.Set("Content-Type", "video/mp4")
	for k, v := range where.Headers {
		req.Header.Set(k, v)
	}
	if ours { // nobody else gets the credential
		req.Header.Set("Authorization", "Bearer "+u.o.Credential)
		req.Header.Set(offsetHeader, strconv.FormatInt(where.Offset, 10))
	}
	resp, err := u.o.Client.Do(req)
	if body.err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return storeErrorf("a clip's file cannot be read: %w", body.err)
	}
	if err != nil {
		return transportError(err)
	}
	if !ours {
		return readStoreAnswer(resp, u.o.Now())
	}
	return readAnswer(resp, nil, u.o.Now())
}

// target resolves where the bytes go: a path on the cloud's own address, or another address
// that the cloud names, which gets no credential. From an https cloud it must be https too.
func (u *Uplink) target(s string) (target string, ours bool, err error) {
	at, err := u.base.Parse(s)
	if err != nil {
		return "", false, fmt.Errorf("%w (an upload address that is none)", errNotOurs)
	}
	ours = at.Scheme == u.base.Scheme && at.Host == u.base.Host
	if !ours && u.base.Scheme == "https" && at.Scheme != "https" {
		return "", false, fmt.Errorf("%w (an upload address without https)", errNotOurs)
	}
	return at.String(), ours, nil
}

// clipBody reads a part's bytes for the wire, stepping aside for events. It remembers why the
// file could not be read, which net/http would wrap beyond recognition.
type clipBody struct {
	r   io.Reader
	u   *Uplink
	err error
}

// chunk is what a clip puts on the wire before it looks whether events wait.
const chunk = 16 << 10

func (b *clipBody) Read(p []byte) (int, error) {
	b.u.polite.yield()
	n, err := b.r.Read(p[:min(len(p), chunk)])
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	b.u.mu.Lock()
	b.u.sent.Bytes += int64(n)
	b.u.mu.Unlock()
	return n, err
}
