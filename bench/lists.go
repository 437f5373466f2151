package main

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/speed"
)

// What follows reads the flags that take lists, separated by commas.

// axes combines what was asked for with the centre's values for the rest.
func axes(sizes, values, goroutines, distributions, ops []string) (*speed.Axes, error) {
	a := &speed.Axes{}
	lengths, err := numbers(values, 256)
	if err != nil {
		return nil, err
	}
	counts, err := numbers(sizes, 1_000_000)
	if err != nil {
		return nil, err
	}
	for _, sessions := range counts {
		for _, length := range lengths {
			a.Stores = append(a.Stores, speed.Store{Sessions: sessions, ValueLen: length})
		}
	}
	if a.Goroutines, err = numbers(goroutines, runtime.GOMAXPROCS(0)); err != nil {
		return nil, err
	}
	a.Distributions, err = choose(distributions, []load.Distribution{load.Zipf, load.Uniform}, load.Zipf)
	if err != nil {
		return nil, err
	}
	a.Ops, err = choose(ops, speed.AllOps(), speed.AllOps()...)
	return a, err
}

// choose returns the named ones of all; with no names, the default.
func choose[T ~string](names []string, all []T, byDefault ...T) ([]T, error) {
	if len(names) == 0 {
		return byDefault, nil
	}
	var chosen []T
	for _, name := range names {
		if !slices.Contains(all, T(name)) {
			return nil, fmt.Errorf("%q is none of %v", name, all)
		}
		chosen = append(chosen, T(name))
	}
	return chosen, nil
}

// numbers reads positive numbers, where k and M stand for thousands and
// millions.
func numbers(words []string, byDefault int) ([]int, error) {
	if len(words) == 0 {
		return []int{byDefault}, nil
	}
	var all []int
	for _, word := range words {
		digits, unit := word, 1
		if rest, ok := strings.CutSuffix(word, "k"); ok {
			digits, unit = rest, 1000
		} else if rest, ok := strings.CutSuffix(word, "M"); ok {
			digits, unit = rest, 1_000_000
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no positive number such as 500, 10k or 8M", word)
		}
		all = append(all, n*unit)
	}
	return all, nil
}

// findPeers returns Holdfast and the named peers; with no names, all.
func findPeers(names []string) ([]peer.Info, error) {
	all := peer.All()
	if len(names) == 0 {
		return all, nil
	}
	chosen := all[:1:1]
	for _, name := range names {
		info, ok := peer.Find(name)
		if !ok {
			return nil, fmt.Errorf("no peer is called %q", name)
		}
		if name != peer.Holdfast {
			chosen = append(chosen, info)
		}
	}
	return chosen, nil
}

func list(commaSeparated string) []string {
	if commaSeparated == "" {
		return nil
	}
	return strings.Split(commaSeparated, ",")
}
