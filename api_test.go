package holdfast_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/api.md lists each exported name, and no others.
func TestAPIPage(t *testing.T) {
	page, err := os.ReadFile("docs/api.md")
	require.NoError(t, err)
	for section, folder := range map[string]string{"holdfast": ".", "cache": "cache", "codec": "codec", "storetest": "storetest"} {
		_, text, found := strings.Cut(string(page), "\n## "+section+"\n")
		require.True(t, found, section)
		text, _, _ = strings.Cut(text, "\n## ")
		var listed []string
		for _, row := range regexp.MustCompile(`(?m)^\| ([^|]*) \|`).FindAllStringSubmatch(text, -1) {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				listed = append(listed, name[1])
			}
		}
		slices.Sort(listed)
		assert.Equal(t, exportedNames(t, folder), listed, section)
	}
}

// exportedNames returns the exported names of a package, sorted: functions,
// types, constants and variables, and methods of types as Type.Method.
func exportedNames(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	add := func(receiver string, name *ast.Ident) {
		if name.IsExported() && (receiver == "" || ast.IsExported(receiver)) {
			names = append(names, strings.TrimPrefix(receiver+"."+name.Name, "."))
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				add(receiver(d), d.Name)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						add("", s.Name)
					case *ast.ValueSpec:
						for _, name := range s.Names {
							add("", name)
						}
					}
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// receiver returns the type that has d as a method, or "".
func receiver(d *ast.FuncDecl) (name string) {
	if d.Recv == nil {
		return ""
	}
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return name
}
