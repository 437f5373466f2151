package storetest

import (
	"errors"

	"github.com/holdfast-go/holdfast/cache"
)

var updateChecks = []check{
	{"Update_shows_the_entry", ruleOld, "changes are merged into this value; the session would lose its other values",
		func(t tb, s *store) {
			sees := func(want entry, c cache.Change, when string) {
				var value string
				var found bool
				err := s.Update("a", func(old []byte, ok bool) (cache.Change, error) {
					value, found = string(old), ok
					return c, nil
				})
				must(t, err, "Update %s", when)
				equal(t, value, want.value, "the bytes that Update's function gets %s", when)
				equal(t, found, want.found, "found for Update's function %s", when)
			}
			sees(none, cache.Keep(), "before Set")
			s.set(t, "1", hour, "a")
			sees(is("1"), put("2", hour), "after Set")
			sees(is("2"), put("a longer one", hour), "after Put")
			sees(is("a longer one"), cache.Remove(), "after a second Put")
			sees(none, cache.Keep(), "after Remove")
		}},
	{"Update_shows_a_copy", ruleOld, "a change that the function builds in place and then drops would be stored",
		func(t tb, s *store) {
			s.set(t, "stored", hour, "a")
			err := s.Update("a", func(old []byte, _ bool) (cache.Change, error) {
				clobber(old)
				return cache.Keep(), nil
			})
			must(t, err, "Update")
			s.want(t, is("stored"), "after Update's function overwrote its argument and returned Keep", "a")
		}},
	{"Update_makes_the_change", ruleAtomic, lostChange, func(t tb, s *store) {
		s.set(t, "0", hour, "another")
		for _, step := range []struct {
			name   string
			change cache.Change
			want   entry
		}{
			{"Put", put("1", hour), is("1")},
			{"Put of an existing ID", put("2", hour), is("2")},
			{"Keep", cache.Keep(), is("2")},
			{"Remove", cache.Remove(), none},
			{"Remove of a missing ID", cache.Remove(), none},
			{"Put of a removed ID", put("3", hour), is("3")},
		} {
			s.update(t, step.change, "a")
			s.want(t, step.want, "after "+step.name, "a")
		}
		s.want(t, is("0"), "after Update of another ID", "another")
	}},
	{"Update_returns_the_function's_error", ruleFailure, "callers could not distinguish this error from a failing store",
		func(t tb, s *store) {
			want := errors.New("the function's own error")
			s.set(t, "1", hour, "there")
			for name, c := range changes {
				for _, id := range []string{"there", "missing"} {
					if err := s.fail(id, c, want); err != want {
						t.Fatalf("Update(%q) by %s with an error: got %T %v, want the same %T", id, name, err, err, want)
					}
				}
			}
		}},
	{"an_error_in_Update_changes_nothing", ruleFailure, "a request that failed would still change the session or end it",
		func(t tb, s *store) {
			s.set(t, "1", hour, "there")
			for name, c := range changes {
				s.fail("there", c, errors.New("no"))
				s.want(t, is("1"), "after "+name+" with an error", "there")
				s.fail("missing", c, errors.New("no"))
				s.want(t, none, "after "+name+" with an error", "missing")
			}
		}},
	{"a_panic_in_Update_changes_nothing", rulePanic,
		"net/http survives a handler's panic, which would change the session or lock it for ever", func(t tb, s *store) {
			s.set(t, "1", hour, "a")
			if !s.panicInUpdate("a") {
				t.Fatalf("Update by a function that panics: got no panic and no error, want one of them")
			}
			for _, o := range []op{peekOp, keepOp} {
				must(t, s.inTime(o.name, func() error { return o.call(s, "a") }), "%s after a panic", o.name)
			}
			s.want(t, is("1"), "after a panic in Update's function", "a")
			s.update(t, put("2", hour), "a")
			s.want(t, is("2"), "after a panic in Update's function and a Put", "a")
		}},
	{"Update's_function_may_call_the_store", ruleFunction, deadlock, func(t tb, s *store) {
		s.set(t, "1", hour, "a", "b")
		called := false
		var nested error
		err := s.Update("a", func([]byte, bool) (cache.Change, error) {
			for _, id := range []string{"b", "a", "c"} {
				for _, o := range []op{appendOp, peekOp, touchOp, keepOp, setOp} {
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

// changes are all kinds of decisions that Update's function can return.
var changes = map[string]cache.Change{"Keep": cache.Keep(), "Put": put("2", hour), "Remove": cache.Remove()}

// fail calls Update with a function that returns c and err.
func (s *store) fail(id string, c cache.Change, err error) error {
	return s.Update(id, func([]byte, bool) (cache.Change, error) { return c, err })
}

// panicInUpdate reports whether Update passes on the panic or returns an error.
func (s *store) panicInUpdate(id string) (failed bool) {
	defer func() { failed = recover() != nil || failed }()
	return s.Update(id, func([]byte, bool) (cache.Change, error) { panic("the function's own panic") }) != nil
}
