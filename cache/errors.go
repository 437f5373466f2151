package cache

import "errors"

// Every error of this package wraps one of these, for errors.Is, or is an error
// of a callee: the system (memory and files), the reader or writer of a
// snapshot, or the function passed to Update. Only the last can contain an ID
// or a value.
var (
	// ErrInvalid: this cache cannot accept the option or argument, such as an
	// empty ID or a cap of three bytes. The program has to change.
	ErrInvalid = errors.New("cache: invalid argument")

	// ErrTooLarge: the value exceeds MaxValue, or the ID and the value do not
	// fit in a shard. The value stored under the ID stays.
	ErrTooLarge = errors.New("cache: too large")

	// ErrSnapshot: Load could not load all entries. The stream is truncated,
	// altered or not a snapshot, or it has entries too large for this cache.
	// The rest was loaded.
	ErrSnapshot = errors.New("cache: snapshot not fully loaded")

	// ErrConflict: an Update gave up because each of its tries met another
	// write to the ID. Nothing has changed. Its function may have written to
	// the ID itself.
	ErrConflict = errors.New("cache: conflict")

	// ErrClosed: the cache is closed and empty.
	ErrClosed = errors.New("cache: closed")
)
