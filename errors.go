package holdfast

import "errors"

// Every error of this package wraps one of these, or is an error of the store
// or the codec. None of them contains a session's ID or a value.
var (
	// ErrOptions: New was given an option that it cannot work with.
	ErrOptions = errors.New("holdfast: invalid options")

	// ErrEnded: the session that this request began with has meanwhile been
	// destroyed or has expired, so nothing can be stored in it. It is not
	// brought back.
	ErrEnded = errors.New("holdfast: the session has ended")

	// ErrHeaderSent: the client needs a new cookie for this, and the
	// response's header has left already. Do it before the first byte.
	ErrHeaderSent = errors.New("holdfast: the response header was sent already")

	// ErrValue: a value cannot be encoded, or what is stored under the key is
	// of another type.
	ErrValue = errors.New("holdfast: value")

	// ErrRecord: the store returned bytes that no Manager wrote.
	ErrRecord = errors.New("holdfast: damaged session record")
)
