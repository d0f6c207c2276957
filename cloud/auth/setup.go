package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
)

// setupKey is where the archive keeps the hash of the set-up code.
const setupKey = "setup.code_hash"

// NewUser is what a user is made of.
type NewUser struct {
	Username string
	Name     string // shown to others; "" is the username
	Role     archive.Role
	Password string
}

// PrepareSetup makes the one-time set-up code when there is no user yet: 125 random bits, kept
// in the set-up file with mode 0600. code is "" when set-up is done, or when a code from an
// earlier start still waits in the file. Once there is a user, file and code are removed.
func (s *Service) PrepareSetup(ctx context.Context) (code string, err error) {
	needed, err := s.SetupNeeded(ctx)
	if err != nil {
		return "", err
	}
	if !needed {
		return "", s.endSetup(ctx)
	}
	if s.waiting(ctx) {
		return "", nil
	}
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	plain := base32.StdEncoding.EncodeToString(b[:])[:25]
	code = strings.Join([]string{plain[:5], plain[5:10], plain[10:15], plain[15:20], plain[20:]}, "-")
	if err := writePrivate(s.setupFile, code+"\n"); err != nil {
		return "", bongsu.Wrap(bongsu.CodeUnavailable, err, "the set-up code cannot be kept in %s: check the folder's owner and space", s.setupFile)
	}
	if err := s.store.SetMeta(ctx, setupKey, hashSecret(plain)); err != nil {
		return "", err
	}
	return code, nil
}

// waiting reports whether a code of an earlier start is still in the file and valid.
func (s *Service) waiting(ctx context.Context) bool {
	b, err := os.ReadFile(s.setupFile)
	if err != nil {
		return false
	}
	want, err := s.store.GetMeta(ctx, setupKey)
	return err == nil && want == hashSecret(plainCode(string(b)))
}

// plainCode takes away what people add when they copy a code.
func plainCode(s string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "", "\n", "", "\r", "").Replace(s))
}

// writePrivate writes a file that only its owner can read; it is whole or not there.
func writePrivate(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".setup-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (s *Service) endSetup(ctx context.Context) error {
	if err := os.Remove(s.setupFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "the used set-up code cannot be removed: delete %s", s.setupFile)
	}
	return s.store.DeleteMeta(ctx, setupKey)
}

// SetupNeeded reports whether there is no user yet.
func (s *Service) SetupNeeded(ctx context.Context) (bool, error) {
	users, err := s.store.ListUsers(ctx)
	return len(users) == 0 && err == nil, err
}

// Setup makes the first admin with the one-time code and begins a session; it returns the
// cookie's value. A wrong code is CodeForbidden and throttled; when there is a user already it
// is CodeConflict.
func (s *Service) Setup(ctx context.Context, client, code string, u NewUser) (archive.User, string, error) {
	if err := s.admit(ctx, "set-up code", client, audit.SetupFailed); err != nil {
		return archive.User{}, "", err
	}
	needed, err := s.SetupNeeded(ctx)
	if err != nil {
		return archive.User{}, "", err
	}
	if !needed {
		return archive.User{}, "", setupDone()
	}
	want, err := s.store.GetMeta(ctx, setupKey)
	if err != nil && bongsu.CodeOf(err) != bongsu.CodeNotFound {
		return archive.User{}, "", err
	}
	got := hashSecret(plainCode(code))
	if want == "" || subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		if err := s.audit.Record(ctx, audit.Entry{Client: client, Action: audit.SetupFailed}); err != nil {
			return archive.User{}, "", err
		}
		return archive.User{}, "", bongsu.Errorf(bongsu.CodeForbidden, "code: is not the set-up code: `bongsu-cloud serve` printed it at its first start and keeps it in %s in its data folder", filepath.Base(s.setupFile))
	}
	s.throttle.succeed("set-up code", client) // the code was right: what is still wrong may be mended
	u.Role = archive.RoleAdmin
	row, err := s.newUser(ctx, u)
	if err != nil {
		return archive.User{}, "", err
	}
	if err := s.store.CreateFirstUser(ctx, row); err != nil {
		if bongsu.CodeOf(err) == bongsu.CodeConflict {
			err = setupDone()
		}
		return archive.User{}, "", err
	}
	if err := s.endSetup(ctx); err != nil {
		s.log.Error("set-up is done, but its code was not removed", "err", err)
	}
	secret, err := s.begin(ctx, client, row, audit.Setup)
	return row, secret, err
}

func setupDone() error {
	return bongsu.Errorf(bongsu.CodeConflict, "set-up is done already: log in")
}

// newUser checks a user that is to be made and hashes the password.
func (s *Service) newUser(ctx context.Context, u NewUser) (archive.User, error) {
	if err := bongsu.CheckName(u.Username); err != nil {
		return archive.User{}, bongsu.Errorf(bongsu.CodeInvalid, "username: %s", err)
	}
	if u.Name == "" {
		u.Name = u.Username
	}
	if err := checkShown("name", u.Name); err != nil {
		return archive.User{}, err
	}
	if u.Role != archive.RoleOperator && u.Role != archive.RoleAdmin {
		return archive.User{}, bongsu.Errorf(bongsu.CodeInvalid, "role: must be operator or admin, not %q", u.Role)
	}
	if err := CheckNewPassword(u.Username, u.Password); err != nil {
		return archive.User{}, err
	}
	hash, err := s.hasher.Hash(ctx, u.Password)
	if err != nil {
		return archive.User{}, err
	}
	return archive.User{Username: u.Username, Name: u.Name, Role: u.Role, PasswordHash: hash, Created: s.time()}, nil
}
