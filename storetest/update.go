package storetest

import (
	"errors"

	"github.com/holdfast-go/holdfast/cache"
)

var updateChecks = []check{
	{"Update/sees_a_copy", ruleOld, "a change that the function builds in place and then drops would be stored", func(t tb, s *store) {
		s.set(t, "stored", hour, "a")
		must(t, s.Update("a", func(old []byte, _ bool) (cache.Change, error) {
			clobber(old)
			return cache.Keep(), nil
		}), "Update")
		s.want(t, is("stored"), "after Update's function overwrote its argument and returned Keep", "a")
	}},
	{"Update/function_fails", ruleFailure, "a request that failed would still change the session or end it", func(t tb, s *store) {
		want := errors.New("the function's own error")
		s.set(t, "1", hour, "there")
		for name, c := range map[string]cache.Change{"Keep": cache.Keep(), "Put": put("2", hour), "Remove": cache.Remove()} {
			for id, stays := range map[string]entry{"there": is("1"), "missing": none} {
				err := s.Update(id, func([]byte, bool) (cache.Change, error) { return c, want })
				if err != want {
					t.Fatalf("Update(%q) by %s with an error: got %T %v, want the same %T", id, name, err, err, want)
				}
				s.want(t, stays, "after "+name+" with an error", id)
			}
		}
	}},
	{"Update/function_panics", rulePanic, "net/http survives a handler's panic, which would change the session or lock it", func(t tb, s *store) {
		s.set(t, "1", hour, "a")
		if !s.panicInUpdate("a") {
			t.Fatalf("Update by a function that panics: got no panic and no error, want one of them")
		}
		for _, o := range []op{peekOp, keepOp} {
			must(t, s.inTime(o.name, func() error { return o.call(s, "a") }), "%s after a panic", o.name)
		}
		s.want(t, is("1"), "after a panic in Update's function", "a")
		putOp.must(t, s, "a")
		s.want(t, is("new"), "after a panic in Update's function and a Put", "a")
	}},
	{"Update/function_calls_the_store", ruleFunction, deadlock, func(t tb, s *store) {
		s.set(t, "1", hour, "a", "b")
		called := false
		var nested error
		err := s.Update("a", func([]byte, bool) (cache.Change, error) {
			for _, id := range []string{"b", "a", "c"} {
				for _, o := range []op{useOp, peekOp, freshOp, touchOp, keepOp, setOp} {
					if !called && nested == nil { // a second call would wait for the same lock
						nested = s.inTime(o.name+" of "+id, func() error { return o.call(s, id) })
					}
				}
			}
			called = true
			return put("new", hour), nil
		})
		must(t, nested, "a call of the store in Update's function")
		must(t, err, "Update by a function that calls the store")
		s.want(t, is("new"), "after Set in Update's function", "b", "a", "c")
	}},
}

// panicInUpdate reports whether Update passes on the panic or returns an error.
func (s *store) panicInUpdate(id string) (failed bool) {
	defer func() { failed = recover() != nil || failed }()
	return s.Update(id, func([]byte, bool) (cache.Change, error) { panic("the function's own panic") }) != nil
}
