package redisstore

import (
	"crypto/tls"
	"errors"
	"net"
	"regexp"
	"strings"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/tier"
)

// failure is every error of the database. Its text has no key and no value: of
// a server's answer it has known words alone.
type failure struct {
	text  string
	cause error // tier.ErrRefused, an error of the network, or nil
}

func (f *failure) Error() string { return "redisstore: " + f.text }
func (f *failure) Unwrap() error { return f.cause }

// refusal is the error of a server that has carried out nothing.
func refusal(text string) *failure { return &failure{text, tier.ErrRefused} }

var (
	errNotConnected = &failure{text: "not connected yet"}
	errClosed       = &failure{text: "closed"}
	errAnswer       = &failure{text: "a command has returned something unexpected"}
	errForeign      = answered("WRONGTYPE", "") // for a value that is no entry
)

// replies are the answers of a server that has carried out nothing: how they
// begin, the cause, and the remedy. They have no key and no value.
var replies = [][2]string{
	{"OOM", "its memory is full: raise maxmemory"},
	{"NOAUTH", "it requires a password: set one in Options"},
	{"WRONGPASS", "the user or the password is wrong, or the user is off: correct them; in a URL, percent-encode them"},
	{"MISCONF", "it cannot save to its disk: free space there, or see its log"},
	{"READONLY", "it is a replica: use the address of the primary"},
	{"NOREPLICAS", "it has too few replicas: start them, or lower min-replicas-to-write"},
	{"LOADING", "it is loading its data: wait until it is ready"},
	{"CLUSTERDOWN", "its cluster is down: see CLUSTER INFO"},
	{"WRONGTYPE", "a key of the prefix has a value of another program: choose another Prefix, or a database of its own"},
	{"DENIED", "it is in protected mode: give it a user with a password"},
	{"max number of clients reached", "it refuses more connections: raise maxclients"},
	{"DB index is out of range", "it has no database of that number: choose a lower number, or raise databases in its configuration"},
	{"SELECT is not allowed in cluster mode", "a cluster has the database 0 alone: leave the number out"},
	{"This instance has cluster support disabled", "it is in no cluster, so it is the only server: name one address, or for Sentinels add master_set"},
	{"unknown command 'CLUSTER'", "several addresses are those of a cluster: name one address, or for Sentinels add master_set"},
	{"unknown command 'SENTINEL'", "it is no Sentinel: name the addresses of Sentinels, or leave master_set out"},
	{"No such master with that name", "the Sentinels have another name for the primary: correct master_set"},
}

var (
	deniedCommand  = regexp.MustCompile(`'([a-z|]+)' command`)
	missingCommand = regexp.MustCompile(`^unknown (?:sub)?command '([A-Za-z|]+)'`)
)

// answered returns the error for an answer of a server to a command, or to a
// script that ran the command; "" if it is not known.
func answered(text, command string) *failure {
	for _, r := range replies {
		if strings.HasPrefix(text, r[0]) {
			return refusal("the server answers " + r[0] + ": " + r[1])
		}
	}
	if m := missingCommand.FindStringSubmatch(text); m != nil {
		return refusal("the server has no command " + m[1] + ": use Redis 7.0 or later, or Valkey")
	}
	if m := deniedCommand.FindStringSubmatch(text); m != nil && command == "" {
		command = m[1]
	}
	// A script may have written before it was stopped.
	inScript := strings.HasPrefix(text, "ACL failure in script") || strings.HasPrefix(text, "The user executing the script")
	code, _, _ := strings.Cut(text, " ")
	switch {
	case code != "NOPERM" && !inScript:
		return &failure{text: "the server answers " + code + ", which is not expected: see its log"}
	case command != "":
		text = "the user may not run " + command + ": grant +" + command
	case inScript:
		text = "the user may not run a command of a script: ACL LOG names it; grant it"
	default:
		text = "the user may not use the keys of the Prefix: grant ~, the Prefix and *"
	}
	if inScript {
		return &failure{text: "the server answers NOPERM in a script: " + text}
	}
	return refusal("the server answers NOPERM: " + text)
}

// classify returns the error of a command without anything that the command
// contained. It changes no error that it has returned before.
func classify(err error) error {
	if err == nil {
		return nil
	}
	return failureOf(err)
}

func failureOf(err error) *failure {
	var known *failure
	var answer *rueidis.RedisError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, rueidis.ErrNoCache):
		return &failure{text: "the server does not track keys any more"}
	case errors.As(err, &answer):
		return answered(answer.Error(), "")
	case strings.Contains(err.Error(), "unknown message type"):
		return &failure{text: "an answer is not in the protocol of Redis: check the port, and use rediss:// for a server with TLS"}
	}
	return &failure{err.Error(), err}
}

// unconnected is classify for an attempt to connect.
func unconnected(err error) error {
	known := failureOf(err)
	if known.cause == nil || known.cause == tier.ErrRefused {
		return known
	}
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	remedy := "check the port, and use rediss:// for a server with TLS, redis:// for one without"
	switch {
	case errors.As(err, &certificate):
		remedy = "trust its authority in Client.TLSConfig"
	case errors.As(err, &network) && network.Op == "dial":
		remedy = "check the address, and that the server runs"
	}
	return &failure{"no connection: " + known.text + ": " + remedy, known.cause}
}

// silence returns the reason why a server refuses to notify.
func silence(err error) error {
	if err == rueidis.ErrNoCache {
		return &failure{text: "notifications need RESP3, which the server, a proxy or the options refuse"}
	}
	return answered(err.Error(), "") // begins with the answer
}
