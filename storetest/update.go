package storetest

import (
	"errors"

	"github.com/holdfast-go/holdfast/cache"
)

var updateChecks = []check{
	{"Update/sees_a_copy", ruleOld, func(s *store) {
		s.do("a", set("stored", hour), update("Keep after overwriting old", none, func(old []byte, _ bool) (cache.Change, error) {
			clobber(old)
			return cache.Keep(), nil
		}))
		s.want("a", "stored")
	}},
	{"Update/function_fails", ruleFailure, func(s *store) {
		want := errors.New("the function's own error")
		s.do("there", set("1", hour))
		for name, c := range map[string]cache.Change{"Keep": cache.Keep(), "Put": cache.Put([]byte("2"), hour), "Remove": cache.Remove()} {
			for id, stays := range map[string]entry{"there": "1", "missing": none} {
				o := update(name+" with an error", none, func([]byte, bool) (cache.Change, error) { return c, want })
				if err := o.run(s, id); err != want {
					s.fail("%s: got %T %v, want the same %T", s.describe(o, id), err, err, want)
				}
				s.note(id, o.name)
				s.want(id, stays)
			}
		}
	}},
	{"Update/function_panics", rulePanic, func(s *store) {
		s.do("a", set("1", hour))
		if !panics(func() error {
			return update("", none, func([]byte, bool) (cache.Change, error) { panic("the function's own panic") }).run(s, "a")
		}) {
			s.fail("Update by a function that panics: got no panic and no error, want one of them")
		}
		s.note("a", "a panic in Update")
		s.do("a", peek, keep)
		s.want("a", "1")
		s.do("a", putNew)
		s.want("a", "new")
	}},
	{"Update/function_calls_the_store", ruleFunction, func(s *store) {
		s.do("a", set("1", hour))
		s.do("b", set("1", hour))
		called := false
		var nested error
		s.do("a", update("Update that calls the store", none, func([]byte, bool) (cache.Change, error) {
			for _, id := range []string{"b", "a", "c"} {
				for _, o := range []op{use, peek, fresh, touchHour, keep, setNew} {
					if !called && nested == nil { // a second call would wait for the same lock
						nested = inTime(s.patience, o.name+" of "+id, func() error { return o.run(s, id) })
					}
				}
			}
			called = true
			return cache.Put([]byte("new"), hour), nested
		}))
		for _, id := range []string{"b", "a", "c"} {
			s.want(id, "new")
		}
	}},
}

// panics reports whether call passes on a panic or returns an error.
func panics(call func() error) (failed bool) {
	defer func() { failed = recover() != nil || failed }()
	return call() != nil
}
