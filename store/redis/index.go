package redisstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

// The sessions of a user are in a sorted set, by the latest time at which they
// can end. It is written before the session, so it has every session of the
// user. It may have more: a listing reads each session and skips those that
// have ended.
//
// A touch prolongs a session, so it must prolong the ID's time in the index too.
// That time is twice the session's TTL and an hour away, so that a session stays
// in the index although one of its touches was not recorded there.

// indexKey returns the key of a user's index.
func (db *database) indexKey(tag []byte) string { return db.prefix + "u:" + string(tag) }

func indexTTL(ttl time.Duration) time.Duration {
	const forever = 100 * 365 * 24 * time.Hour
	return 2*min(ttl, forever) + time.Hour
}

// indexCall returns the command that puts an ID into the index of its user, or
// false if the index has it for long enough.
func (db *database) indexCall(id string, value []byte, ttl time.Duration) (call scriptCall, needed bool) {
	tag, ok := holdfast.UserTag(value)
	if !ok || db.isIndexed(id, tag) {
		return call, false
	}
	return scriptCall{indexScript, db.indexKey(tag), []string{id, encodeTTL(indexTTL(ttl))}}, true
}

// isIndexed reports whether this process has put id into the index of tag not
// long ago.
func (db *database) isIndexed(id string, tag []byte) bool {
	noted, found := db.indexed.Get(id + string(tag))
	return found && binary.LittleEndian.Uint64(noted) == db.indexEpoch.Load()
}

// noteIndexed is called with the epoch from before the command.
func (db *database) noteIndexed(id string, tag []byte, ttl time.Duration, epoch uint64) {
	_ = db.indexed.Set(id+string(tag), binary.LittleEndian.AppendUint64(nil, epoch), max(1, ttl/2))
}

// indexed runs a command that writes an entry. If needed, the index is written
// before, in the same round trip. The index has another key, so in a cluster
// that takes two.
func (db *database) runIndexed(ctx context.Context, c *clients, id string, value []byte, ttl time.Duration, call scriptCall) (rueidis.RedisMessage, error) {
	index, needed := db.indexCall(id, value, ttl)
	if !needed {
		message, err := run(ctx, c.tracked, call)[0].ToMessage()
		return message, classify(err)
	}
	epoch := db.indexEpoch.Load()
	var results []rueidis.RedisResult
	if c.tracked.Mode() == rueidis.ClientModeCluster {
		if results = run(ctx, c.tracked, index); results[0].Error() == nil {
			results = append(results, run(ctx, c.tracked, call)...)
		}
	} else {
		results = run(ctx, c.tracked, index, call)
	}
	if err := results[0].Error(); err != nil {
		// The entry may have been written.
		return rueidis.RedisMessage{}, fmt.Errorf("redisstore: the user's index was not written: %s", classify(err))
	}
	tag, _ := holdfast.UserTag(value)
	db.noteIndexed(id, tag, ttl, epoch)
	message, err := results[1].ToMessage()
	return message, classify(err)
}

// extendIndex keeps an ID in its user's index as long as its entry, which begins
// with head, has got the TTL ttl.
func (db *database) extendIndex(ctx context.Context, c *clients, id string, head []byte, ttl time.Duration) error {
	call, needed := db.indexCall(id, head, ttl)
	if !needed {
		return nil
	}
	epoch := db.indexEpoch.Load()
	if err := run(ctx, c.tracked, call)[0].Error(); err != nil {
		return classify(err)
	}
	tag, _ := holdfast.UserTag(head)
	db.noteIndexed(id, tag, ttl, epoch)
	return nil
}

// A page of a scan has about so many entries.
const scanPage = 250

// Scan implements tier.Database. The prefix of a user's records is looked up in
// the index; any other prefix takes a scan of all keys.
func (db *database) Scan(ctx context.Context, prefix []byte, cursor string) (found []tier.Entry, next string, err error) {
	c, err := db.connected()
	if err != nil {
		return nil, "", err
	}
	var ids []string
	if isUserTag(prefix) {
		ids, next, err = db.nextIndexed(ctx, c, prefix, cursor)
	} else {
		ids, next, err = db.nextKeys(ctx, c, cursor)
	}
	if err != nil {
		return nil, "", classify(err)
	}
	found, err = db.entries(ctx, c, ids, prefix)
	return found, next, err
}

