package tier

import (
	"context"
	"time"
)

// Database is a shared database under a Store. It keeps entries: a value and a
// version under an ID, for a time. Its implementations are thin: all waiting,
// retrying and caching is the Store's.
//
// All methods are safe for concurrent use, and return soon after their context
// has ended. Arguments stay the caller's: a method does not use them after it
// has returned. Results belong to the caller. No error contains an ID or a
// value. A nil value is an empty one, except in Swap.
//
// A TTL of cache.NoExpiry means no end. Any other is rounded up to the
// resolution of the database, never down.
//
// A write that returns an error has changed nothing if the error wraps
// ErrRefused. Otherwise it may have been carried out, or be carried out later.
// If it is carried out after the method has returned, it counts as a write of
// another process: Changed tells it, unless each later Read sees it.
type Database interface {
	// Read returns the entry under id. If its version is known, Item.Same is
	// true and Item.Value may be left out. From now on, Listener.Changed tells
	// the next write of another process to id, if Pulse.Notifies. A removal and
	// a Touch that changes the TTL are writes too.
	Read(ctx context.Context, id string, known Version) (Item, error)

	// Swap compares and sets in one atomic step. If the entry has the version
	// old (0: there is no entry), it becomes value under the version next for
	// ttl, or is removed if value is nil. If it has the version next already,
	// an earlier attempt has succeeded, and Swap reports success. Otherwise
	// current is the entry as it is. Read's promise of notification holds here
	// too.
	Swap(ctx context.Context, id string, old, next Version, value []byte, ttl time.Duration) (swapped bool, current Item, err error)

	// Set stores value under id and the version next for ttl, over any
	// entry. Read's promise of notification holds here too.
	Set(ctx context.Context, id string, next Version, value []byte, ttl time.Duration) error

	// Touch gives the entry under id the TTL ttl if it has the version known;
	// 0 means any. With extend it never shortens the TTL. A ttl of 0 removes
	// the entry. found is false if there is no entry of that version, or none
	// any more. Read's promise of notification holds here too.
	Touch(ctx context.Context, id string, known Version, ttl time.Duration, extend bool) (found bool, err error)

	// Scan returns some of the entries whose value begins with prefix, and the
	// cursor of the next call. It begins with an empty cursor, and has ended if
	// it returns one. It returns every entry that exists during the whole scan,
	// possibly twice.
	Scan(ctx context.Context, prefix []byte, cursor string) (found []Entry, next string, err error)

	// Pulse asks the database for a sign of life.
	Pulse(ctx context.Context) (Pulse, error)
}

// Version identifies one write of an entry. It is never used again, so an entry
// that was removed and made anew has another one. 0 is no version.
type Version uint64

// Item is the result of a read. The zero Item is no entry.
type Item struct {
	Version Version       // 0 if there is no entry
	Value   []byte        // nil if Same
	TTL     time.Duration // since the command was sent, rounded down; cache.NoExpiry if there is none
	Same    bool          // the entry has the version that the caller knows
}

// Entry is a result of a scan.
type Entry struct {
	ID    string
	Value []byte
	TTL   time.Duration
}

// Pulse is the answer to a sign of life.
type Pulse struct {
	// Now is the database's time. The zero time is unknown: the Store then uses
	// the clock of its process.
	Now time.Time

	// Notifies reports that the Listener knows of all writes of other processes
	// which the database carried out before it answered, to entries that this
	// process had read: for each of them Changed or Lost has returned.
	Notifies bool

	// Reason is why Notifies is false, for the log. nil means that it is
	// unknown.
	Reason error
}

// Listener receives notifications of a Database. The Store is one. Both methods
// may be called from any goroutine, also by connect, and do not wait for the
// database.
type Listener interface {
	// Changed tells that another process has written or removed the entry under
	// id.
	Changed(id string)

	// Lost tells that notifications may have been lost, or that all entries
	// were removed. It has returned before a new connection carries a command.
	Lost()
}
