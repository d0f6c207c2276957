// Package auth says who may do what: users with roles and sessions, bearer tokens of scripts,
// credentials of edges, and the one table of all routes with the guard that enforces it.
// Secrets are random 256-bit values of which only a SHA-256 is stored; passwords are Argon2id
// hashes (RFC 9106). There is no default password: the first admin is made with a one-time
// code. Nothing secret is ever logged or put into an error.
package auth
