package storetest

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

var errorChecks = []check{
	{"errors/of_rejected_arguments", ruleSet, lostChange, func(t tb, s *store) {
		for _, a := range arguments {
			set, updated := "set "+a.id, "put "+a.id
			if s.Set(set, []byte(a.value), a.ttl) == nil && a.ttl > 0 {
				s.want(t, is(a.value), "after Set with "+a.name+" returned no error", set)
			}
			if s.change(updated, put(a.value, a.ttl)) == nil && a.ttl > 0 {
				s.want(t, is(a.value), "after Put with "+a.name+" returned no error", updated)
			}
		}
	}},
	{"errors/contain_no_secret", ruleSecrets, "a reader of a log could take over the session, and values are private", func(t tb, s *store) {
		noSecrets := func(s *store) {
			for _, a := range arguments {
				for name, err := range s.calls(a.id, a.value, a.ttl) {
					for _, secret := range []string{"secret-id", "secret-value", s.prefix[:20]} {
						if err != nil && contains(fmt.Sprintf("%v %+v", err, err), secret) {
							t.Fatalf("%s: got the error %.200q, which contains %q, want an error without it", name, err, secret)
						}
					}
				}
			}
		}
		noSecrets(s)
		noSecrets(s.with(ended(context.Canceled)))
		if c, ok := s.Store.(io.Closer); ok {
			must(t, c.Close(), "Close")
			noSecrets(s)
		}
	}},
	{"errors/after_Close", ruleUnavailable, storeAway, func(t tb, s *store) {
		c, ok := s.Store.(io.Closer)
		if !ok {
			t.Skip("the store has no method Close() error")
		}
		s.set(t, "1", hour, "a")
		must(t, c.Close(), "Close")
		for name, err := range s.calls("a", "2", hour) {
			if !errors.Is(err, holdfast.ErrUnavailable) {
				t.Fatalf("%s of a closed store: got error %v, want one that wraps ErrUnavailable", name, err)
			}
		}
		s.Watch("a", func() {})()
		s.Now()
	}},
	{"context/has_ended", ruleContext, storeAway, func(t tb, s *store) {
		s.set(t, "1", hour, "a")
		for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
			s := s.with(ended(cause))
			err := s.inTime("a call", func() (wrong error) {
				for id, want := range map[string]entry{"a": is("1"), "missing": none} {
					for _, r := range s.readersAndTouch() {
						value, found, err := r.read(id)
						if e := entryOf(value, found); err == nil && e != want {
							err = fmt.Errorf("%v and no error, want %v or an error", e, want)
						}
						wrong = cmp.Or(wrong, endedBy(s.ctx, r.name, err))
					}
				}
				for name, err := range s.calls("a", "1", hour) {
					wrong = cmp.Or(wrong, endedBy(s.ctx, name, err))
				}
				return wrong
			})
			must(t, err, "all methods with a context that has ended by %v", cause)
		}
		s.want(t, is("1"), "after calls with an ended context", "a")
	}},
	{"context/ends_in_Update", ruleContext, storeAway, func(t tb, s *store) {
		sure, possible := 0, 0
		for range 20 {
			ctx, cancel := context.WithCancel(context.Background())
			must(t, s.inTime("Update", func() error {
				err := s.with(ctx).Update("a", func(old []byte, found bool) (cache.Change, error) {
					cancel()
					return plus(old, found)
				})
				if possible++; err == nil {
					sure++
				}
				return endedBy(ctx, "Update", err)
			}), "Update whose function ends the context")
		}
		must(t, s.inTime("Update", func() error { return s.Update("a", plus) }), "Update after 20 others whose context ended")
		value, _, err := s.Get("a", s.how)
		must(t, err, "Get")
		if n := len(value); n < sure+1 || n > possible+1 {
			t.Fatalf("bytes after Updates that appended one each: got %d, want %d to %d", n, sure+1, possible+1)
		}
	}},
	{"context/ends_in_ScanValues", ruleScanError, "a user who ends all sessions would leave some, without an error", func(t tb, s *store) {
		s.mustScan(t, "")
		for i := range 300 {
			s.set(t, "1", hour, fmt.Sprint(i))
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
		must(t, endedBy(ctx, "ScanValues", last), "ScanValues whose body ends the context")
		if last == nil {
			equal(t, n, 300, "entries of ScanValues whose body ends the context")
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

// calls calls each method that can fail.
func (s *store) calls(id, value string, ttl time.Duration) map[string]error {
	errs := map[string]error{
		"Set":    s.Set(id, []byte(value), ttl),
		"Update": s.change(id, put(value, ttl)),
	}
	_, errs["Touch"] = s.Touch(id, ttl)
	for _, r := range s.modes() {
		_, _, errs[r.name] = r.read(id)
	}
	if s.scans() {
		_, errs["ScanValues"] = s.scan(value)
	}
	return errs
}

// ended returns a context that has ended by cause.
func ended(cause error) context.Context {
	timeout := hour
	if cause == context.DeadlineExceeded {
		timeout = 0
	}
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
	for _, encoded := range []string{
		secret,
		hex.EncodeToString([]byte(secret)),
		strings.Trim(fmt.Sprint([]byte(secret)), "[]"), // as %v prints bytes
		base64.StdEncoding.EncodeToString([]byte(secret[:len(secret)/3*3])),
	} {
		if strings.Contains(strings.ToLower(message), strings.ToLower(encoded)) {
			return true
		}
	}
	return false
}
