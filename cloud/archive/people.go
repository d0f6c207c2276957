package archive

import (
	"context"
	"time"

	"bongsu"
)

// Edge is an enrolled edge box.
type Edge struct {
	ID             bongsu.EdgeID
	Name           string
	CredentialHash string // lower-case hex SHA-256 of the credential
	Enrolled       time.Time
	LastSeen       time.Time // last accepted request; zero before the first
	Disabled       bool
	Version        string         // as last reported
	Pending        bongsu.Backlog // as last reported
}

// EnrolToken lets one edge enrol once.
type EnrolToken struct {
	Hash    string // lower-case hex SHA-256 of the token
	Name    string // for the admin's eyes
	By      string // username who made it
	Created time.Time
	Expires time.Time
}

// Camera is the latest report on one camera. Still is nil here: see CameraStill.
type Camera struct {
	Edge bongsu.EdgeID
	bongsu.CameraStatus
	HasStill bool
	Reported time.Time // cloud's clock
}

// Edges keeps edges, their enrolment and what they report of themselves.
type Edges interface {
	// PutEnrolToken stores a token's hash; CodeConflict when it is there.
	PutEnrolToken(ctx context.Context, t EnrolToken) error
	// Enrol uses up the token and stores the edge in one transaction: of several at once
	// one wins. A token that is unknown, used or expired at now is CodeUnauthorized.
	Enrol(ctx context.Context, tokenHash string, e Edge, now time.Time) error
	// EdgeByCredential finds an edge, also a disabled one; CodeNotFound without it.
	EdgeByCredential(ctx context.Context, hash string) (Edge, error)
	// GetEdge reads one; CodeNotFound without it.
	GetEdge(ctx context.Context, id bongsu.EdgeID) (Edge, error)
	// ListEdges lists all by name.
	ListEdges(ctx context.Context) ([]Edge, error)
	// SetEdgeDisabled stops or restores an edge; CodeNotFound without it.
	SetEdgeDisabled(ctx context.Context, id bongsu.EdgeID, disabled bool) error
	// ReportCameras replaces what is known of the edge's cameras: one that is absent is
	// gone; one without a still keeps the still it had. It wakes subscribers but
	// writes no change row. CodeUnauthorized for an unknown or disabled edge.
	ReportCameras(ctx context.Context, edge bongsu.EdgeID, at time.Time, r bongsu.CamerasRequest) error
	// ListCameras lists all cameras by edge and ID.
	ListCameras(ctx context.Context) ([]Camera, error)
	// CameraStill gives the latest JPEG and when it was taken; CodeNotFound without one.
	CameraStill(ctx context.Context, edge bongsu.EdgeID, camera bongsu.CameraID) ([]byte, time.Time, error)
}

// Role is what a user may do.
type Role string

// Roles.
const (
	RoleOperator Role = "operator"
	RoleAdmin    Role = "admin"
)

// User is a person who works with the console.
type User struct {
	Username     string
	Name         string
	Role         Role
	PasswordHash string // argon2id in PHC string form
	Created      time.Time
	Disabled     bool
}

// Session is a login.
type Session struct {
	Hash     string // lower-case hex SHA-256 of the cookie's value
	Username string
	Created  time.Time
	Expires  time.Time
}

// APIToken lets a script act as a user.
type APIToken struct {
	Hash     string // lower-case hex SHA-256 of the token
	Username string
	Name     string // for the user's eyes
	Created  time.Time
	Expires  time.Time // zero: never
}

// Users keeps users, sessions and API tokens.
type Users interface {
	// CreateUser adds a user; CodeConflict when the username is taken.
	CreateUser(ctx context.Context, u User) error
	// CreateFirstUser adds a user while there is none at all; CodeConflict otherwise. Of
	// several at once one wins.
	CreateFirstUser(ctx context.Context, u User) error
	// GetUser reads one, also a disabled one; CodeNotFound without it.
	GetUser(ctx context.Context, username string) (User, error)
	// ListUsers lists all by username.
	ListUsers(ctx context.Context) ([]User, error)
	// SetUserDisabled stops or restores a user; stopping deletes the user's sessions and
	// tokens in the same transaction. CodeNotFound without the user.
	SetUserDisabled(ctx context.Context, username string, disabled bool) error
	// SetPassword replaces the hash and deletes the user's sessions; CodeNotFound without the user.
	SetPassword(ctx context.Context, username, hash string) error

	// PutSession stores a login.
	PutSession(ctx context.Context, s Session) error
	// SessionUser finds the session and its user. CodeNotFound when it is not there, is
	// expired at now, or the user is disabled.
	SessionUser(ctx context.Context, hash string, now time.Time) (Session, User, error)
	// ExtendSession moves a login's Expires; CodeNotFound without it: a login that was
	// ended meanwhile does not come back.
	ExtendSession(ctx context.Context, hash string, expires time.Time) error
	// DeleteSession ends a login; one that is not there is success.
	DeleteSession(ctx context.Context, hash string) error

	// PutToken stores a token's hash; CodeConflict when it is there.
	PutToken(ctx context.Context, t APIToken) error
	// TokenUser finds the token and its user, as SessionUser does.
	TokenUser(ctx context.Context, hash string, now time.Time) (APIToken, User, error)
	// ListTokens lists a user's tokens, all users' for "".
	ListTokens(ctx context.Context, username string) ([]APIToken, error)
	// DeleteToken takes a token back; CodeNotFound without it.
	DeleteToken(ctx context.Context, hash string) error
}

// AuditRecord says who saw or changed what. Records are never changed or deleted by the
// archive.
type AuditRecord struct {
	Seq    int64     `json:"seq"` // 1, 2, ... without a gap
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Client string    `json:"client"` // address the request came from
	Action string    `json:"action"`
	Target string    `json:"target"`
	Detail string    `json:"detail,omitempty"`
	Prev   string    `json:"prev"` // Hash of the record before; "" for the first
	Hash   string    `json:"hash"`
}

// AuditQuery selects audit records.
type AuditQuery struct {
	After  int64 // Seq above; 0: from the first
	Before int64 // Seq below; 0: no bound
	Newest bool  // newest first; else oldest first
	Limit  int   // at least 1; at most MaxPage rows come
}

// Audits keeps the hash-chained audit records.
type Audits interface {
	// AppendAudit gives the record the next Seq and the last record's Hash as Prev, asks
	// seal for its Hash, and stores it, in one transaction. The stored record is returned.
	AppendAudit(ctx context.Context, r AuditRecord, seal func(AuditRecord) string) (AuditRecord, error)
	// ListAudit lists records.
	ListAudit(ctx context.Context, q AuditQuery) ([]AuditRecord, error)
}

// Meta keeps a few single values, such as the hash of the set-up code.
type Meta interface {
	// GetMeta reads a value; CodeNotFound without it.
	GetMeta(ctx context.Context, key string) (string, error)
	// SetMeta stores a value, replacing the one before.
	SetMeta(ctx context.Context, key, value string) error
	// DeleteMeta removes a value; one that is not there is success.
	DeleteMeta(ctx context.Context, key string) error
}

// Leases lets one of several processes do what one alone needs to do.
type Leases interface {
	// TakeLease takes or prolongs the lease of a name for the holder, until now + ttl, and
	// reports whether the holder has it: not while another's runs. A ttl of 0 gives it
	// back. It writes only when half of the ttl is over or the holder changes.
	TakeLease(ctx context.Context, name, holder string, now time.Time, ttl time.Duration) (bool, error)
}
