package bongsu_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Budgets of section 8 of the architecture.
const (
	maxFunctionLines    = 100
	medianFunctionLines = 12
	maxFileLines        = 600
)

// goFiles calls f for each Go file of ours.
func goFiles(t *testing.T, f func(path string, fset *token.FileSet, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != "." && (name == "node_modules" || strings.HasPrefix(name, ".") || name == "testdata") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Errorf("%v", err)
			return nil
		}
		f(path, fset, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBudgets(t *testing.T) {
	var lengths []int
	goFiles(t, func(path string, fset *token.FileSet, file *ast.File) {
		if n := fset.File(file.Pos()).LineCount(); n > maxFileLines {
			t.Errorf("%s has %d lines; the budget is %d", path, n, maxFileLines)
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
			if n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines; the budget is %d", fset.Position(fn.Pos()), fn.Name.Name, n, maxFunctionLines)
			}
			if !strings.HasSuffix(path, "_test.go") {
				lengths = append(lengths, n)
			}
		}
	})
	slices.Sort(lengths)
	if m := lengths[len(lengths)/2]; m > medianFunctionLines {
		t.Errorf("the median function has %d lines; the budget is %d", m, medianFunctionLines)
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	goFiles(t, func(path string, fset *token.FileSet, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") || file.Name.Name == "main" {
			return
		}
		for _, decl := range file.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: exported %s has no comment", fset.Position(decl.Pos()), name)
			}
		}
	})
}

// undocumented lists the exported names of decl that no comment speaks of.
func undocumented(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		return undocumentedSpecs(d)
	}
	return nil
}

func undocumentedSpecs(d *ast.GenDecl) []string {
	var out []string
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if d.Doc == nil && s.Doc == nil && s.Name.IsExported() {
				out = append(out, s.Name.Name)
			}
		case *ast.ValueSpec:
			if d.Doc == nil && s.Doc == nil && s.Comment == nil && s.Names[0].IsExported() {
				out = append(out, s.Names[0].Name)
			}
		}
	}
	return out
}

// exportedReceiver reports whether fn is a function, or a method of an exported type. Methods
// that a standard interface names speak for themselves.
func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	if slices.Contains([]string{"Error", "String", "Unwrap", "Len", "Less", "Swap"}, fn.Name.Name) {
		return false
	}
	typ := fn.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if idx, ok := typ.(*ast.IndexExpr); ok {
		typ = idx.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}
