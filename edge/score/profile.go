package score

import (
	"crypto/sha256"
	_ "embed" // the profile
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bongsu"
	"bongsu/streams/truth"
)

// DefaultProfile is the name of the profile that comes with the program.
const DefaultProfile = "kisa-2026"

//go:embed kisa-2026.profile
var kisa2026 []byte

// Methods by which a category is scored.
const (
	MethodWindow = "window" // alarms within a time window, F1
	MethodIoU    = "iou"    // boxes, picture by picture
)

// Category is what a profile says about one category.
type Category struct {
	Word        truth.Category   // as clip files write it
	Kind        bongsu.EventKind // whose alarms they are; "" when no rule of ours makes them
	Method      string           // MethodWindow or MethodIoU
	Offset      time.Duration    // alarm time = onset + Offset
	Assumptions []string         // what of it nobody has published
}

// IoURules are the numbers of categories that are scored by boxes.
type IoURules struct {
	Area        float64  // least IoU at an event's first picture
	Rate        float64  // least share of pictures with a match, 0..1
	Match       float64  // IoU from which a box matches
	Assumptions []string // "match", "mean": what of it nobody has published
}

// Profile holds every constant of the scoring. Its file is the only place where they stand.
type Profile struct {
	Name    string
	Version int
	SHA256  string // of the file, lower-case hex

	MarkCents  int64         // the pass mark in hundredths of a point
	Before     time.Duration // of the window, inclusive
	After      time.Duration
	XMLEps     time.Duration // tolerance in whole seconds' form
	FloatEps   time.Duration
	Resamples  int // of the bootstrap
	Seed       uint64
	Level      float64 // of the interval, 0..1
	IoU        IoURules
	Categories []Category
}

// maxProfile is the most bytes of a profile that are read.
const maxProfile = 1 << 16

// LoadProfile gives the profile that the program brings under this name.
func LoadProfile(name string) (*Profile, error) {
	if name != DefaultProfile {
		return nil, fmt.Errorf("there is no profile %q: the program brings %s; name a file for another", name, DefaultProfile)
	}
	return ParseProfile(DefaultProfile+".profile", kisa2026)
}

// ParseProfile reads a profile; file is its name in errors. Every constant must be given, once.
func ParseProfile(file string, data []byte) (*Profile, error) {
	if len(data) > maxProfile {
		return nil, fmt.Errorf("%s: a profile has at most %d bytes, this has %d", file, maxProfile, len(data))
	}
	sum := sha256.Sum256(data)
	r := profileReader{p: &Profile{SHA256: hex.EncodeToString(sum[:])}, missing: slices.Clone(profileWords)}
	for i, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if err := r.line(fields); err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", file, i+1, fields[0], err)
		}
	}
	if len(r.missing) > 0 {
		return nil, fmt.Errorf("%s: %s is missing: every constant must be given", file, r.missing[0])
	}
	if len(r.p.Categories) == 0 {
		return nil, fmt.Errorf("%s: no category is given", file)
	}
	return r.p, nil
}

// profileWords are the lines that a profile has, each once; categories stand beside.
var profileWords = []string{"profile", "version", "mark", "window", "tolerance", "bootstrap", "iou"}

type profileReader struct {
	p       *Profile
	missing []string
}

func (r *profileReader) line(fields []string) error {
	word, rest := fields[0], fields[1:]
	if word == "category" {
		return r.category(rest)
	}
	if i := slices.Index(r.missing, word); i >= 0 {
		r.missing = slices.Delete(r.missing, i, i+1)
	} else if slices.Contains(profileWords, word) {
		return errors.New("it stands there twice")
	} else {
		return fmt.Errorf("the word is not known: use category, %s", strings.Join(profileWords, ", "))
	}
	if word == "profile" || word == "version" {
		return r.head(word, rest)
	}
	v, err := parseValues(rest)
	if err != nil {
		return err
	}
	p := r.p
	switch word {
	case "mark":
		p.MarkCents = v.decimal("f1", 2, 100)
	case "window":
		p.Before, p.After = v.seconds("before"), v.seconds("after")
	case "tolerance":
		p.XMLEps, p.FloatEps = v.seconds("xml"), v.seconds("float")
	case "bootstrap":
		p.Resamples, p.Seed = int(v.decimal("resamples", 0, 100_000)), uint64(v.decimal("seed", 0, 1<<52))
		p.Level = float64(v.decimal("level", 0, 99)) / 100
	case "iou":
		p.IoU = IoURules{Area: float64(v.decimal("area", 3, 1)) / 1000, Rate: float64(v.decimal("rate", 1, 100)) / 1000,
			Match: float64(v.decimal("match", 3, 1)) / 1000, Assumptions: v.words("assumptions")}
	}
	return v.finish()
}

