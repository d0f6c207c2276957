package config

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// tree is a section of a file: values by key, sections by name.
type tree struct {
	order    []string
	values   map[string]string
	sections map[string]*tree
}

func newTree() *tree { return &tree{values: map[string]string{}, sections: map[string]*tree{}} }

func (n *tree) put(path, value string) {
	name, rest, nested := strings.Cut(path, ".")
	if n.values[name] == "" && n.sections[name] == nil {
		n.order = append(n.order, name)
	}
	if !nested {
		n.values[name] = value
		return
	}
	if n.sections[name] == nil {
		n.sections[name] = newTree()
	}
	n.sections[name].put(rest, value)
}

// flow writes a section in one line.
func (n *tree) flow() string {
	var parts []string
	for _, name := range n.order {
		v := n.values[name]
		if s := n.sections[name]; s != nil {
			v = s.flow()
		}
		parts = append(parts, name+": "+v)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (n *tree) block(b *strings.Builder, indent string, rnd *rand.Rand) {
	for _, name := range n.order {
		s := n.sections[name]
		switch {
		case s == nil:
			b.WriteString(indent + name + ": " + n.values[name] + "\n")
		case rnd.IntN(2) == 0:
			b.WriteString(indent + name + ": " + s.flow() + "\n")
		default:
			b.WriteString(indent + name + ": # a section\n")
			s.block(b, indent+"  ", rnd)
		}
		if rnd.IntN(4) == 0 {
			b.WriteString("\n# a comment\n")
		}
	}
}

// write gives the file that says what c is, its keys in random order and form.
func write(c *Config, rnd *rand.Rand) string {
	root := newTree()
	ks := keys()
	rnd.Shuffle(len(ks), func(i, j int) { ks[i], ks[j] = ks[j], ks[i] })
	for _, k := range ks {
		value := fmt.Sprint(k.get(c))
		if _, isText := k.get(c).(string); isText {
			value = quote(value, rnd)
		}
		root.put(k.path, value)
	}
	var b strings.Builder
	root.block(&b, "", rnd)
	return b.String()
}

func quote(s string, rnd *rand.Rand) string {
	if s == "" || rnd.IntN(2) == 0 {
		return `"` + s + `"`
	}
	return "'" + s + "'"
}

func randomConfig(rnd *rand.Rand) Config {
	word := func() string { return fmt.Sprintf("/srv/p%d", rnd.IntN(1000)) }
	pick := func(words ...string) string { return words[rnd.IntN(len(words))] }
	c := Config{
		Listen: fmt.Sprintf("%s:%d", pick("127.0.0.1", "[::1]", "localhost", "0.0.0.0", "192.0.2.7"), rnd.IntN(65536)), DataDir: word(),
		PublicURL: pick("", "https://bongsu.example", "http://10.0.0.1:8080"), AllowHTTP: true,
		RetentionDays: 1 + rnd.IntN(3650), Alerts: Alerts{FoldS: rnd.IntN(3601)},
		Session: Session{IdleMinutes: 1 + rnd.IntN(60), AbsoluteHours: 1 + rnd.IntN(168)},
		Log:     Log{Level: pick("debug", "info", "warn", "error"), Format: pick("text", "json")},
		Debug:   Debug{Listen: pick("", "127.0.0.1:9091", "[::1]:0")},
	}
	if rnd.IntN(2) == 0 {
		c.TLS = TLS{word(), word()}
	}
	coin := func() bool { return rnd.IntN(2) == 0 }
	c.Roles = Roles{Ingest: true, Worker: coin(), Console: coin()}
	c.Queue = Queue{pick("memory", "redis"), Redis{"redis:6379", pick("", "u"), word(), RedisTLS{coin(), word(), pick("", "n")}, rnd.IntN(1024), pick("a", "b:c"), 1 + rnd.IntN(600)}}
	if !c.Roles.Worker {
		c.Queue.Kind = "redis"
	}
	c.Objects = Objects{pick("disk", "s3"), S3{"http://s3", pick("", "r"), "bucket", pick("", "a/b"), word(), word(), word(), coin(), "", coin()}}
	return c
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		want := randomConfig(rnd)
		src := write(&want, rnd)
		if rnd.IntN(4) == 0 {
			src = strings.ReplaceAll(src, "\n", "\r\n")
		}
		got, err := Parse("cloud.yaml", []byte(src))
		if err != nil || got != want {
			t.Fatalf("%s\n got %+v, %v\nwant %+v", src, got, err, want)
		}
	}
}

// Every key refuses what has the wrong shape, and says which key and line it is.
func TestWrongShapes(t *testing.T) {
	for _, k := range keys() {
		parts := strings.Split(k.path, ".")
		for _, shape := range []string{"[1, 2]", "{a: b}", "- x"} {
			src, line := "", len(parts)
			for i, p := range parts {
				src += strings.Repeat("  ", i) + p + ":"
				if i < len(parts)-1 {
					src += "\n"
				}
			}
			if shape == "- x" {
				src += "\n" + strings.Repeat("  ", len(parts)) + "- x\n"
			} else {
				src += " " + shape + "\n"
			}
			_, err := Parse("cloud.yaml", []byte(src))
			var fe *bongsu.FieldError
			if !errors.As(err, &fe) || fe.Line != line || fe.Path != k.path || !strings.HasPrefix(fe.Message, "must be ") {
				t.Errorf("%q: %v", src, err)
			}
		}
	}
}

// The ends of each range are allowed, what lies beyond is not.
func TestRanges(t *testing.T) {
	for key, ends := range map[string][2]int{
		"retention_days: %d": {1, 3650}, "alerts: {fold_s: %d}": {0, 3600},
		"session: {absolute_hours: 168, idle_minutes: %d}": {1, 1440}, "session: {idle_minutes: 1, absolute_hours: %d}": {1, 168},
		"listen: 127.0.0.1:%d": {0, 65535},
	} {
		for _, n := range ends {
			if _, err := Parse("x", []byte(fmt.Sprintf(key, n))); err != nil {
				t.Errorf(key+": %v", n, err)
			}
		}
		for _, n := range []int{ends[0] - 1, ends[1] + 1} {
			if _, err := Parse("x", []byte(fmt.Sprintf(key, n))); err == nil {
				t.Errorf(key+" passed", n)
			}
		}
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:80": true, "localhost:80": true, "[::1]:80": true,
		"0.0.0.0:80": false, "[::]:80": false, "192.0.2.1:80": false, "example.org:80": false, "80": false, "": false,
	} {
		if got := Loopback(addr); got != want {
			t.Errorf("%q: %t", addr, got)
		}
	}
}

// A secret that stands in the wrong place is not repeated in the sentence about it.
func TestErrorsDoNotRepeatCredentials(t *testing.T) {
	for _, src := range []string{"public_url: https://user:canary@x\n", "public_url: https://x/?key=canary\n"} {
		if _, err := Parse("cloud.yaml", []byte(src)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); err == nil || !strings.HasPrefix(err.Error(), dir+": cannot be read: ") {
		t.Errorf("a folder: %v", err)
	}
	path := filepath.Join(dir, "cloud.yaml")
	if err := os.WriteFile(path, []byte{0xff, 0xfe, 0x00, 0x01}, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(path); err == nil {
		t.Errorf("bytes that are no text passed: %+v", c)
	}
}
