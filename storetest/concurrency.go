package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

var concurrencyPromises = []promise{
	{
		name: "all methods may be called at the same time", says: saysConcurrent,
		because: "a server handles requests concurrently; a user would be shown a session half overwritten, or another user's",
		check:   allMethodsAtTheSameTime,
	},
	{
		name: "entries of others are left alone", says: saysConcurrent,
		because: "what one user stores would be lost because another was active at the same time",
		check:   othersAreLeftAlone,
	},
}

const (
	hammerers   = 8
	hammerSteps = 150
)

// allMethodsAtTheSameTime uses values that tell whose they are, so that a torn
// or misplaced one shows.
func allMethodsAtTheSameTime(s *subject) {
	s.did("%d goroutines at once call all methods on 4 IDs, with values that repeat the ID's last byte", hammerers)
	var all []func()
	for seed := range uint64(hammerers) {
		random := rand.New(rand.NewPCG(seed, seed))
		all = append(all, func() {
			for range hammerSteps {
				s.hammer(random)
			}
		})
	}
	together(all...)
}

func (s *subject) hammer(random *rand.Rand) {
	letter := "abcd"[random.IntN(4)]
	id := s.id(string(letter))
	value := bytes.Repeat([]byte{letter}, 1+random.IntN(500))
	whole := func(got []byte, found bool) {
		s.expect(!found || len(got) > 0 && bytes.Count(got, []byte{letter}) == len(got),
			fmt.Sprintf("a value of nothing but %q under an ID that ends in it", letter), text(got))
	}
	switch random.IntN(8) {
	case 0:
		whole(s.store.Append(nil, id))
	case 1:
		whole(s.store.Peek(id))
	case 2:
		s.store.Touch(id, hour)
	case 3:
		s.store.Touch(id, time.Nanosecond)
	case 4:
		s.expectNil(s.store.Set(id, value, hour))
	default:
		change := []cache.Change{cache.Keep(), cache.Put(value, hour), cache.Remove()}[random.IntN(3)]
		s.expectNil(s.store.Update(id, func(old []byte, found bool) (cache.Change, error) {
			whole(old, found)
			return change, nil
		}))
	}
}

const (
	workers     = 8
	workerIDs   = 5
	workerSteps = 50
)

// othersAreLeftAlone gives each goroutine IDs of its own, of which it knows
// what they have to hold.
func othersAreLeftAlone(s *subject) {
	s.did("%d goroutines at once, each on IDs of its own: Set, then Update by appending, Touch, and Append", workers)
	var all []func()
	for worker := range workers {
		all = append(all, func() {
			for step := range workerSteps {
				s.work(fmt.Sprint(worker, "-", step%workerIDs), fmt.Sprint(worker, " at ", step))
			}
		})
	}
	together(all...)
	for worker := range workers {
		for step := workerSteps - workerIDs; step < workerSteps; step++ {
			s.wantEntry(fmt.Sprint(worker, "-", step%workerIDs), fmt.Sprint(worker, " at ", step, "+"))
		}
	}
}

func (s *subject) work(name, value string) {
	id := s.id(name)
	s.expectNil(s.store.Set(id, []byte(value), hour))
	s.expectNil(s.store.Update(id, func(old []byte, _ bool) (cache.Change, error) {
		return cache.Put(append(old, '+'), hour), nil
	}))
	touched := s.store.Touch(id, hour)
	s.expect(touched, "that Touch finds the goroutine's own entry", "that it does not")
	got, found := s.store.Append(nil, id)
	s.expect(found && string(got) == value+"+", text(value+"+"), answer(got, found))
}
