package redisstore

import (
	"context"
	"crypto/sha1"
	"encoding/hex"

	"github.com/redis/rueidis"
)

// An entry is a string: the version, 8 bytes, and the value. Its TTL is the
// key's. Each script uses one key, so it runs in a cluster.
//
// With NOLOOP, a server stops tracking a key that its client writes. So a write
// ends with a read of the key, and the server tracks it again. A removal needs
// no such read: there is no copy to keep current.

// readScript returns 0 if there is no entry, the TTL if it has the version
// ARGV[1], and else the entry and its TTL.
var readScript = newScript(`
local v = redis.call('GETRANGE', KEYS[1], 0, 7)
if v == '' then return 0 end
local ttl = redis.call('PTTL', KEYS[1])
if v == ARGV[1] then return {ttl} end
return {redis.call('GET', KEYS[1]), ttl}`)

// swapScript replaces the entry of the version ARGV[1] ("" if there is none)
// with ARGV[3] of the version ARGV[2], for ARGV[4] milliseconds (0: no end), or
// removes it if ARGV[3] is empty. It returns 1 if it did, or did before, and
// else what readScript returns.
var swapScript = newScript(`
local v = redis.call('GETRANGE', KEYS[1], 0, 7)
if v ~= ARGV[1] then
	if v == ARGV[2] then return 1 end
	if v == '' then return 0 end
	return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}
end
if ARGV[3] == '' then
	redis.call('DEL', KEYS[1])
	return 1
elseif ARGV[4] == '0' then
	redis.call('SET', KEYS[1], ARGV[3])
else
	redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
redis.call('STRLEN', KEYS[1])
return 1`)

// setScript stores ARGV[1] for ARGV[2] milliseconds (0: no end).
var setScript = newScript(`
if ARGV[2] == '0' then
	redis.call('SET', KEYS[1], ARGV[1])
else
	redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
redis.call('STRLEN', KEYS[1])
return 1`)

// removeScript removes the entry if it has the version ARGV[1]; "" means any.
var removeScript = newScript(`
if ARGV[1] == '' or redis.call('GETRANGE', KEYS[1], 0, 7) == ARGV[1] then
	redis.call('DEL', KEYS[1])
end
return 1`)

// touchScript gives the entry, if it has the version ARGV[1] ("" for any), a
// TTL of ARGV[2] milliseconds (0: no end). With ARGV[3] it never shortens the
// TTL. It returns 0 if there is no entry. It does nothing and returns 2 if the
// entry's first bytes, up to the one at ARGV[5], are not its version and
// ARGV[4].
var touchScript = newScript(`
local head = redis.call('GETRANGE', KEYS[1], 0, ARGV[5])
if head == '' or (ARGV[1] ~= '' and string.sub(head, 1, 8) ~= ARGV[1]) then return 0 end
if string.sub(head, 9) ~= ARGV[4] then return 2 end
if ARGV[2] == '0' then
	redis.call('PERSIST', KEYS[1])
elseif ARGV[3] == '1' then
	redis.call('PEXPIRE', KEYS[1], ARGV[2], 'GT')
else
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
redis.call('STRLEN', KEYS[1])
return 1`)

// indexScript adds the ID ARGV[1] to a user's index until ARGV[2] milliseconds
// from now, and removes the IDs whose time has come. The index lives as long as
// its last ID. PEXPIRE sets a first TTL with NX, and a later one with GT. ZADD
// is first, since a server that is full refuses it only there.
var indexScript = newScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], 'GT', now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'NX')
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'GT')
return 1`)

// fenceScript is a write if there is no entry: it makes one and removes it.
// WAIT then covers everything that was written before. It works when the memory
// is full.
var fenceScript = newScript(`#!lua flags=allow-oom
if redis.call('STRLEN', KEYS[1]) == 0 then
	redis.call('SET', KEYS[1], '')
	redis.call('DEL', KEYS[1])
end
return 1`)

// script is a Lua script, run by its hash.
type script struct{ text, hash string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text)) // the server's name for it
	return script{text, hex.EncodeToString(sum[:])}
}

// scriptCall is one run of a script. Each script may run twice with the effect
// of one run.
type scriptCall struct {
	script script
	key    string
	args   []string
}

// byHash and inFull return the command.

func (c scriptCall) byHash(client rueidis.Client) rueidis.Completed {
	return client.B().Evalsha().Sha1(c.script.hash).Numkeys(1).Key(c.key).Arg(c.args...).Build()
}

func (c scriptCall) inFull(client rueidis.Client) rueidis.Completed {
	return client.B().Eval().Script(c.script.text).Numkeys(1).Key(c.key).Arg(c.args...).Build()
}

// run runs scripts in one round trip, one after the other if their keys are on
// one server. A server that does not know a script gets all of them in full.
func run(ctx context.Context, client rueidis.Client, calls ...scriptCall) []rueidis.RedisResult {
	commands := make([]rueidis.Completed, len(calls))
	for i, c := range calls {
		commands[i] = c.byHash(client)
	}
	results := client.DoMulti(ctx, commands...)
	for _, result := range results {
		if err, ok := rueidis.IsRedisErr(result.Error()); ok && err.IsNoScript() {
			for i, c := range calls {
				commands[i] = c.inFull(client)
			}
			return client.DoMulti(ctx, commands...)
		}
	}
	return results
}

func runOne(ctx context.Context, client rueidis.Client, call scriptCall) (rueidis.RedisMessage, error) {
	message, err := run(ctx, client, call)[0].ToMessage()
	return message, classify(err)
}
