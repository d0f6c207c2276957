package archive

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"bongsu"
)

// Deleted counts what one call of DeleteBefore removed.
type Deleted struct {
	Events  int
	Alerts  int
	Clips   int
	Stills  int
	Letters int  // inbox rows and dead letters
	Objects int  // keys condemned
	More    bool // the limit cut it short: call again
}

// Tombstone is an object key that must go. While it stands, no row can come to name the key.
type Tombstone struct {
	Key       string
	Condemned time.Time
}

// Retention deletes so that nothing remains, across crashes too. Rows go in the transaction
// that condemns their objects' keys; the caller deletes the objects, and after a grace in
// which a writer that had found the object before could still try to name it, deletes
// again and forgets the tombstones. Any step may be repeated.
//
// An event's age counts from Start, or from its arrival where that is earlier or the edge's
// clock was not synchronised; a clip's without event likewise. Audit records stay.
type Retention interface {
	// DeleteBefore removes up to limit events that are older than t with revisions,
	// clips, dead letters and inbox rows, alerts none of whose events is left, stills and
	// finished sessions, and condemns the objects they named, in one transaction.
	DeleteBefore(ctx context.Context, t, now time.Time, limit int) (Deleted, error)
	// Condemn puts tombstones on those of the keys that no row names and no inbox row or
	// dead letter is about to name, and returns them: the orphans.
	Condemn(ctx context.Context, keys []string, now time.Time) ([]string, error)
	// Tombstones lists condemned keys, oldest first, that come after one (the zero Tombstone:
	// from the first).
	Tombstones(ctx context.Context, after Tombstone, limit int) ([]Tombstone, error)
	// Forget removes tombstones after their objects were deleted.
	Forget(ctx context.Context, keys []string) error
	// TrimChanges removes changes older than t from the change sequence.
	TrimChanges(ctx context.Context, t time.Time) error
	// Compact makes deleted bytes unreadable in the store's own files and logs, and gives
	// free space back to the file system. It may block writers for a moment.
	Compact(ctx context.Context) error
}

// SnapshotKey is the object key of a revision's JPEG.
func SnapshotKey(k bongsu.EventKey) string {
	return "events/" + string(k.ID) + "/snapshot-" + strconv.Itoa(k.Revision) + ".jpg"
}

// ClipKey is the object key of a clip part: part and hash, so that a part that is declared anew
// with other bytes never meets the old object. sha256 has been validated.
func ClipKey(k bongsu.ClipKey, sha256 string) string {
	return fmt.Sprintf("events/%s/clip-%d-%.16s.mp4", k.Event, k.Part, sha256)
}

// Cursor is a place in a list ordered by time and ID, newest first. The zero Cursor is the
// beginning.
type Cursor struct {
	At time.Time
	ID string
}

// IsZero reports the beginning of the list.
func (c Cursor) IsZero() bool { return c.ID == "" }

// String gives the opaque form that crosses the API; "" for the beginning.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%s", c.At.UnixMicro(), c.ID))
}

// ParseCursor reads what String gave; CodeInvalid for anything else.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	bad := bongsu.Errorf(bongsu.CodeInvalid, "after: not a cursor of this list; use the value of \"next\" from the page before")
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return Cursor{}, bad
	}
	us, id, ok := strings.Cut(string(raw), ".")
	n, err := strconv.ParseInt(us, 10, 64)
	if !ok || err != nil || !bongsu.ValidUUID(id) {
		return Cursor{}, bad
	}
	return Cursor{At: time.UnixMicro(n).UTC(), ID: id}, nil
}
