package config

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"bongsu"
)

// Errors are all mistakes of one file, sorted by line.
type Errors []*bongsu.FieldError

// Error gives one line a mistake.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single mistakes to errors.As.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// reader collects the mistakes of one file.
type reader struct {
	file string
	errs Errors
}

func (r *reader) fail(line int, path, format string, args ...any) {
	r.errs = append(r.errs, &bongsu.FieldError{File: r.file, Line: line, Path: path, Message: fmt.Sprintf(format, args...)})
}

// result gives the mistakes in the order of the file, or nil.
func (r *reader) result() error {
	if len(r.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(r.errs, func(a, b *bongsu.FieldError) int { return a.Line - b.Line })
	return r.errs
}

// value is one place in the file: a YAML node and the path that leads to it.
type value struct {
	r    *reader
	node ast.Node
	path string
	line int
}

func (v value) fail(format string, args ...any) { v.r.fail(v.line, v.path, format, args...) }

// parseTree reads one YAML document. The second result is false when there is nothing to walk:
// an empty document, or mistakes that r has.
func parseTree(r *reader, data []byte) (root value, ok bool) {
	file, err := parseYAML(data)
	if err != nil {
		line, message := syntaxError(err)
		r.fail(line, "", "not valid YAML: %s", message)
		return value{}, false
	}
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.NullType:
		case body != nil:
			r.fail(lineOf(doc.Body), "", "a second YAML document: keep everything in one, without `---` between")
			return value{}, false
		default:
			body = doc.Body
		}
	}
	if body == nil {
		return value{}, false
	}
	return value{r: r, node: body, line: lineOf(body)}, true
}

// parseYAML turns a panic of the parser into an error: the file is data, and a defect in the
// library that it meets must not stop a node that reloads it.
func parseYAML(data []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, errors.New("the parser cannot read this; compare its indentation and quotes with deploy/edge.yaml")
		}
	}()
	return parser.ParseBytes(bytes.TrimPrefix(data, []byte(byteOrderMark)), 0)
}

func syntaxError(err error) (line int, message string) {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return 0, err.Error()
	}
	if tk := ye.GetToken(); tk != nil && tk.Position != nil {
		line = tk.Position.Line
	}
	return line, ye.GetMessage()
}

func lineOf(n ast.Node) int {
	if n == nil {
		return 0
	}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 0
}

// null reports whether nothing stands behind the key.
func (v value) null() bool {
	return v.node == nil || v.node.Type() == ast.NullType || v.node.Type() == ast.CommentType
}

// fields reads a mapping with the given keys. Unknown and repeated keys are mistakes.
func (v value) fields(known ...string) map[string]value {
	if v.null() {
		return nil
	}
	var pairs []*ast.MappingValueNode
	switch n := v.node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		v.fail("this must be keys with values (%s), not %s", strings.Join(known, ", "), kindOf(v.node))
		return nil
	}
	out := make(map[string]value, len(pairs))
	for _, p := range pairs {
		key := keyText(p.Key)
		f := value{r: v.r, node: p.Value, path: join(v.path, key), line: lineOf(p.Key)}
		_, repeated := out[key]
		switch {
		case !slices.Contains(known, key):
			f.fail("unknown key%s", suggestion(key, known))
		case repeated:
			f.fail("this key stands here twice: keep one")
		default:
			out[key] = f
		}
	}
	return out
}

func keyText(k ast.MapKeyNode) string {
	if k == nil {
		return ""
	}
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	if tk := k.GetToken(); tk != nil {
		return tk.Value
	}
	return ""
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// items reads a sequence; nothing behind the key is an empty one.
func (v value) items() []value {
	if v.null() {
		return nil
	}
	n, ok := v.node.(*ast.SequenceNode)
	if !ok {
		v.fail("this must be a list, not %s", kindOf(v.node))
		return nil
	}
	out := make([]value, len(n.Values))
	for i, item := range n.Values {
		out[i] = value{r: v.r, node: item, path: fmt.Sprintf("%s[%d]", v.path, i), line: lineOf(item)}
		if out[i].line == 0 {
			out[i].line = v.line
		}
	}
	return out
}

// text reads a string; a bare number counts as its digits, so that `name: 101` works.
func (v value) text(dst *string) bool {
	switch n := v.node.(type) {
	case *ast.StringNode:
		*dst = n.Value
		return true
	case *ast.LiteralNode:
		*dst = n.Value.Value
		return true
	case *ast.IntegerNode, *ast.FloatNode:
		*dst = n.GetToken().Value
		return true
	}
	v.fail("this must be text, not %s", kindOf(v.node))
	return false
}

// boolean reads true or false.
func (v value) boolean(dst *bool) {
	if n, ok := v.node.(*ast.BoolNode); ok {
		*dst = n.Value
		return
	}
	v.fail("this must be true or false, not %s", kindOf(v.node))
}

// number reads a finite number from low to high.
func (v value) number(low, high float64) (float64, bool) {
	var f float64
	switch n := v.node.(type) {
	case *ast.IntegerNode:
		switch i := n.Value.(type) {
		case int64:
			f = float64(i)
		case uint64:
			f = float64(i)
		}
	case *ast.FloatNode:
		f = n.Value
	case *ast.InfinityNode:
		f = n.Value
	case *ast.NanNode:
		f = math.NaN()
	default:
		v.fail("this must be a number from %s to %s, not %s", plain(low), plain(high), kindOf(v.node))
		return 0, false
	}
	if !(f >= low && f <= high) { // false for NaN as well
		v.fail("%s is out of range: it must be from %s to %s", plain(f), plain(low), plain(high))
		return 0, false
	}
	return f, true
}

// integer reads a whole number from low to high.
func (v value) integer(low, high int64) (int64, bool) {
	f, ok := v.number(float64(low), float64(high))
	if ok && f != math.Trunc(f) {
		v.fail("%s must be a whole number", plain(f))
		return 0, false
	}
	return int64(f), ok
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// kindOf names what stands in the file without repeating it: it may be a misplaced secret.
func kindOf(n ast.Node) string {
	if n == nil {
		return "nothing"
	}
	switch n.Type() {
	case ast.NullType, ast.CommentType:
		return "nothing"
	case ast.BoolType:
		return "true or false"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.StringType, ast.LiteralType:
		return "text"
	case ast.MappingType, ast.MappingValueType:
		return "keys with values"
	case ast.SequenceType:
		return "a list"
	case ast.AnchorType, ast.AliasType, ast.MergeKeyType:
		return "an anchor or alias (write the value out)"
	case ast.TagType:
		return "a tag (leave it out)"
	}
	return "something else"
}

// suggestion names the known key that a wrong one was probably meant to be.
func suggestion(key string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(key, k); d < distance && 2*d <= len(k) {
			best, distance = k, d
		}
		if best == "" && len(key) >= 3 && (strings.HasPrefix(k, key) || strings.HasPrefix(key, k)) {
			best = k
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; known here: " + strings.Join(known, ", ")
}

// editDistance is Levenshtein's: single-byte insertions, deletions and substitutions.
func editDistance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
