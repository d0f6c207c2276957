package auth

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
)

// Store is the part of the archive that auth needs.
type Store interface {
	archive.Users
	archive.Meta
	PutEnrolToken(ctx context.Context, t archive.EnrolToken) error
	Enrol(ctx context.Context, tokenHash string, e archive.Edge, now time.Time) error
	EdgeByCredential(ctx context.Context, hash string) (archive.Edge, error)
	GetEdge(ctx context.Context, id bongsu.EdgeID) (archive.Edge, error)
	SetEdgeDisabled(ctx context.Context, id bongsu.EdgeID, disabled bool) error
}

// Auditor records what happened; *audit.Recorder is one.
type Auditor interface {
	Record(ctx context.Context, e audit.Entry) error
}

// Options of a Service.
type Options struct {
	Store     Store
	Audit     Auditor
	Hasher    *Hasher          // nil: recommended costs, two at once
	Now       func() time.Time // nil: time.Now
	Idle      time.Duration    // a session without requests ends after it; 0: 30 min
	Absolute  time.Duration    // any session ends after it; 0: 12 h
	SetupFile string           // where the one-time set-up code is kept until it is used
	Log       *slog.Logger     // nil: discard
}

// Service knows users, sessions, tokens and edges. It is safe for many goroutines and starts
// none.
type Service struct {
	store     Store
	audit     Auditor
	hasher    *Hasher
	now       func() time.Time
	idle      time.Duration
	absolute  time.Duration
	setupFile string
	log       *slog.Logger
	throttle  *throttle

	mu    sync.Mutex
	noted map[string]time.Time // when throttling of an address was last recorded
}

