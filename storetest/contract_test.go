package storetest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// aside are the sentences of the contract that no check is about.
var aside = []string{
	"Store keeps session records outside of this process, so that several processes share them.",
	"A store of your own must keep this contract.",
	"Package storetest checks it.",
	"The id is a session's store key, a hash, and never the secret ID.",
	"Get returns the value under id, and reports whether there is one.",
	"The ReadMode decides whether the read counts as a use, and whether the value may be an older one.",
	"Change.Stores and Change.Removes tell its decision.",
	"The idle time is 0 if the store does not record uses.",
	"A store that cannot scan yields ErrUnsupported.",
	"The function changed neither waits nor calls the store.",
	"A store that cannot tell never calls it.",
	"A store may keep entries a little longer than their ttl, if it documents how long.",
	"The store documents how old.",
}

func TestContractIsChecked(t *testing.T) {
	contract := sentences(t, "../store.go", "type Store", "ReadUse ReadMode", "ReadPeek", "ReadFresh")
	checked := slices.Clone(aside)
	for _, c := range allChecks() {
		checked = append(checked, c.rule.text)
	}
	assert.Subset(t, contract, checked, "the contract does not contain the rule of a check")
	assert.Subset(t, checked, contract, "no check for a sentence of the contract")
}

func TestCheckNames(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range allChecks() {
		assert.False(t, seen[c.name], "%s twice", c.name)
		seen[c.name] = true
		assert.LessOrEqual(t, len(c.name), 45, c.name)
		assert.NotEmpty(t, c.rule.harm, c.name)
	}
}

func allChecks() []check {
	return slices.Concat(entryChecks, updateChecks, concurrentChecks, errorChecks, scanChecks, ttlChecks, sharedChecks)
}

// sentences returns the sentences of the doc comments of declarations in a
// file.
func sentences(t *testing.T, file string, declarations ...string) (all []string) {
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, d := range declarations {
		doc := regexp.MustCompile(`((?:\t*//.*\n)+)\t*` + d + `\b`).FindSubmatch(source)
		require.NotNil(t, doc, d)
		text := regexp.MustCompile(`(?m)^\t*//( +- )?`).ReplaceAllString(string(doc[1]), "")
		for s := range strings.SplitSeq(strings.Join(strings.Fields(text), " "), ". ") {
			all = append(all, strings.TrimSuffix(s, ".")+".")
		}
	}
	return all
}
