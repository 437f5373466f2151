package redisstore

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/redis/rueidis"
)

// tryScript runs each command of the other scripts and of listings, on a key of
// its own. It returns 1, or a command that the server refuses and the answer.
// It works when the memory is full: then sessions can still be read and ended.
// If the server refuses DEL, the key ends by itself.
var tryScript = newScript(`#!lua flags=allow-oom
local key = KEYS[1]
for _, command in ipairs({
	{'time'},
	{'set', key, '', 'PX', '10000'}, {'strlen', key}, {'getrange', key, '0', '7'}, {'get', key}, {'pttl', key},
	{'pexpire', key, '10000'}, {'persist', key}, {'pexpire', key, '10000'}, {'del', key},
	{'zadd', key, '1', ''}, {'pexpire', key, '10000'}, {'zremrangebyscore', key, '-inf', '0'}, {'zrange', key, '0', '-1'}, {'del', key},
}) do
	local answer = redis.pcall(unpack(command))
	if type(answer) == 'table' and answer.err then
		redis.pcall('del', key)
		return {command[1], answer.err}
	end
end
return 1`)

// check returns an error if the server cannot do its part for a store.
func (db *database) check() error {
	if _, err := db.Pulse(context.Background()); err != nil {
		return err
	}
	c, err := db.connected()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(db.life, db.patience())
	defer cancel()
	// A part of a cluster may be down. Each key is on a part by chance.
	tries := 1
	if c.entries.Mode() == rueidis.ClientModeCluster {
		tries = 16
	}
	results := make(chan error, tries)
	for range tries {
		go func() { results <- db.try(ctx, c) }()
	}
	for range tries {
		if err = <-results; err == nil {
			return nil
		}
	}
	return err
}

// try runs each command once.
func (db *database) try(ctx context.Context, c *clients) error {
	key := db.prefix + "check:" + rand.Text()
	message, err := runOne(ctx, c.other, scriptCall{tryScript, key, nil})
	if err != nil {
		return err
	}
	if refused, err := message.AsStrSlice(); err == nil && len(refused) == 2 {
		// No session has changed.
		return refusal(answered(strings.TrimPrefix(refused[1], "ERR "), refused[0]).text)
	}
	if err := c.other.Do(ctx, c.other.B().Scan().Cursor(0).Count(1).Build()).Error(); err != nil || db.replicas == 0 {
		return classify(err)
	}
	return classify(c.other.Dedicated(func(client rueidis.DedicatedClient) error {
		// The first command chooses the server in a cluster.
		return client.DoMulti(ctx, client.B().Strlen().Key(key).Build(), client.B().Wait().Numreplicas(0).Timeout(1).Build())[1].Error()
	}))
}