// New makes a Service.
func New(o Options) *Service {
	s := &Service{
		store: o.Store, audit: o.Audit, hasher: o.Hasher, now: o.Now, idle: o.Idle,
		absolute: o.Absolute, setupFile: o.SetupFile, log: o.Log,
		noted: map[string]time.Time{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.hasher == nil {
		s.hasher = NewHasher(Params{}, 2)
	}
	if s.idle == 0 {
		s.idle = 30 * time.Minute
	}
	if s.absolute == 0 {
		s.absolute = 12 * time.Hour
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.throttle = newThrottle(s.now)
	return s
}

// time is now as the archive keeps times.
func (s *Service) time() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// wrongLogin is the one sentence for whatever was wrong: no list of users can be made from it.
func wrongLogin() error {
	return bongsu.Errorf(bongsu.CodeUnauthorized, "the username or the password is wrong")
}

// Login checks a password and begins a session. It returns the cookie's value. The same
// sentence, after the same time, answers an unknown user, a disabled one and a wrong password.
// Too many failures are CodeThrottled, as a RetryError.
func (s *Service) Login(ctx context.Context, client, username, password string) (archive.User, string, error) {
	username = strings.ToLower(username)
	if len(username) > 64 || len(password) > MaxPasswordBytes {
		username, password = "?", "?" // no such user; costs as much as any other
	}
	if err := s.admit(ctx, username, client, audit.LoginThrottled); err != nil {
		return archive.User{}, "", err
	}
	u, err := s.store.GetUser(ctx, username)
	if err != nil && bongsu.CodeOf(err) != bongsu.CodeNotFound {
		return archive.User{}, "", err
	}
	right, err := s.hasher.Check(ctx, password, u.PasswordHash)
	if err != nil {
		return archive.User{}, "", err
	}
	if !right || u.Disabled {
		actor := u.Username // "" for an unknown one: people type passwords into the wrong field
		if err := s.audit.Record(ctx, audit.Entry{Actor: actor, Client: client, Action: audit.LoginFailed}); err != nil {
			return archive.User{}, "", err
		}
		return archive.User{}, "", wrongLogin()
	}
	s.throttle.succeed(username, client)
	secret, err := s.begin(ctx, client, u, audit.Login)
	return u, secret, err
}

// admit lets a guess through, or refuses it because too many failed before.
func (s *Service) admit(ctx context.Context, username, client, action string) error {
	wait := s.throttle.begin(username, client)
	if wait == 0 {
		return nil
	}
	seconds := int(math.Ceil(wait.Seconds()))
	refused := &RetryError{Cause: bongsu.Errorf(bongsu.CodeThrottled, "too many wrong attempts: try again in %d s", seconds), After: wait}
	now := s.time()
	s.mu.Lock()
	due := now.Sub(s.noted[client]) >= time.Minute
	if due {
		forgetOld(s.noted, now.Add(-time.Minute))
		s.noted[client] = now
	}
	s.mu.Unlock()
	if due {
		if err := s.audit.Record(ctx, audit.Entry{Client: client, Action: action}); err != nil {
			return err
		}
	}
	return refused
}

// forgetOld drops entries from before t once there are many, so that the map stays small.
func forgetOld(m map[string]time.Time, t time.Time) {
	if len(m) < throttleKeys {
		return
	}
	for k, at := range m {
		if at.Before(t) {
			delete(m, k)
		}
	}
	if len(m) >= throttleKeys {
		clear(m)
	}
}

// begin starts a session after its record is durable.
func (s *Service) begin(ctx context.Context, client string, u archive.User, action string) (string, error) {
	if err := s.audit.Record(ctx, audit.Entry{Actor: u.Username, Client: client, Action: action}); err != nil {
		return "", err
	}
	secret, hash := newSecret(kindSession)
	now := s.time()
	err := s.store.PutSession(ctx, archive.Session{
		Hash: hash, Username: u.Username, Created: now, Expires: now.Add(min(s.idle, s.absolute)),
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// Logout ends the principal's session; with a token there is none to end.
func (s *Service) Logout(ctx context.Context, p *Principal) error {
	if p.session == "" {
		return nil
	}
	if err := s.store.DeleteSession(ctx, p.session); err != nil {
		return err
	}
	return s.audit.Record(ctx, audit.Entry{Actor: p.User.Username, Client: p.client, Action: audit.Logout})
}

// Still reports, as nil, that the principal may go on: its session, token or edge has neither
// ended nor been taken back since. Long answers such as live streams ask it again and again;
// doing so counts as use of the session.
func (s *Service) Still(ctx context.Context, p *Principal) error {
	if p.recheck == nil {
		return bongsu.Errorf(bongsu.CodeUnauthorized, "log in first")
	}
	fresh, err := p.recheck(ctx)
	if err != nil {
		return err
	}
	if fresh.User.Role != p.User.Role {
		return bongsu.Errorf(bongsu.CodeUnauthorized, "the role has changed: log in again")
	}
	return nil
}

// session finds who a cookie speaks for, and moves the session's expiry.
func (s *Service) session(ctx context.Context, secret string) (*Principal, error) {
	if !isSecret(kindSession, secret) {
		return nil, ended()
	}
	return s.sessionByHash(ctx, hashSecret(secret))
}

func ended() error {
	return bongsu.Errorf(bongsu.CodeUnauthorized, "the session has ended: log in again")
}

func (s *Service) sessionByHash(ctx context.Context, hash string) (*Principal, error) {
	now := s.time()
	row, u, err := s.store.SessionUser(ctx, hash, now)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return nil, ended()
	}
	if err != nil {
		return nil, err
	}
	if err := s.touch(ctx, row, now); err != nil {
		return nil, err
	}
	u.PasswordHash = ""
	p := &Principal{User: u, session: hash}
	p.recheck = func(ctx context.Context) (*Principal, error) { return s.sessionByHash(ctx, hash) }
	return p, nil
}

// touch moves a session's expiry to idle from now, never beyond absolute, and at most every
// thirtieth of idle, so that a busy page does not write all the time.
func (s *Service) touch(ctx context.Context, row archive.Session, now time.Time) error {
	expires := now.Add(s.idle)
	if last := row.Created.Add(s.absolute); expires.After(last) {
		expires = last
	}
	if expires.Sub(row.Expires) < s.idle/30 {
		return nil
	}
	err := s.store.ExtendSession(ctx, row.Hash, expires)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return ended()
	}
	return err
}

// bearer finds who an Authorization header speaks for.
func (s *Service) bearer(ctx context.Context, secret string) (*Principal, error) {
	switch {
	case isSecret(kindToken, secret):
		return s.tokenByHash(ctx, hashSecret(secret))
	case isSecret(kindEdge, secret):
		return s.edgeByHash(ctx, hashSecret(secret))
	}
	return nil, bongsu.Errorf(bongsu.CodeUnauthorized, "Authorization: this is no token or credential of ours: make a token with `bongsu-cloud user token`, or enrol the edge with one from `bongsu-cloud edge token`")
}

func (s *Service) tokenByHash(ctx context.Context, hash string) (*Principal, error) {
	row, u, err := s.store.TokenUser(ctx, hash, s.time())
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return nil, bongsu.Errorf(bongsu.CodeUnauthorized, "the token is unknown, has ended or was taken back: make one with `bongsu-cloud user token`")
	}
	if err != nil {
		return nil, err
	}
	u.PasswordHash = ""
	p := &Principal{User: u, Token: row.Name}
	p.recheck = func(ctx context.Context) (*Principal, error) { return s.tokenByHash(ctx, hash) }
	return p, nil
}

func (s *Service) edgeByHash(ctx context.Context, hash string) (*Principal, error) {
	e, err := s.store.EdgeByCredential(ctx, hash)
	if err == nil && e.Disabled || bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return nil, bongsu.Errorf(bongsu.CodeUnauthorized, "the edge's credential is unknown or was taken back: enrol again with a token from `bongsu-cloud edge token`")
	}
	if err != nil {
		return nil, err
	}
	p := &Principal{Edge: e.ID}
	p.recheck = func(ctx context.Context) (*Principal, error) { return s.edgeByHash(ctx, hash) }
	return p, nil
}
