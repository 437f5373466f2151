package redisstore

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast"
)

// The sessions of a user are in an index: a sorted set of IDs, by the time
// until which the index has them. The index has each session of the user as
// long as the session can live. So an ID is indexed before its entry is
// created, before the entry gets a user, and before its TTL grows. The index
// may have more IDs: a listing reads each entry and skips those that have
// ended. They leave the index when their time has come.
//
// An ID stays indexSlack longer than its entry, so that few touches have to
// write the index. This process notes until when the index has an ID. The note
// does not count for an entry that is created, nor after a connection was lost:
// the server may have lost the index.

const (
	// indexSlack is how much longer than its entry the index has an ID. The
	// index is written again when half of it is left. The other half is for
	// clocks: until adoptTime has noticed that the server's was set.
	indexSlack = time.Hour

	// noteBytes is the memory for notes, some 80,000. Without a note, a touch
	// takes two more round trips.
	noteBytes = 8 << 20

	// longest bounds TTLs for calculations.
	longest = 100 * 365 * 24 * time.Hour
)

// tagLen is the length of all user tags.
var tagLen = func() int {
	value := make([]byte, 64)
	for i := range value {
		value[i] = 1
	}
	tag, _ := holdfast.UserTag(value)
	return len(tag)
}()

// indexKey returns the key of a user's index.
func (db *database) indexKey(tag []byte) string { return db.prefix + "u:" + string(tag) }

// store runs a command that stores an entry. If needed, the index is written
// before, in the same round trip. The index has another key, so in a cluster
// that takes two.
func (db *database) store(ctx context.Context, c *clients, id string, value []byte, ttl time.Duration, created bool, call scriptCall) (rueidis.RedisMessage, error) {
	tag, ok := holdfast.UserTag(value)
	if !ok {
		return runOne(ctx, c.entries, call)
	}
	if head, noted := db.noted(id, ttl); noted && head == string(tag) && !created {
		return runOne(ctx, c.entries, call)
	}
	if c.entries.Mode() == rueidis.ClientModeCluster {
		if err := db.index(ctx, c, id, tag, ttl); err != nil {
			return rueidis.RedisMessage{}, err
		}
		return runOne(ctx, c.entries, call)
	}
	epoch, began := db.indexEpoch.Load(), db.now()
	results := run(ctx, c.entries, db.indexCall(id, tag, ttl), call)
	message, err := results[1].ToMessage()
	switch failed := results[0].Error(); {
	case failed == nil:
		db.note(id, string(tag), epoch, began, ttl)
	case err == nil: // not a refusal: the entry was written
		return message, &failure{text: "the user's index was not written: " + failureOf(failed).text}
	}
	return message, classify(err)
}

func (db *database) indexCall(id string, tag []byte, ttl time.Duration) scriptCall {
	return scriptCall{indexScript, db.indexKey(tag), []string{id, encodeTTL(min(ttl, longest) + indexSlack)}}
}

// index writes the index.
func (db *database) index(ctx context.Context, c *clients, id string, tag []byte, ttl time.Duration) error {
	epoch, began := db.indexEpoch.Load(), db.now()
	_, err := runOne(ctx, c.entries, db.indexCall(id, tag, ttl))
	if err == nil {
		db.note(id, string(tag), epoch, began, ttl)
	}
	return err
}

// indexed sees to it that an entry is indexed for ttl, if it has a user. It
// returns the first bytes of the entry's value for which that is so.
func (db *database) indexed(ctx context.Context, c *clients, id string, ttl time.Duration) (head string, exists bool, err error) {
	if head, noted := db.noted(id, ttl); noted {
		return head, true, nil
	}
	message, err := c.entries.Do(ctx, c.entries.B().Getrange().Key(db.keyOf(id)).Start(0).End(versionLen+int64(tagLen)-1).Build()).ToMessage()
	if err != nil {
		return "", false, classify(err)
	}
	if text, err := message.ToString(); err == nil && text == "" {
		return "", false, nil
	}
	_, value, err := entryOf(message)
	if err != nil {
		return "", false, err
	}
	head = string(value[:min(len(value), tagLen)])
	if tag, ok := holdfast.UserTag(value); ok {
		return head, true, db.index(ctx, c, id, tag, ttl)
	}
	db.note(id, head, db.indexEpoch.Load(), db.now(), longest)
	return head, true, nil
}

// A note is an entry of the cache db.notes, under the entry's ID:
//
//	epoch  8 bytes  db.indexEpoch from before the index was written
//	until  8 bytes  until when the index has the ID, on the process's clock
//	head            the first bytes of the entry's value: the tag of its user

func (db *database) now() time.Duration { return time.Since(db.started) }

// adoptTime ends all notes if the server's clock was set. Indexed times are
// times of that clock.
func (db *database) adoptTime(server time.Time) {
	offset, before := server.Sub(db.started)-db.now(), db.offset.Load()
	if difference := offset - time.Duration(before); difference.Abs() > indexSlack/4 {
		db.offset.Store(int64(offset))
		db.indexEpoch.Add(1)
	}
}

// note notes that the index was written at a time after began.
func (db *database) note(id, head string, epoch uint64, began, ttl time.Duration) {
	raw := binary.LittleEndian.AppendUint64(nil, epoch)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(began+min(ttl, longest)+indexSlack))
	_ = db.notes.Set(id, append(raw, head...), min(ttl, longest)+indexSlack)
}

// noted returns the head of an entry that is indexed for ttl, or has no user.
func (db *database) noted(id string, ttl time.Duration) (head string, noted bool) {
	raw, found := db.notes.Get(id)
	if !found || binary.LittleEndian.Uint64(raw) != db.indexEpoch.Load() {
		return "", false
	}
	until := time.Duration(binary.LittleEndian.Uint64(raw[8:]))
	return string(raw[16:]), until >= db.now()+min(ttl, longest)+indexSlack/2
}
