package rtsp

import (
	"net"
	"net/url"
	"strings"
)

// addresses are the two URLs that SETUP and PLAY use. Whatever a camera writes, their scheme
// and host are the configured ones: nothing is ever sent elsewhere.
type addresses struct {
	base    string // of the session
	media   string // of the track
	odd     bool   // what the camera wrote needed leniency
	foreign bool   // it named another host
}

// join makes the addresses from the URL that was asked, and what the camera's answer says:
// RFC 2326, sections 12.11 (Content-Base) and C.1.1 (control), as cameras really do it. The
// control address is put behind the base as text, query included, which is what they expect.
func (a *addresses) join(asked *url.URL, contentBase, session, media string) {
	base := *asked
	base.User, base.Fragment, base.RawFragment = nil, "", ""
	base.RawQuery = strings.ReplaceAll(base.RawQuery, " ", "%20")
	if contentBase != "" {
		base = a.resolve(base, contentBase)
	}
	if session != "" && session != "*" {
		base = a.resolve(base, session)
	}
	a.base = base.String()
	switch {
	case media == "" || media == "*":
		a.media = a.base
	case absolute(media):
		u := a.resolve(base, media)
		a.media = u.String()
	default:
		a.media = a.base
		if media[0] != '?' && media[0] != '/' && !strings.HasSuffix(a.media, "/") {
			a.media += "/"
		}
		if strings.HasSuffix(a.media, "/") && media[0] == '/' {
			media, a.odd = media[1:], true
		}
		a.media += media
	}
}

func absolute(s string) bool {
	l := strings.ToLower(s)
	return strings.HasPrefix(l, "rtsp://") || strings.HasPrefix(l, "rtsps://")
}

// resolve reads an address that should be absolute, and may be anything.
func (a *addresses) resolve(at url.URL, s string) url.URL {
	text := strings.TrimSpace(s)
	stripped := 0
	for absolute(text) {
		_, text, _ = strings.Cut(text, "://")
		stripped++
	}
	if stripped != 1 {
		a.odd = true
	}
	host, path := "", text
	if stripped > 0 || namesHost(text, at.Host) {
		host, path, _ = strings.Cut(text, "/")
		path = "/" + path
		if i := strings.LastIndex(host, "@"); i >= 0 {
			host = host[i+1:]
		}
	} else if !strings.HasPrefix(text, "/") {
		path = strings.TrimSuffix(at.EscapedPath(), "/") + "/" + text
	}
	if host != "" && !sameHost(host, at.Host) {
		a.foreign = true
	}
	if strings.HasPrefix(path, "//") {
		path, a.odd = "/"+strings.TrimLeft(path, "/"), true
	}
	u, err := url.Parse(at.Scheme + "://" + at.Host + path)
	if err != nil || u.Host != at.Host || u.Opaque != "" {
		a.odd = true
		return at
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if strings.Contains(u.RawQuery, " ") { // a query is written as it stands, and a space ends the address in a request line
		u.RawQuery, a.odd = strings.ReplaceAll(u.RawQuery, " ", "%20"), true
	}
	return *u
}

// namesHost reports whether text without a scheme begins with the camera's own address.
func namesHost(text, host string) bool {
	first, _, _ := strings.Cut(text, "/")
	return first != "" && sameHost(first, host)
}

// sameHost compares hosts without their ports.
func sameHost(a, b string) bool { return strings.EqualFold(hostname(a), hostname(b)) }

func hostname(s string) string {
	if h, _, err := net.SplitHostPort(s); err == nil {
		return h
	}
	return strings.Trim(s, "[]")
}
