package auth

import (
	"context"
	"net"
	"net/http"
	"strings"

	"bongsu"
	"bongsu/cloud/archive"
)

// Principal is who a request speaks for. The zero Principal is anybody.
type Principal struct {
	User  archive.User  // Username "" when it is no user; PasswordHash is always ""
	Edge  bongsu.EdgeID // "" when it is no edge
	Token string        // name of the API token that was used; "" with a session

	session string // hash of the session; "" without one
	client  string
	recheck func(context.Context) (*Principal, error) // asks again whether the credential holds
}

// Client is the address the request came from.
func (p *Principal) Client() string { return p.client }

// Admin reports whether the principal is a user with the role admin.
func (p *Principal) Admin() bool { return p.User.Role == archive.RoleAdmin }

type principalKey struct{}

// From gives who a request speaks for, as the guard found it. Outside of the guard it is the
// zero Principal.
func From(ctx context.Context) *Principal {
	if p, ok := ctx.Value(principalKey{}).(*Principal); ok {
		return p
	}
	return &Principal{}
}

// With returns a context that speaks for p. The guard calls it; so do tests of handlers.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// clientAddress is where a request came from: the peer, or, when the peer is a proxy on this
// machine, the address that this proxy saw (the last one of X-Forwarded-For). Headers from
// anybody else are not believed.
func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if isLoopback(host) {
		all := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
		last := strings.TrimSpace(all[strings.LastIndex(all, ",")+1:])
		if ip := net.ParseIP(last); ip != nil {
			return ip.String()
		}
	}
	return host
}

// local reports whether the caller is on this machine and speaks for itself.
func local(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && isLoopback(host) &&
		r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
