// Package objects says what a store of clips and snapshots promises. Backends run the suite in
// objectstest.
package objects

import (
	"context"
	"io"
	"regexp"
	"time"

	"bongsu"
)

// Info describes one object.
type Info struct {
	Key    string
	Bytes  int64
	SHA256 string // lower-case hex
	Type   string // media type, such as video/mp4
	Stored time.Time
}

// Store keeps whole objects under keys of [a-z0-9/._-]. An object appears whole or not at all, is
// never changed, and is durable once its writer was told so. Errors carry bongsu codes.
type Store interface {
	// Put stores exactly size bytes whose SHA-256 is sha256. An object of the same key and
	// hash that is there already is success; of another hash, bongsu.CodeConflict; bytes
	// that do not fit the hash or size, bongsu.CodeHashMismatch, and nothing is kept.
	Put(ctx context.Context, key, mediaType string, size int64, sha256 string, r io.Reader) error
	// Begin opens a resumable upload of such an object, or finds the open one of the same key and hash.
	Begin(ctx context.Context, key, mediaType string, size int64, sha256 string) (Upload, error)
	// Open reads an object from offset on; the caller closes the reader. bongsu.CodeNotFound without it.
	Open(ctx context.Context, key string, offset int64) (io.ReadCloser, Info, error)
	// Stat describes an object; bongsu.CodeNotFound without it.
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes an object for good; one that is not there is success.
	Delete(ctx context.Context, key string) error
	// List calls f for every object whose key begins with prefix, in order of key. Key, Bytes
	// and Stored are always told; SHA256 and Type only where they cost no request of their own.
	List(ctx context.Context, prefix string, f func(Info) error) error
	// Sweep aborts uploads that nobody has written to since before.
	Sweep(ctx context.Context, before time.Time) (aborted int, err error)
	// Verify reads an object and compares its bytes with its recorded hash:
	// bongsu.CodeHashMismatch when it is damaged, bongsu.CodeNotFound when it is missing.
	Verify(ctx context.Context, key string) error
}

// Upload is one resumable upload. It survives a restart of the server.
type Upload interface {
	// ID names the upload to clients: [A-Za-z0-9_-].
	ID() string
	// Done reports that the object is complete already.
	Done() bool
	// Offset is how many bytes are safely held.
	Offset() int64
	// Write appends r's bytes, which begin at offset (else bongsu.CodeConflict), and returns
	// the new offset even when r fails midway. More than the declared size is bongsu.CodeTooLarge.
	Write(ctx context.Context, offset int64, r io.Reader) (int64, error)
	// Complete checks size and hash and makes the object appear. On
	// bongsu.CodeHashMismatch the bytes are discarded, so that the next Begin starts at 0.
	Complete(ctx context.Context) error
}

// PieceBytes is the size of the pieces that addresses are given for; the last one of an object may
// be smaller.
const PieceBytes = bongsu.ClipPieceBytes

// Pieces is how many pieces an object of so many bytes has; 1 for one that is sent at one go.
func Pieces(bytes int64) int { return int(max(1, (bytes+PieceBytes-1)/PieceBytes)) }

// Address is where a client sends the next bytes of an upload to the store itself, without any
// credential of its own: the address is the permission. It names one key, a size and for how long.
type Address struct {
	Method  string
	URL     string
	Headers map[string]string // sent exactly so, they are signed
	Offset  int64             // of the object's bytes, those from here on are sent
	Bytes   int64             // how many are sent; 0 when the store holds all and wants Complete
}

// Direct is an Upload of a store that clients reach themselves.
type Direct interface {
	Upload
	// Presign gives the address for the next bytes, good for at most ttl and for bytes of one
	// SHA-256 only: that of the object, or of the piece of PieceBytes that comes next, of which
	// pieces are all. ok is false when this upload has to go through Write instead.
	Presign(ctx context.Context, ttl time.Duration, pieces []string) (to Address, ok bool, err error)
}

var (
	keyForm  = regexp.MustCompile(`^[a-z0-9_-][a-z0-9._-]*(?:/[a-z0-9_-][a-z0-9._-]*)*$`)
	hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// CheckKey refuses, with bongsu.CodeInvalid, what could leave a folder or not be a file's name: no
// part is empty or begins with a dot.
func CheckKey(key string) error {
	if len(key) > 512 || !keyForm.MatchString(key) {
		return bongsu.Errorf(bongsu.CodeInvalid, "object key %q: use parts of a-z, 0-9, '.', '_' and '-' between slashes, none beginning with a dot, 512 characters at most", key)
	}
	return nil
}

// CheckHash refuses, with bongsu.CodeInvalid, what is not 64 lower-case hex digits.
func CheckHash(sha256 string) error {
	if !hashForm.MatchString(sha256) {
		return bongsu.Errorf(bongsu.CodeInvalid, "give a SHA-256 as 64 lower-case hex digits")
	}
	return nil
}

// CheckNew refuses, with bongsu.CodeInvalid, an object that cannot be: its key, its size in bytes or
// its hash has the wrong form.
func CheckNew(key string, size int64, sha256 string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if size < 0 || !hashForm.MatchString(sha256) {
		return bongsu.Errorf(bongsu.CodeInvalid, "object %s: give its size in bytes and its SHA-256 as 64 lower-case hex digits", key)
	}
	return nil
}
