package scene

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"bongsu"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile is the most that a scene file may have, in bytes.
const maxFile = 1 << 20

// Load reads the scene file at path. Errors are *bongsu.FieldError but for those of the disk.
func Load(path string) (*Scene, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(filepath.Base(path), data)
}

// Parse reads a scene file; name is what errors call it. Unknown keys, unknown words and values
// out of range are refused with a *bongsu.FieldError that names line and key.
func Parse(name string, data []byte) (*Scene, error) {
	if len(data) > maxFile {
		return nil, &bongsu.FieldError{File: name, Message: fmt.Sprintf("it has %d bytes: a scene has at most %d", len(data), maxFile)}
	}
	d, err := parseDocument(name, data)
	if err != nil {
		return nil, err
	}
	s := &Scene{file: name, doc: d}
	s.Camera.Noise, s.Camera.Shutter, s.Seed = 1, 0.4, 1
	if err := yaml.NodeToValue(d.root, s, yaml.Strict()); err != nil {
		return nil, d.yamlError(err)
	}
	s.fill()
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Scene) fill() {
	c := &s.Camera
	if c.WidthPX == 0 && c.HeightPX == 0 {
		c.WidthPX, c.HeightPX = 640, 360
	}
	if c.FPS == 0 {
		c.FPS = 15
	}
	if c.FocalMM == 0 {
		c.FocalMM = 4
	}
	if s.Ground.Base == "" {
		s.Ground.Base = matAsphalt
	}
	for i := range s.Ground.Marks {
		if s.Ground.Marks[i].WidthM == 0 {
			s.Ground.Marks[i].WidthM = 0.12
		}
	}
}

// document is a parsed file that knows the line of each key.
type document struct {
	name  string
	root  ast.Node
	lines map[string]int   // by path, such as actors[2].kind
	spots map[spot2]string // the path of what begins there
}

// spot2 is a place in the file, both counted from 1.
type spot2 struct{ line, column int }

func parseDocument(name string, data []byte) (*document, error) {
	d := &document{name: name, lines: map[string]int{}, spots: map[spot2]string{}}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, d.yamlError(err)
	}
	if len(file.Docs) != 1 {
		return nil, d.errorf("", "it holds %d YAML documents: a scene is one", len(file.Docs))
	}
	if file.Docs[0].Body == nil {
		return nil, d.errorf("", "it is empty: docs/design/scene.md shows what a scene holds")
	}
	d.root = file.Docs[0].Body
	if _, ok := d.root.(ast.MapNode); !ok {
		return nil, &bongsu.FieldError{File: name, Line: 1, Message: "it is not a list of keys and values: docs/design/scene.md shows what a scene holds"}
	}
	v := &visitor{doc: d}
	ast.Walk(v, d.root)
	return d, v.err
}

// visitor notes lines, and the first thing that YAML allows and a scene does not.
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
	line, column := 0, 0
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		line, column = tk.Position.Line, tk.Position.Column
	}
	if _, scalar := n.(ast.ScalarNode); scalar {
		v.doc.spots[spot2{line, column}] = path
	}
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		v.err = v.doc.errorAt(line, path, "anchors, aliases, merge keys and tags are not used in a scene: write the value out")
		return nil
	case *ast.SequenceNode:
		if pairs.MatchString(path) && len(n.Values) != 2 {
			v.err = v.doc.errorAt(line, path, "it has %d values: a pair is needed", len(n.Values))
			return nil
		}
	case *ast.MappingValueNode:
		v.doc.lines[plainPath(n.Key.GetPath())] = n.Key.GetToken().Position.Line
	}
	if _, seen := v.doc.lines[path]; !seen && line > 0 {
		v.doc.lines[path] = line
	}
	return v
}

// pairs are the places of a file that hold two values: the YAML library does not bear more.
var pairs = regexp.MustCompile(`(^|\.)(at|points|(to|polygon|path|area|points|exclude\[\d+\])\[\d+\])$`)

func (d *document) errorAt(line int, path, format string, args ...any) *bongsu.FieldError {
	return &bongsu.FieldError{File: d.name, Line: line, Path: path, Message: fmt.Sprintf(format, args...)}
}

func plainPath(p string) string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(p, "$"), "."), "'", "")
}

// errorf makes the error of a path, with the line of the path or of the nearest place around it.
func (d *document) errorf(path, format string, args ...any) *bongsu.FieldError {
	e := &bongsu.FieldError{File: d.name, Path: path, Message: fmt.Sprintf(format, args...)}
	for at := path; ; {
		if l, ok := d.lines[at]; ok {
			e.Line = l
			return e
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			e.Line = d.lines[""]
			return e
		}
		at = at[:i]
	}
}

// yamlError turns what the YAML library says into a FieldError.
func (d *document) yamlError(err error) error {
	fe := &bongsu.FieldError{File: d.name, Message: strings.TrimSpace(err.Error())}
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
		fe.Message = "another kind of value must be here: " + ye.GetMessage()
	}
	if m := unknownField.FindStringSubmatch(fe.Message); m != nil {
		fe.Message = fmt.Sprintf("the key %q is not known here: docs/design/scene.md lists the keys", m[1])
	}
	return fe
}

var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

func found(te *yaml.TypeError) string {
	if te.Token != nil && te.Token.Value != "" && len(te.Token.Value) < 60 {
		return fmt.Sprintf("%q", te.Token.Value)
	}
	return "this"
}

func kindWord(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "uint"):
		return "a whole number"
	case strings.HasPrefix(goType, "float"):
		return "a number"
	case strings.HasPrefix(goType, "["), strings.HasSuffix(goType, "Place"):
		return "a pair of numbers: [x, y]"
	case goType == "string":
		return "a text"
	}
	return "a block of keys and values"
}

// pathAt gives the path of the value at a place, or else the longest that begins on its line.
func (d *document) pathAt(line, column int) string {
	if p, ok := d.spots[spot2{line, column}]; ok {
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
