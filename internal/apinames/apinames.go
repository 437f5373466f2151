// Package apinames lists the exported names of a package, for tests that
// compare documents with the code.
package apinames

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// Of returns the exported names of the package in a folder. declared has
// functions, types, constants and variables, and methods as Type.Method.
// members has fields and the methods of interfaces, as Type.Name. Both are
// sorted.
func Of(folder string) (declared, members []string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, nil, err
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				declared = append(declared, exported(receiver(d), d.Name)...)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.ValueSpec:
						declared = append(declared, exported("", s.Names...)...)
					case *ast.TypeSpec:
						declared = append(declared, exported("", s.Name)...)
						members = append(members, exported(s.Name.Name, membersOf(s.Type)...)...)
					}
				}
			}
		}
	}
	slices.Sort(declared)
	slices.Sort(members)
	return slices.Compact(declared), slices.Compact(members), nil // a name may have a file for each system
}

// exported returns the exported ones of names, which belong to the type of, or
// to the package if of is "".
func exported(of string, names ...*ast.Ident) (all []string) {
	for _, name := range names {
		if name.IsExported() && (of == "" || ast.IsExported(of)) {
			all = append(all, strings.TrimPrefix(of+"."+name.Name, "."))
		}
	}
	return all
}

// receiver returns the type of which d is a method, or "".
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	name, _ := of.(*ast.Ident)
	return name.String()
}

func membersOf(t ast.Expr) (names []*ast.Ident) {
	var fields *ast.FieldList
	switch t := t.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	default:
		return nil
	}
	for _, field := range fields.List {
		names = append(names, field.Names...)
	}
	return names
}
