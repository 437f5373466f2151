package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

const versionLen = 8

// keyOf returns the key of an entry.
func (db *database) keyOf(id string) string { return db.prefix + "s:" + id }

// idOf is the inverse of keyOf.
func (db *database) idOf(key string) (id string, ok bool) {
	return strings.CutPrefix(key, db.prefix+"s:")
}

// encode returns the version as bytes; 0 is "".
func encode(v tier.Version) string {
	if v == 0 {
		return ""
	}
	return string(binary.LittleEndian.AppendUint64(nil, uint64(v)))
}

// encodeTTL rounds up: an entry never ends early.
func encodeTTL(ttl time.Duration) string {
	if ttl == cache.NoExpiry {
		return "0"
	}
	return strconv.FormatInt(int64((ttl+time.Millisecond-1)/time.Millisecond), 10)
}

func decodeTTL(milliseconds int64) time.Duration {
	if milliseconds < 0 {
		return cache.NoExpiry
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// itemOf parses the result of readScript.
func itemOf(result rueidis.RedisMessage, known tier.Version) (tier.Item, error) {
	if result.IsInt64() {
		return tier.Item{}, nil
	}
	fields, err := result.ToArray()
	if err != nil || len(fields) == 0 {
		return tier.Item{}, errAnswer
	}
	milliseconds, err := fields[len(fields)-1].AsInt64()
	if err != nil {
		return tier.Item{}, errAnswer
	}
	item := tier.Item{Version: known, TTL: decodeTTL(milliseconds), Same: len(fields) == 1}
	if !item.Same {
		item.Version, item.Value, err = entryOf(fields[0])
	}
	return item, err
}

var errAnswer = errors.New("redisstore: a script has returned something unexpected")

// entryOf parses an entry.
func entryOf(message rueidis.RedisMessage) (tier.Version, []byte, error) {
	entry, err := message.ToString()
	if err != nil || len(entry) < versionLen {
		return 0, nil, fmt.Errorf("%w: the value of its key is no entry of this store", holdfast.ErrRecord)
	}
	raw := []byte(entry)
	return tier.Version(binary.LittleEndian.Uint64(raw)), raw[versionLen:], nil
}

// Read implements tier.Database.
func (db *database) Read(ctx context.Context, id string, known tier.Version) (tier.Item, error) {
	c, err := db.connected()
	if err != nil {
		return tier.Item{}, err
	}
	result, err := run(ctx, c.tracked, scriptCall{readScript, db.keyOf(id), []string{encode(known)}})[0].ToMessage()
	if err != nil {
		return tier.Item{}, classify(err)
	}
	return itemOf(result, known)
}

// Swap implements tier.Database.
func (db *database) Swap(ctx context.Context, id string, old, next tier.Version, value []byte, ttl time.Duration) (swapped bool, current tier.Item, err error) {
	c, err := db.connected()
	if err != nil {
		return false, current, err
	}
	call := scriptCall{swapScript, db.keyOf(id), []string{encode(old), encode(next), "", ""}}
	var result rueidis.RedisMessage
	if value == nil {
		result, err = db.remove(ctx, c, call)
	} else {
		call.args[2], call.args[3] = encode(next)+string(value), encodeTTL(ttl)
		result, err = db.runIndexed(ctx, c, id, value, ttl, call)
	}
	if err != nil {
		return false, current, err
	}
	if done, err := result.AsInt64(); err == nil && done == 1 {
		return true, current, nil
	}
	current, err = itemOf(result, 0)
	return false, current, err
}

// Set implements tier.Database.
func (db *database) Set(ctx context.Context, id string, next tier.Version, value []byte, ttl time.Duration) error {
	c, err := db.connected()
	if err != nil {
		return err
	}
	call := scriptCall{setScript, db.keyOf(id), []string{encode(next) + string(value), encodeTTL(ttl)}}
	_, err = db.runIndexed(ctx, c, id, value, ttl, call)
	return err
}

// Touch implements tier.Database.
func (db *database) Touch(ctx context.Context, id string, known tier.Version, ttl time.Duration, extend bool) (found bool, err error) {
	call := scriptCall{touchScript, db.keyOf(id), []string{encode(known), "-1", "0"}}
	if ttl > 0 {
		call.args[1] = encodeTTL(ttl)
	}
	if extend {
		call.args[2] = "1"
	}
	c, err := db.connected()
	if err != nil {
		return false, err
	}
	if ttl == 0 {
		_, err := db.remove(ctx, c, call)
		return false, err
	}
	result, err := run(ctx, c.tracked, call)[0].ToMessage()
	if err != nil || result.IsInt64() {
		return false, classify(err)
	}
	head, err := result.AsBytes()
	if err != nil {
		return false, classify(err)
	}
	return true, db.extendIndex(ctx, c, id, head, ttl)
}

// remove runs a script that removes an entry. With WaitReplicas it waits until
// replicas have the removal. WAIT covers the writes of its own connection and
// blocks that, so both run on a connection that nobody else uses meanwhile.
func (db *database) remove(ctx context.Context, c *clients, call scriptCall) (message rueidis.RedisMessage, err error) {
	if db.replicas == 0 {
		message, err = run(ctx, c.tracked, call)[0].ToMessage()
		return message, classify(err)
	}
	err = c.plain.Dedicated(func(client rueidis.DedicatedClient) error {
		timeout := int64(1)
		if deadline, ok := ctx.Deadline(); ok {
			timeout = max(1, time.Until(deadline).Milliseconds()*3/4)
		}
		removal := client.B().Eval().Script(call.script.text).Numkeys(1).Key(call.key).Arg(call.args...).Build()
		results := client.DoMulti(ctx, removal, client.B().Wait().Numreplicas(int64(db.replicas)).Timeout(timeout).Build())
		if message, err = results[0].ToMessage(); err != nil {
			return err
		}
		confirmed, err := results[1].AsInt64()
		if err == nil && confirmed < int64(db.replicas) {
			err = fmt.Errorf("redisstore: %d of %d replicas have confirmed a removal", confirmed, db.replicas)
		}
		return err
	})
	return message, classify(err)
}

// Pulse implements tier.Database. All servers of a cluster must answer to prove
// that no notification is missing.
func (db *database) Pulse(ctx context.Context) (tier.Pulse, error) {
	c := db.clients.Load()
	if c == nil {
		if c = db.connectFor(ctx); c == nil {
			_, err := db.connected()
			return tier.Pulse{}, err
		}
	}
	if c.tracked.Mode() != rueidis.ClientModeCluster {
		now, err := serverTime(ctx, c.tracked)
		return tier.Pulse{Now: now, Notifies: c.notifies}, classify(err)
	}
	type answer struct {
		now time.Time
		err error
	}
	nodes := c.tracked.Nodes()
	answers := make(chan answer, len(nodes))
	for _, node := range nodes {
		go func() {
			now, err := serverTime(ctx, node)
			answers <- answer{now, err}
		}()
	}
	pulse, failed := tier.Pulse{Notifies: c.notifies}, error(nil)
	for range nodes {
		switch a := <-answers; {
		case a.err != nil:
			pulse.Notifies, failed = false, a.err
		case a.now.After(pulse.Now):
			pulse.Now = a.now
		}
	}
	if pulse.Now.IsZero() {
		return pulse, classify(failed)
	}
	return pulse, nil
}

// connectFor begins to connect, and waits for that as long as ctx allows.
func (db *database) connectFor(ctx context.Context) *clients {
	if db.closed.Load() {
		return nil
	}
	if !db.connecting.Swap(true) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			db.connect()
		}()
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
	return db.clients.Load()
}

func serverTime(ctx context.Context, client rueidis.Client) (time.Time, error) {
	parts, err := client.Do(ctx, client.B().Time().Build()).AsIntSlice()
	if err != nil || len(parts) != 2 {
		return time.Time{}, err
	}
	return time.Unix(parts[0], parts[1]*1000), nil
}

// fit reports whether the server notifies reliably: Redis does from 7.0.15 on,
// and every Valkey.
func (db *database) fit(client rueidis.Client) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	info, err := client.Do(ctx, client.B().Arbitrary("HELLO").Build()).AsMap()
	if err != nil {
		return false
	}
	name, version := info["server"], info["version"]
	if server, _ := name.ToString(); server != "redis" {
		return true
	}
	text, _ := version.ToString()
	return atLeast(text, 7, 0, 15)
}

// atLeast compares a version such as 7.0.15.
func atLeast(version string, want ...int) bool {
	parts := strings.Split(version, ".")
	for i, w := range want {
		got := 0
		if i < len(parts) {
			got, _ = strconv.Atoi(parts[i])
		}
		if got != w {
			return got > w
		}
	}
	return true
}
