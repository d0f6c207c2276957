package rtsp

import (
	"crypto/md5" //nolint:gosec // RFC 2617 knows nothing else
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
)

// challenge is one way in which a camera asks for a login: RFC 7616 (digest), RFC 7617 (Basic).
type challenge struct {
	basic     bool
	algorithm string // as the camera wrote it, to be repeated; "" when it did not
	session   bool   // an algorithm of the -sess kind
	sha256    bool
	realm     string
	nonce     string
	opaque    string
	qop       bool // "auth" is offered
	stale     bool
}

// readChallenges reads the values of WWW-Authenticate. Several challenges may stand in one
// value; quotes and commas may be missing; what is not known is left out.
func readChallenges(values []string) (known []*challenge, odd bool) {
	for _, v := range values {
		if strings.ContainsFunc(v, unicode.IsControl) {
			odd = true
			continue // what is repeated in an answer must not end its line
		}
		var c *challenge
		unknown := false
		for _, t := range authTokens(v) {
			if t.scheme {
				c, unknown = newChallenge(t.key)
				odd = odd || unknown
				if c != nil {
					known = append(known, c)
				}
				continue
			}
			if c == nil {
				odd = odd || !unknown
				continue
			}
			odd = odd || t.odd
			c.take(t.key, t.value)
		}
	}
	usable := known[:0]
	for _, c := range known {
		if c.basic || c.nonce != "" && c.hash() != nil {
			usable = append(usable, c)
		} else {
			odd = true
		}
	}
	return usable, odd
}

func newChallenge(scheme string) (c *challenge, unknown bool) {
	switch strings.ToLower(scheme) {
	case "digest":
		return &challenge{}, false
	case "basic":
		return &challenge{basic: true}, false
	}
	return nil, true
}

func (c *challenge) take(key, value string) {
	switch strings.ToLower(key) {
	case "realm":
		c.realm = value
	case "nonce":
		c.nonce = value
	case "opaque":
		c.opaque = value
	case "algorithm":
		c.algorithm = value
	case "stale":
		c.stale = strings.EqualFold(value, "true")
	case "qop":
		for q := range strings.SplitSeq(value, ",") {
			c.qop = c.qop || strings.EqualFold(strings.TrimSpace(q), "auth")
		}
	}
}

// hash gives the digest function, nil when the algorithm is not known.
func (c *challenge) hash() func(string) string {
	name := strings.ToUpper(strings.ReplaceAll(c.algorithm, "_", "-"))
	if name, c.session = strings.CutSuffix(name, "-SESS"); name == "" || name == "MD5" {
		return func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) } //nolint:gosec // as above
	}
	if name == "SHA-256" || name == "SHA256" {
		c.sha256 = true
		return func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	}
	return nil
}

// strongest gives the best of known: SHA-256 before MD5, Basic only when it is allowed.
func strongest(known []*challenge, basic bool) *challenge {
	rank := func(c *challenge) int {
		switch {
		case c == nil || c.basic && !basic:
			return 0
		case c.basic:
			return 1
		case !c.sha256:
			return 2
		}
		return 3
	}
	var best *challenge
	for _, c := range known {
		if rank(c) > rank(best) {
			best = c
		}
	}
	return best
}

// authorization answers the challenge for one request; count is how many answers this nonce
// has seen, from 1.
func (c *challenge) authorization(method, uri, user, password string, count int) string {
	if c.basic {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	h := c.hash()
	cnonce := rand.Text()
	secret := h(user + ":" + c.realm + ":" + password)
	if c.session {
		secret = h(secret + ":" + c.nonce + ":" + cnonce)
	}
	request := h(method + ":" + uri)
	out := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s"`, escape(user), escape(c.realm), escape(c.nonce), uri)
	nc := fmt.Sprintf("%08x", count)
	if c.qop {
		out += fmt.Sprintf(`, response="%s", qop=auth, nc=%s, cnonce="%s"`, h(strings.Join([]string{secret, c.nonce, nc, cnonce, "auth", request}, ":")), nc, cnonce)
	} else {
		out += fmt.Sprintf(`, response="%s"`, h(secret+":"+c.nonce+":"+request))
		if c.session {
			out += fmt.Sprintf(`, cnonce="%s"`, cnonce)
		}
	}
	if c.algorithm != "" {
		out += `, algorithm=` + c.algorithm
	}
	if c.opaque != "" {
		out += fmt.Sprintf(`, opaque="%s"`, escape(c.opaque))
	}
	return out
}

// escape writes s for a quoted string.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// authToken is the name of a scheme, or one parameter.
type authToken struct {
	scheme     bool
	key, value string
	odd        bool // no comma before it, or no quotes that close
}

// authTokens cuts one WWW-Authenticate value.
func authTokens(v string) []authToken {
	var out []authToken
	comma := true
	for {
		trimmed := strings.TrimLeft(v, " \t,")
		odd := strings.Count(v[:len(v)-len(trimmed)], ",") > 1
		comma = comma || strings.Contains(v[:len(v)-len(trimmed)], ",")
		if v = trimmed; v == "" {
			return out
		}
		n := strings.IndexAny(v, "= \t,")
		if n < 0 {
			n = len(v)
		}
		word := v[:n]
		rest := strings.TrimLeft(v[n:], " \t")
		if !strings.HasPrefix(rest, "=") {
			if word != "" {
				out = append(out, authToken{scheme: true, key: word})
			}
			v, comma = v[n:], true
			continue
		}
		value, left, fine := authValue(strings.TrimLeft(rest[1:], " \t"))
		out = append(out, authToken{key: word, value: value, odd: odd || !comma || !fine})
		v, comma = left, false
	}
}

// authValue reads a value, quoted or not.
func authValue(v string) (value, rest string, fine bool) {
	if !strings.HasPrefix(v, `"`) {
		n := strings.IndexAny(v, ", \t")
		if n < 0 {
			n = len(v)
		}
		return v[:n], v[n:], true
	}
	var b strings.Builder
	for i := 1; i < len(v); i++ {
		switch {
		case v[i] == '\\' && i+1 < len(v):
			i++
			b.WriteByte(v[i])
		case v[i] == '"':
			return b.String(), v[i+1:], true
		default:
			b.WriteByte(v[i])
		}
	}
	return b.String(), "", false
}