// isUserTag reports whether prefix is a user tag: one that a record with a user
// can have.
func isUserTag(prefix []byte) bool {
	tag, ok := holdfast.UserTag(append(bytes.Clone(prefix), make([]byte, 64)...))
	return ok && len(tag) == len(prefix)
}

// The cursor of a listing by index is the IDs that are left, each with its
// length before it.

func (db *database) nextIndexed(ctx context.Context, c *clients, tag []byte, cursor string) (ids []string, next string, err error) {
	if cursor == "" {
		ids, err = c.plain.Do(ctx, c.plain.B().Zrange().Key(db.indexKey(tag)).Min("0").Max("-1").Build()).AsStrSlice()
	}
	for rest := []byte(cursor); len(rest) > 0; {
		length, n := binary.Uvarint(rest)
		ids = append(ids, string(rest[n:n+int(length)]))
		rest = rest[n+int(length):]
	}
	if len(ids) <= scanPage {
		return ids, "", err
	}
	var left []byte
	for _, id := range ids[scanPage:] {
		left = append(binary.AppendUvarint(left, uint64(len(id))), id...)
	}
	return ids[:scanPage], string(left), err
}

// The cursor of a scan of all keys is the server's address and its cursor.

func (db *database) nextKeys(ctx context.Context, c *clients, cursor string) (ids []string, next string, err error) {
	nodes := c.plain.Nodes()
	addresses := slices.Sorted(maps.Keys(nodes))
	address, position := addresses[0], uint64(0)
	if cursor != "" {
		at, rest, _ := strings.Cut(cursor, " ")
		address = rest
		if position, err = strconv.ParseUint(at, 10, 64); err != nil || nodes[address] == nil {
			return nil, "", fmt.Errorf("redisstore: the servers of the cluster have changed during a scan")
		}
	}
	node := nodes[address]
	scan, err := node.Do(ctx, node.B().Scan().Cursor(position).Match(escape(db.keyOf(""))+"*").Count(scanPage).Build()).AsScanEntry()
	if err != nil {
		return nil, "", err
	}
	for _, key := range scan.Elements {
		if id, ok := db.idOf(key); ok {
			ids = append(ids, id)
		}
	}
	if scan.Cursor != 0 {
		return ids, fmt.Sprintf("%d %s", scan.Cursor, address), nil
	}
	if i := slices.Index(addresses, address); i+1 < len(addresses) {
		return ids, "0 " + addresses[i+1], nil
	}
	return ids, "", nil
}

// escape returns a pattern that matches text alone.
func escape(text string) string {
	return regexp.MustCompile(`[\\*?\[\]^-]`).ReplaceAllString(text, `\$0`)
}

// entries reads the entries whose value begins with prefix.
func (db *database) entries(ctx context.Context, c *clients, ids []string, prefix []byte) (found []tier.Entry, err error) {
	commands := make([]rueidis.Completed, 0, 2*len(ids))
	for _, id := range ids {
		key := db.keyOf(id)
		commands = append(commands, c.plain.B().Get().Key(key).Build(), c.plain.B().Pttl().Key(key).Build())
	}
	if len(commands) == 0 {
		return nil, nil
	}
	results := c.plain.DoMulti(ctx, commands...)
	for i, id := range ids {
		message, err := results[2*i].ToMessage()
		if rueidis.IsRedisNil(err) {
			continue
		}
		if err != nil {
			return nil, classify(err)
		}
		milliseconds, err := results[2*i+1].AsInt64()
		if err != nil {
			return nil, classify(err)
		}
		_, value, err := entryOf(message)
		if err != nil || milliseconds == -2 || !bytes.HasPrefix(value, prefix) {
			continue // no entry, or it has ended since
		}
		found = append(found, tier.Entry{ID: id, Value: value, TTL: decodeTTL(milliseconds)})
	}
	return found, nil
}
