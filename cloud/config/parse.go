package config

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"bongsu"
)

// key is one scalar key of the file: where it goes and how its text is checked. The table of
// keys is the file's whole grammar; everything else is an error.
type key struct {
	path string
	set  func(c *Config, v ast.Node) error // the error's text says what is wrong and what to do
	get  func(c *Config) any
}

func keys() []key {
	return []key{
		text("listen", func(c *Config) *string { return &c.Listen }, checkListen),
		text("data_dir", func(c *Config) *string { return &c.DataDir }, notEmpty),
		text("public_url", func(c *Config) *string { return &c.PublicURL }, checkURL),
		flag("allow_http", func(c *Config) *bool { return &c.AllowHTTP }),
		text("tls.cert_file", func(c *Config) *string { return &c.TLS.CertFile }, nil),
		text("tls.key_file", func(c *Config) *string { return &c.TLS.KeyFile }, nil),
		roles("roles", func(c *Config) *Roles { return &c.Roles }),
		text("queue.kind", func(c *Config) *string { return &c.Queue.Kind }, oneOf(QueueMemory, QueueRedis)),
		text("queue.redis.address", func(c *Config) *string { return &c.Queue.Redis.Address }, checkDial),
		text("queue.redis.username", func(c *Config) *string { return &c.Queue.Redis.Username }, nil),
		text("queue.redis.password_file", func(c *Config) *string { return &c.Queue.Redis.PasswordFile }, nil),
		flag("queue.redis.tls.enabled", func(c *Config) *bool { return &c.Queue.Redis.TLS.Enabled }),
		text("queue.redis.tls.ca_file", func(c *Config) *string { return &c.Queue.Redis.TLS.CAFile }, nil),
		text("queue.redis.tls.server_name", func(c *Config) *string { return &c.Queue.Redis.TLS.ServerName }, nil),
		number("queue.redis.database", func(c *Config) *int { return &c.Queue.Redis.Database }, 0, 1023),
		number("queue.redis.lease_s", func(c *Config) *int { return &c.Queue.Redis.LeaseS }, 1, 600),
		text("queue.redis.stream", func(c *Config) *string { return &c.Queue.Redis.Stream }, checkStream),
		text("objects.kind", func(c *Config) *string { return &c.Objects.Kind }, oneOf(ObjectsDisk, ObjectsS3)),
		text("objects.s3.endpoint", func(c *Config) *string { return &c.Objects.S3.Endpoint }, checkURL),
		text("objects.s3.region", func(c *Config) *string { return &c.Objects.S3.Region }, nil),
		text("objects.s3.bucket", func(c *Config) *string { return &c.Objects.S3.Bucket }, checkBucket),
		text("objects.s3.prefix", func(c *Config) *string { return &c.Objects.S3.Prefix }, checkPrefix),
		text("objects.s3.access_key_file", func(c *Config) *string { return &c.Objects.S3.AccessKeyFile }, nil),
		text("objects.s3.secret_key_file", func(c *Config) *string { return &c.Objects.S3.SecretKeyFile }, nil),
		text("objects.s3.ca_file", func(c *Config) *string { return &c.Objects.S3.CAFile }, nil),
		flag("objects.s3.path_style", func(c *Config) *bool { return &c.Objects.S3.PathStyle }),
		text("objects.s3.public_endpoint", func(c *Config) *string { return &c.Objects.S3.PublicEndpoint }, checkURL),
		flag("objects.s3.presign", func(c *Config) *bool { return &c.Objects.S3.Presign }),
		number("retention_days", func(c *Config) *int { return &c.RetentionDays }, 1, 3650),
		number("alerts.fold_s", func(c *Config) *int { return &c.Alerts.FoldS }, 0, 3600),
		number("session.idle_minutes", func(c *Config) *int { return &c.Session.IdleMinutes }, 1, 1440),
		number("session.absolute_hours", func(c *Config) *int { return &c.Session.AbsoluteHours }, 1, 168),
		text("log.level", func(c *Config) *string { return &c.Log.Level }, oneOf("debug", "info", "warn", "error")),
		text("log.format", func(c *Config) *string { return &c.Log.Format }, oneOf("text", "json")),
		text("debug.listen", func(c *Config) *string { return &c.Debug.Listen }, checkDebug),
	}
}

