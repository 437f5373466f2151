package redisstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/tier"
)

// refusals are the errors of a server that has carried out nothing. Their text
// has no key and no value.
var refusals = map[string]string{
	"OOM":         "its memory is full (maxmemory)",
	"NOPERM":      "the ACL user lacks a permission",
	"NOAUTH":      "it requires a password",
	"WRONGPASS":   "the user or the password is wrong",
	"MISCONF":     "it cannot save to its disk",
	"READONLY":    "it is a replica",
	"NOREPLICAS":  "it has too few replicas (min-replicas-to-write)",
	"LOADING":     "it is loading its data",
	"CLUSTERDOWN": "its cluster is down",
	"WRONGTYPE":   "a key of the prefix has a value of another program",
}

// errForeign is the error for a value that is no entry.
var errForeign = refusal("WRONGTYPE")

var errAnswer = errors.New("redisstore: a command has returned something unexpected")

func refusal(code string) error {
	return fmt.Errorf("%w: %s: %s", tier.ErrRefused, code, refusals[code])
}

// classify returns the error of a command without anything that the command
// contained.
func classify(err error) error {
	var answer *rueidis.RedisError
	switch {
	case err == nil, errors.Is(err, tier.ErrRefused), errors.Is(err, errAnswer), errors.Is(err, errClosed):
		return err
	case errors.Is(err, rueidis.ErrNoCache):
		return errors.New("redisstore: the server does not track keys any more")
	case !errors.As(err, &answer):
		return fmt.Errorf("redisstore: %w", err)
	}
	code, _, _ := strings.Cut(answer.Error(), " ")
	if _, known := refusals[code]; known {
		return refusal(code)
	}
	return fmt.Errorf("redisstore: the server answers %s", code)
}
