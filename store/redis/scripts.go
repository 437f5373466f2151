package redisstore

import (
	"context"
	"crypto/sha1"
	"encoding/hex"

	"github.com/redis/rueidis"
)

// An entry is a string: the version, 8 bytes, and the value. Its TTL is the
// key's. Each script uses one key, so it runs in a cluster. A write ends with a
// read of the key: with NOLOOP, a server stops tracking a key that its client
// writes, and the read makes it track the key again.

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
elseif ARGV[4] == '0' then
	redis.call('SET', KEYS[1], ARGV[3])
else
	redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
redis.call('STRLEN', KEYS[1])
return 1`)

// setScript stores ARGV[1] for ARGV[2] milliseconds.
var setScript = newScript(`
if ARGV[2] == '0' then
	redis.call('SET', KEYS[1], ARGV[1])
else
	redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
redis.call('STRLEN', KEYS[1])
return 1`)

// touchScript gives the entry, if it has the version ARGV[1] ("" for any), a
// TTL of ARGV[2] milliseconds (0: no end), or removes it if that is negative.
// With ARGV[3] it never shortens the TTL. It returns 0 if there is no entry,
// else the first 64 bytes of the value: they tell the user.
var touchScript = newScript(`
local head = redis.call('GETRANGE', KEYS[1], 0, 7 + 64)
if head == '' or (ARGV[1] ~= '' and string.sub(head, 1, 8) ~= ARGV[1]) then return 0 end
if tonumber(ARGV[2]) < 0 then
	redis.call('DEL', KEYS[1])
	redis.call('STRLEN', KEYS[1])
	return 0
elseif ARGV[2] == '0' then
	redis.call('PERSIST', KEYS[1])
elseif ARGV[3] == '1' then
	redis.call('PEXPIRE', KEYS[1], ARGV[2], 'GT')
else
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
redis.call('STRLEN', KEYS[1])
return string.sub(head, 9)`)

// indexScript adds the ID ARGV[1] to a user's index until ARGV[2] milliseconds
// from now, and removes the IDs whose time has come. The index lives as long as
// its last ID. PEXPIRE sets a first TTL with NX, and a later one with GT.
var indexScript = newScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], 'GT', now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'NX')
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'GT')
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

// run runs scripts in one round trip, one after the other if their keys are on
// one server. A server that does not know a script gets all of them in full.
func run(ctx context.Context, client rueidis.Client, calls ...scriptCall) []rueidis.RedisResult {
	results := client.DoMulti(ctx, commands(client, calls, false)...)
	for _, result := range results {
		if err, ok := rueidis.IsRedisErr(result.Error()); ok && err.IsNoScript() {
			return client.DoMulti(ctx, commands(client, calls, true)...)
		}
	}
	return results
}

func commands(client rueidis.Client, calls []scriptCall, inFull bool) (all []rueidis.Completed) {
	for _, c := range calls {
		if inFull {
			all = append(all, client.B().Eval().Script(c.script.text).Numkeys(1).Key(c.key).Arg(c.args...).Build())
		} else {
			all = append(all, client.B().Evalsha().Sha1(c.script.hash).Numkeys(1).Key(c.key).Arg(c.args...).Build())
		}
	}
	return all
}
