package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Kinds of secret. The prefix lets a leak be recognised and keeps one kind from being taken for
// another.
const (
	kindSession = "bgs_" // browser session
	kindToken   = "bgt_" // bearer token of a script
	kindEdge    = "bge_" // credential of an edge
	kindEnrol   = "bgn_" // one-time token with which an edge enrols
)

// newSecret makes a secret of 256 random bits and what is stored of it.
func newSecret(kind string) (secret, hash string) {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	secret = kind + base64.RawURLEncoding.EncodeToString(b[:])
	return secret, hashSecret(secret)
}

// hashSecret is what is stored of a secret. A plain SHA-256 is enough: unlike a password the
// secret itself has 256 bits.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// isSecret reports whether s could be a secret of that kind, so that nothing else is looked up.
func isSecret(kind, s string) bool {
	return strings.HasPrefix(s, kind) && len(s) == len(kind)+43
}
