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

// aside are the sentences of the contract that contain no rule.
var aside = []string{
	"Store keeps session records.",
	"*cache.Cache is the usual one.",
	"A store of your own, in a database for example, must keep this contract.",
	"Package storetest checks it.",
	"Only Loader has a context so far.",
	"The id is a session's store key, a hash, and never the secret ID.",
	"Change.Stores and Change.Removes tell its decision.",
	"A store whose reads can fail also implements Loader.",
	"One that can find entries by the beginning of their value also implements Scanner.",
	"Loader is a Store whose reads can fail.",
	"A Manager calls it before the handler of each request that presents an ID, and again when the handler uses the session.",
	"If the first call fails, the handler does not run, and the ErrorHandler answers: a store that is away does not make its users strangers.",
	"Scanner is a Store that can find sessions.",
	"The caller owns the entries.", // reads_return_copies checks it
	"Manager.Sessions and all methods that end a user's sessions need it.",
	"A scan cannot report an error yet: a store that may fail in the middle of one must not be a Scanner.",
}

func TestContractIsChecked(t *testing.T) {
	contract := sentences(t, "../store.go", "Store", "Loader", "Scanner")
	checked := slices.Clone(aside)
	for _, c := range allChecks() {
		checked = append(checked, c.rule)
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
		assert.NotEmpty(t, c.why, c.name)
	}
}

func allChecks() []check {
	return slices.Concat(entryChecks, updateChecks, concurrentChecks, errorChecks, scanChecks, ttlChecks)
}

// sentences returns the sentences of the doc comments of types in a file.
func sentences(t *testing.T, file string, types ...string) (all []string) {
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, name := range types {
		doc := regexp.MustCompile(`((//.*\n)+)type ` + name + ` `).FindSubmatch(source)
		require.NotNil(t, doc, name)
		text := regexp.MustCompile(`(?m)^//( +- )?`).ReplaceAllString(string(doc[1]), "")
		for s := range strings.SplitSeq(strings.Join(strings.Fields(text), " "), ". ") {
			all = append(all, strings.TrimSuffix(s, ".")+".")
		}
	}
	return all
}
