package auth

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
)

// EnrolFor is how long an edge's one-time token is good.
const EnrolFor = time.Hour

// Actor is who changes an account: a user through the API, or "cli" on the server's machine.
type Actor struct {
	Username string
	Client   string
}

// CLI is the actor of the command line.
var CLI = Actor{Username: "cli", Client: "local"}

// Actor names the principal in records.
func (p *Principal) Actor() Actor {
	if p.Edge != "" {
		return Actor{Username: "edge:" + string(p.Edge), Client: p.client}
	}
	return Actor{Username: p.User.Username, Client: p.client}
}

func (s *Service) record(ctx context.Context, by Actor, action, target, detail string) error {
	return s.audit.Record(ctx, audit.Entry{Actor: by.Username, Client: by.Client, Action: action, Target: target, Detail: detail})
}

// checkShown says what is wrong with a text that others will see.
func checkShown(field, s string) error {
	bad := !utf8.ValidString(s) || strings.TrimSpace(s) == "" || utf8.RuneCountInString(s) > 64 ||
		strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
	if bad {
		return bongsu.Errorf(bongsu.CodeInvalid, "%s: must be 1 to 64 printable characters", field)
	}
	return nil
}

// AddUser makes a user; CodeConflict when the username is taken, CodeInvalid when something of
// it is wrong. The record of it is written first.
func (s *Service) AddUser(ctx context.Context, by Actor, u NewUser) (archive.User, error) {
	row, err := s.newUser(ctx, u)
	if err != nil {
		return archive.User{}, err
	}
	if _, err := s.store.GetUser(ctx, row.Username); err == nil {
		return archive.User{}, taken(row.Username)
	}
	if err := s.record(ctx, by, audit.UserAdd, "user "+row.Username, "role "+string(row.Role)); err != nil {
		return archive.User{}, err
	}
	if err := s.store.CreateUser(ctx, row); err != nil {
		if bongsu.CodeOf(err) == bongsu.CodeConflict {
			err = taken(row.Username)
		}
		return archive.User{}, err
	}
	if err := s.endSetup(ctx); err != nil { // there is a user now, so the code has no use
		s.log.Error("the set-up code was not removed", "err", err)
	}
	return row, nil
}

func taken(username string) error {
	return bongsu.Errorf(bongsu.CodeConflict, "username: %q is taken: choose another", username)
}

func (s *Service) mustUser(ctx context.Context, username string) (archive.User, error) {
	u, err := s.store.GetUser(ctx, username)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		err = bongsu.Errorf(bongsu.CodeNotFound, "there is no user %q", username)
	}
	return u, err
}

// DisableUser shuts a user out: sessions and tokens end at once. The last admin who is left
// cannot be shut out (CodeConflict).
func (s *Service) DisableUser(ctx context.Context, by Actor, username string) error {
	u, err := s.mustUser(ctx, username)
	if err != nil {
		return err
	}
	if u.Role == archive.RoleAdmin && !u.Disabled {
		users, err := s.store.ListUsers(ctx)
		if err != nil {
			return err
		}
		left := 0
		for _, o := range users {
			if o.Role == archive.RoleAdmin && !o.Disabled && o.Username != username {
				left++
			}
		}
		if left == 0 {
			return bongsu.Errorf(bongsu.CodeConflict, "%s is the last admin: make another one first", username)
		}
	}
	if err := s.record(ctx, by, audit.UserDisable, "user "+username, ""); err != nil {
		return err
	}
	return s.store.SetUserDisabled(ctx, username, true)
}

// SetPassword replaces a user's password; the user's sessions end.
func (s *Service) SetPassword(ctx context.Context, by Actor, username, password string) error {
	if _, err := s.mustUser(ctx, username); err != nil {
		return err
	}
	if err := CheckNewPassword(username, password); err != nil {
		return err
	}
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	if err := s.record(ctx, by, audit.UserPassword, "user "+username, ""); err != nil {
		return err
	}
	return s.store.SetPassword(ctx, username, hash)
}

// UserToken makes a bearer token with which a script acts as the user, for so long (0: until
// the user is disabled). The token is returned once; its hash is kept.
func (s *Service) UserToken(ctx context.Context, by Actor, username, name string, d time.Duration) (string, error) {
	u, err := s.mustUser(ctx, username)
	if err != nil {
		return "", err
	}
	if u.Disabled {
		return "", bongsu.Errorf(bongsu.CodeConflict, "the user %q is disabled", username)
	}
	if err := checkShown("name", name); err != nil {
		return "", err
	}
	secret, hash := newSecret(kindToken)
	t := archive.APIToken{Hash: hash, Username: username, Name: name, Created: s.time()}
	if d > 0 {
		t.Expires = t.Created.Add(d)
	}
	if err := s.record(ctx, by, audit.UserToken, "user "+username, "token "+name); err != nil {
		return "", err
	}
	return secret, s.store.PutToken(ctx, t)
}

