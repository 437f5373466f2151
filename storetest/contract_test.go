package storetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// aside are the sentences of the contract that promise nothing.
var aside = []string{
	"Store keeps session records.",
	"*cache.Cache is the usual one.",
	"A store of your own, in a database for example, must keep this contract.",
	"Package storetest checks it.",
	"Change.Stores and Change.Removes tell its decision.",
	"A store whose reads can fail also implements Loader.",
	"One that can find entries by the beginning of their value also implements Scanner.",
	"Loader is a Store whose reads can fail.",
	"A Manager calls it before the handler of each request that presents an ID, and again when the handler uses the session.",
	"If the first call fails, the handler does not run, and the ErrorHandler answers: a store that is away does not make its users strangers.",
	"Scanner is a Store that can find sessions.",
	"Manager.Sessions and all methods that end a user's sessions need it.",
}

func TestEachSentenceOfTheContractIsChecked(t *testing.T) {
	said := sentences(t, "../store.go", "Store", "Loader", "Scanner")
	checked := map[string]bool{}
	for _, p := range promises() {
		assert.Contains(t, said, p.says, "the promise %q is not in the contract", p.name)
		checked[p.says] = true
	}
	for _, s := range aside {
		assert.Contains(t, said, s)
		checked[s] = true
	}
	for _, s := range said {
		assert.True(t, checked[s], "no promise checks %q", s)
	}
}

var sentenceEnd = regexp.MustCompile(`\. `)

// sentences returns those of the doc comments of types in a file.
func sentences(t *testing.T, file string, types ...string) []string {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	require.NoError(t, err)
	var all []string
	for _, name := range types {
		for _, paragraph := range regexp.MustCompile(`\n\n|\n *- `).Split(docOf(t, parsed, name), -1) {
			text := strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimSpace(paragraph), "- ")), " ")
			for _, s := range sentenceEnd.Split(text, -1) {
				all = append(all, strings.TrimSuffix(s, ".")+".")
			}
		}
	}
	return all
}

func docOf(t *testing.T, file *ast.File, name string) string {
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE && g.Specs[0].(*ast.TypeSpec).Name.Name == name {
			return strings.TrimSpace(g.Doc.Text())
		}
	}
	require.Fail(t, "no such type", name)
	return ""
}

func TestPromisesHaveNamesOfTheirOwnAndReasons(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range promises() {
		assert.False(t, seen[p.name], "%q twice", p.name)
		seen[p.name] = true
		assert.NotEmpty(t, p.because, "%s", p.name)
	}
}
