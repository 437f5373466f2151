package redisstore

import (
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/tier"
)

// refusals are the errors of a server that has carried out nothing and will not
// either, until somebody changes it. Their text has no key and no value.
var refusals = map[string]string{
	"OOM":       "its memory is full (maxmemory)",
	"NOPERM":    "the ACL user lacks a permission",
	"NOAUTH":    "it asks for a password",
	"WRONGPASS": "the user or the password is wrong",
	"MISCONF":   "it cannot save to its disk",
	"NOSCRIPT":  "it does not know a script that was just sent",
	"WRONGTYPE": "a key of the prefix has a value of another program",
}

// classify returns the error of a command without anything that the command
// contained.
func classify(err error) error {
	if err == nil {
		return nil
	}
	answer, ok := rueidis.IsRedisErr(err)
	if !ok {
		return fmt.Errorf("redisstore: %w", err)
	}
	code, _, _ := strings.Cut(answer.Error(), " ")
	if reason, ok := refusals[code]; ok {
		return fmt.Errorf("%w: %s: %s", tier.ErrRefused, code, reason)
	}
	return fmt.Errorf("redisstore: the server answers %s", code)
}