// Parse reads the text of a file; name stands for it in errors. An empty text gives the defaults.
func Parse(name string, src []byte) (Config, error) {
	c, _, err := parse(name, src)
	return c, err
}

// parse is Parse; lines says where each key stands.
func parse(name string, src []byte) (c Config, lines map[string]int, err error) {
	c = Default()
	src = bytes.TrimPrefix(src, []byte("\ufeff"))                      // of some editors; the library takes it for a part of the first key
	f, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey()) // so that we name the key ourselves
	if err != nil {
		return Config{}, nil, syntaxError(name, err)
	}
	p := &reader{file: name, cfg: &c, lines: map[string]int{}, keys: map[string]key{}, sections: map[string]bool{}}
	for _, k := range keys() {
		p.keys[k.path] = k
		for i, r := range k.path {
			if r == '.' {
				p.sections[k.path[:i]] = true
			}
		}
	}
	if len(f.Docs) > 1 {
		return Config{}, nil, &bongsu.FieldError{File: name, Line: line(f.Docs[1].Body), Message: "a second document begins here: keep one, without ---"}
	}
	for _, d := range f.Docs {
		if err := p.mapping("", d.Body); err != nil {
			return Config{}, nil, err
		}
	}
	if err := c.check(name, func(k string) int { return p.lines[k] }); err != nil {
		return Config{}, nil, err
	}
	return c, p.lines, nil
}

// reader walks one document and fills cfg.
type reader struct {
	file     string
	cfg      *Config
	keys     map[string]key
	sections map[string]bool
	lines    map[string]int // where each key seen stands
}

func (p *reader) errorf(n ast.Node, path, format string, args ...any) error {
	return &bongsu.FieldError{File: p.file, Line: line(n), Path: path, Message: fmt.Sprintf(format, args...)}
}

// mapping reads the keys of the document (prefix "") or of a section.
func (p *reader) mapping(prefix string, n ast.Node) error {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return nil
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		return p.errorf(n, prefix, "must hold keys, each as `key: value` on a line of its own")
	}
	for _, v := range values {
		if err := p.value(prefix, v); err != nil {
			return err
		}
	}
	return nil
}

func (p *reader) value(prefix string, v *ast.MappingValueNode) error {
	path := v.Key.String()
	if tok := v.Key.GetToken(); tok != nil {
		path = tok.Value
	}
	if prefix != "" {
		path = prefix + "." + path
	}
	if _, twice := p.lines[path]; twice {
		return p.errorf(v.Key, path, "is given twice: keep one")
	}
	p.lines[path] = line(v.Key)
	if p.sections[path] {
		return p.mapping(path, v.Value)
	}
	k, known := p.keys[path]
	if !known {
		return p.errorf(v.Key, path, "unknown key: %s", p.suggest(prefix))
	}
	if err := k.set(p.cfg, v.Value); err != nil {
		return p.errorf(v.Key, path, "%s", err)
	}
	return nil
}

// suggest lists what may stand where an unknown key stood.
func (p *reader) suggest(prefix string) string {
	var names []string
	seen := map[string]bool{}
	for _, k := range keys() {
		rest := k.path
		if prefix != "" {
			var in bool
			if rest, in = strings.CutPrefix(k.path, prefix+"."); !in {
				continue
			}
		}
		first, _, _ := strings.Cut(rest, ".")
		if !seen[first] {
			seen[first] = true
			names = append(names, first)
		}
	}
	return "the keys here are " + strings.Join(names, ", ")
}

func line(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

func syntaxError(file string, err error) error {
	fe := &bongsu.FieldError{File: file, Message: "not YAML: " + err.Error()}
	var ye yaml.Error
	if errors.As(err, &ye) {
		fe.Message = "not YAML: " + ye.GetMessage()
		if t := ye.GetToken(); t != nil && t.Position != nil {
			fe.Line = t.Position.Line
		}
	}
	return fe
}

// scalar gives the text of a scalar as it was written.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	case nil, *ast.NullNode:
		return "", true
	}
	return "", false
}