func (r *profileReader) head(word string, rest []string) (err error) {
	if len(rest) != 1 {
		return errors.New("one word belongs behind it")
	}
	if word == "profile" {
		r.p.Name = rest[0]
		return nil
	}
	if r.p.Version, err = strconv.Atoi(rest[0]); err != nil || r.p.Version < 1 {
		return fmt.Errorf("%q is no version: they are counted from 1", rest[0])
	}
	return nil
}

func (r *profileReader) category(rest []string) error {
	if len(rest) < 2 {
		return errors.New("write: category Word kind=... method=... offset=...")
	}
	c := Category{Word: truth.Category(rest[0])}
	for i := range r.p.Categories {
		if strings.EqualFold(string(r.p.Categories[i].Word), rest[0]) {
			return fmt.Errorf("%s stands there twice", rest[0])
		}
	}
	v, err := parseValues(rest[1:])
	if err != nil {
		return err
	}
	if kind := v.word("kind"); kind != "-" {
		c.Kind = bongsu.EventKind(kind)
	}
	c.Method, c.Offset, c.Assumptions = v.word("method"), v.seconds("offset"), v.words("assumptions")
	if err := v.finish(); err != nil {
		return err
	}
	if c.Method != MethodWindow && c.Method != MethodIoU {
		return fmt.Errorf("method=%s is not known: use %s or %s", c.Method, MethodWindow, MethodIoU)
	}
	r.p.Categories = append(r.p.Categories, c)
	return nil
}

// values are the key=value words of a line; the first thing wrong is kept.
type values struct {
	of  map[string]string
	err error
}

func parseValues(fields []string) (*values, error) {
	v := &values{of: map[string]string{}}
	for _, f := range fields {
		key, value, ok := strings.Cut(f, "=")
		if !ok || key == "" || value == "" {
			return nil, fmt.Errorf("%q is no key=value", f)
		}
		if _, twice := v.of[key]; twice {
			return nil, fmt.Errorf("%s stands there twice", key)
		}
		v.of[key] = value
	}
	return v, nil
}

func (v *values) fail(format string, args ...any) {
	if v.err == nil {
		v.err = fmt.Errorf(format, args...)
	}
}

// word takes a value that must be there.
func (v *values) word(key string) string {
	s, ok := v.of[key]
	if !ok {
		v.fail("%s= is missing", key)
	}
	delete(v.of, key)
	return s
}

// words takes a list that may be missing.
func (v *values) words(key string) []string {
	s, ok := v.of[key]
	delete(v.of, key)
	if !ok {
		return nil
	}
	return strings.Split(s, ",")
}

// decimal takes a number of at most digits decimals and gives it times 10 to the digits.
func (v *values) decimal(key string, digits int, most float64) int64 {
	s := v.word(key)
	if v.err != nil {
		return 0
	}
	n, ok := ParseDecimal(s, digits)
	if !ok || float64(n) > most*pow10(digits) {
		v.fail("%s=%s is no number from 0 to %v with at most %d decimals", key, s, most, digits)
		return 0
	}
	return n
}

func (v *values) seconds(key string) time.Duration {
	return time.Duration(v.decimal(key, 3, 3600)) * time.Millisecond
}

func (v *values) finish() error {
	for key := range v.of {
		v.fail("%s= is not known here", key)
	}
	return v.err
}

func pow10(n int) float64 {
	f := 1.0
	for range n {
		f *= 10
	}
	return f
}

// ParseDecimal reads a plain number such as 10 or 2.50, exactly: it gives it times 10 to the
// digits. More decimals than digits, signs and exponents are refused.
func ParseDecimal(s string, digits int) (int64, bool) {
	whole, part, dotted := strings.Cut(s, ".")
	if whole == "" || len(whole) > 15 || dotted && part == "" || len(part) > digits || digits > 3 {
		return 0, false
	}
	n := int64(0)
	for _, c := range []byte(whole + part + strings.Repeat("0", digits-len(part))) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

// Category finds a category by its word, whatever its case, or by the kind of event.
func (p *Profile) Category(word string) (Category, error) {
	for _, c := range p.Categories {
		if strings.EqualFold(string(c.Word), word) || c.Kind != "" && string(c.Kind) == word {
			return c, nil
		}
	}
	words := make([]string, len(p.Categories))
	for i := range p.Categories {
		words[i] = string(p.Categories[i].Word)
	}
	return Category{}, fmt.Errorf("profile %s has no category %q: use %s", p.Name, word, strings.Join(words, ", "))
}

// Eps is the tolerance of a form.
func (p *Profile) Eps(f Form) time.Duration {
	if f == FormFloat {
		return p.FloatEps
	}
	return p.XMLEps
}
