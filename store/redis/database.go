package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// database is a tier.Database.
type database struct {
	prefix   string
	options  rueidis.ClientOption
	mode     tier.Mode
	replicas int
	listener tier.Listener
	started  time.Time

	notes      *cache.Cache // see index.go
	indexEpoch atomic.Uint64
	offset     atomic.Int64 // of the server's clock in nanoseconds; see adoptTime

	clients atomic.Pointer[clients] // nil until connected
	turn    chan struct{}           // has an element while a pulse is under way
	life    context.Context         // of the connections
	end     context.CancelFunc      // ends life
}

func newDatabase(o Options) (*database, error) {
	client, err := o.clientOptions()
	if err != nil {
		return nil, err
	}
	if o.WaitReplicas < 0 {
		return nil, fmt.Errorf("%w: WaitReplicas is %d; it must be 0 or more", holdfast.ErrOptions, o.WaitReplicas)
	}
	notes, err := cache.New(cache.Options{MaxBytes: noteBytes})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", holdfast.ErrOptions, err)
	}
	db := &database{
		prefix: o.Prefix, options: client, mode: o.Tier.Mode, replicas: o.WaitReplicas,
		started: time.Now(), notes: notes, turn: make(chan struct{}, 1),
	}
	setDefault(&db.prefix, defaultPrefix)
	db.life, db.end = context.WithCancel(context.Background())
	return db, nil
}

func (db *database) close() {
	db.end()
	db.turn <- struct{}{} // no pulse is under way
	if c := db.clients.Swap(nil); c != nil {
		c.entries.Close()
		c.other.Close()
	}
	<-db.turn
	_ = db.notes.Close()
}

// keyOf returns the key of an entry.
func (db *database) keyOf(id string) string { return db.prefix + "s:" + id }

// idOf is the inverse of keyOf.
func (db *database) idOf(key string) (id string, ok bool) {
	return strings.CutPrefix(key, db.prefix+"s:")
}

const versionLen = 8

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
	milliseconds := int64(ttl / time.Millisecond)
	if ttl%time.Millisecond != 0 {
		milliseconds++
	}
	return strconv.FormatInt(milliseconds, 10)
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

// entryOf parses an entry or its first bytes.
func entryOf(message rueidis.RedisMessage) (tier.Version, []byte, error) {
	entry, err := message.ToString()
	if err != nil {
		return 0, nil, errAnswer
	}
	raw := []byte(entry)
	if len(raw) < versionLen {
		return 0, nil, errForeign
	}
	version := tier.Version(binary.LittleEndian.Uint64(raw))
	if version == 0 {
		return 0, nil, errForeign
	}
	return version, raw[versionLen:], nil
}

// Read implements tier.Database.
func (db *database) Read(ctx context.Context, id string, known tier.Version) (tier.Item, error) {
	c, err := db.connected()
	if err != nil {
		return tier.Item{}, err
	}
	result, err := runOne(ctx, c.entries, scriptCall{readScript, db.keyOf(id), []string{encode(known)}})
	if err != nil {
		return tier.Item{}, err
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
		result, err = db.store(ctx, c, id, value, ttl, old == 0, call)
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
	_, err = db.store(ctx, c, id, value, ttl, true, call)
	return err
}

// Touch implements tier.Database.
func (db *database) Touch(ctx context.Context, id string, known tier.Version, ttl time.Duration, extend bool) (found bool, err error) {
	c, err := db.connected()
	if err != nil {
		return false, err
	}
	if ttl == 0 {
		_, err := db.remove(ctx, c, scriptCall{removeScript, db.keyOf(id), []string{encode(known)}})
		return false, err
	}
	args := []string{encode(known), encodeTTL(ttl), "0", "", strconv.Itoa(versionLen + tagLen - 1)}
	if extend {
		args[2] = "1"
	}
	for {
		head, exists, err := db.indexed(ctx, c, id, ttl)
		if err != nil || !exists {
			return false, err
		}
		args[3] = head
		message, err := runOne(ctx, c.entries, scriptCall{touchScript, db.keyOf(id), args})
		if err != nil {
			return false, err
		}
		switch done, err := message.AsInt64(); {
		case err != nil:
			return false, errAnswer
		case done != 2:
			return done == 1, nil
		}
		db.notes.Delete(id) // the entry has another user since
	}
}
