package storetest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast"
)

var errorChecks = []check{
	{"rejected_arguments_are_errors", ruleErrors, lostChange, func(t tb, s *store) {
		s.attempt(func(call, id string, stored entry, err error) {
			if err == nil && stored.found {
				s.want(t, stored, "after "+call+" returned no error", id)
			}
		})
	}},
	{"errors_contain_no_secret", ruleErrors, secretsInLogs, noSecrets},
	{"a_closed_store_returns_errors", ruleErrors, lostChange, func(t tb, s *store) {
		c := as[io.Closer](t, s)
		s.set(t, "1", hour, "a")
		must(t, c.Close(), "Close")
		for _, o := range []op{setOp, putOp, removeOp} {
			if o.call(s, "a") == nil {
				t.Fatalf("%s of a closed store: got no error, want one", o.name)
			}
		}
	}},
	{"errors_after_Close_contain_no_secret", ruleErrors, secretsInLogs, func(t tb, s *store) {
		must(t, as[io.Closer](t, s).Close(), "Close")
		noSecrets(t, s)
	}},

	{"Load_extends_dst", ruleLoad, dstLost, func(t tb, s *store) {
		l := as[holdfast.Loader](t, s)
		extends(t, s, func(dst []byte, id string) ([]byte, bool, error) {
			return l.Load(context.Background(), dst, s.prefix+id)
		})
	}},
	{"a_cancelled_Load_is_right_or_fails", ruleLoad, storeAway, func(t tb, s *store) {
		l := as[holdfast.Loader](t, s)
		s.set(t, "1", hour, "a")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		value, found, err := l.Load(ctx, nil, s.prefix+"a")
		if e := entryOf(value, found); err == nil && e != is("1") {
			t.Fatalf("Load with a cancelled context: got %v and no error, want an error or %v", e, is("1"))
		}
	}},
	{"Load_of_a_closed_store_fails", ruleLoad, storeAway, func(t tb, s *store) {
		l, c := as[holdfast.Loader](t, s), as[io.Closer](t, s)
		s.set(t, "1", hour, "a")
		must(t, c.Close(), "Close")
		if value, found, err := l.Load(context.Background(), nil, s.prefix+"a"); err == nil {
			t.Fatalf("Load of a closed store: got %v and no error, want an error", entryOf(value, found))
		}
	}},
}

// attempt calls Set and Update with usual arguments and with arguments that
// many stores reject. It passes the errors to each.
func (s *store) attempt(each func(call, id string, stored entry, err error)) {
	for _, a := range []struct {
		name, id, value string
		ttl             time.Duration
	}{
		{"usual arguments", "secret-id", "secret-value", hour},
		{"a TTL of 0", "secret-id", "secret-value", 0},
		{"a negative TTL", "secret-id", "secret-value", -hour},
		{"an ID of 1 MiB", strings.Repeat("secret-id", 1<<20/9), "secret-value", hour},
		{"a value of 4 MiB", "secret-id", strings.Repeat("secret-value", 4<<20/12), hour},
	} {
		stored := entry{a.value, a.ttl > 0}
		each("Set with "+a.name, a.id, stored, s.Set(a.id, []byte(a.value), a.ttl))
		each("Put with "+a.name, a.id, stored, s.change(a.id, put(a.value, a.ttl)))
	}
}

func noSecrets(t tb, s *store) {
	s.attempt(func(call, _ string, _ entry, err error) {
		for _, secret := range []string{"secret-id", "secret-value", s.prefix[:20]} {
			if err != nil && contains(fmt.Sprintf("%v %+v", err, err), secret) {
				t.Fatalf("%s: got the error %.200q, which contains %q, want an error without it", call, err, secret)
			}
		}
	})
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
