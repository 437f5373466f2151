package storetest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

var errorChecks = []check{
	{"errors/of_rejected_arguments", ruleOwnWrites, func(s *store) {
		for _, a := range arguments {
			for prefix, o := range map[string]op{"set ": set(a.value, a.ttl), "put ": put(a.value, a.ttl)} {
				if o.run(s, prefix+a.id) == nil && a.ttl > 0 {
					s.note(prefix+a.id, o.name+" with "+a.name+" without an error")
					s.want(prefix+a.id, entry(a.value))
				}
			}
		}
	}},
	{"errors/contain_no_secret", ruleSecrets, func(s *store) {
		noSecrets := func(s *store) {
			for _, a := range arguments {
				for _, o := range s.calls(a.value, a.ttl) {
					err := o.run(s, a.id)
					for _, secret := range []string{"secret-id", "secret-value", s.prefix[:20]} {
						if err != nil && contains(fmt.Sprintf("%v %+v", err, err), secret) {
							s.fail("%s: got the error %.200q, which contains %q, want an error without it", o.name, err, secret)
						}
					}
				}
			}
		}
		noSecrets(s)
		noSecrets(s.with(ended(hour)))
		if c, ok := s.Store.(io.Closer); ok {
			s.must(c.Close(), "Close")
			noSecrets(s)
		}
	}},
	{"errors/after_Close", ruleUnavailable, func(s *store) {
		c, ok := s.Store.(io.Closer)
		if !ok {
			s.skip("the store has no method Close() error")
		}
		s.do("a", set("1", hour))
		calls := s.calls("2", hour)
		s.must(c.Close(), "Close")
		for _, o := range calls {
			if err := o.run(s, "a"); !errors.Is(err, holdfast.ErrUnavailable) {
				s.fail("%s of a closed store: got error %v, want one that wraps ErrUnavailable", o.name, err)
			}
		}
		s.Store.Watch(s.prefix+"a", func() {})()
		s.Now()
	}},
	{"context/has_ended", ruleContext, func(s *store) {
		s.do("a", set("1", hour))
		calls := map[string][]op{"a": s.calls("1", hour), "missing": s.finders()}
		for _, timeout := range []time.Duration{hour, 0} {
			s := s.with(ended(timeout))
			s.must(inTime(s.patience, "a call", func() error {
				for id, want := range map[string]entry{"a": "1", "missing": none} {
					for _, o := range calls[id] {
						value, found, err := o.call(s, id)
						if e := entryOf(value, found); err == nil && e != want {
							err = fmt.Errorf("%v and no error, want %v or an error", e, want)
						}
						if err = endedBy(s.ctx, o.name, err); err != nil {
							return err
						}
					}
				}
				return nil
			}), fmt.Sprint("all methods with a context that has ended: ", s.ctx.Err()))
		}
		s.want("a", "1")
	}},
	{"context/ends_in_Update", ruleContext, func(s *store) {
		sure, possible := 1, 1
		for range 20 {
			ctx, cancel := context.WithCancel(context.Background())
			s.must(inTime(s.patience, "Update", func() error {
				err := update("", none, func(old []byte, found bool) (cache.Change, error) {
					cancel()
					return plus(old, found)
				}).run(s.with(ctx), "a")
				if possible++; err == nil {
					sure++
				}
				return endedBy(ctx, "Update", err)
			}), "Update whose function ends the context")
		}
		s.do("a", update("Update after 20 whose context ended", none, plus))
		value, _, err := read(s.how).call(s, "a")
		s.must(err, "Get")
		if n := len(value); n < sure || n > possible {
			s.fail("bytes after Updates that appended one each: got %d, want %d to %d", n, sure, possible)
		}
	}},
	{"context/ends_in_ScanValues", ruleScanError, func(s *store) {
		s.mustScan("")
		for i := range 300 {
			s.do(fmt.Sprint(i), set("1", hour))
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		n, last := 0, error(nil)
		for e, err := range s.Store.ScanValues(ctx, []byte("1")) {
			cancel()
			if last = err; strings.HasPrefix(e.ID, s.prefix) {
				n++
			}
		}
		s.must(endedBy(ctx, "ScanValues", last), "ScanValues whose body ends the context")
		if last == nil {
			s.equal(n, 300, "entries of ScanValues whose body ends the context")
		}
	}},
}

// arguments are usual ones, and some that many stores reject.
var arguments = []struct {
	name, id, value string
	ttl             time.Duration
}{
	{"usual arguments", "secret-id", "secret-value", hour},
	{"a TTL of 0", "secret-id", "secret-value", 0},
	{"a negative TTL", "secret-id", "secret-value", -hour},
	{"an ID of 1 MiB", strings.Repeat("secret-id", 1<<20/9), "secret-value", hour},
	{"a value of 4 MiB", "secret-id", strings.Repeat("secret-value", 4<<20/12), hour},
}

// calls are calls of all methods that can fail.
func (s *store) calls(value string, ttl time.Duration) []op {
	calls := append([]op{set(value, ttl), put(value, ttl), touch(ttl)}, s.readers()...)
	if i := slices.IndexFunc(calls, func(o op) bool { return o.name == scanAny.name }); i >= 0 {
		calls[i] = scan(value)
	}
	return calls
}

// ended returns a context that is canceled, or expired if timeout is 0.
func ended(timeout time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	cancel()
	return ctx
}

// endedBy returns an error if a method returned another error than one of ctx.
func endedBy(ctx context.Context, method string, err error) error {
	if err == nil || errors.Is(err, ctx.Err()) || errors.Is(err, holdfast.ErrUnavailable) {
		return nil
	}
	return fmt.Errorf("%s: got %w, want an error that wraps the context's or ErrUnavailable", method, err)
}

// contains reports whether message contains secret in a usual encoding.
func contains(message, secret string) bool {
	message = strings.ToLower(message)
	return slices.ContainsFunc([]string{
		secret,
		hex.EncodeToString([]byte(secret)),
		strings.Trim(fmt.Sprint([]byte(secret)), "[]"), // as %v prints bytes
		base64.StdEncoding.EncodeToString([]byte(secret[:len(secret)/3*3])),
	}, func(encoded string) bool { return strings.Contains(message, strings.ToLower(encoded)) })
}
