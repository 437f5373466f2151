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
	"*cache.Cache is the one to use.",
	"Whoever writes another, distributed, say, has to keep to this contract, on which all that sessions promise rests; package storetest checks it.",
	"Change.Stores and Change.Removes tell what it decided.",
	"A store whose reads can fail implements Loader too, and one that can find entries by what they begin with Matcher.",
	"Loader is a Store whose reads can fail.",
	"Matcher is a Store that can find sessions, which Manager.Sessions and all that ends a user's sessions need.",
}

func TestEachSentenceOfTheContractIsChecked(t *testing.T) {
	said := sentences(t, "../store.go", "Store", "Loader", "Matcher")
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
