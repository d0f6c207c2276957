package config

import (
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"bongsu"
)

// A camera as it is written, without defaults, is a map of its keys, with values of the kinds that
// encoding/json makes: string, float64, bool, nil, []any and map[string]any. So it travels to a
// browser and back, and what its owner did not say stays unsaid: a default that changes later
// applies to it.

// Written gives the camera's keys as they stand in its file. The caller may change the map, but not
// what its values hold.
func (c *Camera) Written() map[string]any {
	out := make(map[string]any, len(c.written))
	for k, v := range c.written {
		out[k] = v
	}
	return out
}

// numeric are the keys whose numbers are numbers; elsewhere a bare number is text, as in `name: 101`.
var numeric = []string{"infer_per_s", "pre_roll_s", "post_roll_s", "max_clip_s", "stall_s", "ring_bytes", "max_pixels",
	"min_score", "confirm_s", "linger_s", "dwell_s", "zone", "line", "exclude", "min_px_per_m", "count", "per_m2", "period_s", "near_m", "owner_s",
	"height_m", "tilt_deg", "roll_deg", "hfov_deg", "points", "aspect"}

// written reads a node into the values of a map as above. A node that the reader refuses is nil.
func written(key string, n ast.Node) any {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		if !slices.Contains(numeric, key) {
			return n.GetToken().Value
		}
		f, ok := value{r: &reader{}, node: n}.number(-math.MaxFloat64, math.MaxFloat64)
		if !ok {
			return nil
		}
		return f
	case *ast.SequenceNode:
		out := make([]any, len(n.Values))
		for i, item := range n.Values {
			out[i] = written(key, item)
		}
		return out
	case *ast.MappingNode:
		return writtenPairs(n.Values)
	case *ast.MappingValueNode:
		return writtenPairs([]*ast.MappingValueNode{n})
	}
	return nil
}

func writtenPairs(pairs []*ast.MappingValueNode) map[string]any {
	out := make(map[string]any, len(pairs))
	for _, p := range pairs {
		key := keyText(p.Key)
		out[key] = written(key, p.Value)
	}
	return out
}

// managedHead is what a person reads who opens the file.
const managedHead = `# Written by bongsu-edge: the cameras that were set up in the browser. They have the keys of
# edge.yaml's cameras. What is changed here by hand is used within seconds; comments are not kept.
`

// maxDepth is deeper than any camera; what is deeper is refused before it is written.
const maxDepth = 8

// writeCameras gives the file that holds the cameras. Values that no camera has are written too, so
// that the reader can say what is wrong with them; those that YAML cannot hold are an error.
func writeCameras(all []map[string]any) ([]byte, error) {
	var w strings.Builder
	w.WriteString(managedHead)
	if len(all) == 0 {
		w.WriteString("cameras: []\n")
		return []byte(w.String()), nil
	}
	w.WriteString("cameras:\n")
	for _, cam := range all {
		if err := writeBlock(&w, "  ", cam, cameraKeys); err != nil {
			return nil, err
		}
	}
	return []byte(w.String()), nil
}

// writeBlock writes one item of a list, a key a line; rules have lines of their own.
func writeBlock(w *strings.Builder, indent string, m map[string]any, order []string) error {
	lead := indent + "- "
	if len(m) == 0 {
		w.WriteString(lead + "{}\n")
	}
	for _, key := range keysOf(m, order) {
		w.WriteString(lead)
		lead = indent + "  "
		if err := writeText(w, key); err != nil {
			return err
		}
		w.WriteString(":")
		if rules, ok := m[key].([]any); ok && key == "rules" && len(rules) > 0 {
			w.WriteString("\n")
			for _, r := range rules {
				if err := writeRule(w, lead+"  ", r); err != nil {
					return err
				}
			}
			continue
		}
		w.WriteString(" ")
		if err := writeFlow(w, m[key], 0); err != nil {
			return err
		}
		w.WriteString("\n")
	}
	return nil
}

func writeRule(w *strings.Builder, indent string, r any) error {
	if m, ok := r.(map[string]any); ok {
		return writeBlock(w, indent, m, ruleKeys)
	}
	w.WriteString(indent + "- ")
	if err := writeFlow(w, r, 0); err != nil {
		return err
	}
	w.WriteString("\n")
	return nil
}

// keysOf gives the keys of m in the given order, and then those that are not in it.
func keysOf(m map[string]any, order []string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	rank := func(k string) int {
		if i := slices.Index(order, k); i >= 0 {
			return i
		}
		return len(order)
	}
	sort.Slice(keys, func(i, j int) bool {
		if a, b := rank(keys[i]), rank(keys[j]); a != b {
			return a < b
		}
		return keys[i] < keys[j]
	})
	return keys
}

// writeFlow writes a value on one line.
func writeFlow(w *strings.Builder, v any, depth int) error {
	if depth > maxDepth {
		return bongsu.Errorf(bongsu.CodeInvalid, "a value is nested more than %d deep: no camera needs that", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		w.WriteString("null")
	case bool:
		w.WriteString(strconv.FormatBool(v))
	case float64:
		if math.IsNaN(v) || math.Abs(v) > 1e15 || v != 0 && math.Abs(v) < 1e-9 {
			return bongsu.Errorf(bongsu.CodeInvalid, "a number is far out of every range")
		}
		w.WriteString(plain(v))
	case string:
		return writeText(w, v)
	case []any:
		w.WriteString("[")
		for i, item := range v {
			if i > 0 {
				w.WriteString(", ")
			}
			if err := writeFlow(w, item, depth+1); err != nil {
				return err
			}
		}
		w.WriteString("]")
	case map[string]any:
		w.WriteString("{")
		for i, key := range keysOf(v, nil) {
			if i > 0 {
				w.WriteString(", ")
			}
			if err := writeText(w, key); err != nil {
				return err
			}
			w.WriteString(": ")
			if err := writeFlow(w, v[key], depth+1); err != nil {
				return err
			}
		}
		w.WriteString("}")
	default:
		return bongsu.Errorf(bongsu.CodeInvalid, "a value of a kind that YAML does not have")
	}
	return nil
}

// writeText writes text in double quotes (YAML 1.2.2, section 7.3.1). Characters that cannot be seen
// are refused: no camera's name or address needs one, and they hide what stands in a file.
func writeText(w *strings.Builder, s string) error {
	for _, r := range s {
		if r == '\uFFFD' || !strconv.IsPrint(r) {
			return bongsu.Errorf(bongsu.CodeInvalid, "a text has a character that cannot be seen: write it without")
		}
	}
	w.WriteString(`"`)
	w.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s))
	w.WriteString(`"`)
	return nil
}
