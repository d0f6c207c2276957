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

// write gives the file that says what c is, its keys in random order and form.
func write(c *Config, rnd *rand.Rand) string {
	sections := map[string][]string{}
	var order []string
	ks := keys()
	rnd.Shuffle(len(ks), func(i, j int) { ks[i], ks[j] = ks[j], ks[i] })
	for _, k := range ks {
		section, name, nested := strings.Cut(k.path, ".")
		value := fmt.Sprint(k.get(c))
		if _, isText := k.get(c).(string); isText {
			value = quote(value, rnd)
		}
		if !nested {
			order = append(order, k.path+": "+value)
			continue
		}
		if sections[section] == nil {
			order = append(order, section)
		}
		sections[section] = append(sections[section], name+": "+value)
	}
	var b strings.Builder
	for _, line := range order {
		inner, isSection := sections[line]
		switch {
		case !isSection:
			b.WriteString(line + "\n")
		case rnd.IntN(2) == 0:
			b.WriteString(line + ": {" + strings.Join(inner, ", ") + "}\n")
		default:
			b.WriteString(line + ": # a section\n  " + strings.Join(inner, "\n  ") + "\n")
		}
		if rnd.IntN(4) == 0 {
			b.WriteString("\n# a comment\n")
		}
	}
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
	}
	if rnd.IntN(2) == 0 {
		c.TLS = TLS{word(), word()}
	}
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
		section, name, nested := strings.Cut(k.path, ".")
		for _, shape := range []string{"[1, 2]", "{a: b}", "- x"} {
			src, line := k.path+": "+shape+"\n", 1
			if nested {
				src, line = section+":\n  "+name+": "+shape+"\n", 2
			}
			if shape == "- x" {
				src = strings.Replace(src, ": - x", ":\n    - x", 1)
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
		if got := loopback(addr); got != want {
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