// EdgeToken makes a one-time token with which one edge enrols within EnrolFor.
func (s *Service) EdgeToken(ctx context.Context, by Actor, name string) (token string, expires time.Time, err error) {
	if err := checkShown("name", name); err != nil {
		return "", time.Time{}, err
	}
	token, hash := newSecret(kindEnrol)
	now := s.time()
	t := archive.EnrolToken{Hash: hash, Name: name, By: by.Username, Created: now, Expires: now.Add(EnrolFor)}
	if err := s.record(ctx, by, audit.EdgeToken, "edge "+name, ""); err != nil {
		return "", time.Time{}, err
	}
	return token, t.Expires, s.store.PutEnrolToken(ctx, t)
}

// Enrol trades a one-time token for an edge's credential, which is returned once. A token that
// is unknown, used or too old is CodeUnauthorized.
func (s *Service) Enrol(ctx context.Context, client string, req bongsu.EnrolRequest) (bongsu.EnrolResponse, error) {
	var none bongsu.EnrolResponse
	if err := checkShown("name", req.Name); err != nil {
		return none, err
	}
	if err := s.admit(ctx, "enrolment from "+client, client, audit.EdgeEnrolFailed); err != nil {
		return none, err
	}
	refused := bongsu.Errorf(bongsu.CodeUnauthorized, "token: is unknown, used or older than an hour: make another with `bongsu-cloud edge token`")
	if !isSecret(kindEnrol, req.Token) {
		return none, s.enrolFailed(ctx, client, refused)
	}
	now := s.time()
	credential, hash := newSecret(kindEdge)
	e := archive.Edge{ID: newEdgeID(req.Name), Name: req.Name, CredentialHash: hash, Enrolled: now}
	err := s.store.Enrol(ctx, hashSecret(req.Token), e, now)
	if bongsu.CodeOf(err) == bongsu.CodeUnauthorized {
		return none, s.enrolFailed(ctx, client, refused)
	}
	if err != nil {
		return none, err
	}
	s.throttle.succeed("enrolment from "+client, client)
	if err := s.record(ctx, Actor{"edge:" + string(e.ID), client}, audit.EdgeEnrol, "edge "+string(e.ID), e.Name); err != nil {
		// An edge that nobody could record does not come in; its token is used up.
		return none, firstError(s.store.SetEdgeDisabled(ctx, e.ID, true), err)
	}
	return bongsu.EnrolResponse{Edge: e.ID, Credential: credential}, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) enrolFailed(ctx context.Context, client string, refused error) error {
	return firstError(s.record(ctx, Actor{Client: client}, audit.EdgeEnrolFailed, "", ""), refused)
}

// newEdgeID makes an ID that reads like the name and is new: letters and digits of the name,
// then 32 random bits.
func newEdgeID(name string) bongsu.EdgeID {
	var b [4]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	var slug strings.Builder
	for _, r := range strings.ToLower(name) {
		if (r >= 'a' && r <= 'z' || r >= '0' && r <= '9') && slug.Len() < 24 {
			slug.WriteRune(r)
		} else if s := slug.String(); s != "" && !strings.HasSuffix(s, "-") && slug.Len() < 24 {
			slug.WriteByte('-')
		}
	}
	prefix := strings.Trim(slug.String(), "-")
	if prefix == "" {
		prefix = "edge"
	}
	return bongsu.EdgeID(fmt.Sprintf("%s-%s", prefix, hex.EncodeToString(b[:])))
}

// RevokeEdge shuts an edge out at once; its events stay. CodeNotFound without it.
func (s *Service) RevokeEdge(ctx context.Context, by Actor, id bongsu.EdgeID) error {
	if _, err := s.store.GetEdge(ctx, id); err != nil {
		if bongsu.CodeOf(err) == bongsu.CodeNotFound {
			err = bongsu.Errorf(bongsu.CodeNotFound, "there is no edge %q: `bongsu-cloud edge list` lists them", id)
		}
		return err
	}
	if err := s.record(ctx, by, audit.EdgeRevoke, "edge "+string(id), ""); err != nil {
		return err
	}
	return s.store.SetEdgeDisabled(ctx, id, true)
}
