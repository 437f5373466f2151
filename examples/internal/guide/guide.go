// Package guide compares the guides in docs/ with the code that they describe.
package guide

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/apinames"
)

// root is the module's directory, relative to examples/NAME, where tests run.
const root = "../.."

// Check checks the guide docs/name. The code below "### After" must equal
// main.go in the current directory. Our names in the text must exist. The first
// columns of the tables must contain each of others, the names of the library
// from which the reader comes.
func Check(t *testing.T, name string, others ...string) {
	document := read(t, filepath.Join(root, "docs", name))
	t.Run("program", func(t *testing.T) {
		assert.Equal(t, read(t, "main.go"), code(t, document, "### After"))
	})
	t.Run("our_names", func(t *testing.T) {
		assert.Empty(t, wrongNames(t, document))
	})
	t.Run("their_names", func(t *testing.T) {
		named := firstColumn(document)
		for _, other := range others {
			assert.Contains(t, named, "`"+other+"`")
		}
	})
}

// read returns the text of a file, with line ends of Unix.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// code returns the first block of code below a heading. The heading includes
// its number signs.
func code(t *testing.T, document, heading string) string {
	t.Helper()
	_, below, found := strings.Cut(document, "\n"+heading+"\n")
	require.True(t, found, "no heading %q", heading)
	_, block, found := strings.Cut(below, "\n```")
	require.True(t, found, "no code below %q", heading)
	_, block, _ = strings.Cut(block, "\n")
	text, _, found := strings.Cut(block, "\n```\n")
	require.True(t, found, "the code below %q has no end", heading)
	return text + "\n"
}

// firstColumn returns the first cells of all tables, one a line.
func firstColumn(document string) string {
	var cells []string
	for line := range strings.Lines(document) {
		if cell, _, ok := cutCell(line); ok {
			cells = append(cells, cell)
		}
	}
	return strings.Join(cells, "\n")
}

// wrongNames returns the names of Holdfast in a document that do not exist. It
// skips the first column of tables, which has the names of other libraries.
func wrongNames(t *testing.T, document string) (wrong []string) {
	t.Helper()
	declared, members, err := apinames.Of(root)
	require.NoError(t, err)
	require.NotEmpty(t, declared)
	exist := slices.Concat(declared, members)
	for line := range strings.Lines(document) {
		if _, rest, ok := cutCell(line); ok {
			line = rest
		}
		for _, name := range ourName.FindAllString(line, -1) {
			if name = strings.TrimPrefix(name, "holdfast."); !slices.Contains(exist, name) {
				wrong = append(wrong, name)
			}
		}
	}
	return wrong
}

// ourName matches a name of our package, or a field or method of our types.
var ourName = regexp.MustCompile(`\bholdfast\.[A-Z]\w*|\b(Options|Cookie|Session|Manager|SessionInfo|Store)\.[A-Z]\w*`)

func cutCell(line string) (cell, rest string, ok bool) {
	if line, ok = strings.CutPrefix(line, "| "); !ok {
		return "", "", false
	}
	return strings.Cut(line, " | ")
}
