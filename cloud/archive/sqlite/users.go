package sqlite

import (
	"context"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

const insertUser = "INSERT INTO users (username, name, role, password_hash, created_us, disabled) SELECT ?, ?, ?, ?, ?, ? "

func (a *Archive) insertUser(ctx context.Context, u archive.User, condition, conflict string) error {
	return a.write(ctx, "create user", func(t *tx) error {
		n, err := t.exec(insertUser+condition+" ON CONFLICT DO NOTHING",
			u.Username, u.Name, u.Role, u.PasswordHash, micros(u.Created), u.Disabled)
		return taken(n, err, "%s", conflict)
	})
}

// CreateUser implements archive.Users.
func (a *Archive) CreateUser(ctx context.Context, u archive.User) error {
	return a.insertUser(ctx, u, "WHERE true", "the username "+u.Username+" is taken")
}

// CreateFirstUser implements archive.Users.
func (a *Archive) CreateFirstUser(ctx context.Context, u archive.User) error {
	return a.insertUser(ctx, u, "WHERE NOT EXISTS (SELECT 1 FROM users)", "there is a user already; ask an administrator for an account")
}

const userColumns = "u.username, u.name, u.role, u.password_hash, u.created_us, u.disabled"

func scanUser(scan func(...any) error, u *archive.User, more ...any) error {
	var created int64
	err := scan(append([]any{&u.Username, &u.Name, &u.Role, &u.PasswordHash, &created, &u.Disabled}, more...)...)
	u.Created = instant(created)
	return err
}

func (a *Archive) users(ctx context.Context, where string, args ...any) ([]archive.User, error) {
	var out []archive.User
	err := a.read(ctx, "read users", func(t *tx) error {
		return t.each("SELECT "+userColumns+" FROM users u "+where, args, func(scan func(...any) error) error {
			var u archive.User
			err := scanUser(scan, &u)
			out = append(out, u)
			return err
		})
	})
	return out, err
}

// GetUser implements archive.Users.
func (a *Archive) GetUser(ctx context.Context, username string) (archive.User, error) {
	rows, err := a.users(ctx, "WHERE u.username = ?", username)
	return only(rows, err, "there is no user "+username)
}

// ListUsers implements archive.Users.
func (a *Archive) ListUsers(ctx context.Context) ([]archive.User, error) {
	return a.users(ctx, "ORDER BY u.username")
}

// SetUserDisabled implements archive.Users.
func (a *Archive) SetUserDisabled(ctx context.Context, username string, disabled bool) error {
	return a.write(ctx, "change user", func(t *tx) error {
		n, err := t.exec("UPDATE users SET disabled = ? WHERE username = ?", disabled, username)
		if err := missing(n, err, "there is no user %s", username); err != nil || !disabled {
			return err
		}
		if _, err := t.exec("DELETE FROM sessions WHERE username = ?", username); err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM api_tokens WHERE username = ?", username)
		return err
	})
}

// SetPassword implements archive.Users.
func (a *Archive) SetPassword(ctx context.Context, username, hash string) error {
	return a.write(ctx, "change password", func(t *tx) error {
		n, err := t.exec("UPDATE users SET password_hash = ? WHERE username = ?", hash, username)
		if err := missing(n, err, "there is no user %s", username); err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM sessions WHERE username = ?", username)
		return err
	})
}

// PutSession implements archive.Users.
func (a *Archive) PutSession(ctx context.Context, s archive.Session) error {
	return a.write(ctx, "store session", func(t *tx) error {
		n, err := t.exec("INSERT INTO sessions (hash, username, created_us, expires_us) SELECT ?, username, ?, ? FROM users WHERE username = ? AND NOT disabled",
			s.Hash, micros(s.Created), micros(s.Expires), s.Username)
		return missing(n, err, "there is no user %s", s.Username)
	})
}

// SessionUser implements archive.Users.
func (a *Archive) SessionUser(ctx context.Context, hash string, now time.Time) (archive.Session, archive.User, error) {
	var s archive.Session
	var u archive.User
	err := a.read(ctx, "read session", func(t *tx) error {
		var created, expires int64
		there := false
		err := t.each("SELECT "+userColumns+", s.hash, s.created_us, s.expires_us FROM sessions s JOIN users u ON u.username = s.username"+
			" WHERE s.hash = ? AND s.expires_us > ? AND NOT u.disabled", []any{hash, micros(now)}, func(scan func(...any) error) error {
			there = true
			return scanUser(scan, &u, &s.Hash, &created, &expires)
		})
		s.Username, s.Created, s.Expires = u.Username, instant(created), instant(expires)
		if err == nil && !there {
			return bongsu.Errorf(bongsu.CodeNotFound, "the session has ended; log in again")
		}
		return err
	})
	return s, u, err
}

// ExtendSession implements archive.Users.
func (a *Archive) ExtendSession(ctx context.Context, hash string, expires time.Time) error {
	return a.write(ctx, "extend session", func(t *tx) error {
		n, err := t.exec("UPDATE sessions SET expires_us = ? WHERE hash = ?", micros(expires), hash)
		return missing(n, err, "the session has ended; log in again")
	})
}

// DeleteSession implements archive.Users.
func (a *Archive) DeleteSession(ctx context.Context, hash string) error {
	return a.write(ctx, "end session", func(t *tx) error {
		_, err := t.exec("DELETE FROM sessions WHERE hash = ?", hash)
		return err
	})
}

// PutToken implements archive.Users.
func (a *Archive) PutToken(ctx context.Context, k archive.APIToken) error {
	return a.write(ctx, "store token", func(t *tx) error {
		var user int
		if there, err := t.found("SELECT 1 FROM users WHERE username = ? AND NOT disabled", []any{k.Username}, &user); err != nil || !there {
			return missing(0, err, "there is no user %s", k.Username)
		}
		n, err := t.exec("INSERT INTO api_tokens (hash, username, name, created_us, expires_us) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			k.Hash, k.Username, k.Name, micros(k.Created), micros(k.Expires))
		return taken(n, err, "this token is there already")
	})
}

// TokenUser implements archive.Users.
func (a *Archive) TokenUser(ctx context.Context, hash string, now time.Time) (archive.APIToken, archive.User, error) {
	var k archive.APIToken
	var u archive.User
	err := a.read(ctx, "read token", func(t *tx) error {
		var created, expires int64
		there := false
		err := t.each("SELECT "+userColumns+", k.hash, k.name, k.created_us, k.expires_us FROM api_tokens k JOIN users u ON u.username = k.username"+
			" WHERE k.hash = ? AND (k.expires_us = 0 OR k.expires_us > ?) AND NOT u.disabled", []any{hash, micros(now)}, func(scan func(...any) error) error {
			there = true
			return scanUser(scan, &u, &k.Hash, &k.Name, &created, &expires)
		})
		k.Username, k.Created, k.Expires = u.Username, instant(created), instant(expires)
		if err == nil && !there {
			return bongsu.Errorf(bongsu.CodeNotFound, "the token is unknown, taken back or expired")
		}
		return err
	})
	return k, u, err
}

// ListTokens implements archive.Users.
func (a *Archive) ListTokens(ctx context.Context, username string) ([]archive.APIToken, error) {
	var out []archive.APIToken
	err := a.read(ctx, "list tokens", func(t *tx) error {
		return t.each("SELECT hash, username, name, created_us, expires_us FROM api_tokens WHERE ?1 = '' OR username = ?1 ORDER BY created_us, hash",
			[]any{username}, func(scan func(...any) error) error {
				var k archive.APIToken
				var created, expires int64
				err := scan(&k.Hash, &k.Username, &k.Name, &created, &expires)
				k.Created, k.Expires = instant(created), instant(expires)
				out = append(out, k)
				return err
			})
	})
	return out, err
}

// DeleteToken implements archive.Users.
func (a *Archive) DeleteToken(ctx context.Context, hash string) error {
	return a.write(ctx, "delete token", func(t *tx) error {
		n, err := t.exec("DELETE FROM api_tokens WHERE hash = ?", hash)
		return missing(n, err, "there is no such token")
	})
}
