package manifest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bongsu"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// document is a parsed file that knows the line of each key.
type document struct {
	name  string
	root  ast.Node
	lines map[string]int  // by path, such as labels[2].class
	spots map[spot]string // the path of what begins there

	// numerals are the texts of unquoted numbers by path: a version of 1.10 is not 1.1.
	numerals map[string]string
}

// spot is a place in the file, both counted from 1.
type spot struct{ line, column int }

// keys are the keys that each place of the file may have; [] stands for any index.
var keys = map[string][]string{
	"": {"schema", "name", "version", "file", "sha256", "family", "input", "outputs", "labels",
		"thresholds", "licence", "origin"},
	"input": {"name", "layout", "type", "width", "height", "channels", "scale", "mean", "std",
		"resize", "pad"},
	"outputs[]":  {"name", "shape"},
	"labels[]":   {"index", "class", "ko", "en"},
	"thresholds": {"low", "high", "nms_iou", "nms"},
}

func parseDocument(name string, data []byte) (*document, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, yamlError(name, nil, err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &bongsu.FieldError{File: name, Message: fmt.Sprintf("it holds %d YAML documents: a manifest is one", len(file.Docs))}
	}
	d := &document{name: name, root: file.Docs[0].Body, lines: map[string]int{}, spots: map[spot]string{}, numerals: map[string]string{}}
	if _, ok := d.root.(ast.MapNode); !ok {
		return nil, &bongsu.FieldError{File: name, Line: 1, Message: "it is not a list of keys and values: docs/design/models.md shows what a manifest holds"}
	}
	return d, d.index()
}

// visitor collects lines and the first thing that YAML allows and a manifest does not.
type visitor struct {
	doc *document
	err error
}

// Visit implements ast.Visitor.
func (v *visitor) Visit(n ast.Node) ast.Visitor {
	if v.err != nil {
		return nil
	}
	path := plainPath(n.GetPath())
	line := 0
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		line = tk.Position.Line
		if _, scalar := n.(ast.ScalarNode); scalar {
			v.doc.spots[spot{line, tk.Position.Column}] = path
		}
	}
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		v.err = v.doc.errorf(line, path, "anchors, aliases, merge keys and tags are not used in a manifest: write the value out")
		return nil
	case *ast.MappingValueNode:
		v.key(n)
	}
	if _, seen := v.doc.lines[path]; !seen && line > 0 {
		v.doc.lines[path] = line
	}
	return v
}

// key checks one key against those known at its place, and notes its line.
func (v *visitor) key(n *ast.MappingValueNode) {
	name := n.Key.GetToken().Value
	line := n.Key.GetToken().Position.Line
	path := plainPath(n.Key.GetPath())
	if i := strings.LastIndex(path, "."); i >= 0 {
		path = path[:i]
	} else {
		path = ""
	}
	full := strings.TrimPrefix(path+"."+name, ".")
	v.doc.lines[full] = line
	switch n.Value.(type) {
	case *ast.FloatNode, *ast.IntegerNode:
		v.doc.numerals[full] = n.Value.GetToken().Value
	}
	allowed, here := keys[anyIndex.ReplaceAllString(path, "[]")]
	if here && !slices.Contains(allowed, name) {
		v.err = v.doc.errorf(line, full, "unknown key: the keys here are %s", strings.Join(allowed, ", "))
	}
}

var anyIndex = regexp.MustCompile(`\[\d+\]`)

func plainPath(p string) string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(p, "$"), "."), "'", "")
}

func (d *document) index() error {
	v := &visitor{doc: d}
	ast.Walk(v, d.root)
	return v.err
}

func (d *document) errorf(line int, path, format string, args ...any) *bongsu.FieldError {
	return &bongsu.FieldError{File: d.name, Line: line, Path: path, Message: fmt.Sprintf(format, args...)}
}

// line gives the line of path, or of the nearest place around it.
func (d *document) line(path string) int {
	for {
		if l, ok := d.lines[path]; ok {
			return l
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return d.lines[""]
		}
		path = path[:i]
	}
}

func (d *document) decode(m *Manifest) error {
	if err := yaml.NodeToValue(d.root, m, yaml.Strict()); err != nil {
		return yamlError(d.name, d, err)
	}
	for path, to := range map[string]*string{"version": &m.Version, "sha256": &m.SHA256} {
		if text, ok := d.numerals[path]; ok {
			*to = text
		}
	}
	return nil
}

// yamlError turns what the YAML library says into a FieldError.
func yamlError(name string, d *document, err error) error {
	fe := &bongsu.FieldError{File: name, Message: strings.TrimSpace(err.Error())}
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return fe
	}
	fe.Message = "not readable as YAML: " + ye.GetMessage()
	if tk := ye.GetToken(); tk != nil && tk.Position != nil {
		fe.Line = tk.Position.Line
		fe.Path = d.pathAt(tk.Position.Line, tk.Position.Column)
	}
	var te *yaml.TypeError
	if errors.As(err, &te) {
		fe.Message = fmt.Sprintf("%s does not fit here: it must be %s", found(te), kindWord(te.DstType.String()))
	}
	var ne *yaml.UnexpectedNodeTypeError
	if errors.As(err, &ne) {
		fe.Message = fmt.Sprintf("there is %s where %s must be", nodeWord(ne.Actual), nodeWord(ne.Expected))
	}
	var oe *yaml.OverflowError
	if errors.As(err, &oe) {
		fe.Message = fmt.Sprintf("%s is too large a number here", oe.SrcNum)
	}
	return fe
}

func found(te *yaml.TypeError) string {
	if te.Token != nil && te.Token.Value != "" && len(te.Token.Value) < 60 {
		return fmt.Sprintf("%q", te.Token.Value)
	}
	return "this"
}

func nodeWord(t ast.NodeType) string {
	switch t {
	case ast.SequenceType:
		return "a list"
	case ast.MappingType, ast.MappingValueType:
		return "a block of keys and values"
	}
	return "a single value"
}

func kindWord(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "uint"):
		return "a whole number"
	case strings.HasPrefix(goType, "float"):
		return "a number"
	case goType == "string", goType == "bongsu.Class":
		return "a text"
	}
	return "a block of keys and values"
}

// pathAt gives the path of the value at a place, or else the longest that begins on its line.
func (d *document) pathAt(line, column int) string {
	if d == nil {
		return ""
	}
	if p, ok := d.spots[spot{line, column}]; ok {
		return p
	}
	best := ""
	for p, l := range d.lines {
		if l == line && (len(p) > len(best) || len(p) == len(best) && p < best) {
			best = p
		}
	}
	return best
}
