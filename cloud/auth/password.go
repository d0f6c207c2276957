package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"bongsu"
)

// Params are the costs of Argon2id (RFC 9106).
type Params struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// RecommendedParams is the second recommended option of RFC 9106, section 4: 3 passes over
// 64 MiB in 4 lanes.
func RecommendedParams() Params { return Params{MemoryKiB: 64 << 10, Passes: 3, Lanes: 4} }

// Limits of what a stored hash may ask for, so that a damaged row cannot take the machine.
const (
	maxMemoryKiB = 1 << 20
	maxPasses    = 16
)

// Lengths of a password, in characters and bytes.
const (
	MinPasswordRunes = 10
	MaxPasswordBytes = 256
)

const (
	saltBytes = 16
	keyBytes  = 32
)

// Hasher hashes and checks passwords, at most a few at once: each takes Params.MemoryKiB.
type Hasher struct {
	params Params
	dummy  string        // checked where there is no user, so that it takes as long
	slots  chan struct{} // how many may run at once
}

// NewHasher makes a Hasher; the zero Params are RecommendedParams. atOnce limits how many
// hashes are computed at the same time (at least 1).
func NewHasher(p Params, atOnce int) *Hasher {
	if p == (Params{}) {
		p = RecommendedParams()
	}
	h := &Hasher{params: p, slots: make(chan struct{}, max(1, atOnce))}
	h.dummy = encode(p, make([]byte, saltBytes), make([]byte, keyBytes))
	return h
}

// Hash gives the PHC string of a password, "$argon2id$v=19$m=65536,t=3,p=4$salt$hash". It
// blocks for a free slot, until ctx ends.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.take(ctx); err != nil {
		return "", err
	}
	defer func() { <-h.slots }()
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails (crypto/rand, Go 1.24)
	return encode(h.params, salt, derive(h.params, password, salt, keyBytes)), nil
}

// Check reports whether password is what hash was made of. An empty hash stands for a user
// that does not exist: it takes as long and is never right.
func (h *Hasher) Check(ctx context.Context, password, hash string) (bool, error) {
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	p, salt, want, err := decode(hash)
	if err != nil {
		return false, err
	}
	if err := h.take(ctx); err != nil {
		return false, err
	}
	defer func() { <-h.slots }()
	same := subtle.ConstantTimeCompare(derive(p, password, salt, uint32(len(want))), want) == 1
	return same && known, nil
}

func (h *Hasher) take(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return bongsu.Wrap(bongsu.CodeUnavailable, ctx.Err(), "too many logins at once: try again")
	}
}

func derive(p Params, password string, salt []byte, n uint32) []byte {
	return argon2.IDKey([]byte(password), salt, p.Passes, p.MemoryKiB, p.Lanes, n)
}

func encode(p Params, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.MemoryKiB, p.Passes, p.Lanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

func decode(hash string) (p Params, salt, key []byte, err error) {
	damaged := bongsu.Errorf(bongsu.CodeInternal, "a stored password hash is damaged: set the password again with `bongsu-cloud user passwd`")
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return p, nil, nil, damaged
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return p, nil, nil, damaged
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.MemoryKiB, &p.Passes, &p.Lanes); err != nil {
		return p, nil, nil, damaged
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(key) < 16 || len(key) > 64 ||
		p.MemoryKiB < 8 || p.MemoryKiB > maxMemoryKiB || p.Passes < 1 || p.Passes > maxPasses || p.Lanes < 1 {
		return p, nil, nil, damaged
	}
	return p, salt, key, nil
}

// CheckNewPassword says what is wrong with a password that somebody wants to use, in a sentence
// for that person. Length is what counts (NIST SP 800-63B, section 5.1.1): no character classes.
func CheckNewPassword(username, password string) error {
	switch {
	case !utf8.ValidString(password):
		return bongsu.Errorf(bongsu.CodeInvalid, "password: is not UTF-8 text")
	case utf8.RuneCountInString(password) < MinPasswordRunes:
		return bongsu.Errorf(bongsu.CodeInvalid, "password: is too short: use at least %d characters", MinPasswordRunes)
	case len(password) > MaxPasswordBytes:
		return bongsu.Errorf(bongsu.CodeInvalid, "password: is too long: use at most %d bytes", MaxPasswordBytes)
	case strings.Contains(strings.ToLower(password), strings.ToLower(username)):
		return bongsu.Errorf(bongsu.CodeInvalid, "password: holds the username: choose another")
	case oneRune(password):
		return bongsu.Errorf(bongsu.CodeInvalid, "password: is one character over and over: choose another")
	}
	return nil
}

func oneRune(s string) bool {
	for _, r := range s {
		if f, _ := utf8.DecodeRuneInString(s); r != f {
			return false
		}
	}
	return true
}
