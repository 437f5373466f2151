package cache

import "errors"

// Every error of this package wraps one of these, so that errors.Is tells what
// a caller can do about it, or is of what the cache had to ask: the system, for
// memory and files, a snapshot's reader or writer, the function of an Update. None
// but that function's ever contains an ID or a value.
var (
	// ErrInvalid: an option or an argument that no cache could accept, such as
	// an empty ID or a cap of three bytes. The program has to be changed.
	ErrInvalid = errors.New("cache: invalid argument")

	// ErrTooLarge: the value is larger than MaxValue, or does not fit in a
	// shard together with its ID. Nothing was evicted, and what was stored
	// under the ID is still there.
	ErrTooLarge = errors.New("cache: too large")

	// ErrSnapshot: a stream or file to load is not whole: truncated, altered or
	// no snapshot at all. What of it is intact was loaded.
	ErrSnapshot = errors.New("cache: damaged snapshot")

	// ErrConflict: an Update gave up, since other writes to the ID came between
	// each time. Nothing has changed. Its function may have written to the ID itself.
	ErrConflict = errors.New("cache: conflict")

	// ErrClosed: the cache was closed and holds nothing any more.
	ErrClosed = errors.New("cache: closed")
)
