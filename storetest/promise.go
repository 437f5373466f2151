package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-go/holdfast"
)

// promise is one thing that the contract says of a store.
type promise struct {
	name    string // the subtest's
	says    string // the contract's sentence
	because string // what users would suffer without it
	part    part
	waits   bool // for a ttl to be over
	check   func(s *subject)
}

func promises() []promise {
	return slices.Concat(
		bytesPromises, readPromises, expiryPromises, touchPromises, updatePromises,
		betweenPromises, resurrectionPromises, concurrencyPromises, errorPromises,
		loaderPromises, scannerPromises,
	)
}

// part is what a store has to implement for a promise to concern it.
type part int

const (
	everyStore part = iota
	closer
	loader
	closingLoader
	scanner
)

// missingIn says what store lacks, or returns "" if it lacks nothing.
func (p part) missingIn(store holdfast.Store) string {
	_, closes := store.(interface{ Close() error })
	_, loads := store.(holdfast.Loader)
	_, scans := store.(holdfast.Scanner)
	switch {
	case (p == loader || p == closingLoader) && !loads:
		return "the store is no Loader"
	case p == scanner && !scans:
		return "the store is no Scanner"
	case (p == closer || p == closingLoader) && !closes:
		return "the store has no method Close() error"
	}
	return ""
}

// violation is a promise that a store broke, and how.
type violation struct {
	promise         promise
	done            []string
	expected, found string
}

// Error explains the violation to the store's author.
func (v *violation) Error() string {
	var b strings.Builder
	line := func(label, text string) { fmt.Fprintf(&b, "\n%-18s %s", label, text) }
	line("the contract says:", v.promise.says)
	for i, step := range v.done {
		label := ""
		if i == 0 {
			label = "done:"
		}
		line(label, step)
	}
	line("expected:", v.expected)
	line("found:", v.found)
	line("why it matters:", v.promise.because)
	return b.String()
}
