// Package guide holds the documents in docs/ to the code that they speak of.
package guide

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the module's folder, as seen from examples/NAME, where tests run.
const root = "../.."

// Read returns the text of a document in docs/.
func Read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", name))
	require.NoError(t, err)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// Code returns the first block of code below a heading, which is given with its
// number signs.
func Code(t *testing.T, document, heading string) string {
	t.Helper()
	_, below, found := strings.Cut(document, "\n"+heading+"\n")
	require.True(t, found, "no heading %q", heading)
	_, block, found := strings.Cut(below, "\n```")
	require.True(t, found, "no code below %q", heading)
	_, block, _ = strings.Cut(block, "\n")
	code, _, found := strings.Cut(block, "\n```\n")
	require.True(t, found, "the code below %q has no end", heading)
	return code + "\n"
}

// FirstColumn returns what the first cells of all tables say.
func FirstColumn(document string) string {
	var cells []string
	for line := range strings.Lines(document) {
		if cell, _, ok := cutCell(line); ok {
			cells = append(cells, cell)
		}
	}
	return strings.Join(cells, "\n")
}

// WrongNames returns the names of Holdfast's that a document mentions and that
// do not exist. The first column of a table is for the names of others.
func WrongNames(t *testing.T, document string) (wrong []string) {
	t.Helper()
	exist := exported(t)
	for line := range strings.Lines(document) {
		if _, rest, ok := cutCell(line); ok {
			line = rest
		}
		for _, name := range ourName.FindAllString(line, -1) {
			if name = strings.TrimPrefix(name, "holdfast."); !exist[name] {
				wrong = append(wrong, name)
			}
		}
	}
	return wrong
}

// ourName matches a member of one of our types, or anything of the package.
var ourName = regexp.MustCompile(`\bholdfast\.[A-Z]\w*|\b(Options|Cookie|Session|Manager|SessionInfo|Store|Loader|Scanner)\.[A-Z]\w*`)

func cutCell(line string) (cell, rest string, ok bool) {
	if line, ok = strings.CutPrefix(line, "| "); !ok {
		return "", "", false
	}
	return strings.Cut(line, " | ")
}

// exported returns the exported names of package holdfast, and as Type.Name its
// methods and fields.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	files, err := filepath.Glob(filepath.Join(root, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range parsed.Decls {
			declared(declaration, func(name string) { names[name] = true })
		}
	}
	return names
}

func declared(declaration ast.Decl, add func(string)) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = typeName(d.Recv.List[0].Type) + "." + name
		}
		add(name)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					add(name.Name)
				}
			case *ast.TypeSpec:
				add(s.Name.Name)
				for _, member := range members(s.Type) {
					add(s.Name.Name + "." + member)
				}
			}
		}
	}
}

func typeName(receiver ast.Expr) string {
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	name, _ := receiver.(*ast.Ident)
	return name.String()
}

func members(of ast.Expr) (names []string) {
	var fields *ast.FieldList
	switch of := of.(type) {
	case *ast.StructType:
		fields = of.Fields
	case *ast.InterfaceType:
		fields = of.Methods
	default:
		return nil
	}
	for _, field := range fields.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}
