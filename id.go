package bongsu

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"
)

// CameraID names a camera within one edge, as written in edge.yaml: see ValidName.
type CameraID string

// EdgeID names an edge box; the cloud gives it at enrolment.
type EdgeID string

// RuleID names a rule within one camera, as written in edge.yaml: see ValidName.
type RuleID string

// RunID names one session with a camera; a reconnect begins a new run. It is a UUIDv7.
type RunID string

// TrackID numbers a track within one camera and one worker life; it is never reused there.
type TrackID uint64

// EventID is a UUIDv7 made once on the edge. With Event.Revision it is the idempotency key.
type EventID string

// AlertID is a UUIDv7 made in the cloud.
type AlertID string

// NewRunID makes the ID of a run that begins at t.
func NewRunID(t time.Time) RunID { return RunID(NewUUID(t)) }

// NewEventID makes the ID of an event that opens at t.
func NewEventID(t time.Time) EventID { return EventID(NewUUID(t)) }

// NewAlertID makes the ID of an alert that is raised at t.
func NewAlertID(t time.Time) AlertID { return AlertID(NewUUID(t)) }

// NewUUID makes a UUIDv7 (RFC 9562, section 5.7) in its canonical text form: 48 bits of
// Unix milliseconds from t, then random bits.
func NewUUID(t time.Time) string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli())<<16)
	copy(b[:6], ms[:6])
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// ValidUUID reports whether s is a UUID in canonical lower-case text form.
func ValidUUID(s string) bool { return uuidForm.MatchString(s) }

var nameForm = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$`)

// ValidName reports whether s can name a camera, a rule or an edge: 1 to 64 of a-z, 0-9,
// '-' and '_', beginning and ending with a letter or digit. Such a name is safe in a path,
// a URL and a metric label.
func ValidName(s string) bool { return nameForm.MatchString(s) }

// CheckName returns an error that says what a name may hold when s cannot be one.
func CheckName(s string) error {
	if ValidName(s) {
		return nil
	}
	return fmt.Errorf("%q cannot be a name: use 1 to 64 of a-z, 0-9, '-' and '_', beginning and ending with a letter or digit", s)
}