func text(path string, at func(*Config) *string, check func(string) error) key {
	return key{
		path: path,
		get:  func(c *Config) any { return *at(c) },
		set: func(c *Config, n ast.Node) error {
			s, ok := scalar(n)
			if !ok {
				return errors.New("must be one text, not a list or keys")
			}
			if check != nil {
				if err := check(s); err != nil {
					return err
				}
			}
			*at(c) = s
			return nil
		},
	}
}

func number(path string, at func(*Config) *int, low, high int) key {
	return key{
		path: path,
		get:  func(c *Config) any { return *at(c) },
		set: func(c *Config, n ast.Node) error {
			s, ok := scalar(n)
			v, err := strconv.Atoi(s)
			if !ok || err != nil || v < low || v > high {
				return fmt.Errorf("must be a whole number from %d to %d, not %q", low, high, s)
			}
			*at(c) = v
			return nil
		},
	}
}

func flag(path string, at func(*Config) *bool) key {
	return key{
		path: path,
		get:  func(c *Config) any { return *at(c) },
		set: func(c *Config, n ast.Node) error {
			b, ok := n.(*ast.BoolNode)
			if !ok {
				s, _ := scalar(n)
				return fmt.Errorf("must be true or false, not %q", s)
			}
			*at(c) = b.Value
			return nil
		},
	}
}

// roles reads a list of roles.
func roles(path string, at func(*Config) *Roles) key {
	return key{
		path: path,
		get:  func(c *Config) any { return *at(c) },
		set: func(c *Config, n ast.Node) error {
			const must = "must be a list of ingest, worker and console, one at least"
			list, ok := n.(*ast.SequenceNode)
			if !ok || len(list.Values) == 0 {
				return errors.New(must)
			}
			var r Roles
			to := map[string]*bool{"ingest": &r.Ingest, "worker": &r.Worker, "console": &r.Console}
			for _, v := range list.Values {
				s, _ := scalar(v)
				if to[s] == nil {
					return fmt.Errorf("%s, not %q", must, s)
				}
				if *to[s] {
					return fmt.Errorf("must name %s once", s)
				}
				*to[s] = true
			}
			*at(c) = r
			return nil
		},
	}
}

func notEmpty(s string) error {
	if s == "" {
		return errors.New("is empty: name a folder")
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(s string) error {
		for _, w := range words {
			if s == w {
				return nil
			}
		}
		return fmt.Errorf("must be one of %s, not %q", strings.Join(words, ", "), s)
	}
}

func checkListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("must be host:port such as 127.0.0.1:8080, not %q", s)
	}
	if host == "" {
		return fmt.Errorf("must name the address to listen on, such as 0.0.0.0%s, not %q", s, s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return fmt.Errorf("must have a port from 0 to 65535, not %q", port)
	}
	return nil
}

// checkDebug is for what is served without a login.
func checkDebug(s string) error {
	if s == "" {
		return nil
	}
	if err := checkListen(s); err != nil {
		return err
	}
	if !Loopback(s) {
		return fmt.Errorf("must be an address of this machine alone, such as 127.0.0.1:9091, for it is served without a login, not %q", s)
	}
	return nil
}

// checkDial is for addresses that are called, not listened on.
func checkDial(s string) error {
	host, port, err := net.SplitHostPort(s)
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" || perr != nil || n == 0 {
		return fmt.Errorf("must be host:port such as 127.0.0.1:6379, not %q", s)
	}
	return nil
}

var (
	streamForm = regexp.MustCompile(`^[A-Za-z0-9_.{}:-]{1,64}$`)
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixForm = regexp.MustCompile(`^[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*/?$`)
)

func checkStream(s string) error {
	if !streamForm.MatchString(s) {
		return fmt.Errorf("must be a name of letters, digits and _.:-, such as bongsu, not %q", s)
	}
	return nil
}

func checkBucket(s string) error {
	if !bucketForm.MatchString(s) {
		return fmt.Errorf("must be a bucket's name of 3 to 63 small letters, digits, dots and hyphens, not %q", s)
	}
	return nil
}

func checkPrefix(s string) error {
	if s != "" && !prefixForm.MatchString(s) {
		return fmt.Errorf("must be parts of a-z, 0-9, '.', '_' and '-' between slashes, not %q", s)
	}
	return nil
}

func checkURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return errors.New("must be an address such as https://bongsu.example, without user, password or query")
	}
	return nil
}
